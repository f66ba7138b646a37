"""The catalogue of metrics: cheap to ask, documented, and one name for one metric."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from nnunet_cipa.evaluation.metrics import catalogue
from nnunet_cipa.evaluation.metrics.catalogue import Metric, all_metrics, register, shown_metrics

PAGE = Path(__file__).parents[3] / "docs" / "evaluation.md"


def test_the_docs_say_what_each_metric_is():
    section = PAGE.read_text().partition("## Measures of a case\n")[2].partition("\n### ")[0]
    documented = re.findall(r"^\| `(\w+)` \| (.+) \|$", section, re.MULTILINE)
    assert documented == [(metric.name, metric.definition) for metric in all_metrics()]


def test_the_names_are_told_without_what_computes_them():
    program = (
        "import json, sys; from nnunet_cipa.evaluation import METRICS; "
        "print(json.dumps([list(METRICS), sorted(name for name in sys.modules if '.' not in name)]))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, text=True)
    names, modules = json.loads(done.stdout)
    assert names == list(shown_metrics())
    assert not {"numpy", "scipy", "torch", "SimpleITK", "matplotlib", "nnunetv2"} & set(modules)


@pytest.mark.parametrize("name", ["dice", "volume error", "values", ""])
def test_a_name_that_is_taken_or_no_attribute_is_refused(name, monkeypatch):
    all_metrics()
    monkeypatch.setattr(catalogue, "_registered", dict(catalogue._registered))
    with pytest.raises(ValueError, match="give it a name of its own"):
        register(Metric(name, lambda _: 0.0, "Title", "a definition"))
    register(Metric("free", lambda _: 0.0, "Title", "a definition"))
    assert [metric.name for metric in all_metrics()][-1] == "free"
