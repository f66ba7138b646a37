"""Compile the Triton kernels for GPUs without having one, and print what they need as JSON; test_triton.py runs it."""

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

from nnunet_cipa.ops.triton.cross_launch import setting_of
from nnunet_cipa.ops.triton.cross_layout import BLOCK
from nnunet_cipa.ops.triton.kernels.backward import backward_kernel
from nnunet_cipa.ops.triton.kernels.carry import carry_kernel, chunk_kernel
from nnunet_cipa.ops.triton.kernels.cross_backward import cross_backward_kernel
from nnunet_cipa.ops.triton.kernels.cross_carry import cross_carry_kernel, cross_span_kernel
from nnunet_cipa.ops.triton.kernels.cross_forward import cross_forward_kernel
from nnunet_cipa.ops.triton.kernels.forward import forward_kernel
from nnunet_cipa.ops.triton.launch import configurations
from nnunet_cipa.ops.triton.layout import tile_of

INPUTS = {"u", "delta", "B", "C", "grad_y", "x", "matrix", "projections", "maps"}  # may be in half precision
SIZES = {"length", "channels", "groups", "splits", "chunks", "span", "rows"}
SIZES |= {"batches", "height", "width", "directions", "direction", "spans", "keep", "chunk_steps", "rank"}
MULTIPLES = {"length", "channels"}  # of 16 for the network's sizes, which Triton compiles a kernel of its own for


def compiled(kernel, constants, warps, architecture, dtype):
    signature, values, attributes = {}, {}, {}
    for position, name in enumerate(kernel.arg_names):
        if name in constants or name == "start":
            signature[name], values[position,] = "constexpr", constants.get(name)
            continue
        number = name in SIZES or name.endswith(("_batch", "_group"))
        signature[name] = "i32" if number else f"*{dtype if name in INPUTS else 'fp32'}"
        if not number or name in MULTIPLES or name.endswith(("_batch", "_group")):
            attributes[position,] = [["tt.divisibility", 16]]
    source = ASTSource(kernel, signature, values, attributes)
    return triton.compile(source, target=GPUTarget("cuda", architecture, 32), options={"num_warps": warps})


def resources(kernel):
    """Read registers, bytes of spilled registers and shared memory from the machine code."""
    tool = Path(triton.__file__).parent / "backends" / "nvidia" / "bin" / "cuobjdump"
    with tempfile.NamedTemporaryFile(suffix=".cubin") as file:
        Path(file.name).write_bytes(kernel.asm["cubin"])
        printed = subprocess.run([tool, "-res-usage", file.name], capture_output=True, text=True, check=True).stdout
    registers, stack = (int(re.search(rf"{name}:(\d+)", printed).group(1)) for name in ("REG", "STACK"))
    return {"registers": registers, "stack": stack, "shared": kernel.metadata.shared}


def main(architecture, states, dtype):
    tile = tile_of(16384, states)
    shared = {
        "STATES": states, "N_BLOCK": tile.states, "STEPS": tile.steps, "LANES": tile.lanes, "SOFTPLUS": True,
        "REVERSE": False,
    }  # fmt: skip
    varying = shared | {"CONSTANT_B": False, "CONSTANT_C": False}
    variants = [
        (forward_kernel, varying),
        (backward_kernel, varying),
        *((chunk_kernel, shared | {"CONSTANT": False, "ADJOINT": adjoint}) for adjoint in (False, True)),
    ]
    found = []
    for kernel, constants in variants:
        for setting in configurations(kernel, tile):
            code = compiled(kernel, constants | setting.kwargs, setting.num_warps, architecture, dtype)
            name = {"kernel": kernel.__name__, "warps": setting.num_warps, **setting.kwargs}
            found.append(name | resources(code))
    carry = {"STATES": states, "ADJOINT": True, "BLOCK_CHUNKS": 16, "BLOCK": 64}
    found.append(
        {"kernel": "carry_kernel", "warps": 4} | resources(compiled(carry_kernel, carry, 4, architecture, dtype))
    )
    found += cross_kernels(architecture, tile.states, dtype)
    print(json.dumps(found))


def cross_kernels(architecture, states, dtype):
    variants = [
        (cross_forward_kernel, {}),
        (cross_backward_kernel, {}),
        *((cross_span_kernel, {"ADJOINT": adjoint}) for adjoint in (False, True)),
    ]
    found = []
    for kernel, constants in variants:
        setting = {"STATES": states, **constants, **setting_of(kernel, states)}
        warps = setting.pop("num_warps")
        code = compiled(kernel, setting, warps, architecture, dtype)
        found.append({"kernel": kernel.__name__, "warps": warps} | resources(code))
    carry = {"STATES": states, "N_BLOCK": states, "BLOCK": BLOCK, "ADJOINT": True}
    code = compiled(cross_carry_kernel, carry, 1, architecture, dtype)
    return [*found, {"kernel": "cross_carry_kernel", "warps": 1} | resources(code)]


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
