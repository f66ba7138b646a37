"""The newest versions that the whole suite was run with; the oldest are the lower bounds of the requirements."""

NEWEST_TESTED = {
    "nnunetv2": "2.8.1",
    "torch": "2.15.0",
    "numba": "0.68.1",
    "numpy": "2.4.6",
    "scipy": "1.17.1",
    "SimpleITK": "2.5.7",
    "batchgenerators": "0.25.5",
    "batchgeneratorsv2": "0.3.6",
    "matplotlib": "3.11.2",
    "pillow": "13.0.0",
    "docstring-parser": "0.18.0",
    "filelock": "4.2.11",
    "jinja2": "3.1.6",
    "lazy-loader": "0.6",
    "nibabel": "5.4.2",
    "packaging": "26.3",
    "pydicom": "3.0.2",
    "safetensors": "0.8.0",
    "scikit-image": "0.26.0",
    "tqdm": "4.70.1",
}
