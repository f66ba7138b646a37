"""Where a training step of CIPA spends its time, by kernel.

``python -m tests.measurements.step_profile cuda tiny 8 512``
"""

import sys

from nnunet_cipa.speed.gpu.profiled import profiled_step
from nnunet_cipa.speed.networks import NetworkSetting

LINES = 25


def main(device: str, variant: str, batch: int, side: int) -> None:
    kernels = list(profiled_step(NetworkSetting("cipa", variant, batch, (side, side), 1), device))
    total = sum(kernel["seconds"] for kernel in kernels)
    print(f"{1e3 * total:.1f} ms a step, {sum(kernel['calls'] for kernel in kernels):.0f} calls")
    for kernel in kernels[:LINES]:
        milliseconds = 1e3 * kernel["seconds"]
        print(f"{milliseconds:9.3f} ms {kernel['share']:6.1%} {kernel['calls']:5.0f} x {kernel['name'][:80]}")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], *map(int, sys.argv[3:]))
