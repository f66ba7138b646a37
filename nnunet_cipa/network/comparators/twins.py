"""Base class of the comparators that are two whole networks, one for CT and one for PET."""

from abc import abstractmethod
from typing import ClassVar

from torch import Tensor, nn

from nnunet_cipa.network.arguments import MODALITIES
from nnunet_cipa.network.comparators.comparator import Comparator


class TwinNetworks(Comparator):
    """Two networks for colour images that share nothing; the sum of their logits is the output.

    The CVPR paper does not say how it makes networks of one input see two. Two whole networks have its parameters and
    its multiply-adds, and the sum of their logits is the same function as one head on the last features of both.

    A subclass fills ``encoder``, ``decoder`` and ``heads``, each with a module for CT and one for PET, and names the
    tensors of one network; both take the original's.
    """

    head: ClassVar[str] = "heads"
    encoder: nn.ModuleDict
    decoder: nn.ModuleDict
    heads: nn.ModuleDict

    @abstractmethod
    def names_of_one(self, name: str) -> list[str]:
        """Return the original's names of a tensor of one network, such as ``encoder.norm.weight``."""

    def original_names(self, name: str) -> list[str]:
        """Return the names in the authors' repository, the same for CT's network and PET's."""
        part, _, rest = name.split(".", 2)
        return self.names_of_one(f"{part}.{rest}")

    def segment(self, x: Tensor) -> Tensor:
        """Map windows (B, 2 * slices, H, W) to logits (B, num_classes, H, W)."""
        ct, pet = (
            self.heads[name](self.decoder[name](self.encoder[name](image)))
            for name, image in zip(MODALITIES, self.images(x), strict=True)
        )
        return ct + pet

    def check_size(self, size: tuple[int, int]) -> None:
        """Refuse an input of another size than the patch, which the network is built for.

        Raises
        ------
        ValueError
            With the size.
        """
        super().check_size(size)
        if size != self.patch_size:
            raise ValueError(
                f"the input is {size[0]} x {size[1]}, and the network is built for patches of "
                f"{self.patch_size[0]} x {self.patch_size[1]}; build it for the size of the input"
            )
