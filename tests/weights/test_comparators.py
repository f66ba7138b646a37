"""Weights of comparators: what they start from, and what is brought to another patch size or number of slices."""

import re

import pytest
import torch
from timm.models.swin_transformer import SwinTransformer

from nnunet_cipa.errors import CIPAError
from nnunet_cipa.network import comparators
from nnunet_cipa.weights import adapt_weights, load_encoder
from nnunet_cipa.weights.files import read_state_dict, write_checkpoint
from nnunet_cipa.weights.matching import fit_tensors
from tests.network.helpers import image, randomise

# Network, end of the tensors' names, their grid for a patch.
GRIDS = {
    "swin_unet": ("bias_table", lambda height, width: (height // 16 - 1, width // 16 - 1)),
    "transunet": ("positions", lambda height, width: (height // 16, width // 16)),
}


@pytest.fixture(params=GRIDS)
def built(request):
    end, grid = GRIDS[request.param]

    def build(*patch_size):
        network = comparators.build(request.param, 2, 2, patch_size=patch_size, variant="nano")
        return network, {name: t for name, t in network.state_dict().items() if name.endswith(end)}, grid(*patch_size)

    return build


def test_values_go_along_the_axes_that_they_lie_on(built):
    old, tensors, (rows, columns) = built(96, 160)
    for tensor in tensors.values():
        grid = tensor.view(rows, columns, -1)
        grid[..., 0] = torch.arange(rows)[:, None]
        grid[..., 1] = -torch.arange(columns)
        grid[..., 2] = 7
    new, resized, (rows, columns) = built(192, 64)
    fitted, table = fit_tensors(new, old.state_dict(), lambda name: name, (96, 160))
    assert table.names("resampled") == list(resized)
    for name in resized:
        grid = fitted[name].view(rows, columns, -1)
        assert (grid[1:, :, 0] >= grid[:-1, :, 0]).all()
        torch.testing.assert_close(grid[:, :1, 0].expand(-1, columns), grid[..., 0])
        assert (grid[:, 1:, 1] < grid[:, :-1, 1]).all()
        torch.testing.assert_close(grid[:1, :, 1].expand(rows, -1), grid[..., 1])
        torch.testing.assert_close(grid[..., 2], torch.full((rows, columns), 7.0))


def test_a_grid_of_an_unknown_patch_is_taken_to_be_square(built):
    square, rectangular, new = (built(*patch)[0] for patch in ((96, 96), (96, 160), (64, 64)))
    _, table = fit_tensors(new, square.state_dict(), lambda name: name)
    assert table.names("resampled")
    with pytest.raises(CIPAError, match="not that of another patch size"):
        fit_tensors(new, rectangular.state_dict(), lambda name: name)


@torch.no_grad()
def test_swin_unet_starts_from_swin(tmp_path):
    """From a file with Microsoft's names, which timm's differ from in one place; with another window too."""
    swin = SwinTransformer(img_size=96, window_size=3, embed_dim=12, depths=(2, 2, 4, 2), num_classes=5)
    randomise(swin)
    for block in swin.layers[2].blocks[2:]:
        for branch in (block.attn.proj, block.mlp.fc2):  # the U-Net has no place for these blocks
            branch.weight.zero_()
            branch.bias.zero_()
    named = {
        re.sub(r"(?<=layers\.)\d(?=\.downsample)", lambda match: str(int(match[0]) - 1), name): tensor
        for name, tensor in swin.state_dict().items()
    }
    torch.save({"model": named}, tmp_path / "swin.pth")
    same, other = (comparators.build("swin_unet", 2, 2, patch_size=(s, s), variant="nano").eval() for s in (96, 64))
    new = same.decoder["CT"].joins[0].weight.clone()
    assert load_encoder(same, tmp_path / "swin.pth") == load_encoder(other, tmp_path / "swin.pth") > 200
    pair = image(2, 3, 96, 96, dtype=torch.float32)
    for encoder in same.encoder.values():
        torch.testing.assert_close(encoder(pair)[-1], swin.eval().forward_features(pair))
    mirrored = same.decoder["PET"].stages[2][1].mlp.fc1.weight
    torch.testing.assert_close(mirrored, swin.layers[0].blocks[1].mlp.fc1.weight)
    assert torch.equal(same.decoder["CT"].joins[0].weight, new)


def test_a_file_without_a_tensor_is_refused_by_name(tmp_path):
    network = comparators.build("nnsam", 2, 2, patch_size=(64, 64), variant="nano")
    state = {network.pretrained_name(name): tensor for name, tensor in network.state_dict().items()}
    del state[None], state["image_encoder.neck.2.weight"]
    torch.save(state, tmp_path / "sam.pt")
    with pytest.raises(CIPAError, match=r"sam\.pt: the file lacks image_encoder\.neck\.2\.weight"):
        load_encoder(network, tmp_path / "sam.pt")


@pytest.mark.parametrize("name", comparators.names())
@torch.no_grad()
def test_three_slices_start_from_one(name, tmp_path):
    one, three = (
        comparators.build(name, 2, 2, patch_size=(64, 64), slices=slices, variant="nano").eval() for slices in (1, 3)
    )
    write_checkpoint(one.state_dict(), tmp_path / "one.pth", one.patch_size, one.slices)
    adapt_weights(tmp_path / "one.pth", tmp_path / "three.pth", three, {})
    three.load_state_dict(read_state_dict(tmp_path / "three.pth"))
    pair = image(1, 2, 64, 64, dtype=torch.float32)
    torch.testing.assert_close(three(pair.repeat_interleave(3, dim=1)), one(pair))
