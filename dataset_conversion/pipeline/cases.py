"""The cases of a dataset: each is written by a process of its own, and those that are whole are kept."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from nnunet_cipa.dataset_conversion.pipeline.dataset_files import PROVENANCE, writing_case
from nnunet_cipa.dataset_conversion.pipeline.finished import keep_finished, note_finished
from nnunet_cipa.files.json_files import write_json
from nnunet_cipa.processes.workers import run_jobs


class CaseJob(Protocol):
    """A case that was checked and is to be written; it is pickled to another process."""

    @property
    def folder(self) -> Path:
        """The folder of the dataset."""

    @property
    def case(self) -> str:
        """Name of the case."""

    def provenance(self) -> dict[str, object]:
        """Describe where the case comes from, with hashes, and what is done to it: if that changes, it is redone."""

    def write_volumes(self) -> list[Path]:
        """Write the images and the label, and return their paths.

        Raises
        ------
        CIPAError
            If a file has changed since it was checked, or the disk does not take the output (see ``writing_case``).
        """


def write_cases(folder: Path, jobs: Sequence[CaseJob], processes: int) -> None:
    """Write the cases of a staged dataset that are not finished, and remove what does not belong to it."""
    done = keep_finished(folder, {job.case: job.provenance() for job in jobs})
    left = [job for job in jobs if job.case not in done]
    run_jobs(write_case, left, processes, "writing", lambda job: f"case {job.case}")


def write_case(job: CaseJob) -> None:
    """Write the volumes of a case and its provenance, and note that it is finished.

    Raises
    ------
    CIPAError
        If a file has changed since it was checked, or the disk does not take the output.
    """
    volumes = job.write_volumes()
    record = job.folder / PROVENANCE / f"{job.case}.json"
    with writing_case(job.folder, job.case):
        made_from = job.provenance()
        write_json(record, made_from)
        note_finished(job.folder, job.case, made_from, [*volumes, record])
