"""Records of benchmarks and conversions that the fuzzer found: each was believed, or ended in another error, before."""

import json

import pytest

from nnunet_cipa.benchmark.report.models import read_record
from nnunet_cipa.benchmark.run.execute import RunningJob
from nnunet_cipa.benchmark.run.layout import RECORD
from nnunet_cipa.benchmark.run.record import check_record
from nnunet_cipa.dataset_conversion.pipeline.finished import RECORDS, keep_finished
from nnunet_cipa.errors import CIPAError
from tests.fuzz.mutations import edit
from tests.fuzz.record_readers import NO_MODELS, BenchmarkRecord, ConversionRecord


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("files",), []), (("files", "dataset.json"), 1), (("folds",), ["a"]), (("folds",), [[0]]), (("folds",), [-1]),
        (("runs",), "a"), (("runs", 0), 0.5), (("runs", 0, "command"), None), (("runs", 0, "machine"), ["CPU"]),
        (("runs", 0, "machine", "devices"), "CPU"), (("models",), []), (("models", "a"), {"title": "a"}),
        (("models", "a"), {"title": [], "trainer": "", "folder": ""}), (("seeds",), [1]),
    ],
)  # fmt: skip
def test_damaged_record_of_a_benchmark(own, path, value):
    reader = BenchmarkRecord(own)
    edit(reader.record, path, value)
    (reader.out / RECORD).write_text(json.dumps(reader.record))
    with pytest.raises(CIPAError, match="is of no benchmark, or damaged"):
        check_record(reader.request, NO_MODELS)
    with pytest.raises(CIPAError, match="names no models with title, trainer and folder"):
        read_record(reader.out)


@pytest.mark.parametrize("name", ["dataset", "budget", "files", "made_by"])
def test_record_of_a_benchmark_without_a_part(own, name):
    reader = BenchmarkRecord(own)
    del reader.record[name]
    (reader.out / RECORD).write_text(json.dumps(reader.record))
    with pytest.raises(CIPAError, match="is of no benchmark, or damaged"):
        check_record(reader.request, NO_MODELS)


@pytest.mark.parametrize("value", ["a\nb", {"epochs": 4}, {"epochs": "\n", "iterations_per_epoch": []}, [1]])
def test_another_budget_is_told_in_one_line(own, value):
    reader = BenchmarkRecord(own)
    reader.record["budget"] = value
    (reader.out / RECORD).write_text(json.dumps(reader.record))
    with pytest.raises(CIPAError, match="holds a benchmark with budget") as error:
        check_record(reader.request, NO_MODELS)
    assert str(error.value).isprintable()


@pytest.mark.parametrize("content", [[], {}, {"attempts": {}}, {"attempts": [1]}, {"attempts": [{"command": None}]}])
def test_a_fold_whose_record_is_damaged_is_not_started(own, content, monkeypatch):
    """Before, its training was started, and nobody waited for it or ended it."""
    reader = BenchmarkRecord(own)
    reader.job.record.write_text(json.dumps(content))
    monkeypatch.setattr(
        "nnunet_cipa.benchmark.run.execute.start_process", lambda *args, **kwargs: pytest.fail("started")
    )
    with pytest.raises(CIPAError, match=r"fold_0\.json: is not a record of a fold, or damaged; remove it"):
        RunningJob(reader.job, {}, {})
    with pytest.raises(CIPAError, match=r"fold_0\.json: (is not a record|holds a list)"):
        read_record(reader.out)


@pytest.mark.parametrize("part", ["files", "made_from"])
def test_a_finished_case_whose_record_was_changed_is_written_again(own, part):
    reader = ConversionRecord(own)
    path = reader.source / RECORDS / "a.json"
    record = json.loads(path.read_bytes())
    record["content"][part] = {}
    path.write_text(json.dumps(record))
    assert keep_finished(reader.source) == {"b", "c"}
    assert not (reader.source / "labelsTr" / "a.nii.gz").exists()
