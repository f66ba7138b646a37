"""Limits of temperatures, in a module that imports nothing, as options do."""

LOWEST, HIGHEST = 0.05, 20.0
