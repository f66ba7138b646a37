"""The network in plain NumPy, one image at a time, written from its description; the package is held against it.

Parameters come as a mapping of arrays with the package's names; ``sub`` narrows it to one module. Maps are (H, W, C).
"""

import math

import numpy as np
from scipy.special import erf, expit

DIRECTIONS = 4


def sub(p, prefix):
    """Return the parameters below a module, by their names in it."""
    return {name.removeprefix(f"{prefix}."): value for name, value in p.items() if name.startswith(f"{prefix}.")}


def children(p, prefix):
    """Return the parameters of each item of a module list, in order."""
    below = sub(p, prefix)
    return [sub(below, str(i)) for i in range(1 + max(int(name.split(".")[0]) for name in below))]


def silu(x):
    return x * expit(x)


def gelu(x):
    return x * (1 + erf(x / math.sqrt(2))) / 2


def layer_norm(x, p):
    mean, var = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
    return (x - mean) / np.sqrt(var + 1e-5) * p["weight"] + p["bias"]


def convolve(x, p, stride=1, depthwise=False):
    """3 x 3 convolution with zeros around the map."""
    height, width = x.shape[:2]
    padded = np.pad(x, ((1, 1), (1, 1), (0, 0)))
    out = 0
    for row in range(3):
        for column in range(3):
            window = padded[row : row + height : stride, column : column + width : stride]
            tap = p["weight"][:, :, row, column]
            out = out + (window * tap[:, 0] if depthwise else window @ tap.T)
    return out + p["bias"]


def conv_bn_relu(x, layers, stride=1):
    conv, norm = layers
    x = convolve(x, conv, stride)
    x = (x - norm["running_mean"]) / np.sqrt(norm["running_var"] + 1e-5) * norm["weight"] + norm["bias"]
    return np.maximum(x, 0)


def selective_scan(tokens, p, k):
    """Scan (L, d) in direction k, token by token."""
    _, channels, rank = p["dt_projs_weight"].shape
    rows = slice(k * channels, (k + 1) * channels)
    a, d = -np.exp(p["A_logs"][rows]), p["Ds"][rows]
    states = a.shape[1]
    h, out = np.zeros_like(a), []
    for x in tokens:
        projected = p["x_proj_weight"][k] @ x
        raw_dt, b, c = np.split(projected, [rank, rank + states])
        dt = np.logaddexp(0, p["dt_projs_weight"][k] @ raw_dt + p["dt_projs_bias"][k])
        h = np.exp(dt[:, None] * a) * h + (dt * x)[:, None] * b
        out.append(h @ c + d * x)
    return np.array(out)


def ss2d(x, p):
    height, width = x.shape[:2]
    x, z = np.split(x @ p["in_proj.weight"].T, 2, axis=-1)
    x = silu(convolve(x, sub(p, "conv"), depthwise=True))
    row_major = [(row, column) for row in range(height) for column in range(width)]
    column_major = [(row, column) for column in range(width) for row in range(height)]
    orders = [row_major, column_major, row_major[::-1], column_major[::-1]]
    y = np.zeros_like(x)
    for k in range(DIRECTIONS):
        scanned = selective_scan([x[place] for place in orders[k]], sub(p, "ssm"), k)
        for place, token in zip(orders[k], scanned, strict=True):
            y[place] += token
    return (layer_norm(y, sub(p, "out_norm")) * silu(z)) @ p["out_proj.weight"].T


def ss1d(x, p):
    x, z = np.split(silu(x @ p["in_proj.weight"].T), 2, axis=-1)
    y = selective_scan(x, sub(p, "ssm"), 0)
    return (layer_norm(y, sub(p, "out_norm")) * z) @ p["out_proj.weight"].T


def crm(ct, pet, p):
    maps = np.concatenate((ct, pet), axis=-1).reshape(-1, 2 * ct.shape[-1]).T
    tokens = gelu(layer_norm(maps, sub(p, "norm")) @ p["embed.weight"].T + p["embed.bias"])
    tokens = layer_norm(ss1d(tokens, sub(p, "ss1d")), sub(p, "out_norm"))
    w = expit(tokens @ p["score.weight"].T + p["score.bias"])[:, 0]
    ct_weight, pet_weight = np.split(w, 2)
    return ct + ct_weight * ct, pet + pet_weight * pet


def dcim(ct, pet, p, size):
    height, width, channels = ct.shape
    padding = ((0, -height % size), (0, -width % size), (0, 0))
    ct, pet = np.pad(ct, padding), np.pad(pet, padding)
    ct_layers, pet_layers = children(p, "ct_stem"), children(p, "pet_stem")
    ct = conv_bn_relu(conv_bn_relu(ct, ct_layers[0:2]), ct_layers[3:5])
    strides = {2: (1, 2, 1), 4: (1, 2, 2, 1), 8: (1, 2, 2, 2, 1)}[size]
    for i, stride in enumerate(strides):
        pet = conv_bn_relu(pet, pet_layers[3 * i : 3 * i + 2], stride)
    regions = pet + ss2d(layer_norm(pet, sub(p, "region_norm")), sub(p, "region_scan"))
    out = np.zeros_like(ct)
    for row in range(0, ct.shape[0], size):
        for column in range(0, ct.shape[1], size):
            here = np.s_[row : row + size, column : column + size]
            normed = layer_norm(ct[here].reshape(-1), sub(p, "local_norm")).reshape(size, size, channels)
            out[here] = ct[here] + ss2d(normed, sub(p, "local_scan")) + regions[row // size, column // size]
    return out[:height, :width]


def upsample(x):
    """Double height and width, bilinear, corners not aligned: a new pixel lies a quarter from its nearest old one."""
    for axis in (0, 1):
        x = np.moveaxis(x, axis, 0)
        before, after = np.concatenate((x[:1], x[:-1])), np.concatenate((x[1:], x[-1:]))
        x = np.stack((0.75 * x + 0.25 * before, 0.75 * x + 0.25 * after), axis=1).reshape(-1, *x.shape[1:])
        x = np.moveaxis(x, 0, axis)
    return x


def cab(x, p):
    conv1, _, conv2, attention = children(p, "cab")
    x = convolve(gelu(convolve(x, conv1)), conv2)
    squeeze, excite = attention["squeeze.weight"][:, :, 0, 0], attention["excite.weight"][:, :, 0, 0]
    weights = expit(sum(excite @ silu(squeeze @ pooled) for pooled in (x.mean((0, 1)), x.max((0, 1)))))
    return x * weights


def cvss_block(x, p):
    a = p["scale1"] * x + ss2d(layer_norm(x, sub(p, "norm1")), sub(p, "ss2d"))
    return cab(layer_norm(a, sub(p, "norm2")), p) + p["scale2"] * a


def pixel_shuffle(x):
    """Spread the channels (row, column, feature) of each pixel over 2 x 2 pixels."""
    height, width, channels = x.shape
    c = channels // 4
    out = np.zeros((2 * height, 2 * width, c), x.dtype)
    for row in (0, 1):
        for column in (0, 1):
            first = (2 * row + column) * c
            out[row::2, column::2] = x[..., first : first + c]
    return out


def merge_cells(x):
    """Concatenate the pixels of each 2 x 2 cell, down the first column, then down the second."""
    return np.concatenate([x[row::2, column::2] for row, column in ((0, 0), (1, 0), (0, 1), (1, 1))], axis=-1)
