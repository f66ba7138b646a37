"""The trainers of the installed package, where nnU-Net's search finds them, under a module name of its own."""

from nnunet_cipa.trainers import *  # noqa: F403 - every trainer, so that the two lists cannot drift apart
