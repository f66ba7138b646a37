"""ROIs of a mask: their labels, names, kinds and colours."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import SimpleITK as sitk

from nnunet_cipa.dicom.export.options import RoiOptions
from nnunet_cipa.dicom.export.prediction import Prediction
from nnunet_cipa.dicom.region import Region
from nnunet_cipa.dicom.roi_kinds import kind_by_choice, kind_by_name
from nnunet_cipa.errors import CIPAError
from nnunet_cipa.files.json_files import read_object
from nnunet_cipa.options import UsageError
from nnunet_cipa.pages.palette import REGIONS, rgb

LONGEST_NAME = 64
PROGRAM = "nnunet_cipa"
MOST_LISTED = 10
Labels = dict[str, tuple[int, ...]]


@dataclass(frozen=True)
class Wanted:
    """Values of a mask that are a region; ``label`` is its name in dataset.json, or the value itself."""

    label: str
    values: tuple[int, ...]


def check_roi_options(options: RoiOptions) -> None:
    """Refuse what no mask can be exported with.

    Raises
    ------
    CIPAError
        For the label of the background, or a name or colour that cannot be written.
    """
    for label in options.label:
        if label < 1:
            raise CIPAError(f"--label {label}: 0 is the background; give a label from 1")
    for name in options.roi_name:
        check_text("--roi-name", name, LONGEST_NAME)
    for name in {name for name in options.roi_name if options.roi_name.count(name) > 1}:
        raise UsageError(f"--roi-name {name}: is given twice; give each ROI a name of its own")
    for colour in options.colour:
        hexadecimal = colour.removeprefix("#")
        if len(hexadecimal) != 6 or not set(hexadecimal.lower()) <= set("0123456789abcdef"):
            raise UsageError(f"--colour {colour}: give red, green and blue as six hexadecimal digits, as FF0000")


def check_text(option: str, text: str, longest: int) -> None:
    """Refuse a text that DICOM has no place for in every character set.

    Raises
    ------
    CIPAError
        If it is empty, longer than ``longest``, not printable ASCII, or has a backslash.
    """
    fit = text.strip() and len(text) <= longest and text.isascii() and text.isprintable() and "\\" not in text
    if not fit:
        raise CIPAError(f"{option} {text!r}: give 1 to {longest} printable ASCII characters without a backslash")


def read_labels(places: Sequence[Path]) -> Labels:
    """Return name -> values of the regions in the first dataset.json of some folders that has any, or none."""
    for folder in places:
        path = folder / "dataset.json"
        found = find_labels(read_object(path)) if path.is_file() else {}
        if found:
            return found
    return {}


def find_labels(dataset_json: Mapping[str, Any]) -> Labels:
    """Return name -> values of the regions in dataset.json; those of the background and of what is ignored are not."""
    labels, found = dataset_json.get("labels"), {}
    for name, value in labels.items() if isinstance(labels, dict) else ():
        values = value if isinstance(value, list) else [value]
        if name != "ignore" and all(type(one) is int and one > 0 for one in values) and values:
            found[str(name)] = tuple(values)
    return found


def make_regions(prediction: Prediction, labels: Labels, options: RoiOptions, grid: sitk.Image) -> list[Region]:
    """Take the wanted regions of a mask onto the grid of the CT.

    Parameters
    ----------
    prediction
        The mask.
    labels
        What ``read_labels`` gives.
    options
        Which regions, and what they are called.
    grid
        Image with the geometry of the CT.

    Raises
    ------
    CIPAError
        If the mask holds other labels than are wanted, and none of these is known to be one that it might have; if its
        voxels are not those of the grid; if there are more names, kinds or colours than regions.
    """
    wanted = _wanted(labels, options)
    for option, given in (("roi-name", options.roi_name), ("roi-type", options.roi_type), ("colour", options.colour)):
        if len(given) > len(wanted):
            raise UsageError(f"--{option}: {len(given)} are given for {len(wanted)} labels; give at most one for each")
    _check_present(prediction, labels, wanted)
    names = [*options.roi_name, *(_default_name(one, wanted) for one in wanted[len(options.roi_name) :])]
    for one, name in zip(wanted, names, strict=True):
        check_text(f"label {one.label}: --roi-name", name, LONGEST_NAME)
    regions = []
    for number, (one, name) in enumerate(zip(wanted, names, strict=True)):
        chosen = options.roi_type[number : number + 1]
        colour = options.colour[number : number + 1] or (REGIONS[number % len(REGIONS)],)
        kind = kind_by_choice(chosen[0]) if chosen else kind_by_name(name)
        regions.append(Region(name, kind, rgb("#" + colour[0].removeprefix("#")), prediction.on(grid, one.values)))
    return regions


def left_out(prediction: Prediction, labels: Labels, options: RoiOptions) -> tuple[int, ...]:
    """Return the labels of a mask that go to no ROI although none was chosen with --label."""
    if options.label:
        return ()
    wanted = {value for one in _wanted(labels, options) for value in one.values}
    return tuple(value for value in prediction.present if value not in wanted)


def _wanted(labels: Labels, options: RoiOptions) -> list[Wanted]:
    if not options.label:
        return [Wanted(name, values) for name, values in labels.items()] or [Wanted("1", (1,))]
    names = {values[0]: name for name, values in labels.items() if len(values) == 1}
    return [Wanted(names.get(label, str(label)), (label,)) for label in dict.fromkeys(options.label)]


def _check_present(prediction: Prediction, labels: Labels, wanted: Sequence[Wanted]) -> None:
    known = {value for values in labels.values() for value in values}
    possible = {*prediction.present, *known}
    missing = [one for one in wanted if not possible.intersection(one.values)]
    foreign = known and not known.issuperset(prediction.present)
    if foreign and all(not set(prediction.present).intersection(one.values) for one in wanted):
        missing = [*wanted]
    if not possible or not missing or (not known and len(missing) < len(wanted)):
        return
    holds = f"it holds {_listed((0, *prediction.present))}"
    holds += f", and dataset.json has {_listed(sorted(known))}" if known else ""
    raise CIPAError(
        f"{prediction.path}: no voxel has label {missing[0].label}, so there is nothing to export; {holds}; choose one "
        "of these with --label"
    )


def _listed(values: Sequence[int]) -> str:
    return ", ".join(map(str, values[:MOST_LISTED])) + (", ..." if len(values) > MOST_LISTED else "")


def _default_name(one: Wanted, wanted: Sequence[Wanted]) -> str:
    if not one.label.isdecimal():
        return f"{one.label}_{PROGRAM}"
    return PROGRAM if len(wanted) == 1 else f"{PROGRAM}_{one.label}"
