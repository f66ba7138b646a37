"""Kernels, and the functions that they are made of; Triton compiles and types them."""
