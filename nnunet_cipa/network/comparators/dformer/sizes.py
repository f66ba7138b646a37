"""The sizes of DFormer that have a name."""

from dataclasses import dataclass

EPS = 1e-6  # of the encoder's LayerNorms


@dataclass(frozen=True)
class Sizes:
    """Widths, depths and heads of one size.

    Parameters
    ----------
    widths : tuple of int
        Channels of CT's stream in each stage; PET's are half as many.
    depths : tuple of int
        Blocks in each stage.
    heads : tuple of int
        Heads of the pooled attention in each stage; none where it is 0.
    mlp_ratios : tuple of int
        Widths of the MLPs, in multiples of the stage's.
    decoder_width : int
        Channels of the decoder.
    bases : int
        Rank of the decoder's matrix decomposition.
    drop_path : float
        Highest rate of stochastic depth, a linear ramp from zero over all blocks.
    """

    widths: tuple[int, ...]
    depths: tuple[int, ...]
    heads: tuple[int, ...]
    mlp_ratios: tuple[int, ...]
    decoder_width: int
    bases: int
    drop_path: float


SIZES = {
    "large": Sizes((96, 192, 288, 576), (3, 3, 12, 2), (0, 2, 4, 8), (8, 8, 4, 4), 512, 64, 0.15),
    "nano": Sizes((16, 32, 48, 64), (1, 1, 1, 2), (0, 2, 2, 4), (4, 4, 2, 2), 32, 8, 0.0),
}
