"""SUV rules of vendors, one entry each: what their PET files have beyond the standard."""

import re
from dataclasses import dataclass

from pydicom.dataset import Dataset

from nnunet_cipa.dicom.attributes import DAMAGE


@dataclass(frozen=True)
class PrivateTag:
    """A private attribute, which is known by its creator: an image may hold it whoever made it.

    Anonymisers and archives drop creators and keep what they reserved. In a group without any creator the attribute is
    taken to be in the block that it usually has, if the image is known by its Manufacturer to be the vendor's.

    Attributes
    ----------
    group
        Odd number of the group.
    creator
        Name that reserves a block of the group.
    element
        Number of the element in that block.
    """

    group: int
    creator: str
    element: int

    def __str__(self) -> str:
        """Write it as (gggg,eeee), in the block that it usually has."""
        return f"({self.group:04X},10{self.element:02X})"

    def read(self, image: Dataset, *, is_vendors: bool = False) -> str | None:
        """Return it as text without white space, or None; where its type is not known, its bytes are such text."""
        try:
            if is_vendors and not any(image.private_creators(self.group)):
                value = image[self.group, 0x1000 + self.element].value
            else:
                value = image.private_block(self.group, self.creator)[self.element].value
        except DAMAGE:
            return None
        if isinstance(value, bytes):
            value = value.decode("ascii", "replace")
        return re.sub(r"[\s\0]+", "", str(value)) or None if value is not None else None


@dataclass(frozen=True)
class Vendor:
    """The SUV rule of a vendor.

    Attributes
    ----------
    name
        For messages.
    manufacturers
        First words of Manufacturer by which an image is known to be this vendor's, in capitals.
    units
        Units, other than BQML and GML, of the values that ``to_suv`` and ``to_bqml`` are for.
    to_suv, to_bqml
        Factors from such values to SUV by body weight (g/ml), which goes first, and to Bq/ml.
    scan_start
        Date and time (DT) of the moment that the values hold for, with DecayCorrection START.
    reference_is_frame_start
        Whether FrameReferenceTime counts to the start of the frame, and not to its mean count rate.
    """

    name: str
    manufacturers: tuple[str, ...]
    units: str | None = None
    to_suv: PrivateTag | None = None
    to_bqml: PrivateTag | None = None
    scan_start: PrivateTag | None = None
    reference_is_frame_start: bool = False

    @property
    def private_tags(self) -> tuple[PrivateTag, ...]:
        """All of its private attributes."""
        return tuple(tag for tag in (self.to_suv, self.to_bqml, self.scan_start) if tag is not None)


_registered: list[Vendor] = []


def register(vendor: Vendor) -> None:
    """Add a vendor; of several whose private attributes an image holds, the one registered first counts."""
    _registered.append(vendor)


def vendors() -> tuple[Vendor, ...]:
    """Return all vendors in the order in which they were registered."""
    return tuple(_registered)


def scan_start_tags() -> tuple[PrivateTag, ...]:
    """Return the private attributes for the moment that the values hold for, in the same order."""
    return tuple(vendor.scan_start for vendor in _registered if vendor.scan_start is not None)


def made_by(manufacturer: str | None) -> Vendor | None:
    """Return the vendor whose name Manufacturer starts with, or None."""
    first = (manufacturer or "").upper().split()[:1]
    return next((vendor for vendor in _registered if first and first[0] in vendor.manufacturers), None)


register(
    Vendor(
        name="GE",
        manufacturers=("GE", "GEMS"),
        scan_start=PrivateTag(0x0009, "GEMS_PETD_01", 0x0D),
        reference_is_frame_start=True,
    )
)
register(
    Vendor(
        name="Siemens",
        manufacturers=("SIEMENS",),
        scan_start=PrivateTag(0x0071, "SIEMENS MED PT", 0x22),
    )
)
register(
    Vendor(
        name="Philips",
        manufacturers=("PHILIPS",),
        units="CNTS",
        to_suv=PrivateTag(0x7053, "Philips PET Private Group", 0x00),
        to_bqml=PrivateTag(0x7053, "Philips PET Private Group", 0x09),
    )
)
