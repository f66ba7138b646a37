"""Fills a voxel grid with tissue: density in HU, uptake in SUV and the tumour."""

from dataclasses import dataclass

import numpy as np

from nnunet_cipa.dataset_conversion.phantoms.anatomy import Organs, Thorax, left_ventricle, organs
from nnunet_cipa.dataset_conversion.phantoms.geometry import (
    FloatArray,
    PhantomGrid,
    SmoothNoise,
    capsule,
    ellipsoid,
    occupancy,
)
from nnunet_cipa.dataset_conversion.phantoms.tumours import Lesion, confine, lesion_distance
from nnunet_cipa.dataset_conversion.phantoms.vessels import VesselBranch

AIR = -1000.0


@dataclass(frozen=True)
class Uptake:
    """Physiological uptake of one patient, in SUV."""

    blood: float
    myocardium: float
    liver: float
    marrow: float
    muscle: float
    lung: float


@dataclass(frozen=True)
class PhantomPatient:
    """Everything about a patient that does not depend on voxels.

    Attributes
    ----------
    thorax
        Anatomy.
    uptake
        Physiological uptake.
    vessels, bronchi
        Trees in the lungs.
    tumours
        What the mask shows.
    decoys
        Lesions that look like a tumour in one modality alone: dense but cold, or hot without a correlate in the CT.
    dependent
        Thickness in mm of dense, cold lung at the back (dependent atelectasis).
    texture
        Mottling of the lungs.
    couch
        Distance of the couch from the back in mm.
    """

    thorax: Thorax
    uptake: Uptake
    vessels: tuple[VesselBranch, ...]
    bronchi: tuple[VesselBranch, ...]
    tumours: tuple[Lesion, ...]
    decoys: tuple[Lesion, ...]
    dependent: float
    texture: SmoothNoise
    couch: float


@dataclass(frozen=True)
class Volumes:
    """Noise-free truth on a grid: HU, SUV and the fraction of each voxel that is tumour."""

    density: FloatArray
    uptake: FloatArray
    tumour: FloatArray


class _Canvas:
    def __init__(self, grid: PhantomGrid) -> None:
        self.grid = grid
        self.edge = max(grid.spacing[1:])
        self.density = np.full(grid.shape, AIR, dtype=np.float32)
        self.uptake = np.zeros(grid.shape, dtype=np.float32)

    def paint(
        self,
        distance: FloatArray,
        density: float | FloatArray | None,
        uptake: float | FloatArray | None,
        box: "tuple[slice, slice, slice] | None" = None,
        cover: float = 1.0,
    ) -> None:
        """Mix a tissue in where ``distance`` is negative; ``cover`` < 1 stands for structures finer than a voxel."""
        fraction = np.float32(cover) * occupancy(distance, self.edge)
        where = box or (slice(None),) * 3
        for volume, value in ((self.density, density), (self.uptake, uptake)):
            if value is not None:
                part = volume[where]
                part += fraction * (value - part)


def render(patient: PhantomPatient, grid: PhantomGrid) -> Volumes:
    """Compute density, uptake and tumour of a patient on a grid."""
    canvas = _Canvas(grid)
    fields = organs(patient.thorax, grid)
    _trunk(canvas, patient, fields)
    _lungs(canvas, patient, fields)
    _centre(canvas, patient, fields)
    for lesion in patient.decoys:
        _lesion(canvas, lesion, fields)
    tumour = np.zeros(grid.shape, dtype=np.float32)
    for lesion in patient.tumours:
        _lesion(canvas, lesion, fields, tumour)
    return Volumes(canvas.density, canvas.uptake, tumour)


def _trunk(canvas: _Canvas, patient: PhantomPatient, fields: Organs) -> None:
    axes = canvas.grid.axes()
    thorax, uptake = patient.thorax, patient.uptake
    bend = np.float32(0.00035) * axes[2] ** 2
    couch = np.abs(axes[1] - np.float32(thorax.depth + patient.couch) + bend + 0 * axes[0]) - np.float32(5)
    canvas.paint(np.maximum(couch, np.abs(axes[2]) - np.float32(205)), -620.0, 0.0)
    canvas.paint(fields.body, -90.0, 0.3)
    canvas.paint(np.maximum(fields.body + 9, fields.cavity - 24), 45.0, uptake.muscle)
    # Ribs slope down towards the front, one every 24 mm, in the middle of the wall.
    phase = np.mod(axes[0] + np.float32(0.45) * axes[1], np.float32(24)) - np.float32(12)
    ribs = np.maximum(np.abs(fields.cavity - 9) - 4, np.abs(phase) - np.float32(5))
    canvas.paint(np.maximum(ribs, fields.body + 6), 420.0, uptake.marrow)
    canvas.paint(fields.abdomen + np.maximum(fields.body + 25, 0), 50.0, uptake.muscle)


def _lungs(canvas: _Canvas, patient: PhantomPatient, fields: Organs) -> None:
    thorax, uptake = patient.thorax, patient.uptake
    y = canvas.grid.axes()[1]
    # Dependent lung at the back is denser (gravity), by about 80 HU over the depth of the chest.
    parenchyma = np.float32(-855) + np.float32(40 / thorax.depth) * y + np.float32(22) * patient.texture.on(canvas.grid)
    canvas.paint(fields.lung, parenchyma, uptake.lung)
    _tubes(canvas, patient.vessels, 40.0, uptake.blood)
    # A crescent along the back wall, thick at the very back and gone halfway to the front.
    thickness = np.float32(patient.dependent) * (
        2 * y / np.float32(thorax.depth) - 1 + patient.thorax.wobble.on(canvas.grid)
    )
    canvas.paint(np.maximum(-fields.cavity - thickness, fields.lung), -120.0, 0.8, cover=0.8)


def _tubes(canvas: _Canvas, branches: tuple[VesselBranch, ...], density: float, uptake: float | None) -> None:
    for branch in branches:
        z, y, x = (np.add(branch.start, branch.end) / 2).tolist()
        reach = float(np.max(np.abs(np.subtract(branch.end, branch.start)))) / 2 + branch.radius + canvas.edge
        found = canvas.grid.around((z, y, x), reach)
        if found is None:
            continue
        box, part = found
        distance = capsule(part.axes(), branch.start, branch.end, max(branch.radius, canvas.edge / 2))
        canvas.paint(distance, density, uptake, box, cover=min(1.0, (2 * branch.radius / canvas.edge) ** 2))


def _centre(canvas: _Canvas, patient: PhantomPatient, fields: Organs) -> None:
    axes = canvas.grid.axes()
    thorax, uptake = patient.thorax, patient.uptake
    canvas.paint(np.maximum(fields.mediastinum, fields.cavity - 3), 40.0, uptake.blood)
    canvas.paint(fields.heart, 45.0, uptake.blood)
    ventricle, chamber = left_ventricle(thorax, axes)
    wall = np.maximum(np.maximum(ventricle, -chamber), fields.heart)
    canvas.paint(wall, 45.0, uptake.myocardium)
    right = axes[2] - np.float32(30) + 0 * fields.abdomen
    canvas.paint(np.maximum(fields.abdomen, right) + np.maximum(fields.body + 22, 0), 60.0, uptake.liver)
    stomach = ellipsoid(axes, (thorax.diaphragm - 42, -30.0, 70.0), (26.0, 40.0, 38.0))
    canvas.paint(np.maximum(stomach, fields.abdomen + 8), AIR, 0.3)
    canvas.paint(np.maximum(fields.spine, fields.body + 10), 180.0, uptake.marrow)
    canal = ellipsoid(axes, (0.0, 0.60 * thorax.depth + 28, 0.0), (np.inf, 8.0, 10.0))
    canvas.paint(canal, 30.0, uptake.muscle)
    sternum = ellipsoid(axes, (0.0, -0.90 * thorax.depth, 0.0), (np.inf, 6.0, 18.0))
    canvas.paint(sternum, 250.0, uptake.marrow)
    _tubes(canvas, patient.bronchi, 30.0, uptake.muscle)
    lumens = tuple(VesselBranch(b.start, b.end, 0.72 * b.radius) for b in patient.bronchi)
    _tubes(canvas, lumens, AIR, 0.2)


def _lesion(canvas: _Canvas, lesion: Lesion, fields: Organs, tumour: FloatArray | None = None) -> None:
    found = canvas.grid.around(lesion.centre, lesion.reach)
    if found is None:
        return
    box, part = found
    local = Organs(**{name: field[box] for name, field in vars(fields).items()})
    distance = confine(lesion_distance(lesion, part), local)
    density: float | FloatArray | None = lesion.density
    if lesion.density is not None:
        # Part-solid lesions are denser inside than at the rim.
        density = np.clip(np.float32(lesion.density) - 25 * distance, lesion.density, 45).astype(np.float32)
    canvas.paint(distance, density, lesion.suv, box)
    if lesion.necrosis > 0:
        core = ellipsoid(part.axes(), lesion.centre, (lesion.necrosis,) * 3) + np.float32(1.5) * lesion.spicules.on(
            part
        )
        canvas.paint(np.maximum(core, distance + 4), None, 1.2, box)
    if tumour is not None:
        tumour[box] = np.maximum(tumour[box], occupancy(distance, canvas.edge))
