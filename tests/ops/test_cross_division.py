"""How the four-direction scan on the CPU divides its work among threads."""

from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch

from nnunet_cipa.ops.cross_arguments import CrossArguments
from nnunet_cipa.ops.numba.cross_layout import CrossLayout
from nnunet_cipa.ops.numba.layout import LANES


@pytest.fixture
def divide() -> Iterator[Callable[[int, int, int], CrossLayout]]:
    before = torch.get_num_threads()

    def layout(threads: int, batch: int, blocks: int) -> CrossLayout:
        torch.set_num_threads(threads)
        d = blocks * LANES
        shapes = ((batch, 2, 2, d), (batch, 2, 2, 4, 3), (4, d, 1), (4, d), (4, d, 1), (4, d))
        return CrossLayout(CrossArguments(*(torch.empty(shape) for shape in shapes)))

    yield layout
    torch.set_num_threads(before)


@pytest.mark.parametrize("threads", [1, 2, 3, 8, 16])
@pytest.mark.parametrize("batch", [0, 1, 2, 3, 8, 13])
@pytest.mark.parametrize("blocks", [1, 2, 6, 12])
def test_every_block_of_every_element_is_in_one_task(
    divide: Callable[[int, int, int], CrossLayout], threads: int, batch: int, blocks: int
) -> None:
    counts = np.zeros((batch, blocks), int)
    layout = divide(threads, batch, blocks)
    for first_batch, last_batch, first_block, last_block, part, split in layout.tasks():
        counts[first_batch:last_batch, first_block:last_block] += 1
        assert part < layout.parts
        assert split < layout.splits
    assert (counts == 1).all()


@pytest.mark.parametrize(
    ("threads", "batch", "blocks", "division"),
    [
        (2, 1, 12, (1, 4)),  # one case: a quarter of the channels each, two tasks a thread
        (2, 8, 12, (4, 1)),  # a batch: a quarter of the cases each, with all their channels
        (2, 3, 12, (3, 2)),  # three cases cannot be halved
        (2, 2, 3, (2, 1)),  # nor can three blocks, and two thirds of two cases are more than one
        (2, 3, 1, (2, 1)),
        (4, 2, 12, (2, 4)),
        (16, 1, 12, (1, 12)),
        (1, 5, 12, (1, 1)),
    ],
)
def test_the_work_is_even_and_projections_are_read_as_seldom_as_that_allows(
    divide: Callable[[int, int, int], CrossLayout], threads: int, batch: int, blocks: int, division: tuple[int, int]
) -> None:
    layout = divide(threads, batch, blocks)
    assert (layout.parts, layout.splits) == division
