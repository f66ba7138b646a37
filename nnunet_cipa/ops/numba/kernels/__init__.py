"""Kernels, and the functions that they are made of; numba compiles them."""
