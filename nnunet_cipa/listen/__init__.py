"""A DICOM node: receives studies, has them predicted, and sends on what was made."""
