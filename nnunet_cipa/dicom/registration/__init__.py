"""Spatial registrations: how coordinates of one frame of reference become those of another."""
