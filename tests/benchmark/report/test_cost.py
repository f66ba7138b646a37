import json
from types import SimpleNamespace

import pytest

from nnunet_cipa.benchmark.report.cost import count_cost
from nnunet_cipa.evaluation.metrics.by_slice import SliceMeasures
from nnunet_cipa.evaluation.metrics.overlap import Overlap
from nnunet_cipa.evaluation.report.content import Cost, ModelFacts
from nnunet_cipa.evaluation.report.tables import paper_table

H, W = 64, 96


@pytest.fixture
def model(tmp_path):
    def make(name, **more):
        plans = {
            "label_manager": "LabelManager",
            "transpose_forward": [0, 1, 2],
            "configurations": {
                "2d": {
                    "patch_size": [H, W],
                    "architecture": {"network_class_name": name, "arch_kwargs": more, "_kw_requires_import": []},
                }
            },
        }
        dataset = {
            "channel_names": {"0": "CT", "1": "PET"},
            "labels": {"background": 0, "tumour": 1},
            "file_ending": ".nii.gz",
        }
        (tmp_path / "plans.json").write_text(json.dumps(plans))
        (tmp_path / "dataset.json").write_text(json.dumps(dataset))
        return tmp_path

    return make


def test_convolution_in_closed_form(model):
    found = count_cost(model("tests.benchmark.report.networks.OneConvolution"), "2d")
    assert (found.parameters, found.patch, found.problem) == (2 * 2 * 9 + 2, (H, W), "")
    assert found.multiply_adds == 2 * 2 * 9 * H * W
    assert found.of_a_slice == pytest.approx(2 * 2 * 9 * 512 * 512)


def test_scan_by_its_recurrence(model):
    found = count_cost(model("tests.benchmark.report.networks.OneScan"), "2d")
    assert found.multiply_adds == 6 * H * W * (4 * 5 + 2)


def test_network_that_cannot_be_counted(model):
    found = count_cost(model("tests.benchmark.report.networks.Asks"), "2d")
    assert found.parameters == 2 * 2 * 9 + 2
    assert found.of_a_slice != found.of_a_slice
    assert found.problem.startswith("not counted, ")


def test_network_that_is_not_there(model):
    found = count_cost(model("tests.benchmark.report.networks.Nothing"), "2d")
    assert (found.parameters, found.patch) == (0, ())
    assert found.problem.startswith("not counted, ")


def test_no_plans(tmp_path):
    assert count_cost(tmp_path, "2d").problem == "plans.json is missing in the model's folder"


@pytest.mark.slow
def test_cipa_with_neighbours_costs_a_slice(model):
    """Slices are folded into channels, so that three of them cost no more than one, which is repeated three times."""
    from nnunet_cipa.network import CIPA

    kwargs = {"patch_size": [H, W], "variant": "nano"}
    one = count_cost(model("nnunet_cipa.network.CIPA", **kwargs), "2d")
    folder = model("nnunet_cipa.network.CIPA", slices=3, **kwargs)
    plans = json.loads((folder / "plans.json").read_text())
    plans["configurations"]["2d"]["patch_size"] = [16, H, W]
    (folder / "plans.json").write_text(json.dumps(plans))
    three = count_cost(folder, "2d")
    assert (three.problem, three.patch) == ("", (H, W))
    assert three.multiply_adds == one.multiply_adds
    network = CIPA(2, 2, patch_size=(H, W), variant="nano")
    assert one.parameters == sum(p.numel() for p in network.parameters())


def test_the_papers_table_has_the_cost_of_networks_that_were_counted():
    pixels = SliceMeasures(Overlap(both=6, truth=8, prediction=8, image=100), 4, 10.0)
    costs = {"counted": Cost(54_572_198, (256, 256), 15.2e9), "not counted": Cost(problem="plans.json is missing")}
    report = SimpleNamespace(
        models=[ModelFacts(title, cost) for title, cost in costs.items()],
        statistics=SimpleNamespace(slices=dict.fromkeys(costs, pixels)),
    )
    table = paper_table(report)
    assert table.header[-2:] == ("GFLOPs", "parameters, M")
    assert [row[-2:] for row in table.rows] == [("60.80", "54.57"), ("n/a", "n/a")]
    report.models = report.models[1:]
    report.statistics.slices = {"not counted": pixels}
    assert paper_table(report).header[-1] == "HD95, pixels ↓"
