"""What is told where SUV cannot be computed from a DICOM export, done as the message has it: SUV is as it was drawn."""

import pytest
from pydicom.valuerep import DSfloat

from tests.dataset_conversion.lucid_dicom_faults import NUMBER, change
from tests.dataset_conversion.lucid_dicom_remedies import Remedy, again, edit, enter

SEQUENCE = "RadiopharmaceuticalInformationSequence"
TRACER = "Radiopharmaceutical"
NIGHT = "235900"


def pet(function):
    """A fault: what a function makes of the attributes of the PET's slices."""
    return lambda export: export.edit(NUMBER, "PET AC", function)


def tracer(**texts):
    """A fault: attributes of the injection; None takes one out."""

    def function(dataset):
        for keyword, value in texts.items():
            if value is None:
                del dataset[SEQUENCE][0][keyword]
            else:
                setattr(dataset[SEQUENCE][0], keyword, value)

    return pet(function)


def scale(keyword, factor):
    def function(dataset):
        holder = dataset if keyword in dataset else dataset[SEQUENCE][0]
        holder[keyword].value = DSfloat(float(holder[keyword].value) * factor, auto_format=True)

    return function


def one_slice(function):
    """A fault in one slice."""

    def function_of_one(dataset):
        if dataset.InstanceNumber == 5:
            function(dataset)

    return pet(function_of_one)


def twice_injected(dataset):
    dataset[SEQUENCE].value.append(dataset[SEQUENCE][0])


def leave_the_first(dataset, _):
    del dataset[SEQUENCE].value[1]


def injected_at_the_scan(dataset):
    item = dataset[SEQUENCE][0]
    del item.RadiopharmaceuticalStartDateTime
    item.RadiopharmaceuticalStartTime = dataset.SeriesTime


def injected_after_the_scan(dataset):
    injected_at_the_scan(dataset)
    hours = int(dataset.SeriesTime[:2])
    dataset[SEQUENCE][0].RadiopharmaceuticalStartTime = f"{hours + 1:02d}0000"


def with_offset(dataset):
    item = dataset[SEQUENCE][0]
    del item.RadiopharmaceuticalStartTime
    item.RadiopharmaceuticalStartDateTime += "+0100"


def late_and_uneven(dataset):
    dataset.SeriesTime = NIGHT
    if dataset.InstanceNumber > 9:
        dataset.FrameReferenceTime += 300_000


def early(dataset):
    hours = int(dataset.SeriesTime[:2])
    dataset.SeriesTime = f"{hours - 4:02d}{dataset.SeriesTime[2:]}"


def light_and_active(dataset):
    scale("PatientWeight", 0.05)(dataset)
    scale("RadionuclideTotalDose", 10)(dataset)


def seconds(time):
    return int(time[:2]) * 3600 + int(time[2:4]) * 60 + int(time[4:6])


def to_body_weight(dataset, _):
    """Export as SUV by body weight: weight over the dose that is left at the scan."""
    item = dataset[SEQUENCE][0]
    elapsed = seconds(dataset.SeriesTime) - seconds(item.RadiopharmaceuticalStartTime)
    left = float(item.RadionuclideTotalDose) * 2 ** (-elapsed / float(item.RadionuclideHalfLife))
    dataset.SUVType = "BW"
    scale("RescaleSlope", 1000 * float(dataset.PatientWeight) / left)(dataset)


def to_bqml(dataset, _):
    """The values are Bq/ml, whatever was said of them."""
    dataset.Units = "BQML"
    if "SUVType" in dataset:
        del dataset.SUVType


def add_philips_factor(dataset, _):
    dataset.private_block(0x7053, "Philips PET Private Group", create=True).add_new(0x09, "DS", "1")


def give_offset_of_scan(dataset, _):
    dataset.TimezoneOffsetFromUTC = "+0100"


def correct(*keywords):
    return enter("PET AC", *keywords)


START, START_WITH_DATE = (f"{SEQUENCE}.{TRACER}{name}" for name in ("StartTime", "StartDateTime"))
DOSE, HALF_LIFE = (f"{SEQUENCE}.Radionuclide{name}" for name in ("TotalDose", "HalfLife"))
HELP = "correct the times, export with them"
LEAN = change("PET AC", Units="GML", SUVType="LBM")
FAULTS = {
    "not corrected for decay": (
        change("PET AC", CorrectedImage=["ATTN"]),
        Remedy("SUV needs the reconstruction that is corrected for attenuation and decay", again("PET AC")),
    ),
    "by lean body mass": (LEAN, Remedy("export SUV by body weight (BW)", edit("PET AC", to_body_weight))),
    "by lean body mass, then Bq/ml": (LEAN, Remedy("or Bq/ml", edit("PET AC", to_bqml))),
    "counts": (
        change("PET AC", Units="CNTS"),
        Remedy("export it with the private attributes", edit("PET AC", add_philips_factor)),
    ),
    "counts, then Bq/ml": (change("PET AC", Units="CNTS"), Remedy("or in Bq/ml", edit("PET AC", to_bqml))),
    "other units": (change("PET AC", Units="PROPCPS"), Remedy("export one of these", edit("PET AC", to_bqml))),
    "weight in g": (pet(scale("PatientWeight", 1000)), Remedy("correct it", correct("PatientWeight"))),
    "no dose": (
        tracer(RadionuclideTotalDose=None),
        Remedy("enter it where the images come from and export again", correct(DOSE)),
    ),
    "two injections": (pet(twice_injected), Remedy("leave that of the scan", edit("PET AC", leave_the_first))),
    "another decay correction": (
        change("PET AC", DecayCorrection="NONE"),
        Remedy("correct the one that is wrong, or export it again", again("PET AC")),
    ),
    "weights that differ": (one_slice(scale("PatientWeight", 1.1)), Remedy("correct it", correct("PatientWeight"))),
    "slices of another reconstruction": (
        one_slice(lambda dataset: setattr(dataset, "Units", "CNTS")),
        Remedy("export one reconstruction by itself", again("PET AC")),
    ),
    "no injection time": (
        tracer(RadiopharmaceuticalStartTime=None, RadiopharmaceuticalStartDateTime=None), Remedy(HELP, correct(START)),
    ),
    "injection that is not that of the date": (
        tracer(RadiopharmaceuticalStartTime=NIGHT), Remedy(HELP, correct(START)),
    ),
    "injection after the scan": (
        pet(injected_after_the_scan), Remedy("correct the times", correct(START)),
    ),
    "injection at the scan": (pet(injected_at_the_scan), Remedy(HELP, correct(START))),
    "injection with an offset from UTC": (pet(with_offset), Remedy(HELP, edit("PET AC", give_offset_of_scan))),
    "half life in minutes": (
        tracer(RadionuclideHalfLife="109.77"), Remedy("correct the times or the half life", correct(HALF_LIFE)),
    ),
    "half life of days without dates": (
        tracer(RadionuclideHalfLife="360000", RadiopharmaceuticalStartDateTime=None),
        Remedy("correct the half life or the dates", correct(HALF_LIFE, START_WITH_DATE)),
    ),
    "no acquisition time": (change("PET AC", AcquisitionTime=None), Remedy(HELP, correct("AcquisitionTime"))),
    "series long before": (pet(early), Remedy(HELP, correct("SeriesTime"))),
    "series after its acquisition": (
        change("PET AC", SeriesTime=NIGHT, FrameReferenceTime=None), Remedy(HELP, correct("FrameReferenceTime")),
    ),
    "frame before itself": (
        change("PET AC", SeriesTime=NIGHT, FrameReferenceTime=0), Remedy(HELP, correct("FrameReferenceTime")),
    ),
    "frames that contradict each other": (pet(late_and_uneven), Remedy(HELP, correct("FrameReferenceTime"))),
    "dose a hundredth": (pet(scale("RadionuclideTotalDose", 0.01)), Remedy("wrong weight or dose", correct(DOSE))),
    "weight a twentieth and dose tenfold": (
        pet(light_and_active),
        Remedy("wrong weight or dose", correct("PatientWeight", DOSE)),
    ),
    "values below zero": (
        change("PET AC", RescaleIntercept=-5000), Remedy("write the PET in SUV by body weight", again("PET AC")),
    ),
    "no activity": (
        pet(lambda dataset: setattr(dataset, "PixelData", bytes(len(dataset.PixelData)))),
        Remedy("it shows no activity, export it again", again("PET AC")),
    ),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_suv_is_that_which_was_drawn_once_it_is_as_told(fault, follow):
    follow(*FAULTS[fault])
