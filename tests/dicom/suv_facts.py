"""Facts of a PET of which the SUV is known in closed form."""

from dataclasses import replace

from nnunet_cipa.dicom.suv.facts import PetFacts
from nnunet_cipa.dicom.suv.scale import suv_scale
from nnunet_cipa.dicom.suv.vendors import PrivateTag

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
PRIVATE = {
    "ge_scan": PrivateTag(0x0009, "GEMS_PETD_01", 0x0D),
    "siemens_scan": PrivateTag(0x0071, "SIEMENS MED PT", 0x22),
    "philips_suv": PrivateTag(0x7053, "Philips PET Private Group", 0x00),
    "philips_bqml": PrivateTag(0x7053, "Philips PET Private Group", 0x09),
}
FACTOR = 60_000 / 300e6
LATE = {"series_time": "150000", "acquisition_time": "115500"}  # SeriesTime is that of a later reconstruction


def factor(facts):
    (value,) = suv_scale([facts]).factors
    return value


def changed(**fields):
    """START with other values; those of private attributes by their names in ``PRIVATE``."""
    private = {tag: fields.pop(name, None) for name, tag in PRIVATE.items()}
    return replace(START, **fields, private={tag: str(value) for tag, value in private.items() if value is not None})
