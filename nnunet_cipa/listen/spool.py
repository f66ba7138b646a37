"""The folder of a node: studies as they were received, and their versions."""

import logging
import os
import shutil
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from nnunet_cipa.errors import CIPAError
from nnunet_cipa.files.atomic import flush_folder, replacing
from nnunet_cipa.files.hashes import files_hash
from nnunet_cipa.files.new_folders import new_folder
from nnunet_cipa.listen.objects import Received, is_same
from nnunet_cipa.listen.versions import FAILED, PREDICTED, PREDICTING, State, Version, flush_tree

_PRIVATE = 0o700
_logger = logging.getLogger(__name__)


class Spool:
    """Studies on a disk, in an order of steps such that a kill at any moment loses none and doubles none.

    ``FOLDER/UID/objects`` holds what was received and is predicted from, ``FOLDER/UID/others`` the rest. The file
    ``FOLDER/UID/received`` says that an object came since the last version was made; it is there before the object and
    until the version is. All methods may be called by several threads.

    Attributes
    ----------
    folder : Path
        Made with permissions for its owner alone.
    lock : threading.RLock
        Held while something is written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.lock = threading.RLock()
        folder.mkdir(mode=_PRIVATE, parents=True, exist_ok=True)
        for part in folder.glob("*/o*/.*.part"):  # writes that a kill cut off
            part.unlink()
        for part in folder.glob("*/.[0-9]*_*"):
            shutil.rmtree(part)
        self._waiting = {marker.parent.name for marker in folder.glob("*/received")}

    def store(self, received: Received) -> None:
        """Keep an object; when this returns, it is on the disk.

        One that is there already, perhaps in another transfer syntax, stays; a changed one takes its place.

        Raises
        ------
        OSError
            If the disk does not take it; then nothing of it is left.
        """
        folder = self.folder / received.study_uid / ("objects" if received.is_input else "others")
        path = folder / f"{received.instance_uid}.dcm"
        with self.lock:
            if not folder.is_dir():
                folder.mkdir(mode=_PRIVATE, parents=True)
                flush_folder(folder.parent)
                flush_folder(self.folder)
            if received.is_input:
                self._mark(received.study_uid)
            if not (path.is_file() and is_same(path.read_bytes(), received.data)):
                with replacing(path) as file:
                    file.write(received.data)

    def waiting(self) -> list[str]:
        """Return the studies of which something came since their last version."""
        with self.lock:
            return sorted(self._waiting)

    def versions(self, study_uid: str) -> list[Version]:
        """Return the versions of a study, the oldest first."""
        return [Version(path) for path in sorted((self.folder / study_uid).glob("[0-9]*")) if path.is_dir()]

    def all_versions(self) -> Iterator[Version]:
        """Yield the versions of all studies."""
        for study in sorted(path.name for path in self.folder.iterdir() if path.is_dir()):
            yield from self.versions(study)

    def freeze(self, study_uid: str) -> Version | None:
        """Make a version of what came of a study.

        Returns
        -------
        Version or None
            None if something comes at this moment, so that the study keeps waiting, or if the last version has the same
            objects. If that one failed, it is returned, to be taken up where it failed.

        Raises
        ------
        OSError
            If the disk does not take it; the study keeps waiting.
        """
        before = self._objects(study_uid)
        inputs = files_hash(before)  # takes seconds, in which others have to be able to store
        with self.lock:
            if self._objects(study_uid) != before:
                return None
            versions = self.versions(study_uid)
            made = None
            last = _readable(versions[-1]) if versions else None
            if last is not None and last.inputs == inputs:
                made = _take_up(versions[-1], last)
            elif before:
                number = int(versions[-1].folder.name) + 1 if versions else 1
                made = _make_version(self.folder / study_uid / f"{number:04d}", before, inputs)
            (self.folder / study_uid / "received").unlink()
            self._waiting.discard(study_uid)
            return made

    def wait_for(self, study_uid: str) -> None:
        """Have a study wait, as if one of its objects came again."""
        with self.lock:
            self._mark(study_uid)

    def _objects(self, study_uid: str) -> dict[Path, tuple[int, int]]:
        """Return the files of the objects in order, each with what changes when another takes its place."""
        found = sorted((self.folder / study_uid / "objects").glob("[!.]*.dcm"))
        return {path: (status.st_ino, status.st_mtime_ns) for path in found for status in (path.stat(),)}

    def _mark(self, study_uid: str) -> None:
        if study_uid not in self._waiting:
            (self.folder / study_uid / "received").touch()
            flush_folder(self.folder / study_uid)
            self._waiting.add(study_uid)


def _make_version(folder: Path, objects: Iterable[Path], inputs: str) -> Version:
    """Make the folder of a version, with names of its own for the objects, which later ones do not take."""
    with new_folder(folder) as made:
        version = Version(made)
        version.inputs.mkdir()
        for path in objects:
            _link(path, version.inputs / path.name)
        version.write(State(PREDICTING, inputs))
        flush_tree(made)
    flush_folder(folder.parent)
    return Version(folder)


def _link(path: Path, name: Path) -> None:
    try:
        os.link(path, name)
    except OSError:  # not every file system has links
        shutil.copyfile(path, name)


def _readable(version: Version) -> State | None:
    """Return the state; None if its file is damaged, after which the study is predicted once more."""
    try:
        return version.read()
    except CIPAError as error:
        _logger.warning("%s", error)
        return None


def _take_up(version: Version, state: State) -> Version | None:
    if state.stage != FAILED:
        return None
    if version.result.is_dir():
        version.write(replace(state, stage=PREDICTED, reason="", refused={}, since=time.time()))
    else:
        version.write(replace(state, stage=PREDICTING, reason="", begun=0))
    return version
