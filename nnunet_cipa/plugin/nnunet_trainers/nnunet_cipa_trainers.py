"""What nnU-Net's search finds: the trainers of the installed package, under one module of a name of its own."""

from nnunet_cipa.trainers import *  # noqa: F403 - every trainer, so that the two lists cannot drift apart
