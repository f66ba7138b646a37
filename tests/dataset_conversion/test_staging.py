import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock

from nnunet_cipa.dataset_conversion.pclt20k.case import Pclt20kCaseJob
from nnunet_cipa.dataset_conversion.pclt20k.check import Pclt20kCheckJob, check_patient_slices
from nnunet_cipa.dataset_conversion.pclt20k.convert import Options, convert_pclt20k
from nnunet_cipa.dataset_conversion.pclt20k.options import Intensity
from nnunet_cipa.dataset_conversion.pclt20k.source import read_source
from nnunet_cipa.dataset_conversion.pipeline.cases import write_case
from nnunet_cipa.dataset_conversion.pipeline.finished import RECORDS
from nnunet_cipa.dataset_conversion.pipeline.staging import LOCK, NEW, OLD, TRASH, staged_folder
from nnunet_cipa.errors import CIPAError
from nnunet_cipa.processes.workers import run_jobs

FINAL = "Dataset701_PCLT20K"


def write(folder, text):
    folder.mkdir(exist_ok=True)
    (folder / "file").write_text(text)


def fail_in(folder):
    write(folder, "new")
    raise ArithmeticError


def test_failure_leaves_the_old_dataset_and_nothing_else(raw, left_in):
    write(raw / FINAL, "old")
    with pytest.raises(ArithmeticError), staged_folder(raw / FINAL, overwrite=True) as folder:
        fail_in(folder)
    assert (raw / FINAL / "file").read_text() == "old"
    assert left_in(raw) == [FINAL]


def test_existing_dataset_needs_overwrite(raw):
    write(raw / FINAL, "old")
    with pytest.raises(CIPAError, match="--overwrite"), staged_folder(raw / FINAL, overwrite=False):
        pytest.fail("the block must not run")
    assert (raw / FINAL / "file").read_text() == "old"


def test_permissions_are_those_of_an_ordinary_folder(raw):
    with staged_folder(raw / FINAL, overwrite=False):
        pass
    (raw / "plain").mkdir()
    assert (raw / FINAL).stat().st_mode == (raw / "plain").stat().st_mode


def test_killed_between_the_two_renames_the_old_dataset_comes_back(raw, left_in):
    write(raw / f"{OLD}{FINAL}", "old")
    write(raw / f"{NEW}abc", "new")
    with pytest.raises(CIPAError, match="exists"), staged_folder(raw / FINAL, overwrite=False):
        pytest.fail("the block must not run")
    assert (raw / FINAL / "file").read_text() == "old"
    assert left_in(raw) == [FINAL]


def test_killed_while_deleting_the_old_dataset_the_new_one_stays(raw, left_in):
    write(raw / FINAL, "new")
    write(raw / f"{OLD}{FINAL}", "old")
    write(raw / f"{TRASH}xyz", "part")
    with staged_folder(raw / "Dataset702_Other", overwrite=False):
        pass
    assert (raw / FINAL / "file").read_text() == "new"
    assert left_in(raw) == [FINAL, "Dataset702_Other"]


def test_leftovers_of_a_living_run_are_not_touched(raw):
    write(raw / f"{NEW}abc", "being written")
    with FileLock(raw / LOCK):
        run = subprocess.run(
            [
                sys.executable,
                "-c",
                (
                    "import sys; from pathlib import Path\n"
                    "from nnunet_cipa.dataset_conversion.pipeline.staging import staged_folder\n"
                    "with staged_folder(Path(sys.argv[1]), overwrite=False): pass"
                ),
                str(raw / FINAL),
            ],
            capture_output=True,
            text=True,
            check=False,
        )
    assert "another run is writing here" in run.stderr
    assert (raw / f"{NEW}abc" / "file").exists()


def test_file_that_changes_after_the_check_is_noticed(study, tmp_path):
    source = read_source(study.root)
    checked = check_patient_slices(Pclt20kCheckJob(source.root, source.patients[0]))
    for name in ("imagesTr", "labelsTr", "provenance"):
        (tmp_path / name).mkdir()
    study.write("0001_002", "PET", 255 - study.grey["0001_002_PET.png"])
    with pytest.raises(CIPAError, match=r"0001_002_PET\.png: changed during the conversion"):
        write_case(Pclt20kCaseJob(source.root, tmp_path, checked, (1.0, 1.0, 1.0), Intensity.PAPER))


def command(source, raw, *more):
    return (
        [sys.executable, "-m", "nnunet_cipa", "convert", "pclt20k", str(source), *more],
        {**os.environ, "nnUNet_raw": str(raw)},
    )


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX limits")
@pytest.mark.parametrize("processes", ["1", "2"])
def test_disk_that_takes_no_more_is_an_error_and_leaves_nothing(study, raw, left_in, processes):
    noise = np.random.default_rng(0).integers(0, 256, (24, 32), dtype=np.uint8)
    for number in range(1, 13):
        study.write(f"200908508_{number}", "CT", noise)
    argv, environment = command(study.root, raw, "--processes", processes)
    limited = (
        "import resource, os, sys\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"
        "os.execv(sys.executable, sys.argv[1:])"
    )
    run = subprocess.run(
        [sys.executable, "-c", limited, *argv], env=environment, capture_output=True, text=True, check=False
    )
    assert run.returncode == 1
    assert "writing patient" in run.stderr
    assert "File too large" in run.stderr
    assert "free space" in run.stderr
    assert set(left_in(raw)) <= {f"{NEW}{FINAL}"}
    assert_only_whole_cases(raw / f"{NEW}{FINAL}")


@pytest.fixture
def long_run(study, raw):
    """A conversion by two processes, stopped while it writes; noise of 1024 x 1024 makes it slow."""
    rng = np.random.default_rng(0)
    mask = np.zeros((1024, 1024), dtype=np.uint8)
    mask[400:500, 400:500] = 255
    for name in [name for name in study.train if name.startswith(("200908508", "0601"))]:
        for kind in ("CT", "PET"):
            study.write(name, kind, rng.integers(0, 256, (1024, 1024), dtype=np.uint8), compress_level=1)
        study.write(name, "mask", mask)
    argv, environment = command(study.root, raw, "--processes", "2")
    run = subprocess.Popen(argv, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while not list(raw.glob(f"{NEW}*/imagesTr/*.nii.gz")):
        assert run.poll() is None, "it ended before it could be stopped"
        time.sleep(0.01)
    yield run
    run.kill()
    run.wait()


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_killed_in_the_middle_no_dataset_is_seen_and_the_next_run_cleans_up(study, raw, left_in, long_run):
    workers = children(long_run.pid)
    long_run.send_signal(signal.SIGKILL)
    long_run.wait()
    assert len(workers) >= 2
    assert [name for name in left_in(raw) if name.startswith("Dataset")] == []
    deadline = time.monotonic() + 20
    while any(alive(pid) for pid in workers):
        assert time.monotonic() < deadline, "workers outlive their parent"
        time.sleep(0.05)
    convert_pclt20k(study.root, Options(processes=1))
    assert left_in(raw) == [FINAL]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")
def test_interrupted_in_the_middle_it_cleans_up_itself(raw, left_in, long_run):
    long_run.send_signal(signal.SIGINT)
    _, errors = long_run.communicate(timeout=30)
    assert long_run.returncode == 1
    assert errors.strip().splitlines()[-1] == "nnunet-cipa: error: interrupted"
    assert "Traceback" not in errors
    assert left_in(raw) == []


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_killed_worker_is_named_by_its_case_and_the_conversion_ends(raw, left_in, long_run):
    (worker, *_) = [pid for pid in children(long_run.pid) if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    os.kill(worker, signal.SIGKILL)
    _, errors = long_run.communicate(timeout=60)
    assert long_run.returncode == 1
    told = errors.strip().splitlines()[-1]
    assert re.search(r"error: writing: the worker process at (case \w+|no job yet) was killed \(SIGKILL\)", told)
    assert "when memory runs out; try --processes 1" in told
    assert not (raw / FINAL).exists()
    assert_only_whole_cases(raw / f"{NEW}{FINAL}")


def die_at_three(job):
    """Kill this process at job 3, and stay with another until then."""
    number, how = job
    if number == 3 and how == "status":
        os._exit(7)
    if number == 3:
        os.kill(os.getpid(), getattr(signal, how))
    time.sleep(0 if number < 3 else 60)


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")
@pytest.mark.parametrize(
    ("how", "told"),
    [
        ("SIGKILL", r"was killed \(SIGKILL\), as the system does when memory runs out; try --processes 1$"),
        ("SIGSEGV", r"ended by itself \(SIGSEGV\), perhaps for lack of memory; try --processes 1"),
        ("status", r"ended by itself \(exit status 7\)"),
    ],
)
def test_a_worker_that_dies_is_told_with_its_job_and_cause(how, told):
    jobs = [(number, how) for number in range(1, 6)]
    with pytest.raises(CIPAError, match=rf"^dying: the worker process at case 3 {told}"):
        run_jobs(die_at_three, jobs, 2, "dying", lambda job: f"case {job[0]}")


def assert_only_whole_cases(staged):
    cases = {path.stem for path in (staged / RECORDS).glob("*.json")}
    files = {path.name for path in staged.rglob("*.nii.gz")}
    assert files == {f"{case}{end}.nii.gz" for case in cases for end in ("", "_0000", "_0001")}


def children(pid):
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
