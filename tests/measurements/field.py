"""The scan beside those of the field in plain PyTorch, in one process: ``python -m tests.measurements.field --help``.

mamba-ssm's ``selective_scan_ref`` and mambapy's parallel scan (Blelloch 1990) are called where they are installed; of
mamba-ssm the unpacked source will do, since the function is taken without the CUDA extension that its module imports.
The chunked cumulative sum is written out here: h_t = P_t (h_0 + sum_{s <= t} x_s / P_s), P the product of decays.
"""

import argparse
import ast
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from nnunet_cipa.ops import selective_scan
from nnunet_cipa.speed.scan import Scan, ScanBench, compare_scans

CHUNK = 4  # steps; in longer ones P underflows with states that decay as fast as exp(-16 dt)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--length", type=int, nargs="+", default=[512])
    parser.add_argument("--channels", type=int, nargs="+", default=[768])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--forward-only", action="store_true")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--only", nargs="+", help="names of the table")
    args = parser.parse_args()
    bench = ScanBench(
        channels=tuple(args.channels), length=tuple(args.length), repeats=args.repeats, forward_only=args.forward_only
    )
    scans = {name: scan for name, scan in found_scans().items() if not args.only or name in args.only}
    lengths, channels = (" ".join(map(str, sizes)) for sizes in (args.length, args.channels))
    options = ["--forward-only"] * args.forward_only + (["--only", *args.only] if args.only else [])
    command = f"python -m tests.measurements.field --length {lengths} --channels {channels} --repeats {args.repeats}"
    report = compare_scans(bench, scans, " ".join([command, *options]))
    print(report.as_text())
    if args.json:
        report.write(args.json)


def found_scans() -> dict[str, Scan]:
    """Return ours and those of the field that are installed."""
    scans: dict[str, Scan] = {
        "numba": lambda a: selective_scan(**a, delta_softplus=True, backend="numba"),
        "torch": lambda a: selective_scan(**a, delta_softplus=True, backend="torch"),
        "chunked cumulative sum": partial(by_states, scan=cumulative_sum),
    }
    if find_spec("mambapy"):
        from mambapy.pscan import pscan

        scans["mambapy"] = partial(by_states, scan=pscan)
    if find_spec("mamba_ssm"):
        reference = selective_scan_ref()
        scans["selective_scan_ref"] = lambda a: reference(**a, delta_softplus=True)
    return scans


def selective_scan_ref() -> Callable[..., Tensor]:
    """Take mamba-ssm's function out of its module."""
    from einops import rearrange, repeat

    (package,) = find_spec("mamba_ssm").submodule_search_locations
    path = Path(package) / "ops" / "selective_scan_interface.py"
    (function,) = (
        node
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.FunctionDef) and node.name == "selective_scan_ref"
    )
    names = {"torch": torch, "F": F, "rearrange": rearrange, "repeat": repeat}
    exec(compile(ast.Module([function], []), str(path), "exec"), names)
    return names["selective_scan_ref"]


def by_states(arguments: dict[str, Tensor], scan: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    """Scan with a function of all decays and inputs (b, l, d, n), which returns all states."""
    u, delta, A, B, C, D, bias = arguments.values()
    dt = F.softplus(delta + bias[:, None]).transpose(1, 2)
    B, C = (matrix.repeat_interleave(u.shape[1] // matrix.shape[1], dim=1).permute(0, 3, 1, 2) for matrix in (B, C))
    u = u.transpose(1, 2)
    states = scan(torch.exp(dt[..., None] * A), (dt * u)[..., None] * B)
    return ((states * C).sum(-1) + D * u).transpose(1, 2)


def cumulative_sum(decay: Tensor, inputs: Tensor) -> Tensor:
    """Scan chunk by chunk; both (b, l, d, n)."""
    state, states = torch.zeros_like(inputs[:, 0]), []
    for decays, terms in zip(decay.split(CHUNK, dim=1), inputs.split(CHUNK, dim=1), strict=True):
        products = decays.cumprod(1)
        states.append(products * (state[:, None] + (terms / products).cumsum(1)))
        state = states[-1][:, -1]
    return torch.cat(states, dim=1)


if __name__ == "__main__":
    main()
