"""Converters and export-dicom do not wait for torch."""

import subprocess
import sys

import pytest

MODULES = ["dicom.export.write", "dataset_conversion.lucid", "dataset_conversion.phantoms.lucid"]


@pytest.mark.parametrize("module", MODULES)
def test_torch_is_not_imported(module):
    code = f"import sys, nnunet_cipa.{module}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
