"""CIPA, a state space network for lung tumours in PET/CT, as a plugin for nnU-Net v2."""

from importlib.metadata import version

__version__ = version("nnunet-cipa")
