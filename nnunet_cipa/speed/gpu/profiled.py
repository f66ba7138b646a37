"""Where a training step of CIPA spends its time, by kernel."""

from functools import partial
from typing import Any

import torch
from torch.profiler import ProfilerActivity, profile

from nnunet_cipa.speed.gpu.job import Items, Job, Rows
from nnunet_cipa.speed.network import TrainingStep
from nnunet_cipa.speed.networks import NetworkSetting

_STEPS, _WARMING = 3, 3


def items(job: Job) -> Items:
    """Name the one step."""
    setting = NetworkSetting("cipa", "nano", 1, (32, 32), 1) if job.tiny else NetworkSetting(
        "cipa", "tiny", 8, (512, 512), 1
    )  # fmt: skip
    return {f"{setting.name} {setting.variant}, batch {setting.batch}": partial(profiled_step, setting, job.device)}


def profiled_step(setting: NetworkSetting, device_type: str) -> Rows:
    """Profile training steps.

    Yields
    ------
    dict
        Of each kernel, or on a CPU of each operator, the longest first: its name, the seconds and calls of a step, and
        its share of the sum.
    """
    step = TrainingStep(setting.build().to(device_type), setting, torch.device(device_type))
    for _ in range(_WARMING):
        step()
    on_cuda = device_type == "cuda"
    with profile(activities=[ProfilerActivity.CUDA if on_cuda else ProfilerActivity.CPU], acc_events=True) as events:
        for _ in range(_STEPS):
            step()
        if on_cuda:
            torch.cuda.synchronize()
    averages: list[Any] = list(events.key_averages())
    field = "self_device_time_total" if on_cuda else "self_cpu_time_total"
    total = sum(getattr(each, field) for each in averages)
    for each in sorted(averages, key=lambda found: -getattr(found, field)):
        microseconds = getattr(each, field)
        if microseconds:
            yield {
                "name": each.key[:200],
                "seconds": microseconds / _STEPS / 1e6,
                "calls": each.count / _STEPS,
                "share": microseconds / total,
            }
