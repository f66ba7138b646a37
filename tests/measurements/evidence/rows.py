"""Rows of the evidence, and the tables that compare them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial

from tests.measurements.evidence.settings import Settings
from tests.measurements.evidence.targets import GTV, IGTV, SOURCE, Target
from tests.measurements.short import ShortTrainer


@dataclass(frozen=True)
class Row:
    """A training that is repeated with several seeds.

    Attributes
    ----------
    name : str
        After ``--rows`` and in the names of files.
    title : str
        What a table calls it.
    trainer : str
        As after nnU-Net's ``-tr``.
    ours : bool
        Train it at the demo's settings and in the settings' size; otherwise it is nnU-Net's.
    transferred : bool
        Start from a training on GTV with the same seed.
    plans, configuration : str
        nnU-Net's.
    target : Target
        What is segmented, and so who is trained on.
    lengths : int
        Train for so many times the epochs of the settings.
    slice_rate : float
        Rate of what joins slices over that of the rest.
    batch_dice : bool
        Take Dice of a batch as one, and not of each slice.
    network : dict
        Settings of its network beside those of its trainer.
    """

    name: str
    title: str
    trainer: str
    ours: bool = False
    transferred: bool = False
    plans: str = "nnUNetPlans"
    configuration: str = "2d"
    target: Target = IGTV
    lengths: int = 1
    slice_rate: float = 1.0
    batch_dice: bool = False
    network: Mapping[str, int] = field(default_factory=dict)

    @property
    def whole_title(self) -> str:
        """The title, with the target where that is not the page's own."""
        return self.title if self.target == IGTV else f"{self.target.roi}, {self.title}"

    def short_trainer(self, settings: Settings) -> ShortTrainer | None:
        """Return the trainer to write; None for nnU-Net's."""
        if not self.ours:
            return None
        rate = settings.rate / 3 if self.transferred else settings.rate  # as in the demo
        return ShortTrainer(
            self.trainer,
            settings.variant,
            self.network,
            fine_tuned=self.transferred,
            rate=rate,
            slice_rate=self.slice_rate,
            batch_dice=self.batch_dice,
        )

    def trained_as(self, settings: Settings) -> str:
        """Return the name of its trainer."""
        short = self.short_trainer(settings)
        return self.trainer if short is None else short.name


@dataclass(frozen=True)
class Comparison:
    """A table of a score: rows in their order, each with the name of the row it is tested against, if there is one."""

    title: str
    rows: dict[str, str | None]
    ordered: bool = field(default=False)  # whether each row is claimed to be above the one before it
    score: str = "dice"  # or "ends" or "between", the Dice of some slices

    @classmethod
    def with_reference(cls, title: str, reference: str, *others: str) -> "Comparison":
        """Make a table whose rows are all tested against its first."""
        return cls(title, {reference: None, **dict.fromkeys(others, reference)})


_ours = partial(Row, ours=True)


def _on_gtv(name: str, title: str, trainer: str = "", **network: int) -> Row:
    """Return a row of the CVPR paper's ablations, which are of CIPA on GTV."""
    whole = f"nnUNetTrainerCIPA_{trainer}" if trainer else "nnUNetTrainerCIPA"
    return _ours(f"gtv-{name}", title, whole, target=GTV, network=network)


# What rows from GTV start from.
SOURCE_ROW = _ours("source", "CIPA", "nnUNetTrainerCIPA", target=SOURCE)
_RES_ENC = "nnUNetResEncUNetMPlans"
ROWS = {
    row.name: row
    for row in (
        _ours("2d", "2D, IGTV alone", "nnUNetTrainerCIPA"),
        _ours("2d-long", "2D, IGTV alone, twice as long", "nnUNetTrainerCIPA", lengths=2),
        _ours("2d-gtv", "2D, from GTV", "nnUNetTrainerCIPA", transferred=True),
        _ours("25d-gtv", "2.5D, from GTV", "nnUNetTrainerCIPA25D", transferred=True),
        _ours("sim-gtv", "2.5D and SIM, from GTV", "nnUNetTrainerCIPASIM", transferred=True),
        _ours(
            "dynamic-gtv", "SIM, attention to neighbours, from GTV", "nnUNetTrainerCIPASIM_dynamic", transferred=True
        ),
        _ours("stack-gtv", "CIPAStack, from GTV", "nnUNetTrainerCIPAStack", transferred=True),
        _ours(
            "sim-gtv-x10",
            "2.5D and SIM, 10 x rate, from GTV",
            "nnUNetTrainerCIPASIM",
            transferred=True,
            slice_rate=10,
        ),
        _ours(
            "dynamic-gtv-x10",
            "SIM, attention to neighbours, 10 x rate, from GTV",
            "nnUNetTrainerCIPASIM_dynamic",
            transferred=True,
            slice_rate=10,
        ),
        _ours(
            "stack-gtv-x10",
            "CIPAStack, 10 x rate, from GTV",
            "nnUNetTrainerCIPAStack",
            transferred=True,
            slice_rate=10,
        ),
        _ours("25d", "2.5D, IGTV alone", "nnUNetTrainerCIPA25D"),
        _ours("2d-batch", "2D, IGTV alone, Dice of the batch", "nnUNetTrainerCIPA", batch_dice=True),
        _ours("sim-batch", "2.5D and SIM, IGTV alone, Dice of the batch", "nnUNetTrainerCIPASIM", batch_dice=True),
        _ours("25d-5", "five slices, IGTV alone", "nnUNetTrainerCIPA25D_5slices"),
        _ours("sim", "2.5D and SIM, IGTV alone", "nnUNetTrainerCIPASIM"),
        _ours("sim-learnable", "SIM, learned weights", "nnUNetTrainerCIPASIM_learnable"),
        _ours("sim-no-channel", "SIM, no channel attention", "nnUNetTrainerCIPASIM_noChannel"),
        _ours("sim-no-spatial", "SIM, no spatial attention", "nnUNetTrainerCIPASIM_noSpatial"),
        _ours("sim-no-relation", "SIM, no slice relation", "nnUNetTrainerCIPASIM_noRelation"),
        _ours("sim-features", "SIM on the features of single slices", "nnUNetTrainerCIPASIM_features"),
        _ours("sim-dynamic", "SIM, attention to neighbours", "nnUNetTrainerCIPASIM_dynamic"),
        _ours("sim-misaligned", "SIM, PET moved against CT in training", "nnUNetTrainerCIPASIM_misaligned"),
        _ours("stack", "CIPAStack, IGTV alone", "nnUNetTrainerCIPAStack"),
        Row("nnunet-2d", "nnU-Net, plain 2D", "nnUNetTrainer"),
        Row("nnunet-2d-slice", "nnU-Net, plain 2D, Dice of each slice", "nnUNetTrainer_sliceDice"),
        Row("nnunet-resenc", "nnU-Net, ResEnc M, 2D", "nnUNetTrainer", plans=_RES_ENC),
        Row("nnunet-3d", "nnU-Net, 3d_fullres", "nnUNetTrainer", configuration="3d_fullres"),
        _on_gtv("cipa", "CIPA"),
        _on_gtv("no-crm-no-dcim", "neither CRM nor DCIM", "noCRM_noDCIM"),
        _on_gtv("no-dcim", "CRM alone", "noDCIM"),
        _on_gtv("no-crm", "DCIM alone", "noCRM"),
        _on_gtv("region-2", "regions of 2 x 2", region_size=2),
        _on_gtv("region-8", "regions of 8 x 8", region_size=8),
        _on_gtv("region-pet-local-pet", "region PET, local PET", "regionPET_localPET"),
        _on_gtv("region-ct-local-ct", "region CT, local CT", "regionCT_localCT"),
        _on_gtv("region-ct-local-pet", "region CT, local PET", "regionCT_localPET"),
        _on_gtv("local-ct", "local CT alone", "localCT"),
        _on_gtv("region-pet", "region PET alone", "regionPET"),
    )
}

# Rows by Dice of the batch, each with the one that differs by nothing else.
_BY_BATCH = {
    "2d": None,
    "2d-batch": "2d",
    "sim": None,
    "sim-batch": "sim",
    "nnunet-2d-slice": None,
    "nnunet-2d": "nnunet-2d-slice",
}
COMPARISONS = (
    Comparison(
        "The paper's four rows, each against the one before",
        {"2d": None, "2d-gtv": "2d", "25d-gtv": "2d-gtv", "sim-gtv": "25d-gtv"},
        ordered=True,
    ),
    Comparison(
        "With and without GTV, each pair",
        {"2d": None, "2d-gtv": "2d", "25d": None, "25d-gtv": "25d", "sim": None, "sim-gtv": "sim"},
    ),
    Comparison.with_reference("Beyond three fixed slices, from GTV", "sim-gtv", "dynamic-gtv", "stack-gtv"),
    Comparison(
        "First and last slices of lesions, from GTV: what neighbouring slices add",
        {"2d-gtv": None, **dict.fromkeys(("25d-gtv", "sim-gtv", "dynamic-gtv", "stack-gtv"), "2d-gtv")},
        score="ends",
    ),
    Comparison(
        "What joins slices, at the rate of the rest and at ten times that, from GTV",
        {
            "sim-gtv": None,
            "sim-gtv-x10": "sim-gtv",
            "dynamic-gtv": None,
            "dynamic-gtv-x10": "dynamic-gtv",
            "stack-gtv": None,
            "stack-gtv-x10": "stack-gtv",
        },
    ),
    Comparison.with_reference("As many iterations in all as the source and what starts from it", "2d-long", "2d-gtv"),
    Comparison.with_reference(
        "Beside nnU-Net, all from initial weights", "sim", "2d", "25d", "nnunet-2d", "nnunet-2d-slice", "nnunet-resenc",
        "nnunet-3d",
    ),
    Comparison("Dice of each slice, and of the batch, in training", _BY_BATCH),
    Comparison("First and last slices, by what Dice is of in training", _BY_BATCH, score="ends"),
    Comparison.with_reference("One, three and five slices", "2d", "25d", "25d-5"),
    Comparison.with_reference(
        "SIM: without it, its weights, its branches, where it acts", "sim", "25d", "sim-learnable", "sim-no-channel",
        "sim-no-spatial", "sim-no-relation", "sim-features", "sim-dynamic",
    ),
    Comparison.with_reference("A scan along z, and misaligned training", "sim", "stack", "sim-misaligned"),
    Comparison.with_reference(
        "GTV: the modules of CIPA, table 4 of the CVPR paper", "gtv-cipa", "gtv-no-crm-no-dcim", "gtv-no-dcim",
        "gtv-no-crm",
    ),
    Comparison.with_reference(
        "GTV: DCIM's regions of 4 x 4 pixels, 2 x 2 and 8 x 8, table 5", "gtv-cipa", "gtv-region-2", "gtv-region-8"
    ),
    Comparison.with_reference(
        "GTV: what DCIM reads, region PET and local CT in CIPA, table 6", "gtv-cipa", "gtv-region-pet-local-pet",
        "gtv-region-ct-local-ct", "gtv-region-ct-local-pet", "gtv-local-ct", "gtv-region-pet",
    ),
)  # fmt: skip
