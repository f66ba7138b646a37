"""DICOM: series and their pixels, SUV, structure sets, segmentations, and the way back to the clinic."""
