"""A new patient: from a PET/CT study without contours to masks, a structure set, measures and a page."""
