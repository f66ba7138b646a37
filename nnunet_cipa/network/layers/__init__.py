"""Layers that several networks use: scans over maps, windows of slices, intensities, precision, checkpointing."""
