"""Standardised uptake values by body weight, from the headers of a PET series."""
