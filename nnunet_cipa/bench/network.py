"""Speed of the network beside nnU-Net's own, in one process."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from dynamic_network_architectures.architectures.unet import PlainConvUNet, ResidualEncoderUNet
from torch import nn

from nnunet_cipa.bench.timing import measure
from nnunet_cipa.errors import CIPAError
from nnunet_cipa.network import CIPA
from nnunet_cipa.tables import render

_HEADER = ("network", "parameters", "pass", "median s", "range s", "memory", "ratio")
_CIPA: dict[str, dict[str, Any]] = {
    "cipa": {},
    "cipa-25d": {"slices": 3},
    "cipa-sim": {"slices": 3, "sim": "input"},
    "cipa-features": {"slices": 3, "sim": "features"},
}
# What nnU-Net 2.8 plans for slices of 512 x 512: eight stages, and the blocks of the stages of ResEnc-L.
_STAGES = 8
_STRIDE = 2 ** (_STAGES - 1)
_RESIDUAL_BLOCKS = (1, 3, 4, 6, 6, 6, 6, 6)


@dataclass(frozen=True)
class NetworkBench:
    """What to measure.

    Attributes
    ----------
    variant : str
        Of CIPA.
    patch_size : (int, int)
        (H, W); multiples of 128 from 256, which nnU-Net's networks of eight stages need.
    batch : int
        Pairs of slices.
    device : str
        "cpu" or "cuda"; on CUDA the passes run under autocast, in bfloat16 where the GPU has it.
    repeats : int
        Timed runs.
    """

    variant: str = "tiny"
    patch_size: tuple[int, int] = (512, 512)
    batch: int = 1
    device: str = "cpu"
    repeats: int = 5


def bench_network(bench: NetworkBench, networks: Sequence[str] = ("plain", "resenc-l", "cipa")) -> str:
    """Measure a prediction and a training step (forward, backward, AdamW) of some networks.

    Parameters
    ----------
    bench : NetworkBench
        What to measure.
    networks : sequence of str
        "plain" (nnU-Net's 2D network), "resenc-l" (its ResEnc-L), "cipa", "cipa-25d" (three slices), "cipa-sim" (and
        SIM on them) or "cipa-features" (SIM on their features); the first is what the ratios refer to.

    Returns
    -------
    str
        A table in Markdown.

    Raises
    ------
    CIPAError
        If a network does not exist or the patch does not fit.
    """
    rows: list[tuple[str, ...]] = []
    first: dict[str, float] = {}
    for name in networks:
        network = _build(name, bench).to(bench.device)
        parameters = f"{sum(p.numel() for p in network.parameters()) / 1e6:.1f} M"
        for kind, run in (
            ("prediction", _Prediction(network, bench)),
            ("training step", _TrainingStep(network, bench)),
        ):
            timing = measure(run, torch.device(bench.device), bench.repeats)
            first.setdefault(kind, timing.seconds)
            rows.append((name, parameters, kind, *timing.cells, f"{timing.seconds / first[kind]:.2f}"))
    return render(_HEADER, rows)


class _Prediction:
    def __init__(self, network: nn.Module, bench: NetworkBench) -> None:
        self.network = network
        channels = 2 * network.slices if isinstance(network, CIPA) else 2
        self.image = torch.randn(
            bench.batch, channels, *bench.patch_size, generator=torch.Generator().manual_seed(0)
        ).to(bench.device)
        self.half = torch.bfloat16 if bench.device == "cuda" and torch.cuda.is_bf16_supported() else torch.float16

    def __call__(self) -> None:
        self.network.eval()
        with torch.inference_mode(), torch.autocast("cuda", self.half, enabled=self.image.is_cuda):
            self.network(self.image)


class _TrainingStep(_Prediction):
    def __init__(self, network: nn.Module, bench: NetworkBench) -> None:
        super().__init__(network, bench)
        self.optimizer = torch.optim.AdamW(network.parameters(), lr=1e-4)
        self.target = torch.zeros(bench.batch, *bench.patch_size, dtype=torch.long, device=bench.device)

    def __call__(self) -> None:
        self.network.train()
        self.optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cuda", self.half, enabled=self.image.is_cuda):
            loss = nn.functional.cross_entropy(self.network(self.image), self.target)
        loss.backward()
        self.optimizer.step()


def _build(name: str, bench: NetworkBench) -> nn.Module:
    torch.manual_seed(0)
    if name in _CIPA:
        return CIPA(2, 2, patch_size=bench.patch_size, variant=bench.variant, **_CIPA[name])
    if name not in {"plain", "resenc-l"}:
        raise CIPAError(f"unknown network {name!r}; choose among {', '.join(_CIPA)}, plain and resenc-l")
    if any(side % _STRIDE or side == _STRIDE for side in bench.patch_size):
        raise CIPAError(
            f"patch_size {bench.patch_size} does not fit {name}; give multiples of {_STRIDE} from {2 * _STRIDE}"
        )
    common = {
        "input_channels": 2,
        "n_stages": _STAGES,
        "features_per_stage": [min(32 * 2**stage, 512) for stage in range(_STAGES)],
        "conv_op": nn.Conv2d,
        "kernel_sizes": 3,
        "strides": [1, *[2] * (_STAGES - 1)],
        "num_classes": 2,
        "conv_bias": True,
        "norm_op": nn.InstanceNorm2d,
        "norm_op_kwargs": {"eps": 1e-5, "affine": True},
        "nonlin": nn.LeakyReLU,
        "nonlin_kwargs": {"inplace": True},
    }
    if name == "plain":
        return PlainConvUNet(n_conv_per_stage=2, n_conv_per_stage_decoder=2, **common)
    return ResidualEncoderUNet(n_blocks_per_stage=_RESIDUAL_BLOCKS, n_conv_per_stage_decoder=1, **common)
