"""Ways to draw samples: slices by themselves, windows around a slice, and stacks of slices."""

from nnunet_cipa.trainers.sampling.sampling import Geometry, Sampling
from nnunet_cipa.trainers.sampling.single import SingleSlices
from nnunet_cipa.trainers.sampling.stacks import SliceStacks
from nnunet_cipa.trainers.sampling.windows import SliceWindows

__all__ = ["Geometry", "Sampling", "SingleSlices", "SliceStacks", "SliceWindows"]
