"""Where a training step of CIPA spends its time, by kernel.

``python -m tests.measurements.step_profile cuda tiny 8 512``
"""

import sys

import torch
from torch.profiler import ProfilerActivity, profile

from nnunet_cipa.speed.network import _TrainingStep
from nnunet_cipa.speed.networks import NetworkSetting

STEPS, LINES = 3, 25


def main(device: str, variant: str, batch: int, side: int) -> None:
    setting = NetworkSetting("cipa", variant, batch, (side, side), 1)
    step = _TrainingStep(setting.build().to(device), setting, torch.device(device))
    for _ in range(3):
        step()
    activities = [ProfilerActivity.CUDA if device == "cuda" else ProfilerActivity.CPU]
    with profile(activities=activities, acc_events=True) as events:
        for _ in range(STEPS):
            step()
        if device == "cuda":
            torch.cuda.synchronize()
    field = "self_device_time_total" if device == "cuda" else "self_cpu_time_total"
    averages = events.key_averages()
    kernels = [(getattr(each, field) / STEPS / 1e3, each.count // STEPS, each.key) for each in averages]
    total = sum(milliseconds for milliseconds, _, _ in kernels)
    print(f"{total:.1f} ms a step, {sum(calls for _, calls, _ in kernels)} calls")
    for milliseconds, calls, name in sorted(kernels, reverse=True)[:LINES]:
        print(f"{milliseconds:9.3f} ms {milliseconds / total:6.1%} {calls:5} x {name[:80]}")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], *map(int, sys.argv[3:]))
