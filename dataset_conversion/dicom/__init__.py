"""Reads and writes DICOM: series, SUV, structure sets."""
