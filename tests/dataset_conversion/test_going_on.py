"""Conversions that are cut off by a full disk, a dead worker or a kill go on where they were."""

import gzip
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest

from nnunet_cipa.dataset_conversion.lucid.convert import convert_lucid
from nnunet_cipa.dataset_conversion.lucid.options import Options as LucidOptions
from nnunet_cipa.dataset_conversion.pclt20k.convert import convert_pclt20k
from nnunet_cipa.dataset_conversion.pclt20k.options import Intensity, Options
from nnunet_cipa.dataset_conversion.pipeline import cases, dataset, finished
from nnunet_cipa.dataset_conversion.pipeline.finished import RECORDS
from nnunet_cipa.dataset_conversion.pipeline.staging import NEW
from nnunet_cipa.errors import CIPAError, CutOffError

FINAL = "Dataset701_PCLT20K"


def contents(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def identities(folder):
    """What changes if a file is written again."""
    return {
        path.relative_to(folder).as_posix(): (path.stat().st_ino, path.stat().st_mtime_ns)
        for path in folder.rglob("*.nii.gz")
    }


@pytest.fixture
def whole(study, tmp_path, monkeypatch, raw):
    """What a conversion that is not cut off gives."""
    other = tmp_path / "other"
    other.mkdir()
    monkeypatch.setenv("nnUNet_raw", str(other))
    convert_pclt20k(study.root, Options(processes=1))
    monkeypatch.setenv("nnUNet_raw", str(raw))
    return contents(other / FINAL)


def cut_off(monkeypatch, count):
    """Let writing of cases end with a full disk after ``count`` cases; return the names of all that are written."""
    written, write = [], cases.write_case

    def limited(job):
        if len(written) == count:
            raise CutOffError("the disk is full")
        write(job)
        written.append(job)

    monkeypatch.setattr(cases, "write_case", limited)
    return written


def free(monkeypatch):
    """Let cases be written again; return the jobs."""
    monkeypatch.undo()
    written, write = [], cases.write_case
    monkeypatch.setattr(cases, "write_case", lambda job: (written.append(job), write(job)))
    return written


@pytest.fixture
def halfway(study, raw, whole, monkeypatch):
    """A conversion that ended after three cases; returns the staged folder."""
    cut_off(monkeypatch, 3)
    with pytest.raises(CutOffError, match="the disk is full; then run it again: 3 finished cases are kept"):
        convert_pclt20k(study.root, Options(processes=1))
    return raw / f"{NEW}{FINAL}"


def go_on(study, raw, monkeypatch, options):
    written = free(monkeypatch)
    monkeypatch.setenv("nnUNet_raw", str(raw))
    convert_pclt20k(study.root, options)
    return [job.checked.case for job in written]


def test_only_what_is_missing_is_written(study, raw, left_in, whole, halfway, monkeypatch):
    before = identities(halfway)
    assert len(before) == 9
    written = go_on(study, raw, monkeypatch, Options(processes=1))
    assert len(written) == 4
    assert contents(raw / FINAL) == whole
    after = identities(raw / FINAL)
    assert {name: after[name] for name in before} == before
    assert left_in(raw) == [FINAL]


def spoil(path):
    path.write_bytes(path.read_bytes()[:-1] + b"x")


@pytest.mark.parametrize(
    "change",
    [
        lambda halfway, case: spoil(halfway / f"imagesTr/{case}_0001.nii.gz"),
        lambda halfway, case: (halfway / f"labelsTr/{case}.nii.gz").unlink(),
        lambda halfway, case: spoil(halfway / f"provenance/{case}.json"),
        lambda halfway, case: spoil(halfway / RECORDS / f"{case}.json"),
        lambda halfway, case: (halfway / RECORDS / f"{case}.json").write_text(""),
    ],
    ids=["image damaged", "label gone", "provenance damaged", "record cut off", "record empty"],
)
def test_a_case_that_is_not_whole_is_written_again(study, raw, whole, halfway, monkeypatch, change):
    case = min(path.stem for path in (halfway / RECORDS).iterdir())
    change(halfway, case)
    (halfway / "imagesTr" / "half_0000.nii.gz").write_bytes(b"half")
    written = go_on(study, raw, monkeypatch, Options(processes=1))
    assert case in written
    assert len(written) == 5
    assert contents(raw / FINAL) == whole


def test_a_case_whose_source_has_changed_is_written_again(study, raw, halfway, monkeypatch):
    case = min(path.stem for path in (halfway / RECORDS).iterdir())
    study.write(f"{case}_001", "PET", 255 - study.grey[f"{case}_001_PET.png"])
    assert case in go_on(study, raw, monkeypatch, Options(processes=1))


@pytest.mark.parametrize("change", [{"spacing": (1.0, 1.0, 3.0)}, {"intensity": Intensity.RAW}])
def test_other_options_reuse_nothing(study, raw, halfway, monkeypatch, change):
    assert len(go_on(study, raw, monkeypatch, Options(processes=1, **change))) == 7


def test_another_version_reuses_nothing(study, raw, halfway, monkeypatch):
    for record in (halfway / RECORDS).iterdir():
        content = json.loads(record.read_text())["content"]
        content["made_from"]["converted_by"] = "nnunet_cipa 0.0.1"
        record.write_text(json.dumps({"sha256": finished._digest(content), "content": content}))
    assert len(go_on(study, raw, monkeypatch, Options(processes=1))) == 7


def test_links_in_place_of_the_staged_folder_or_in_it_are_not_followed(study, raw, tmp_path, left_in, monkeypatch):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "precious").write_text("kept")
    staged = raw / f"{NEW}{FINAL}"
    staged.symlink_to(elsewhere)
    cut_off(monkeypatch, 3)
    with pytest.raises(CutOffError, match="3 finished cases"):
        convert_pclt20k(study.root, Options(processes=1))
    (staged / "imagesTr" / "more").symlink_to(elsewhere)
    go_on(study, raw, monkeypatch, Options(processes=1))
    assert left_in(raw) == [FINAL]
    assert not (raw / FINAL / "imagesTr" / "more").is_symlink()
    assert contents(elsewhere) == {"precious": b"kept"}


def test_an_error_that_is_no_lack_of_space_leaves_nothing(study, raw, left_in, monkeypatch):
    def fail(*args):
        raise CIPAError("something else")

    monkeypatch.setattr(dataset, "write_dataset_json", fail)
    with pytest.raises(CIPAError, match="something else"):
        convert_pclt20k(study.root, Options(processes=1))
    assert left_in(raw) == []


def test_study_sets_go_on_too(lucid, raw, monkeypatch):
    options = LucidOptions(processes=1)
    cut_off(monkeypatch, 4)
    with pytest.raises(CutOffError, match="4 finished cases are kept"):
        convert_lucid(lucid.root, options)
    written = free(monkeypatch)
    monkeypatch.setenv("nnUNet_raw", str(raw))
    convert_lucid(lucid.root, options)
    found = contents(raw / "Dataset702_LUCID")
    assert len(written) == 2
    convert_lucid(lucid.root, LucidOptions(processes=1, overwrite=True))
    assert contents(raw / "Dataset702_LUCID") == found
    assert len(written) == 2 + 6
    assert written[0].provenance() != replace(written[0], organs=("HEART",)).provenance()


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 256 KiB, where the system lets us have one."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if sys.platform != "linux" or os.getuid() != 0:
        pytest.skip("only root mounts a tmpfs")
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", disk], check=False)
    if mounted.returncode:
        pytest.skip("no tmpfs can be mounted here")
    yield disk
    subprocess.run(["umount", disk], check=True)


def run(source, raw):
    return subprocess.Popen(
        [sys.executable, "-m", "nnunet_cipa", "convert", "pclt20k", str(source), "--processes", "1"],
        env={**os.environ, "nnUNet_raw": str(raw)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def make_large(study, names, side):
    rng = np.random.default_rng(0)
    mask = np.zeros((side, side), dtype=np.uint8)
    mask[side // 4 : side // 2, side // 4 : side // 2] = 255
    for name in names:
        for kind in ("CT", "PET"):
            study.write(name, kind, rng.integers(0, 256, (side, side), dtype=np.uint8), compress_level=1)
        study.write(name, "mask", mask)


@pytest.mark.slow
def test_a_disk_that_is_full_ends_in_a_line_and_going_on_needs_no_more_than_space(study, small_disk, left_in):
    make_large(study, [name for name in study.train if name.startswith("200908508")], 128)
    first = run(study.root, small_disk)
    _, errors = first.communicate(timeout=120)
    assert first.returncode == 1
    told = errors.strip().splitlines()[-1]
    assert "No space left on device" in told
    assert "free space" in told
    assert "finished cases are kept" in told
    (staged,) = left_in(small_disk)
    files = sorted(small_disk.glob(f"{NEW}*/*/*.nii.gz"))
    assert staged.startswith(NEW)
    assert len(files) == 3 * len(list((small_disk / staged / RECORDS).iterdir())) > 0
    assert all(gzip.decompress(path.read_bytes()) for path in files)
    before = identities(small_disk / staged)
    subprocess.run(["mount", "-o", "remount,size=64m", small_disk], check=True)
    second = run(study.root, small_disk)
    _, errors = second.communicate(timeout=120)
    assert second.returncode == 0, errors
    assert left_in(small_disk) == [FINAL]
    after = identities(small_disk / FINAL)
    assert {name: after[name] for name in before} == before
    assert len(after) == 21


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")
def test_killed_again_and_again_it_comes_to_its_end(study, raw, left_in):
    make_large(study, study.train, 320)
    records, kept = raw / f"{NEW}{FINAL}" / RECORDS, {}
    for count in (1, 2, 3):
        started = run(study.root, raw)
        while not records.is_dir() or len(list(records.iterdir())) < count:
            assert started.poll() is None, "it ended before it could be killed"
            time.sleep(0.005)
        started.send_signal(signal.SIGKILL)
        started.communicate()
        now = identities(raw / f"{NEW}{FINAL}")
        assert {name: now[name] for name in kept} == kept
        kept = {name: now[name] for name in now if any(r.stem == name.split("/")[1][:4] for r in records.iterdir())}
    last = run(study.root, raw)
    _, errors = last.communicate(timeout=120)
    assert last.returncode == 0, errors
    found = contents(raw / FINAL)
    assert left_in(raw) == [FINAL]
    convert_pclt20k(study.root, Options(processes=1, overwrite=True))
    assert contents(raw / FINAL) == found
