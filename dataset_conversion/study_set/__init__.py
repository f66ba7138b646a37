"""PET/CT study sets, in DICOM or NIfTI: patients, checks, crop and cases."""
