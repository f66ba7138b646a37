"""Calibration: whether of all voxels with a probability of 0.7 seven in ten are tumour, and the temperature for it."""
