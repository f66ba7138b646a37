"""The whole network in plain NumPy, from the parts in ``spec``."""

import numpy as np

from tests.network import spec
from tests.network.spec import children, layer_norm, sub


def encoder(image, p):
    """Map an image (3, H, W) to four features."""
    _, height, width = image.shape
    proj = children(p, "patch_embed.proj")[0]
    x = np.zeros((height // 4, width // 4, len(proj["bias"])))
    for row in range(height // 4):
        for column in range(width // 4):
            cell = image[:, 4 * row : 4 * row + 4, 4 * column : 4 * column + 4]
            x[row, column] = np.tensordot(proj["weight"], cell, 3) + proj["bias"]
    x = layer_norm(x, sub(p, "patch_embed.norm"))
    merges, features = children(p, "merges"), []
    for level, stage in enumerate(children(p, "stages")):
        if level:
            merge = merges[level - 1]
            x = layer_norm(spec.merge_cells(x), sub(merge, "norm")) @ merge["reduction.weight"].T
        for block in children(stage, "blocks"):
            x = x + spec.ss2d(layer_norm(x, sub(block, "norm")), sub(block, "ss2d"))
        features.append(layer_norm(x, sub(stage, "out_norm")))
    return features


def fuse(ct, pet, p, region_size):
    """Fuse the two features of one stage, with CRM and DCIM where ``p`` has them."""
    has_crm, has_dcim = (any(name.startswith(part) for name in p) for part in ("crm.", "dcim."))
    rectified = spec.crm(ct, pet, sub(p, "crm")) if has_crm else (ct, pet)
    if not has_dcim:
        return rectified[0] + rectified[1]
    return ct + pet + spec.dcim(*rectified, sub(p, "dcim"), region_size)


def decoder(features, p):
    """Map four features to logits (classes, H, W)."""
    x = layer_norm(spec.pixel_shuffle(features[3] @ p["expand.expand.weight"].T), sub(p, "expand.norm"))
    upsamples = children(p, "upsamples")
    for i, stage in enumerate(children(p, "stages")):
        x = x + features[2 - i]
        for name in sorted({int(name.split(".")[0]) for name in stage}):
            x = spec.cvss_block(x, sub(stage, str(name)))
        if i < 2:
            x = layer_norm(spec.upsample(x @ upsamples[i]["linear.weight"].T), sub(upsamples[i], "norm"))
    x = layer_norm(x, sub(p, "norm"))
    for linear in ("linear1", "linear2"):
        x = spec.upsample(x @ p[f"final_upsample.{linear}.weight"].T)
    x = layer_norm(x, sub(p, "final_upsample.norm"))
    return np.moveaxis(x @ p["head.weight"][:, :, 0, 0].T, -1, 0)


def cipa(ct, pet, p, region_size=4):
    """Map CT and PET, each (3, H, W), to logits (classes, H, W)."""
    features = zip(encoder(ct, sub(p, "encoder")), encoder(pet, sub(p, "encoder")), strict=True)
    fusions = [sub(p, f"fusions.{level}") for level in range(4)]
    fused = [fuse(*pair, fusion, region_size) for pair, fusion in zip(features, fusions, strict=True)]
    return decoder(fused, sub(p, "decoder"))
