"""How large the tumours of a study set are: diameters that follow PCLT20K's lesions, in small sets as in large ones.

The paper's figures for the area of a lesion in a slice of 512 x 512 pixels (arXiv 2503.17261, section 3): 11 to 5,830
pixels, 59.37 % below 500 and 19.93 % above 1,000.
"""

import itertools
from collections.abc import Iterator

import numpy as np
from scipy.special import ndtr, ndtri

SMALLEST, LARGEST = 8.0, 86.0
# Of the logarithm of the diameter in mm: irregular tumours cut by the anatomy then have the paper's areas.
MEDIAN, SIGMA = 25.0, 0.56
# Powers of the root of x^3 = x + 1, whose multiples fill a square most evenly (M. Roberts, 2018).
PATIENT_STEP, TUMOUR_STEP = 0.7548776662466927, 0.5698402909980532


def diameters(seed: int, index: int, largest: float = LARGEST) -> Iterator[float]:
    """Yield the diameters in mm of the tumours of patient ``index``, without end.

    They are log-normal between ``SMALLEST`` and ``largest``, drawn evenly instead of independently: forty patients
    have the distribution of four thousand, and still no patient depends on another.
    """
    start = np.random.default_rng([seed, 0, 4]).uniform()
    low, high = (ndtr(np.log(limit / MEDIAN) / SIGMA) for limit in (SMALLEST, largest))
    for number in itertools.count():
        share = (start + index * PATIENT_STEP + number * TUMOUR_STEP) % 1
        yield float(MEDIAN * np.exp(SIGMA * ndtri(low + share * (high - low))))
