"""Tensors of comparators that have values for the places of a grid, brought to another patch size."""

import pytest
import torch

from nnunet_cipa.errors import CIPAError
from nnunet_cipa.network import comparators
from nnunet_cipa.weights.matching import fit_tensors

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
