"""The model that made a mask, in the words that DICOM has room for."""

from dataclasses import dataclass

from nnunet_cipa.dicom.attributes import ascii_text
from nnunet_cipa.dicom.export.model_folds import find_folds
from nnunet_cipa.dicom.export.options import ModelOptions
from nnunet_cipa.errors import CIPAError
from nnunet_cipa.files.hashes import file_hash

LONGEST = 64  # of LO


@dataclass(frozen=True)
class Model:
    """A trained model.

    Attributes
    ----------
    name
        TRAINER__PLANS__CONFIGURATION.
    dataset
        The folder that it is in, by nnU-Net the data set's name.
    checkpoint
        Name of the files of the weights.
    hashes
        SHA-256 of the weights by fold.
    """

    name: str
    dataset: str
    checkpoint: str
    hashes: dict[str, str]

    @property
    def words(self) -> tuple[str, ...]:
        """What SoftwareVersions says: name, folds and the beginning of each hash."""
        folds = [f"{fold} {self.checkpoint} {value[:16]}"[:LONGEST] for fold, value in self.hashes.items()]
        return (self.label, *map(ascii_text, folds))

    @property
    def label(self) -> str:
        """The name, as far as there is room for it."""
        return ascii_text(self.name)[:LONGEST]

    @property
    def description(self) -> str:
        """All that is known, for StructureSetDescription and ROIDescription, of 1,024 characters at most."""
        folds = "; ".join(f"{fold} SHA-256 {value}" for fold, value in self.hashes.items())
        return ascii_text(f"model {self.dataset}/{self.name}; {self.checkpoint}: {folds}")[:1024]

    @property
    def version(self) -> str:
        """Hash of the weights of the first fold."""
        return next(iter(self.hashes.values()))


def read_model(options: ModelOptions) -> Model | None:
    """Hash the weights of a trained model; None if none is named.

    Raises
    ------
    CIPAError
        If the folder, one of the folds or its weights are not there.
    """
    folder = options.model
    if folder is None:
        return None
    if not folder.is_dir():
        raise CIPAError(f"--model {folder}: not a folder; give the trained model's, TRAINER__PLANS__CONFIGURATION")
    remedy = "give a trained model's folder, --folds and --checkpoint as they predicted"
    folds = find_folds(folder, options.checkpoint, options.folds, remedy)
    hashes = {fold: file_hash(folder / fold / options.checkpoint) for fold in folds}
    place = folder.resolve()
    return Model(place.name, place.parent.name, options.checkpoint, hashes)
