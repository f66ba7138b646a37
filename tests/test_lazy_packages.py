"""Packages whose names are imported when they are first asked for."""

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import nnunet_cipa
from nnunet_cipa import dataset_conversion

PACKAGES = [
    ".".join((package.__name__, *stub.parent.relative_to(root).parts))
    for package in (nnunet_cipa, dataset_conversion)
    for root in (Path(package.__file__).parent,)
    for stub in sorted(root.rglob("__init__.pyi"))
]


def test_there_are_some():
    assert {"nnunet_cipa.evaluation", "nnunet_cipa.dataset_conversion.lucid"} <= set(PACKAGES)


@pytest.mark.parametrize("name", PACKAGES)
def test_every_name_of_the_stub_is_there(name):
    package = import_module(name)
    assert package.__all__
    for member in package.__all__:
        assert getattr(package, member) is not None
    with pytest.raises(AttributeError, match="no_such_name"):
        package.no_such_name  # noqa: B018


@pytest.mark.parametrize("name", PACKAGES)
def test_the_package_alone_imports_nothing_heavy(name):
    code = (
        f"import sys, {name}\nprint(sorted({{'torch', 'numpy', 'scipy', 'nnunetv2', 'SimpleITK'}} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
