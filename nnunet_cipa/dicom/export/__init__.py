"""A predicted mask back to its patient, as RTSTRUCT and SEG."""
