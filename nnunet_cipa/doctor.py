"""Can training run here? Versions, devices, scan backends and nnU-Net's variables, and what to do about each fault."""

import os
import platform
from collections.abc import Callable, Iterator, Set
from dataclasses import dataclass
from importlib.metadata import requires, version
from pathlib import Path

from packaging.requirements import Requirement
from packaging.version import Version

from nnunet_cipa.nnunet.folders import VARIABLES, trainer_folders
from nnunet_cipa.nnunet.tested_versions import NEWEST_TESTED
from nnunet_cipa.versions import package_versions

TRAINER = "nnUNetTrainerCIPA"


@dataclass(frozen=True)
class Finding:
    """One line of the report; ``problem`` says why training cannot run and what to do, or is empty."""

    section: str
    name: str
    value: str
    problem: str = ""

    def __str__(self) -> str:
        """Return the line that is printed."""
        mark = "!!" if self.problem else "ok"
        return f"[{mark}] {self.name}: {self.value}" + (f"\n     {self.problem}" if self.problem else "")


def examine() -> list[Finding]:
    """Look at everything that training needs."""
    return [*_versions(), *_devices(), *_backends(), *_folders(), *_trainers(), *_numbers_and_switches()]


def _versions() -> Iterator[Finding]:
    yield Finding("versions", "Python", platform.python_version())
    yield Finding("versions", "nnunet-cipa", version("nnunet-cipa"))
    requirements = {requirement.name: requirement for requirement in _requirements()}
    for name, found in package_versions(requirements).items():
        requirement = requirements[name]
        if found is None:
            yield Finding("versions", name, "not installed", f"pip install '{requirement}'")
            continue
        fits = requirement.specifier.contains(found, prereleases=True)
        newest = NEWEST_TESTED[name]
        newer = f" (newer than {newest}, the newest that was tested)" if Version(found) > Version(newest) else ""
        yield Finding("versions", name, found + newer, "" if fits else f"pip install '{requirement}'")
    for name, found in package_versions(_optional_packages(requirements.keys())).items():
        yield Finding("versions", name, found or "not installed (optional)")


def _requirements() -> list[Requirement]:
    """Return what has to be installed here, without the extras."""
    every = map(Requirement, requires("nnunet-cipa") or ())
    return [one for one in every if not one.marker or one.marker.evaluate({"extra": ""})]


def _optional_packages(required: Set[str]) -> list[str]:
    from nnunet_cipa.ops.registry import backends  # noqa: PLC0415 - imports torch, which takes seconds

    return [name for backend in backends() for name in backend.packages if name not in required]


def _devices() -> Iterator[Finding]:
    import torch  # noqa: PLC0415 - takes seconds to import

    from nnunet_cipa.network.layers.precision import cpu_has_bfloat16  # noqa: PLC0415 - imports torch

    has = "bfloat16" if cpu_has_bfloat16() else "no bfloat16"
    yield Finding("devices", "CPU", f"{os.cpu_count()} cores, torch uses {torch.get_num_threads()} threads, {has}")
    if not torch.cuda.is_available():
        yield Finding("devices", "CUDA", "none; training runs on the CPU with -device cpu")
    for index in range(torch.cuda.device_count()):
        properties = torch.cuda.get_device_properties(index)
        half = "bfloat16" if properties.major >= 8 else "float16"
        gib = properties.total_memory / 2**30
        yield Finding("devices", f"CUDA {index}", f"{properties.name}, {gib:.0f} GiB, autocast in {half}")


def _backends() -> Iterator[Finding]:
    import torch  # noqa: PLC0415

    from nnunet_cipa.errors import CIPAError  # noqa: PLC0415
    from nnunet_cipa.ops import available_backends, preferred_backend  # noqa: PLC0415
    from nnunet_cipa.ops.registry import device_types  # noqa: PLC0415

    for device in device_types():
        if not torch.get_device_module(device).is_available():
            continue
        try:
            yield Finding("scan backends", f"used on {device}", preferred_backend(device))
        except CIPAError as error:
            yield Finding("scan backends", f"used on {device}", "none", str(error))
    for name, (usable, reason) in available_backends().items():
        yield Finding("scan backends", name, f"{'usable' if usable else 'not usable'}: {reason}")


def _folders() -> Iterator[Finding]:
    for name in VARIABLES:
        value = os.environ.get(name)
        if not value:
            yield Finding("nnU-Net", name, "not set", f"export {name}=/path/to/{name}")
            continue
        # nnU-Net makes the folder itself, so the nearest one that exists has to be writable
        existing = next(
            folder for folder in (Path(value).absolute(), *Path(value).absolute().parents) if folder.exists()
        )
        writable = existing.is_dir() and os.access(existing, os.W_OK)
        yield Finding(
            "nnU-Net", name, value, "" if writable else f"{existing} is not a directory that can be written to"
        )


def _trainers() -> Iterator[Finding]:
    from nnunet_cipa.plugin import plugin_path  # noqa: PLC0415

    value = os.environ.get("nnUNet_extTrainer", "")
    remedy = 'export nnUNet_extTrainer="$(nnunet-cipa plugin-path)"'
    found = plugin_path() in [Path(folder).resolve() for folder in trainer_folders()]
    yield Finding("nnU-Net", "nnUNet_extTrainer", value or "not set", "" if found else remedy)
    encoder = os.environ.get("NNUNET_CIPA_ENCODER")
    if encoder:
        problem = "no such file or folder; make the file with 'nnunet-cipa weights import', or unset the variable"
        problem = "" if Path(encoder).exists() else problem
        yield Finding("nnU-Net", "NNUNET_CIPA_ENCODER", encoder, problem)


def _numbers_and_switches() -> Iterator[Finding]:
    import torch  # noqa: PLC0415

    from nnunet_cipa.errors import CIPAError  # noqa: PLC0415
    from nnunet_cipa.network.layers.precision import CPU_BFLOAT16_VARIABLE, predicts_in_bfloat16  # noqa: PLC0415
    from nnunet_cipa.switches import read_switch  # noqa: PLC0415
    from nnunet_cipa.trainers.base import CHECKPOINTING_VARIABLE  # noqa: PLC0415
    from nnunet_cipa.trainers.robust.seeding import SEED_VARIABLE, read_seed  # noqa: PLC0415
    from nnunet_cipa.trainers.robust.threads import THREADS_VARIABLE, read_threads  # noqa: PLC0415

    readers: dict[str, Callable[[], object]] = {
        SEED_VARIABLE: read_seed,
        THREADS_VARIABLE: read_threads,
        CHECKPOINTING_VARIABLE: lambda: read_switch(CHECKPOINTING_VARIABLE),
        CPU_BFLOAT16_VARIABLE: lambda: predicts_in_bfloat16(torch.device("cpu")),
    }
    for name, read in readers.items():
        value = os.environ.get(name)
        if not value:
            continue
        problem = ""
        try:
            read()
        except CIPAError as error:
            problem = str(error)
        yield Finding("nnU-Net", name, value, problem)
