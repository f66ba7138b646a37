"""The files of the cases to evaluate, found in nnU-Net's folders."""

from dataclasses import dataclass
from pathlib import Path

from nnunet_cipa.errors import CIPAError
from nnunet_cipa.files.json_files import read_object
from nnunet_cipa.nnunet.channels import find_modalities


@dataclass(frozen=True)
class CaseFiles:
    """The images of one case and its true mask; ``prediction`` is None where none was asked for."""

    name: str
    ct: Path
    pet: Path
    truth: Path
    prediction: Path | None = None


@dataclass(frozen=True)
class MaskFiles:
    """The true and the predicted mask of a case whose images are not at hand."""

    name: str
    truth: Path
    prediction: Path | None = None


def find_cases(dataset: Path, part: str = "Ts", predictions: Path | None = None) -> list[CaseFiles]:
    """Find the cases of one part of a dataset, in the order of their names.

    Parameters
    ----------
    dataset : Path
        ``$nnUNet_raw/DatasetNNN_NAME``.
    part : str
        "Tr" for training cases, "Ts" for held-out ones.
    predictions : Path, optional
        Folder with a predicted mask for each of them.

    Raises
    ------
    CIPAError
        If there are none, a file is missing, or dataset.json does not name one CT and one PET channel.
    """
    description = read_object(dataset / "dataset.json")
    ending = description.get("file_ending")
    if not isinstance(ending, str) or not ending:
        raise CIPAError(f"{dataset / 'dataset.json'}: has no file_ending; give a dataset in nnU-Net's format")
    channels = find_modalities(description)
    labels = dataset / f"labels{part}"
    names = sorted(path.name.removesuffix(ending) for path in labels.glob(f"*{ending}"))
    if not names:
        raise CIPAError(f"{labels}: holds no file that ends in {ending}; put the true mask of each case there")
    cases = []
    for name in names:
        images = {
            modality: dataset / f"images{part}" / f"{name}_{channel:04d}{ending}"
            for channel, modality in enumerate(channels)
        }
        prediction = None if predictions is None else predictions / f"{name}{ending}"
        case = CaseFiles(name, images["CT"], images["PET"], labels / f"{name}{ending}", prediction)
        _check_exist(case)
        cases.append(case)
    return cases


def _check_exist(case: CaseFiles) -> None:
    for path in (case.ct, case.pet, case.prediction):
        if path is not None and not path.is_file():
            raise CIPAError(
                f"{path}: no such file, but {case.truth} has a mask of case {case.name}; complete the folder"
            )
