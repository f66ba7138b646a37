"""Where along the body the scan of a synthetic patient lies."""

from dataclasses import replace

import numpy as np

from nnunet_cipa.dataset_conversion.phantoms.options import SLICE_DISTANCE
from nnunet_cipa.dataset_conversion.phantoms.patient import shown_on
from nnunet_cipa.dataset_conversion.phantoms.scene import PhantomPatient


def choose_slices(
    patient: PhantomPatient,
    slices: int,
    visible: int,
    reach: tuple[int, int],
    limits: tuple[int, int],
    step: float,
    rng: np.random.Generator,
) -> tuple[int, PhantomPatient]:
    """Place the scan over a tumour, where it cuts the fewest of the others, which are left out.

    ``visible`` is on how many slices that tumour has to show, if there is one such, ``reach`` how many slices a tumour
    may move down and up, ``limits`` between which first slices there is a thorax.
    """
    down, up = reach
    shown = [
        {round(index * SLICE_DISTANCE / step) for index in shown_on(tumour, patient.thorax)}
        for tumour in patient.tumours
    ]
    spans = [(min(on) - down, max(on) + up) for on in shown]
    # The first that was drawn and not the largest, so that no size is preferred.
    heights = [len(on) for on in shown]
    main = next((index for index, height in enumerate(heights) if height >= visible), int(np.argmax(heights)))
    low, high = spans[main]
    earliest, latest = sorted((high - slices + 1, low))
    places = sorted({int(np.clip(place, *limits)) for place in range(earliest, latest + 1)})
    held = {place: [low >= place and high < place + slices for low, high in spans] for place in places}
    most = max(map(sum, held.values()))
    first = int(rng.choice([place for place in places if sum(held[place]) == most]))
    kept = tuple(tumour for index, tumour in enumerate(patient.tumours) if index == main or held[first][index])
    return first, replace(patient, tumours=kept)
