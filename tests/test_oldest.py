"""The versions that ``make test-oldest`` installs are the lower bounds of pyproject.toml."""

import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from nnunet_cipa.nnunet.tested_versions import NEWEST_TESTED

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[1]
FOR_USERS = ("seg", "slurm", "listen")  # mamba needs a GPU to build; what is in dev and docs is nobody's installation


def requirements() -> list[Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lines = [*project["dependencies"], *(line for name in FOR_USERS for line in project["optional-dependencies"][name])]
    return [Requirement(line) for line in lines]


@pytest.mark.parametrize("requirement", requirements(), ids=lambda x: x.name)
def test_every_dependency_has_one_lower_bound(requirement: Requirement) -> None:
    assert [x.operator for x in requirement.specifier].count(">=") == 1


def test_the_constraints_are_the_lower_bounds() -> None:
    lines = (ROOT / "tests" / "oldest.txt").read_text().splitlines()
    constraints = [line for line in lines if not line.startswith("#")]
    bounds = [(x.name, bound.version) for x in requirements() for bound in x.specifier if bound.operator == ">="]
    assert constraints == [f"{name}=={version}" for name, version in bounds]


def test_the_newest_that_were_tested_are_allowed() -> None:
    dependencies = requirements()[: -len(FOR_USERS)]
    assert [x.name for x in dependencies] == list(NEWEST_TESTED)
    assert all(x.specifier.contains(NEWEST_TESTED[x.name]) for x in dependencies)
