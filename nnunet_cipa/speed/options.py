"""The options of ``bench``."""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from pkgutil import iter_modules
from typing import Annotated

from nnunet_cipa.options import Option
from nnunet_cipa.speed.catalogue import NETWORKS, PATIENT_NETWORKS

# Of the figure of ``bench plot``.
FORMATS = (".svg", ".png", ".pdf")
# Whose sliding window predicts a patient: nnU-Net's own, or that of 'nnunet-cipa predict'.
PREDICTORS = ("nnUNetv2_predict", "predict")
COUNT = Option("N", least=1)
Counts = Annotated[tuple[int, ...], COUNT]


def scan_backends() -> Iterator[str]:
    """Name the scan backends by their folders, since asking them would import torch."""
    package = find_spec("nnunet_cipa.ops")
    assert package is not None  # noqa: S101
    return (module.name for module in iter_modules(package.submodule_search_locations) if module.ispkg)


@dataclass(frozen=True)
class ScanBench:
    """The calls to measure: every combination of the sizes.

    Attributes
    ----------
    batch : tuple of int
        One or more sizes of the batch; the default sizes are those of the longest scan of CIPA tiny at 512 x 512.
    channels : tuple of int
        One or more numbers of channels, multiples of 4.
    length : tuple of int
        One or more lengths of the sequence.
    d_state : tuple of int
        One or more numbers of states.
    device : str
        Type of the device, such as cpu or cuda.
    repeats : int
        Timed runs.
    forward_only : bool
        Leave out the passes with backward.
    backends : tuple of str
        What is measured; the first is ratio 1.
    """

    batch: Counts = (1,)
    channels: Annotated[tuple[int, ...], Option("N", least=1, multiple=4)] = (768,)
    length: Counts = (16384,)
    d_state: Counts = (16,)
    device: str = "cpu"
    repeats: Annotated[int, COUNT] = 7
    forward_only: bool = False
    backends: Annotated[
        tuple[str, ...], Option("NAME", choices=scan_backends, default="all that can be used, but reference")
    ] = ()


@dataclass(frozen=True)
class NetworkBench:
    """What to measure: every combination of patch size, batch and slices.

    Attributes
    ----------
    variant : str
        Variant of CIPA, such as tiny or nano; comparators have one size, and nano.
    patch_size : tuple of (int, int)
        Height and width, given again for further sizes; for nnU-Net's networks of eight stages multiples of
        128 from 256.
    batch : tuple of int
        One or more numbers of pairs of images.
    slices : tuple of int
        One or more numbers of slices, for the networks that read several; the others read one.
    device : str
        Type of the device, such as cpu or cuda; on CUDA the passes run under autocast, in bfloat16 where the GPU has
        it.
    repeats : int
        Timed runs.
    networks : tuple of str
        What is measured; the first is ratio 1.
    bf16 : bool
        Measure a prediction in bfloat16 on the CPU too; its ratio is to the first network's in float32.
    """

    variant: str = "tiny"
    patch_size: Annotated[tuple[tuple[int, int], ...], Option(("H", "W"), least=1)] = ((512, 512),)
    batch: Counts = (1,)
    slices: Annotated[tuple[int, ...], Option("N")] = (3,)
    device: str = "cpu"
    repeats: Annotated[int, COUNT] = 5
    networks: Annotated[tuple[str, ...], Option("NAME", choices=lambda: NETWORKS)] = ("plain", "resenc-l", "cipa")
    bf16: bool = False


@dataclass(frozen=True)
class PatientBench:
    """The volume to predict, and by what.

    Attributes
    ----------
    size : (int, int)
        Rows and columns of the volume, which the networks in two dimensions have as their patch, rounded up to what
        they take.
    slices : int
        Slices of the volume.
    crop : bool
        Predict the volume cut to the body too, as of a data set of 'convert --crop'.
    disable_tta : bool
        Predict without mirrored passes alone.
    variant : str
        Variant of CIPA, such as tiny or nano.
    device : str
        Type of the device, such as cpu or cuda.
    networks : tuple of str
        What predicts; the first is ratio 1.
    predictors : tuple of str
        Whose sliding window it is.
    """

    size: Annotated[tuple[int, int], Option(("H", "W"), least=32)] = (512, 512)
    slices: Annotated[int, COUNT] = 300
    crop: bool = False
    disable_tta: bool = False
    variant: str = "tiny"
    device: str = "cpu"
    networks: Annotated[tuple[str, ...], Option("NAME", choices=lambda: PATIENT_NETWORKS)] = PATIENT_NETWORKS
    predictors: Annotated[tuple[str, ...], Option("NAME", choices=lambda: PREDICTORS)] = PREDICTORS


@dataclass(frozen=True)
class GpuBench:
    """What one run on a borrowed GPU is given.

    Attributes
    ----------
    seconds : int
        Wall time that the run keeps to; each part has its share of it and passes on what it does not need.
    device : str
        Type of the device; cpu rehearses the whole with tiny sizes.
    slices : Path or None
        File of 'bench slices' to train on; slices are drawn while the first part runs if it is not given, which
        needs SciPy and Pillow.
    """

    seconds: Annotated[int, Option("S", least=20)] = 480
    device: str = "cuda"
    slices: Annotated[Path | None, Option("FILE", suffixes=(".npz",))] = None


@dataclass(frozen=True)
class PhantomSlices:
    """Phantom slices to train on.

    Attributes
    ----------
    patients : int
        Patients.
    slices : int
        About how many slices per patient.
    size : int
        Rows and columns, a multiple of 32.
    seed : int
        Of the patients.
    """

    patients: Annotated[int, COUNT] = 8
    slices: Annotated[int, Option("N", least=3, most=90)] = 8
    size: Annotated[int, Option("N", least=64, most=1024, multiple=32)] = 512
    seed: Annotated[int, Option("N", least=0)] = 0
