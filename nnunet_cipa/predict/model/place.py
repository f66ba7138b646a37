"""Where the files of a trained model are: its folder, or a zip of ``nnUNetv2_export_model_to_zip``."""

import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from nnunet_cipa.errors import CIPAError
from nnunet_cipa.evaluation.calibration.record import CALIBRATION

_NEEDED = {"plans.json", "dataset.json", "dataset_fingerprint.json", CALIBRATION}
_FOLDER = "give the trained model's folder, TRAINER__PLANS__CONFIGURATION, or a zip of nnUNetv2_export_model_to_zip"


@contextmanager
def model_place(model: Path, checkpoint: str) -> Iterator[Path]:
    """Give the folder of a model; what is needed of a zip is unpacked to a temporary one, which is removed.

    Parameters
    ----------
    model
        Folder or zip.
    checkpoint
        File of the weights in each fold.

    Raises
    ------
    CIPAError
        If it is neither, or the zip is damaged or holds several models.
    """
    if model.is_dir():
        yield _own_folder(model)
        return
    if not model.is_file():
        raise CIPAError(f"--model {model}: not there; {_FOLDER}")
    if not zipfile.is_zipfile(model):
        raise CIPAError(f"--model {model}: is not a zip; {_FOLDER}")
    with tempfile.TemporaryDirectory(prefix="nnunet_cipa_model_") as folder:
        yield _unpacked(model, checkpoint, Path(folder))


def _own_folder(model: Path) -> Path:
    if (model / "plans.json").is_file():
        return model
    below = sorted(path.parent.relative_to(model).as_posix() for path in model.glob("*__*__*/plans.json"))
    below += sorted(path.parent.relative_to(model).as_posix() for path in model.glob("Dataset*/*__*__*/plans.json"))
    held = f"it holds {', '.join(below)}; give one of these" if below else _FOLDER
    raise CIPAError(f"--model {model}: has no plans.json; {held}")


def _unpacked(model: Path, checkpoint: str, to: Path) -> Path:
    try:
        with zipfile.ZipFile(model) as archive:
            plans = [PurePosixPath(name) for name in archive.namelist() if PurePosixPath(name).name == "plans.json"]
            if not plans:
                raise CIPAError(f"--model {model}: holds no plans.json, or was cut off; {_FOLDER}")
            if len(plans) > 1:
                found = ", ".join(str(path.parent) for path in plans)
                raise CIPAError(
                    f"--model {model}: holds {len(plans)} models ({found}); install it with "
                    "nnUNetv2_install_pretrained_model_from_zip, and give the folder of one"
                )
            home = plans[0].parent
            # Named by our own rules, never by the archive's: a name may lead out of the folder
            folder = to / (home.parent.name or "unknown") / (home.name or "model")
            for entry in archive.infolist():
                path = PurePosixPath(entry.filename)
                place = _place(path, home, checkpoint)
                if place is not None:
                    target = folder / place
                    target.parent.mkdir(parents=True, exist_ok=True)
                    with archive.open(entry) as source, target.open("wb") as file:
                        shutil.copyfileobj(source, file)
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError) as error:
        if isinstance(error, CIPAError):
            raise
        raise CIPAError(f"--model {model}: is damaged ({error}); export it again") from error
    return folder


def _place(path: PurePosixPath, home: PurePosixPath, checkpoint: str) -> str | None:
    """Return where a file of an archive goes below the model's folder; None for what is not needed."""
    if path.parent == home and path.name in _NEEDED:
        return path.name
    fold = path.parent.name
    if path.parent.parent == home and path.name == checkpoint and _is_fold(fold):
        return f"{fold}/{checkpoint}"
    return None


def _is_fold(name: str) -> bool:
    number = name.removeprefix("fold_")
    return name.startswith("fold_") and (number == "all" or number.isdecimal())
