"""Facts of a PET of which the SUV is known in closed form."""

from dataclasses import replace

from nnunet_cipa.dicom.suv.facts import PetFacts
from nnunet_cipa.dicom.suv.scale import suv_scale

HALF_LIFE = 6600.0  # 110 min
# 60 kg and 300 MBq: 0.0002 g/Bq without decay; one half life from injection (10:00) to scan (11:50).
START = PetFacts(
    manufacturer="ACME",
    units="BQML",
    decay_correction="START",
    corrections=("ATTN", "DECY"),
    injections=1,
    weight=60.0,
    dose=300e6,
    half_life=HALF_LIFE,
    injection_time="100000",
    series_date="20200102",
    series_time="115000",
    acquisition_date="20200102",
    acquisition_time="115000",
)
FACTOR = 60_000 / 300e6
LATE = {"series_time": "150000", "acquisition_time": "115500"}  # SeriesTime is that of a later reconstruction


def factor(facts):
    (value,) = suv_scale([facts]).factors
    return value


def changed(**fields):
    return replace(START, **fields)
