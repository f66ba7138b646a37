"""Names of Swin's tensors in Microsoft's files."""

_PLACES = {
    "features.0.0.": "patch_embed.proj.",
    "features.0.2.": "patch_embed.norm.",
    **{f"features.{2 * stage + 1}.": f"layers.{stage}.blocks." for stage in range(4)},
    **{f"features.{2 * stage + 2}.": f"layers.{stage}.downsample." for stage in range(3)},
}


def microsoft_name(name: str) -> str | None:
    """Return Microsoft's name of a tensor of ``Swin``; None for those that the files lack, or have in another shape."""
    if name.endswith("relative_position_index"):  # follows from the window
        return None
    for ours, theirs in _PLACES.items():
        if name.startswith(ours):
            return theirs + name.removeprefix(ours).replace("mlp.0.", "mlp.fc1.").replace("mlp.3.", "mlp.fc2.")
    return None
