"""CIPA on neighbours that are chosen among several by content and distance."""
