"""The manifest beside the files of a prediction: its inputs, its model, and what later runs need to know."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from nnunet_cipa import __version__
from nnunet_cipa.errors import CIPAError
from nnunet_cipa.files.hashes import file_hash
from nnunet_cipa.files.json_files import read_object
from nnunet_cipa.predict.model.trained import TrainedModel
from nnunet_cipa.predict.options import PredictOptions
from nnunet_cipa.predict.predicted import Predicted
from nnunet_cipa.versions import reported_versions

MANIFEST = "manifest.json"


def identity(hashes: Mapping[str, str], model: TrainedModel, options: PredictOptions) -> dict[str, Any]:
    """Return what decides a prediction: hashes of the volumes, the model, and options, as they are in JSON."""
    override = options.suv.suv_override
    decides = {
        "inputs": dict(hashes),
        "model": {"name": model.name, "checkpoint": model.checkpoint, "sha256": dict(model.hashes)},
        "stored": {**model.storage.facts(), "crop": model.crop},
        "options": {
            "series": options.series,
            "seg": options.seg,
            "sr": options.sr,
            "certainty": asdict(options.certainty),
            "page": asdict(options.page),
            "disable_tta": options.use.disable_tta,
            "bf16": options.use.bf16,
            "skip_air": options.use.skip_air,
            "roi": asdict(options.roi),
            "most_half_lives": options.suv.most_half_lives,
            "suv_override_sha256": None if override is None else file_hash(override),
        },
    }
    result: dict[str, Any] = json.loads(json.dumps(decides))
    return result


def is_done(folder: Path, wanted: Mapping[str, Any]) -> bool:
    """Tell whether a folder holds the prediction that is wanted, whole.

    Raises
    ------
    CIPAError
        If it holds another one, or something else.
    """
    if not folder.exists():
        return False
    path = folder / MANIFEST
    if not path.is_file():
        raise CIPAError(f"{folder}: exists, and is not of nnunet-cipa predict; move it away, or give another OUT")
    manifest = read_object(path)
    differs = [part for part in wanted if manifest.get("decides", {}).get(part) != wanted[part]]
    if differs:
        other = " and ".join(differs)
        raise CIPAError(f"{folder}: was predicted with other {other}; give --overwrite to replace it, or another OUT")
    for name, sha256 in manifest.get("outputs", {}).items():
        if not (folder / name).is_file() or file_hash(folder / name) != sha256:
            raise CIPAError(
                f"{folder / name}: is missing or was changed since it was written; give --overwrite to predict again, "
                "or move the folder away"
            )
    return True


def make_manifest(predicted: Predicted, decides: Mapping[str, Any], outputs: Sequence[Path]) -> dict[str, Any]:
    """Describe a prediction; it holds the PatientID and UIDs, and so stays with the patient's data."""
    facts = asdict(predicted.facts)
    return {
        "made_by": f"nnunet_cipa {__version__} predict",
        "patient_id": predicted.patient_id,
        "pseudonym": predicted.pseudonym,
        "started": predicted.started.isoformat(timespec="seconds"),
        "seconds": {step: round(seconds, 1) for step, seconds in predicted.seconds.items()},
        "sources": {
            volume: {**asdict(source), "path": str(source.path)} for volume, source in predicted.sources.items()
        },
        "model": {"dataset": predicted.model.dataset, "folds": list(predicted.model.hashes)},
        "decides": dict(decides),
        "labels": {name: list(values) for name, values in predicted.labels.items()},
        "measured": {
            name: facts[name]
            for name in (
                "size",
                "spacing_mm",
                "pet_size",
                "pet_spacing_mm",
                "hu",
                "suv",
                "pet_cover",
                "pet_body_cover",
                "values",
                "notes",
                "crop",
            )
        },
        "certainty": None if predicted.certainty is None else predicted.certainty.facts(),
        "warnings": list(predicted.warnings),
        "versions": reported_versions(),
        "outputs": {path.name: file_hash(path) for path in outputs},
    }
