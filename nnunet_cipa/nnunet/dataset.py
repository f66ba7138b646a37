"""The planned and preprocessed data set, and what is missing of it."""

from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

from nnunet_cipa.errors import CIPAError
from nnunet_cipa.files.json_files import read_object
from nnunet_cipa.nnunet.folders import PREPROCESSED, RAW, SPLITS, find_dataset, folder_if_set, nnunet_folder
from nnunet_cipa.nnunet.splits import read_splits
from nnunet_cipa.processes.commands import Step

_PLANNERS = {
    "nnUNetPlans": None,
    "nnUNetResEncUNetMPlans": "nnUNetPlannerResEncM",
    "nnUNetResEncUNetLPlans": "nnUNetPlannerResEncL",
    "nnUNetResEncUNetXLPlans": "nnUNetPlannerResEncXL",
}


@dataclass(frozen=True)
class Dataset:
    """A data set in nnU-Net's folders.

    Attributes
    ----------
    name : str
        DatasetNNN_NAME.
    preprocessed : Path
        Its folder in nnUNet_preprocessed.
    """

    name: str
    preprocessed: Path

    @classmethod
    def find(cls, name_or_id: str) -> "Dataset":
        """Find a data set by its number or its whole name, planned or not.

        Raises
        ------
        CIPAError
            If there is none, or more than one of that number.
        """
        preprocessed, raw = nnunet_folder(PREPROCESSED).absolute(), folder_if_set(RAW)
        name = find_dataset(name_or_id, [preprocessed, *([] if raw is None else [raw])])
        return cls(name, preprocessed / name)

    @property
    def dataset_id(self) -> int:
        """NNN."""
        return int(self.name[7:10])

    @cached_property
    def dataset_json(self) -> dict[str, Any]:
        """The content of dataset.json."""
        return read_object(self.preprocessed / "dataset.json", "plan the data set again")

    def read_plans(self, plans: str) -> dict[str, Any]:
        """Read plans by their name; each call gives a new object."""
        return read_object(self.plans_file(plans), "plan the data set, or give the name of other --plans")

    def read_plans_with(self, plans: str, configuration: str, remedy: str) -> dict[str, Any]:
        """Read plans that have a configuration.

        Raises
        ------
        CIPAError
            If they have not; the message ends with the remedy.
        """
        content, file = self.read_plans(plans), self.plans_file(plans)
        configurations = content.get("configurations")
        if not isinstance(configurations, dict):
            raise CIPAError(f"{file}: has no configurations; plan the data set again")
        if configuration not in configurations:
            raise CIPAError(f"{file}: has no configuration {configuration}, only {', '.join(configurations)}; {remedy}")
        return content

    def plans_file(self, plans: str) -> Path:
        """Return the path of plans."""
        return self.preprocessed / f"{plans}.json"

    def check_folds(self, folds: Iterable[int]) -> set[str]:
        """Check that the folds exist, and return their cases.

        Raises
        ------
        CIPAError
            If a fold is not in splits_final.json, where nnU-Net would silently draw another split, or the file is not
            laid out as nnU-Net's; if a fold has no cases for training or validation, or one case for both.
        """
        path = self.preprocessed / SPLITS
        remedy = f"write the folds there, by patient, before the benchmark (nnU-Net would draw {SPLITS} by case)"
        splits = read_splits(path, remedy)
        cases: set[str] = set()
        for fold in folds:
            if fold >= len(splits):
                raise CIPAError(
                    f"{path}: has {len(splits)} folds, numbered from 0, and no fold {fold}; give --folds from 0 to "
                    f"{len(splits) - 1}"
                )
            train, val = set(splits[fold]["train"]), set(splits[fold]["val"])
            if not train or not val:
                raise CIPAError(
                    f"{path}: fold {fold} has {len(train)} training and {len(val)} validation cases; name some for both"
                )
            if train & val:
                raise CIPAError(
                    f"{path}: {min(train & val)} is in training and validation of fold {fold}; take it out of the "
                    "training cases"
                )
            cases |= train | val
        return cases

    def planning_steps(self, plans: str, configurations: Sequence[str], folds: Iterable[int]) -> list[Step]:
        """Return the stock command that plans and preprocesses what the folds lack, none if nothing is missing.

        Raises
        ------
        CIPAError
            If the plans are missing and nnU-Net's planner for them is unknown, or have no such configuration, or the
            data set is planned and has no such folds.
        """
        if not self.plans_file(plans).is_file():
            return [self._plan(plans, configurations)]
        cases = self.check_folds(folds)
        missing = [name for name in configurations if not self._is_preprocessed(plans, name, cases)]
        if not missing:
            return []
        words = ("nnUNetv2_preprocess", "-d", str(self.dataset_id), "-plans_name", plans, "-c", *missing)
        return [Step(f"preprocess_{plans}", words)]

    def _plan(self, plans: str, configurations: Sequence[str]) -> Step:
        if plans not in _PLANNERS:
            raise CIPAError(
                f"{self.plans_file(plans)}: no such plans; plan the data set with your planner, or give one of these "
                f"as --plans, and --plan: {', '.join(_PLANNERS)}"
            )
        planner = _PLANNERS[plans]
        words = ["nnUNetv2_plan_and_preprocess", "-d", str(self.dataset_id), "-c", *configurations]
        return Step(f"plan_{plans}", (*words, *(() if planner is None else ("-pl", planner))))

    def _is_preprocessed(self, plans: str, configuration: str, cases: Set[str]) -> bool:
        content = self.read_plans_with(plans, configuration, "give some of these as --configurations")
        folder = self.preprocessed / PlansManager(content).get_configuration(configuration).data_identifier
        # a case is CASE.b2nd or CASE.npz, beside CASE_seg.b2nd and CASE.pkl
        return all(any((folder / f"{case}{end}").is_file() for end in (".b2nd", ".npz")) for case in cases)
