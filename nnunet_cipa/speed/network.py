"""Speed of the network beside nnU-Net's own, in one process."""

import itertools
from collections.abc import Iterator
from dataclasses import asdict, dataclass

import torch
from torch import nn
from tqdm import tqdm

from nnunet_cipa.network.comparators.ensemble import EnsembleLoss
from nnunet_cipa.network.layers.precision import check_bfloat16_option
from nnunet_cipa.network.layers.ssm import SelectiveSSM
from nnunet_cipa.network.multiply_adds import count_multiply_adds
from nnunet_cipa.ops import preferred_backend
from nnunet_cipa.ops.choice import check_device
from nnunet_cipa.speed.catalogue import CIPA_FORMS
from nnunet_cipa.speed.command import command_line
from nnunet_cipa.speed.machine import bench_versions, measured_machine
from nnunet_cipa.speed.networks import NetworkSetting, check_choices, scan_backend, slices_read
from nnunet_cipa.speed.options import NetworkBench
from nnunet_cipa.speed.report import BenchReport, BenchRow
from nnunet_cipa.speed.states import StateUpdates
from nnunet_cipa.speed.timing import Timing, time_function

_PREDICTION, _IN_BFLOAT16 = "prediction", "prediction, bfloat16"
_HEADER = (
    "network", "backend", "patch", "batch", "slices", "parameters", "multiply-adds", "pass", "median s", "range s",
    "memory", "states/s", "ratio",
)  # fmt: skip


def bench_network(bench: NetworkBench) -> BenchReport:
    """Measure a prediction and a training step (forward, backward, AdamW) of some networks.

    Parameters
    ----------
    bench : NetworkBench
        What to measure.

    Returns
    -------
    BenchReport
        Multiply-adds are those of a prediction of one sample, as ``count_multiply_adds`` has them. States per second
        are the state updates of all scans of a forward pass over the seconds of the whole pass.

    Raises
    ------
    CIPAError
        If a network does not exist, the patch or the number of slices does not fit, or there is no such device.
    UsageError
        For bfloat16 on another device than the CPU.
    """
    check_device(bench.device)
    if bench.bf16:
        check_bfloat16_option(bench.device)
    device = torch.device(bench.device)
    groups = _settings(bench)
    for setting in itertools.chain.from_iterable(groups):
        setting.check()
    machine = measured_machine(device)
    torch.backends.cudnn.benchmark = device.type == "cuda"  # as nnU-Net trains and predicts
    rows = []
    with tqdm(total=sum(map(len, groups)), desc="network", disable=None) as bar:
        for group in groups:
            first: dict[str, float] = {}
            for setting in group:
                with scan_backend(setting.name):
                    for figures in _measure(setting, device, bench):
                        seconds = figures.timing.seconds
                        kind = _PREDICTION if figures.kind == _IN_BFLOAT16 else figures.kind
                        rows.append(_row(figures, seconds / first.setdefault(kind, seconds)))
                bar.update()
    return BenchReport("network", command_line("network", bench), machine, bench_versions(), _HEADER, rows)


def _settings(bench: NetworkBench) -> list[list[NetworkSetting]]:
    """Return for each patch size and batch the networks, with their numbers of slices."""
    check_choices(bench)
    return [
        [
            NetworkSetting(name, bench.variant, batch, patch_size, slices)
            for name in bench.networks
            for slices in slices_read(name, bench.slices)
        ]
        for patch_size, batch in itertools.product(bench.patch_size, bench.batch)
    ]


@dataclass(frozen=True)
class _Figures:
    setting: NetworkSetting
    backend: str
    parameters: int
    multiply_adds: float
    states: int
    kind: str
    timing: Timing


def _measure(setting: NetworkSetting, device: torch.device, bench: NetworkBench) -> Iterator[_Figures]:
    network = setting.build()
    parameters = sum(p.numel() for p in network.parameters())
    multiply_adds = count_multiply_adds(network, setting.counted_shape)
    network.to(device)
    scans = any(isinstance(module, SelectiveSSM) for module in network.modules())
    backend = preferred_backend(device.type) if scans else ""
    prediction = _Prediction(network, setting, device)
    with StateUpdates() as counted:
        prediction()
    if setting.name in CIPA_FORMS and CIPA_FORMS[setting.name].compiled:
        network.compile(backend="inductor" if device.type == "cuda" else "aot_eager")
    passes = {_PREDICTION: prediction, "training step": TrainingStep(network, setting, device)}
    if bench.bf16:
        passes[_IN_BFLOAT16] = _Prediction(network, setting, device, bfloat16=True)
    for kind, run in passes.items():
        timing = time_function(run, device, bench.repeats)
        yield _Figures(setting, backend, parameters, multiply_adds, counted.total, kind, timing)


def _row(figures: _Figures, ratio: float) -> BenchRow:
    setting = figures.setting
    height, width = setting.patch_size
    speed = figures.states / figures.timing.seconds
    values = {
        "name": setting.name,
        "backend": figures.backend or None,
        "variant": setting.variant_built,
        "batch": setting.batch,
        "height": height,
        "width": width,
        "slices": setting.slices,
        "parameters": figures.parameters,
        "multiply_adds": figures.multiply_adds,
        "pass": figures.kind,
        **asdict(figures.timing),
        "state_updates": figures.states,
        "states_per_second": speed,
        "ratio": ratio,
    }
    cells = (setting.name, figures.backend, f"{height} x {width}", str(setting.batch), str(setting.slices),
             f"{figures.parameters / 1e6:.1f} M", f"{figures.multiply_adds / 1e9:.4g} G", figures.kind,
             *figures.timing.cells, f"{speed:.3g}" if figures.backend else "", f"{ratio:.3g}")  # fmt: skip
    return BenchRow(values, cells)


class _Prediction:
    def __init__(
        self, network: nn.Module, setting: NetworkSetting, device: torch.device, *, bfloat16: bool = False
    ) -> None:
        self.network = network
        self.image = torch.randn(setting.input_shape, generator=torch.Generator().manual_seed(0)).to(device)
        self.autocast = self.image.is_cuda or bfloat16
        has_bfloat16 = bfloat16 or (self.image.is_cuda and torch.cuda.is_bf16_supported())
        self.half = torch.bfloat16 if has_bfloat16 else torch.float16

    def __call__(self) -> None:
        self.network.eval()
        with torch.inference_mode(), torch.autocast(self.image.device.type, self.half, enabled=self.autocast):
            self.network(self.image)


class TrainingStep(_Prediction):
    """Forward, backward and AdamW on noise, in bfloat16 or float16 on CUDA."""

    def __init__(self, network: nn.Module, setting: NetworkSetting, device: torch.device) -> None:
        super().__init__(network, setting, device)
        self.optimizer = torch.optim.AdamW(network.parameters(), lr=1e-4)
        self.loss = EnsembleLoss(nn.CrossEntropyLoss())  # of a network with several outputs that of all
        self.target = torch.zeros(setting.batch, *self.image.shape[2:], dtype=torch.long, device=device)

    def __call__(self) -> None:
        """Take one step."""
        self.network.train()
        self.optimizer.zero_grad(set_to_none=True)
        with torch.autocast(self.image.device.type, self.half, enabled=self.autocast):
            loss = self.loss(self.network(self.image), self.target)
        loss.backward()
        self.optimizer.step()
