"""Seconds and memory of predicting a whole volume, by nnU-Net's predictor and by ours."""

import itertools
from collections.abc import Iterator
from dataclasses import asdict

import torch
from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor
from torch import Tensor
from tqdm import tqdm

from nnunet_cipa.network import VARIANTS
from nnunet_cipa.ops.choice import check_device
from nnunet_cipa.options import UsageError
from nnunet_cipa.speed.command import command_line
from nnunet_cipa.speed.machine import bench_versions, measured_machine
from nnunet_cipa.speed.options import PatientBench
from nnunet_cipa.speed.patient_models import PatientModel
from nnunet_cipa.speed.report import BenchReport, BenchRow
from nnunet_cipa.speed.timing import Timing, time_once
from nnunet_cipa.speed.volume import crop_to_body, draw_volume

_HEADER = ("network", "volume", "patch", "predicted by", "mirrored", "s", "memory", "s per slice", "ratio")


def bench_patient(bench: PatientBench) -> BenchReport:
    """Measure the prediction of one preprocessed volume by one fold, without reading, resampling and export.

    Parameters
    ----------
    bench : PatientBench
        What to measure.

    Returns
    -------
    BenchReport
        Each figure is of one run, after a run on one slice to warm up; nothing is extrapolated.

    Raises
    ------
    CIPAError
        If a network cannot be built, or there is no such device.
    """
    check_device(bench.device)
    if bench.variant not in VARIANTS:
        raise UsageError(f"--variant {bench.variant}: there is none; choose among {', '.join(VARIANTS)}")
    device = torch.device(bench.device)
    machine = measured_machine(device)
    volume = draw_volume(bench.slices, *bench.size)
    images = [volume, *([crop_to_body(volume)] if bench.crop else [])]
    mirrored = (False,) if bench.disable_tta else (True, False)
    rows: list[BenchRow] = []
    first = 0.0
    total = len(bench.networks) * len(images) * len(mirrored) * len(bench.predictors)
    with tqdm(total=total, desc="patient", disable=None) as bar:
        for name, image, mirror in itertools.product(bench.networks, images, mirrored):
            model = PatientModel(name, bench.variant, (image.shape[2], image.shape[3]))
            for by, predictor, timing in _measure(model, image, mirror, bench):
                first = first or timing.seconds
                rows.append(_row(model, image, mirror, by, predictor, timing, timing.seconds / first))
                bar.update()
    return BenchReport("patient", command_line("patient", bench), machine, bench_versions(), _HEADER, rows)


def _measure(
    model: PatientModel, image: Tensor, mirror: bool, bench: PatientBench
) -> Iterator[tuple[str, nnUNetPredictor, Timing]]:
    device = torch.device(bench.device)
    for by, predictor in model.make_predictors(mirror, device, bench.predictors).items():
        predictor.predict_logits_from_preprocessed_data(image[:, :1])

        def run(predictor: nnUNetPredictor = predictor) -> None:
            predictor.predict_logits_from_preprocessed_data(image)

        yield by, predictor, time_once(run, device)


def _row(
    model: PatientModel, image: Tensor, mirror: bool, by: str, predictor: nnUNetPredictor, timing: Timing, ratio: float
) -> BenchRow:
    slices, height, width = image.shape[1:]
    patch = list(predictor.configuration_manager.patch_size)
    values = {
        "name": model.name,
        "variant": model.variant,
        "slices": slices,
        "height": height,
        "width": width,
        "patch": patch,
        "predictor": by,
        "mirrored": mirror,
        **asdict(timing),
        "ratio": ratio,
    }
    seconds, _, memory = timing.cells
    cells = (model.name, f"{slices} x {height} x {width}", " x ".join(map(str, patch)), by, "yes" if mirror else "no",
             seconds, memory, f"{timing.seconds / slices:.3g}", f"{ratio:.3g}")  # fmt: skip
    return BenchRow(values, cells)
