"""What is read of the header of a PET."""

import pytest
from pydicom.dataset import Dataset

from nnunet_cipa.dicom.suv.facts import PetFacts, pet_facts
from tests.dicom.suv_facts import PRIVATE
from tests.dicom.writer import basic_dataset, pet_values


def test_facts_of_a_dataset():
    dataset = basic_dataset("PT", "1.2", **pet_values())
    dataset.TimezoneOffsetFromUTC = "+0100"
    dataset.FrameReferenceTime = 45000.5
    dataset.private_block(0x0009, "GEMS_PETD_01", create=True).add_new(0x0D, "DT", "20200102115000.00")
    dataset.private_block(0x0071, "SIEMENS MED PT", create=True).add_new(0x22, "UN", b"20200102115000.000000\0")
    # Another maker's block takes the usual place, so that the factors are at (7053,1100) and (7053,1109).
    dataset.private_block(0x7053, "SOMEBODY ELSE", create=True).add_new(0x00, "DS", "9")
    philips = dataset.private_block(0x7053, "Philips PET Private Group", create=True)
    philips.add_new(0x00, "DS", "0.000421")
    philips.add_new(0x09, "DS", "1.54")
    assert pet_facts(dataset) == PetFacts(
        manufacturer="ACME",
        units="BQML",
        decay_correction="START",
        corrections=("ATTN", "DECY", "SCAT"),
        injections=1,
        weight=70.0,
        dose=350e6,
        half_life=6586.2,
        injection_time="093000",
        series_date="20200102",
        series_time="103000",
        acquisition_date="20200102",
        acquisition_time="103000",
        timezone="+0100",
        frame_reference_ms=45000.5,
        private={
            PRIVATE["ge_scan"]: "20200102115000.00",
            PRIVATE["siemens_scan"]: "20200102115000.000000",
            PRIVATE["philips_suv"]: "0.000421",
            PRIVATE["philips_bqml"]: "1.54",
        },
    )


@pytest.mark.parametrize(
    ("manufacturer", "creator", "found"),
    [
        ("Philips Medical Systems", None, "0.0005"),
        ("Philips Medical Systems", "Philips PET Private Group", "0.0005"),
        ("Philips", "SOMEBODY ELSE", None),
        ("SIEMENS", None, None),
        (None, None, None),
    ],
)
def test_private_attribute_without_its_creator(manufacturer, creator, found):
    dataset = basic_dataset("PT", "1.2", Manufacturer=manufacturer)
    if creator is not None:
        dataset.add_new(0x70530010, "LO", creator)
    dataset.add_new(0x70531000, "UN", b"0.0005 ")
    assert pet_facts(dataset).private.get(PRIVATE["philips_suv"]) == found


def test_facts_for_the_size_of_the_body_and_of_several_injections():
    dataset = basic_dataset("PT", "1.2", **pet_values())
    dataset.PatientSex, dataset.PatientSize, dataset.DecayFactor = "f", 1.75, "1.02"
    dataset.AcquisitionDateTime = "20200102103000"
    dataset.RadiopharmaceuticalInformationSequence.append(Dataset())
    facts = pet_facts(dataset)
    assert (facts.sex, facts.height, facts.decay_factor) == ("F", 1.75, 1.02)
    assert (facts.injections, facts.half_life, facts.acquisition_datetime) == (2, None, "20200102103000")


def test_facts_of_an_empty_dataset():
    assert pet_facts(basic_dataset("PT", "1.2")) == PetFacts()
