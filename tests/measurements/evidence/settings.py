"""Settings of the evidence: phantoms, who is trained on and who is held out, and how long a training is."""

from dataclasses import asdict, dataclass, fields
from pathlib import Path

from nnunet_cipa.errors import CIPAError
from nnunet_cipa.files.json_files import read_object


@dataclass(frozen=True)
class Settings:
    """What all runs of a table share.

    Attributes
    ----------
    source, training, held_out : int
        Patients of the GTV source, of the IGTV training set, and held out.
    size, slices : int
        Pixels per side over 502 mm, and slices per patient.
    slice_distance : float
        In mm; more than the width of a pixel, so that nnU-Net slices across the body.
    phantom_seed : int
        Seed of the phantoms.
    epochs, iterations : int
        Epochs of every training, of the source too, and iterations of each.
    variant : str
        Size of our networks, "nano" or "tiny".
    rate : float
        Initial learning rate of ours; what starts from GTV has a third of it.
    memory_gb : float
        nnU-Net's ``-gpu_memory_target``, by which its planner chooses batch and 3D patch: small, so that an iteration
        of each network has about as many pixels.
    """

    source: int = 60
    training: int = 20
    held_out: int = 24
    size: int = 96
    slices: int = 24
    slice_distance: float = 5.5
    phantom_seed: int = 0
    epochs: int = 20
    iterations: int = 50
    variant: str = "nano"
    rate: float = 3e-3
    memory_gb: float = 0.19

    @property
    def patients(self) -> int:
        """All patients of the phantom."""
        return self.source + self.training + self.held_out

    @classmethod
    def read(cls, path: Path) -> "Settings":
        """Return the "settings" of a file.

        Raises
        ------
        CIPAError
            If they are not those of this program.
        """
        there = read_object(path).get("settings")
        if not isinstance(there, dict) or there.keys() != {each.name for each in fields(cls)}:
            raise CIPAError(f"{path}: has not the settings of this program; give another folder, and run it there")
        return cls(**there)

    def check(self, path: Path) -> None:
        """Refuse what was made with other settings.

        Raises
        ------
        CIPAError
            If the file's "settings" are others, or none.
        """
        there, mine = asdict(self.read(path)), asdict(self)
        if there != mine:
            other = [f"{name} {there[name]}, not {mine[name]}" for name in mine if there[name] != mine[name]]
            raise CIPAError(f"{path}: has {', '.join(other)}; give these settings, or other folders")
