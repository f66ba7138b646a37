"""The sizes of the network that have a name."""

from dataclasses import dataclass

from nnunet_cipa.network.arguments import choose


@dataclass(frozen=True)
class Variant:
    """Widths, depths and state sizes of one network size.

    Parameters
    ----------
    width : int
        Channels of the first stage; they double from stage to stage.
    depths : tuple of int
        Blocks in each of the four encoder stages.
    decoder_depth : int
        Channel-aware VSS blocks in each of the three decoder stages.
    drop_path : float
        Highest rate of the encoder's stochastic depth, a linear ramp from zero.
    d_state, decoder_d_state : int
        States of the scan in encoder, CRM and DCIM, and in the decoder.
    crm_width : int
        Width of the channel-wise rectification module's token embedding.
    """

    width: int
    depths: tuple[int, int, int, int]
    decoder_depth: int = 4
    drop_path: float = 0.0
    d_state: int = 16
    decoder_d_state: int = 4
    crm_width: int = 96

    @property
    def widths(self) -> tuple[int, int, int, int]:
        """Channels of the four stages, at strides 4, 8, 16 and 32."""
        return (self.width, 2 * self.width, 4 * self.width, 8 * self.width)


VARIANTS = {
    "tiny": Variant(96, (2, 2, 9, 2)),
    "small": Variant(96, (2, 2, 27, 2), drop_path=0.3),
    "base": Variant(128, (2, 2, 27, 2), drop_path=0.6),
    "nano": Variant(32, (1, 1, 2, 1), decoder_depth=1, d_state=8, crm_width=32),
}


def get_variant(name: str) -> Variant:
    """Return the variant of that name.

    Raises
    ------
    ValueError
        If there is none; the message lists the names.
    """
    return choose("variant", name, VARIANTS)
