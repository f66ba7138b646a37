"""What the package itself wrote and reads again: records of benchmarks, and of conversions that were cut off."""

import json
import shutil
from pathlib import Path

from nnunet_cipa.benchmark.plan.budget import Budget
from nnunet_cipa.benchmark.plan.jobs import Job
from nnunet_cipa.benchmark.plan.plan import BenchmarkRequest, Plan
from nnunet_cipa.benchmark.report.models import read_record, recorded_models
from nnunet_cipa.benchmark.run.execute import read_attempts
from nnunet_cipa.benchmark.run.layout import RECORD
from nnunet_cipa.benchmark.run.record import begin_record
from nnunet_cipa.dataset_conversion.pipeline.finished import RECORDS, keep_finished, note_finished
from nnunet_cipa.errors import CIPAError
from nnunet_cipa.nnunet.dataset import Dataset
from tests.fuzz.mutations import choose, mutate_json

NAME, KEY = "Dataset701_Phantom", "nnUNetTrainer_4x10__nnUNetPlans__2d"
NO_MODELS = Plan((), (), ())
MACHINE = {"versions": {"torch": "2.15"}, "devices": {"CPU": "2 cores"}}
COMMANDS = ("nnunet-cipa benchmark run 701", "nnUNetv2_train 701 2d 0", "nnUNetv2_train 701 2d 0 --c")


class BenchmarkRecord:
    """benchmark.json and a fold's record, as the next run and the report read them."""

    def __init__(self, folder):
        self.out = folder / "input" / "benchmark"
        preprocessed = folder / "input" / NAME
        preprocessed.mkdir()
        for name in ("splits_final.json", "dataset.json", "nnUNetPlans.json"):
            (preprocessed / name).write_text("{}")
        self.request = BenchmarkRequest(Dataset(NAME, preprocessed), self.out, (), folds=(0, 1), budget=Budget(4, 10))
        self.job = Job(KEY, 0, self.out, self.out / "jobs" / KEY, (), (), {})
        self.job.records.mkdir(parents=True)
        model = {"title": "plain", "trainer": "nnUNetTrainer", "folder": f"nnUNet_results/{NAME}/{KEY}"}
        begin_record(self.request, NO_MODELS, MACHINE)
        self.record = json.loads((self.out / RECORD).read_bytes())
        self.record["models"] = {KEY: {**model, "patch_size": [80, 64]}}
        self.record["runs"][0]["command"] = COMMANDS[0]
        self.attempts = {"model": KEY, "fold": 0, "attempts": [{"command": command} for command in COMMANDS[1:]]}

    def mutate(self, rng):
        which = rng.random()
        self.written = mutate_json(self.record, rng) if which < 0.7 else json.dumps(self.record).encode()
        attempts = mutate_json(self.attempts, rng) if which >= 0.6 else json.dumps(self.attempts).encode()
        (self.out / RECORD).write_bytes(self.written)
        self.job.record.write_bytes(attempts)
        self.first = choose(rng, ("report", "run"))

    def read(self):
        """Read for a report, and for the next run, which adds itself."""
        steps = [self._report, self._run]
        found = [step() for step in (steps if self.first == "report" else steps[::-1])]
        return found if self.first == "report" else found[::-1]

    def _report(self):
        record = read_record(self.out)
        return record, recorded_models(record)

    def _run(self):
        attempts = read_attempts(self.job)
        begin_record(self.request, NO_MODELS, MACHINE)
        return attempts

    def check(self, found):
        """Models, folds and commands are those of the files; a run was added, and nothing else was changed."""
        (record, models), attempts = found
        content, fold = json.loads(self.written), json.loads(self.job.record.read_bytes())
        assert (content["dataset"], content["budget"]) == (NAME, {"epochs": 4, "iterations_per_epoch": 10})
        assert attempts == fold["attempts"]
        recorded = content.get("models", {}).values()
        assert {model.folder for model in models} == {self.out / model["folder"] for model in recorded}
        commands = [run["command"] for run in content.get("runs", [])] + [one["command"] for one in attempts]
        added = 0 if self.first == "report" else 1
        assert [one for one in record.commands if one in commands] == list(dict.fromkeys(commands))
        assert len(record.commands) <= len(set(commands)) + added
        after = json.loads((self.out / RECORD).read_bytes())
        assert after["runs"][:-1] == content.get("runs", [])
        assert after["models"] == content.get("models", {})
        assert set(after["folds"]) == {*content.get("folds", []), 0, 1}


class ConversionRecord:
    """Records of the finished cases of a conversion that was cut off."""

    def __init__(self, folder):
        self.staged, self.source = folder / "output" / "staged", folder / "input" / "staged"
        self.made_from = {}
        for case in ("a", "b", "c"):
            paths = [self.source / part / f"{case}.nii.gz" for part in ("imagesTr", "labelsTr")]
            for path in paths:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(f"{case} {path.parent.name}")
            self.made_from[case] = {"case": case, "sha256": {"CT": "0" * 64}, "spacing": [1.0, 2.0]}
            note_finished(self.source, case, self.made_from[case], paths)

    def mutate(self, rng):
        shutil.rmtree(self.staged, ignore_errors=True)
        shutil.copytree(self.source, self.staged)
        self.case = choose(rng, list(self.made_from))
        path = self.staged / RECORDS / f"{self.case}.json"
        content = json.loads(path.read_bytes())
        again = json.dumps(content, indent=int(rng.integers(4)), sort_keys=True).encode()
        path.write_bytes(again if rng.random() < 0.1 else mutate_json(content, rng))
        self.same = _parsed(path) == _parsed(self.source / RECORDS / path.name)
        self.strict = rng.random() < 0.7

    def read(self):
        kept = keep_finished(self.staged, self.made_from if self.strict else None)
        self.check(kept)
        if self.case not in kept:
            raise CIPAError("this case is written again")
        return kept

    def check(self, kept):
        """Cases with sound records are whole and are kept; of the others, no file is."""
        assert kept == set(self.made_from) - (set() if self.same else {self.case})
        for case in self.made_from:
            for path in (self.staged / part / f"{case}.nii.gz" for part in ("imagesTr", "labelsTr")):
                assert path.exists() == (case in kept)
                assert case not in kept or path.read_text() == f"{case} {path.parent.name}"


def _parsed(path: Path):
    """Return the parts of a record that count, so that 1 and 1.0 differ; None if one is not there."""
    try:
        content = json.loads(path.read_bytes())
        return json.dumps([content["sha256"], content["content"]], sort_keys=True)
    except (ValueError, KeyError, TypeError):
        return None
