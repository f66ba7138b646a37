"""Synthetic thorax PET/CT in the layouts that the converters read."""
