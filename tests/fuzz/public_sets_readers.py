"""The layouts of autoPET and HECKTOR: names of files and folders; and tables of groups."""

import shutil

from nnunet_cipa.dataset_conversion.autopet.layout import read_autopet
from nnunet_cipa.dataset_conversion.autopet.options import Options as AutopetOptions
from nnunet_cipa.dataset_conversion.hecktor.layout import read_hecktor
from nnunet_cipa.dataset_conversion.hecktor.options import Options as HecktorOptions
from nnunet_cipa.dataset_conversion.pipeline.groups import read_grouping
from tests.fuzz.mutations import NAMES, choose, mutate_bytes

GROUPS = {"P01": "Lyon", "P02": "Bern", "P03": "Wien", "P04": "Bern"}


class Tree:
    """Empty files, of which some are renamed, moved, doubled or removed; and test.txt, in part."""

    names: tuple[str, ...] = ()
    patients: tuple[str, ...] = ()

    def __init__(self, folder):
        self.root = folder / "input" / "set"

    def mutate(self, rng):
        shutil.rmtree(self.root, ignore_errors=True)
        for name in self.names:
            (self.root / name).parent.mkdir(parents=True, exist_ok=True)
            (self.root / name).touch()
        for _ in range(int(rng.integers(1, 5))):
            self._change_a_file(rng)
        if rng.random() < 0.5:
            (self.root / "test.txt").write_bytes(mutate_bytes("\n".join(self.patients[:2]).encode(), rng))

    def _change_a_file(self, rng):
        path, other = (choose(rng, sorted(self.root.rglob("*"))) for _ in range(2))
        change = int(rng.integers(5))
        own = ("Ä b", ".hidden", "x" * 80, f"{path.name}.nii.gz", other.name, path.name.upper())
        name = choose(rng, (*NAMES, *own)).replace("/", "_").replace("\0", "")[:100]
        if change == 0:
            target = path.with_name(name if name.strip(".") else "_")
        elif change == 1 and other.is_dir() and path not in (other, *other.parents):
            target = other / path.name
        elif change == 2 and path.is_file() and other.is_dir():
            target = other / path.name
            if not target.exists():
                target.touch()
            return
        elif change == 3 and path.is_file():
            path.unlink()
            if rng.random() < 0.5:
                path.mkdir()
            return
        else:
            return
        if not target.exists():
            path.rename(target)

    def check(self, found):
        """Files of a case are there, and whose it is stands in their names; no case, and no file, counts twice."""
        names = [patient.name for patient in found.patients]
        assert len(set(names)) == len(names)
        files = [path for patient in found.patients for path in self.paths(patient).values()]
        assert len(set(files)) == len(files)
        for patient in found.patients:
            for volume, path in self.paths(patient).items():
                assert path.is_file()
                assert self.belongs(patient, volume, path.relative_to(self.root).as_posix())
        listed = (self.root / "test.txt").read_text("utf-8-sig") if (self.root / "test.txt").is_file() else ""
        for patient in found.patients:
            assert (patient.part == "test") == (patient.subject in [line.strip() for line in listed.split("\n")])

    @staticmethod
    def paths(patient):
        return getattr(patient, "patient", patient).paths if hasattr(patient, "to_pet") else patient.paths


class AutopetFolders(Tree):
    """FDG-PET-CT-Lesions."""

    patients = ("PETCT_a", "PETCT_b", "PETCT_c")
    names = tuple(
        f"{patient}/{study}/{volume}.nii.gz"
        for patient in patients
        for study in ("one", "two 2")
        for volume in ("CTres", "SUV", "SEG")
    )

    def read(self):
        return read_autopet(self.root, AutopetOptions(processes=1))

    def belongs(self, patient, volume, path):
        return path.split("/")[-3:-1] == [patient.subject, patient.study] and path.endswith(
            {"CT": ("/CTres.nii.gz", "/CT.nii.gz"), "PET": "/SUV.nii.gz", "GTV": "/SEG.nii.gz"}[volume]
        )


class AutopetThird(Tree):
    """autoPET III."""

    patients = ("fdg_a", "fdg_b", "psma_c")
    names = tuple(
        name
        for patient in patients
        for study in ("2001-01-01", "x y")
        for name in (
            f"imagesTr/{patient}_{study}_0000.nii.gz",
            f"imagesTr/{patient}_{study}_0001.nii.gz",
            f"labelsTr/{patient}_{study}.nii.gz",
        )
    )

    def read(self):
        return read_autopet(self.root, AutopetOptions(processes=1, tumour_slices=True))

    def belongs(self, patient, volume, path):
        study = f"{patient.patient.patient}_{patient.patient.study}"
        names = {"CT": f"imagesTr/{study}_0000", "PET": f"imagesTr/{study}_0001", "GTV": f"labelsTr/{study}"}
        return path == f"{names[volume]}.nii.gz"


class Hecktor(Tree):
    """HECKTOR 2022."""

    patients = ("CHUM-001", "CHUM-002", "MDA-010")
    names = tuple(
        name
        for patient in patients
        for name in (f"imagesTr/{patient}__CT.nii.gz", f"imagesTr/{patient}__PT.nii.gz", f"labelsTr/{patient}.nii.gz")
    )

    def read(self):
        return read_hecktor(self.root, HecktorOptions(processes=1))

    def belongs(self, patient, volume, path):
        return path.split("/")[-1].lower().startswith(patient.name.lower()) and "imagests" not in path.split("/")[:-1]


class GroupTable:
    """A table of centres, as a spreadsheet writes it: its cells and its bytes."""

    def __init__(self, folder):
        self.path = folder / "input" / "centres.csv"

    def mutate(self, rng):
        separator = choose(rng, (",", ";", "\t"))
        lines = [["patient_id", "centre"], *(list(pair) for pair in GROUPS.items())]
        for _ in range(int(rng.integers(3))):
            line = choose(rng, lines)
            change = int(rng.integers(4))
            if change == 0:
                cells = (*NAMES, *GROUPS, *GROUPS.values(), "", " ", "lyon", '"')
                line[int(rng.integers(len(line)))] = choose(rng, cells)
            elif change == 1:
                lines.insert(int(rng.integers(len(lines) + 1)), list(choose(rng, lines)))
            elif change == 2:
                line.append("more")
            elif len(lines) > 2:
                lines.remove(line)
        text = choose(rng, ("\n", "\r\n", "\n\n")).join(separator.join(line) for line in lines)
        data = text.encode("utf-8", "surrogateescape")
        self.path.write_bytes(mutate_bytes(data, rng) if rng.random() < 0.3 else data)

    def read(self):
        return read_grouping("centre", self.path).of({name: {} for name in GROUPS})

    def check(self, groups):
        """Every patient is in one group, and where nothing is quoted a line has both."""
        assert sorted(name for names in groups.values() for name in names) == sorted(GROUPS)
        assert all(group.strip() for group in groups)
        text = self.path.read_bytes().decode("utf-8-sig").casefold()
        lines = [] if '"' in text else ["".join(line.split()) for line in text.splitlines()]
        for group, names in groups.items() if lines else ():
            value = "".join(group.casefold().split())
            assert all(any(name.casefold() in line and value in line for line in lines) for name in names)
