"""Folders of masks, one per case: what is in them, the cases that several share, and the images of these cases."""

from collections.abc import Collection, Mapping
from pathlib import Path

from nnunet_cipa.errors import CIPAError, listed
from nnunet_cipa.files.json_files import read_object
from nnunet_cipa.nnunet.cases import CaseFiles, MaskFiles
from nnunet_cipa.nnunet.channels import find_modalities

ENDINGS = (".nii.gz", ".nii", ".nrrd", ".mha", ".mhd")


def find_masks(folder: Path) -> dict[str, Path]:
    """Return case -> mask of a folder; other files are passed over.

    Raises
    ------
    CIPAError
        If it is not a folder, holds no mask, or two of a case.
    """
    if not folder.is_dir():
        raise CIPAError(f"{folder}: not a folder; give one that holds a mask per case")
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        ending = next((end for end in ENDINGS if path.name.endswith(end)), None)
        if ending is None or path.name.startswith("."):
            continue
        case = path.name.removesuffix(ending)
        if case in found:
            raise CIPAError(f"{path}: is a second mask of case {case}, beside {found[case].name}; keep one of them")
        found[case] = path
    if not found:
        raise CIPAError(f"{folder}: holds no mask (a file that ends in {', '.join(ENDINGS)}); give the folder of masks")
    return found


def shared_cases(
    truth: Path,
    masks: Collection[str],
    folders: Mapping[str, Path],
    found: Mapping[str, Collection[str]],
    *,
    common: bool,
) -> tuple[list[str], list[str]]:
    """Return the cases to score, and lines that tell which are left out.

    Raises
    ------
    CIPAError
        If no case is in all folders; without ``common``, if a case is not.
    """
    shared = sorted(set(masks).intersection(*found.values()))
    told = []
    for title, folder in folders.items():
        missing, more = sorted(set(masks) - set(found[title])), sorted(set(found[title]) - set(masks))
        if missing and not common:
            raise CIPAError(
                f"{folder}: has no mask of {listed(missing)}, which {truth} has; predict it, or give --common to score "
                "the cases that all folders have"
            )
        if more and not common:
            raise CIPAError(
                f"{folder}: has a mask of {listed(more)}, of which {truth} has none; remove it, or give --common to "
                "score the cases that all folders have"
            )
        if missing or more:
            told.append(f"{title}: {len(missing)} cases of the truth are not predicted, {len(more)} others are.")
    if not shared:
        raise CIPAError(f"{truth}: has no case that all folders of predictions have; their masks need equal names")
    if told:
        told.append(f"Only the {len(shared)} cases that all folders have are scored.")
    return shared, told


def case_files(images: Path | None, masks: Mapping[str, Path]) -> dict[str, CaseFiles | MaskFiles]:
    """Return the files of each case, with CT and PET from a folder of nnU-Net if there is one.

    Raises
    ------
    CIPAError
        If an image is missing.
    """
    if images is None:
        return {case: MaskFiles(case, mask) for case, mask in masks.items()}
    description = images.resolve().parent / "dataset.json"
    order = find_modalities(read_object(description)) if description.is_file() else ("CT", "PET")
    found: dict[str, CaseFiles | MaskFiles] = {}
    for case, mask in masks.items():
        paths = {modality: _image(images, case, channel) for channel, modality in enumerate(order)}
        found[case] = CaseFiles(case, paths["CT"], paths["PET"], mask)
    return found


def _image(images: Path, case: str, channel: int) -> Path:
    names = [f"{case}_{channel:04d}{ending}" for ending in ENDINGS]
    path = next((images / name for name in names if (images / name).is_file()), None)
    if path is None:
        raise CIPAError(f"{images / names[0]}: no such file; complete the folder, or leave out --images")
    return path
