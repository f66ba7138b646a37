"""Entries of the catalogue; each module registers its own when it is imported."""
