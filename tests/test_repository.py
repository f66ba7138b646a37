"""The files of the repository that no program of the package reads agree with each other."""

import os
import re
import subprocess
import sys
from importlib import import_module
from itertools import chain
from pathlib import Path

import pytest
import yaml

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[1]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
FORMS = [ROOT / ".github" / "ISSUE_TEMPLATE" / name for name in ("bug.yml", "feature.yml")]
PUBLIC = ("ops", "network", "weights", "trainers", "evaluation", "dicom", "predict")
PAPERS = ("2503.17261", "2509.22841")


def load(path: Path):
    return yaml.safe_load(path.read_text())


def jobs(workflow: Path) -> list[dict]:
    return list(load(workflow)["jobs"].values())


def steps(workflow: Path) -> list[dict]:
    return [step for job in jobs(workflow) for step in job.get("steps", [])]


def commands(workflow: Path) -> list[str]:
    return [line for step in steps(workflow) for line in step.get("run", "").splitlines()]


def project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def nav_pages(entries: list) -> list[str]:
    """Return the pages of a nav, whose entries are a page, or a title with a page or with entries."""
    values = chain.from_iterable(entry.values() if isinstance(entry, dict) else [entry] for entry in entries)
    return list(chain.from_iterable(nav_pages(value) if isinstance(value, list) else [value] for value in values))


def test_there_are_workflows_for_checks_tests_documentation_and_publishing() -> None:
    assert {path.stem for path in WORKFLOWS} == {"checks", "tests", "docs", "publish"}


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_calls_targets_that_the_makefile_has(workflow: Path) -> None:
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    called = [word for line in commands(workflow) if line.startswith("make ") for word in line.split()[1:]]
    assert {word for word in called if "=" not in word and re.fullmatch(r"[\w-]+", word)} <= targets


@pytest.mark.parametrize("name", ["checks", "tests", "docs"])
def test_what_is_checked_is_defined_in_the_makefile_alone(name: str) -> None:
    lines = commands(ROOT / ".github" / "workflows" / f"{name}.yml")
    assert lines
    assert [line for line in lines if not line.startswith(("make ", "pytest "))] == []


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_reads_only_unless_one_of_its_jobs_asks_for_more(workflow: Path) -> None:
    assert load(workflow)["permissions"] == {"contents": "read"}


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_actions_are_pinned_by_major_version(workflow: Path) -> None:
    used = [place["uses"] for place in (*jobs(workflow), *steps(workflow)) if "uses" in place]
    assert used
    for action in used:
        if action.startswith("./"):
            assert (ROOT / action).is_file()
        else:
            assert re.search(r"@(release/)?v\d+$", action)


def test_the_four_parts_are_all_test_files_once() -> None:
    parts = [
        entry["part"]
        for entry in load(ROOT / ".github/workflows/tests.yml")["jobs"]["tests"]["strategy"]["matrix"]["include"]
    ]
    files = [
        re.findall(
            r"\btests/\S+\.py",
            subprocess.run(
                ["make", "--dry-run", "test", f"PART={part}"],
                cwd=ROOT, env={"PATH": os.environ["PATH"]}, check=True, capture_output=True, text=True,
            ).stdout,
        )
        for part in parts
    ]  # fmt: skip
    there = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "tests").rglob("test_*.py"))
    assert sorted(chain.from_iterable(files)) == there
    assert max(map(len, files)) - min(map(len, files)) <= 1


def test_hooks_run_the_tools_of_the_environment() -> None:
    repositories = load(ROOT / ".pre-commit-config.yaml")["repos"]
    local = [hook for repository in repositories if repository["repo"] == "local" for hook in repository["hooks"]]
    assert [hook["entry"].split()[0] for hook in local] == ["ruff", "ruff", "mypy"]
    assert all(hook["language"] == "system" for hook in local)
    assert all("rev" in repository for repository in repositories if repository["repo"] != "local")


@pytest.mark.parametrize("form", FORMS, ids=lambda path: path.stem)
def test_an_issue_form_has_what_a_form_needs(form: Path) -> None:
    content = load(form)
    fields = [field for field in content["body"] if field["type"] != "markdown"]
    assert content["name"]
    assert content["description"]
    assert all(field["attributes"]["label"] for field in fields)
    assert len({field["id"] for field in fields}) == len(fields)
    assert "patient data" in form.read_text()


def test_the_citation_is_of_this_version_and_names_both_papers() -> None:
    citation = load(ROOT / "CITATION.cff")
    assert citation["cff-version"] == "1.2.0"
    assert citation["version"] == project()["version"]
    assert citation["license"] == project()["license"]
    assert citation["authors"]
    assert all(reference["title"] and reference["authors"] for reference in citation["references"])
    assert [reference["url"].rpartition("/")[2] for reference in citation["references"]] == list(PAPERS)


def test_the_changelog_has_this_version_below_what_is_unreleased() -> None:
    headings = re.findall(r"^## \[(.+?)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert headings[:2] == ["Unreleased", project()["version"]]


def test_every_page_is_in_the_navigation_once() -> None:
    docs = ROOT / "docs"
    pages = sorted(path.relative_to(docs).as_posix() for path in docs.rglob("*.md"))
    assert sorted(nav_pages(load(ROOT / "mkdocs.yml")["nav"])) == pages


def test_the_reference_has_a_page_for_each_public_package() -> None:
    references = {
        path.stem: re.findall(r"^::: (\S+)$", path.read_text(), re.MULTILINE)
        for path in (ROOT / "docs/api").glob("*.md")
    }
    assert set(references) == set(PUBLIC)
    assert all(f"nnunet_cipa.{name}" in references[name] for name in PUBLIC)


@pytest.mark.parametrize("name", PUBLIC)
def test_the_reference_has_each_public_name(name: str) -> None:
    griffe = pytest.importorskip("griffe")
    extensions = griffe.load_extensions(str(ROOT / "docs" / "extensions" / "public_names.py"))
    package = griffe.load(f"nnunet_cipa.{name}", search_paths=[str(ROOT)], extensions=extensions)
    told = {member for member in package.members if package[member].is_public}
    assert told >= set(import_module(f"nnunet_cipa.{name}").__all__)
