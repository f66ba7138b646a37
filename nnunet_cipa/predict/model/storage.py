"""Intensities as a model wants them: stored like the data set that it was trained on."""

from collections.abc import Mapping
from typing import Any

from nnunet_cipa.dataset_conversion.study_set.options import LOWEST_HU, Intensity, Storage, Window
from nnunet_cipa.errors import CIPAError, shown
from nnunet_cipa.nnunet.intensities import PAPER_HU
from nnunet_cipa.options import UsageError
from nnunet_cipa.predict.model.options import IntensityOptions

# PCLT20K's own 8-bit images, which are scaled as a window is.
_PAPER = "paper"


def find_storage(dataset_json: Mapping[str, Any], where: str, options: IntensityOptions) -> Storage:
    """Return how intensities have to be stored.

    Parameters
    ----------
    dataset_json
        Of the model.
    where
        Names the file in errors.
    options
        What counts where it does not say.

    Raises
    ------
    CIPAError
        If neither tells, they contradict each other, or dataset.json holds something else.
    """
    said = dataset_json.get("intensity")
    if said is not None and said not in {*(kind.value for kind in Intensity), _PAPER}:
        raise CIPAError(f"{where}: intensity is {shown(said)}; convert the data set again, and train on that")
    told = None if said is None else Intensity.WINDOW if said == _PAPER else Intensity(said)
    if told is not None and options.intensity not in {None, told}:
        raise CIPAError(f"--intensity {options.intensity.value}: {where} says {told.value}; leave it out")
    intensity = told or options.intensity
    if intensity is None:
        raise CIPAError(
            f"{where}: does not say how intensities were stored, as data sets of nnunet-cipa convert do; give "
            "--intensity raw if it was trained on HU and SUV, or --intensity window with --hu-window and --suv-range"
        )
    _check_lowest_hu(dataset_json, where)
    if intensity is Intensity.RAW:
        if said is not None and "units" not in dataset_json:
            raise CIPAError(
                f"{where}: its raw values are the grey values of PCLT20K's PNG files, which no scanner gives; train on "
                "the data set as convert pclt20k --intensity paper makes it"
            )
        given = "--hu-window" if options.hu_window else "--suv-range" if options.suv_range else None
        if given:
            raise UsageError(f"{given}: the model reads HU and SUV (intensity raw); leave it out")
        return Storage(intensity)
    hu = _limits(dataset_json, "hu_window", PAPER_HU if said == _PAPER else None, where)
    return Storage(
        intensity,
        _agreed(hu, options.hu_window, "--hu-window", where),
        _agreed(_limits(dataset_json, "suv_range", None, where), options.suv_range, "--suv-range", where),
    )


def _limits(dataset_json: Mapping[str, Any], key: str, default: list[float] | None, where: str) -> Window | None:
    value = dataset_json.get(key)
    value = default if value is None else value
    if value is None:
        return None
    numbers = isinstance(value, list) and len(value) == 2 and all(type(one) in {int, float} for one in value)
    if not numbers or not value[0] < value[1]:
        raise CIPAError(f"{where}: {key} is {shown(value)}, not a lower and a higher number; convert the data again")
    return float(value[0]), float(value[1])


def _agreed(said: Window | None, given: Window | None, option: str, where: str) -> Window:
    if said is not None:
        if given not in {None, said}:
            raise CIPAError(f"{option} {given[0]:g} {given[1]:g}: {where} says {said[0]:g} {said[1]:g}; leave it out")
        return said
    if given is None:
        raise CIPAError(f"{where}: does not say which window was stored; give {option} LOW HIGH as the data set had it")
    if not given[0] < given[1]:
        raise UsageError(f"{option} {given[0]:g} {given[1]:g}: give a lower and a higher number")
    return given


def _check_lowest_hu(dataset_json: Mapping[str, Any], where: str) -> None:
    lowest = dataset_json.get("lowest_hu", LOWEST_HU)
    if lowest != LOWEST_HU:
        raise CIPAError(
            f"{where}: lowest_hu is {shown(lowest)}, and this version stores no HU below {LOWEST_HU:g}; predict with "
            "the version that converted its data set"
        )
