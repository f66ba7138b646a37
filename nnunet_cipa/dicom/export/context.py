"""Options, labels, model and ties to CTs, which all cases of an export share."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from nnunet_cipa.dicom.derived import MANUFACTURER, SERIES_DESCRIPTION, Origin
from nnunet_cipa.dicom.export.model import Model, read_model
from nnunet_cipa.dicom.export.options import ExportOptions
from nnunet_cipa.dicom.export.rois import Labels, check_roi_options, check_text, read_labels
from nnunet_cipa.dicom.export.ties import Provenance, Tie, read_key_table
from nnunet_cipa.dicom.series.grouping import Candidate
from nnunet_cipa.errors import CIPAError

LONGEST_LABEL, LONGEST_DESCRIPTION = 16, 64


@dataclass(frozen=True)
class Context:
    """What all cases of an export share.

    Attributes
    ----------
    options
        Checked.
    labels
        Name -> values of the regions that a mask may hold; empty if nothing tells.
    ties
        The key table and the provenance that were given.
    model
        What made the masks, if it was told.
    """

    options: ExportOptions
    labels: Labels
    ties: tuple[Tie, ...]
    model: Model | None

    def find(self, case: str, candidates: Sequence[Candidate]) -> Candidate:
        """Return the CT of a case, on which all ties have to agree.

        Raises
        ------
        CIPAError
            If one does not know it, or they disagree.
        """
        cts = [candidate for candidate in candidates if candidate.modality == "CT"]
        chosen = [tie.find(case, cts) for tie in self.ties]
        if len({one.series_uid for one in chosen}) > 1:
            named = " and ".join(one.series_uid for one in chosen)
            raise CIPAError(f"case {case} belongs to CT series {named}, by --key-table and --provenance; leave out one")
        return chosen[0]

    def origin(self, names: Sequence[str]) -> Origin:
        """Return what objects with regions of some names say of themselves."""
        own = [short for name in names if (short := name.removesuffix(f"_{MANUFACTURER}")) != MANUFACTURER]
        label = " ".join([MANUFACTURER, "+".join(own)]).strip()
        series = f"{SERIES_DESCRIPTION}: {', '.join(own)}" if own else SERIES_DESCRIPTION
        return Origin(
            label=self.options.structure_set_label or label[:LONGEST_LABEL],
            series_description=self.options.description or series[:LONGEST_DESCRIPTION],
            versions=self.model.words if self.model else (),
            model_name=self.model.label if self.model else "",
            model_version=self.model.version if self.model else "",
            description=self.model.description if self.model else "",
        )


def read_context(predictions: Path, options: ExportOptions) -> Context:
    """Check the options, and read what they name.

    Parameters
    ----------
    predictions
        The folder of the masks, in which nnU-Net's commands write the dataset.json of the model.
    options
        How to export.

    Raises
    ------
    CIPAError
        If anything of them is wrong.
    """
    check_roi_options(options.roi)
    if options.structure_set_label:
        check_text("--structure-set-label", options.structure_set_label, LONGEST_LABEL)
    if options.description:
        check_text("--description", options.description, LONGEST_DESCRIPTION)
    ties: list[Tie] = []
    if options.key_table is not None:
        ties.append(read_key_table(options.key_table))
    if options.provenance is not None:
        if not options.provenance.is_dir():
            raise CIPAError(f"--provenance {options.provenance}: not a folder; give that of a dataset in nnUNet_raw")
        ties.append(Provenance(options.provenance))
    model = options.made_by.model
    labels = read_labels([predictions, *([] if model is None else [model])])
    return Context(options, labels, tuple(ties), read_model(options.made_by))
