"""DICOM structured reports of measurements, TID 1500."""
