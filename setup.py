"""Packages are found: all that are there, ``dataset_conversion`` as ``nnunet_cipa.dataset_conversion``."""

from setuptools import find_packages, setup

INSIDE = "nnunet_cipa."

setup(
    packages=[
        *find_packages(include=["nnunet_cipa", "nnunet_cipa.*"]),
        *(INSIDE + name for name in find_packages(include=["dataset_conversion", "dataset_conversion.*"])),
    ],
    package_dir={"nnunet_cipa": "nnunet_cipa", f"{INSIDE}dataset_conversion": "dataset_conversion"},
)
