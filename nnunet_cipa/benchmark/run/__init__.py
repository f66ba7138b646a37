"""Runs the jobs of a benchmark, here or on a cluster, and keeps its record."""
