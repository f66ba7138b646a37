"""The slice interaction module, on the slices and on features."""
