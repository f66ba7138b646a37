"""The converters that the command finds."""

import json
import subprocess
import sys
from pathlib import Path

from nnunet_cipa import dataset_conversion
from nnunet_cipa.dataset_conversion.registry import converters

SLOW = ("numpy", "SimpleITK", "pydicom", "nibabel", "nnunetv2", "torch")
LIST = f"""
import json, sys
from nnunet_cipa.dataset_conversion.registry import converters
print(json.dumps([[one.name for one in converters()], sorted(set({SLOW!r}) & sys.modules.keys())]))
"""


def test_every_folder_with_a_command_is_registered():
    (root,) = map(Path, dataset_conversion.__path__)
    assert [one.name for one in converters()] == sorted(path.parent.name for path in root.glob("*/command.py"))
    assert {"lucid", "pclt20k"} <= {one.name for one in converters()}


def test_nothing_slow_is_imported_to_list_them():
    listed = subprocess.run([sys.executable, "-c", LIST], capture_output=True, text=True, check=True).stdout
    assert json.loads(listed) == [[one.name for one in converters()], []]
