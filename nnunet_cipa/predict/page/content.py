"""Facts of a predicted patient for the page, as names and texts."""

from collections.abc import Iterator

from nnunet_cipa.dataset_conversion.study_set.options import Intensity
from nnunet_cipa.predict.page.options import PageOptions
from nnunet_cipa.predict.predicted import Predicted
from nnunet_cipa.versions import reported_versions

Facts = list[tuple[str, str]]
_UNITS = {"CT": ("HU", 0), "PET": ("SUV", 1)}


def images(predicted: Predicted, options: PageOptions) -> dict[str, Facts]:
    """Say what CT and PET are and where they come from."""
    return {volume: [*_source(predicted, volume, options), *_measured(predicted, volume)] for volume in ("CT", "PET")}


def _source(predicted: Predicted, volume: str, options: PageOptions) -> Iterator[tuple[str, str]]:
    source = predicted.sources[volume]
    if options.show_names:
        yield "read from", str(source.path)
        if source.description:
            yield "series", source.description
    if source.taken:
        yield "acquired", source.taken
    if source.scanner:
        yield "scanner", source.scanner
    yield "files", str(source.files)
    yield "SHA-256", source.sha256


def _measured(predicted: Predicted, volume: str) -> Iterator[tuple[str, str]]:
    facts, (unit, digits) = predicted.facts, _UNITS[volume]
    is_ct = volume == "CT"
    size, spacing = (facts.size, facts.spacing_mm) if is_ct else (facts.pet_size, facts.pet_spacing_mm)
    low, high = facts.hu if is_ct else facts.suv
    yield "voxels", f"{' x '.join(map(str, size))} of {' x '.join(f'{one:.2f}' for one in spacing)} mm"
    yield "values", f"{low:.{digits}f} to {high:.{digits}f} {unit}"
    if not is_ct:
        body = "" if facts.pet_body_cover is None else f", {facts.pet_body_cover:.0%} of the body"
        yield "covers", f"{facts.pet_cover:.0%} of the CT's field of view{body}"
    for note in facts.notes.get(volume, ()):
        yield "note", note


def model(predicted: Predicted) -> Facts:
    """Say what predicted, and which intensities it saw."""
    used = predicted.model
    storage = used.storage
    seen = "HU and SUV, which nnU-Net normalised"
    if storage.intensity is Intensity.WINDOW:
        (low, high), (least, most) = storage.hu_window, storage.suv_range
        seen = f"HU from {low:g} to {high:g}, SUV from {least:g} to {most:g}; beyond that values are alike to it"
    return [
        ("model", used.name),
        ("trained on", f"{used.dataset}, {used.dataset_json.get('numTraining', 'an unknown number of')} cases"),
        ("weights", f"{used.checkpoint} of {', '.join(used.hashes)}"),
        *((f"SHA-256, {fold}", sha256) for fold, sha256 in used.hashes.items()),
        ("saw", seen),
        ("cut to the patient's outline", "yes" if used.crop else "no"),
    ]


def run(predicted: Predicted) -> Facts:
    """Say when and with which versions."""
    steps = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in predicted.seconds.items())
    return [
        ("started", predicted.started.strftime("%Y-%m-%d %H:%M:%S %z").strip()),
        ("time", f"{sum(predicted.seconds.values()):.1f} s: {steps}"),
        *reported_versions().items(),
    ]
