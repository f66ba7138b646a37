import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnunet_cipa.dataset_conversion.pipeline.splits import make_splits
from nnunet_cipa.errors import CIPAError

CASES = st.dictionaries(st.text("0123456789", min_size=1), st.integers(1, 300), min_size=5, max_size=40)


@given(CASES, st.integers(0, 2**32))
def test_every_case_is_validated_once_and_never_trained_on_then(slices, seed):
    folds = make_splits(slices, seed)
    assert len(folds) == 5
    assert sorted(case for fold in folds for case in fold["val"]) == sorted(slices)
    for fold in folds:
        assert len(slices) // 5 <= len(fold["val"]) <= -(-len(slices) // 5)
        assert sorted(fold["train"] + fold["val"]) == sorted(slices)


@given(CASES, st.integers(0, 100))
def test_folds_differ_by_no_more_slices_than_the_longest_case(slices, seed):
    sums = [sum(slices[case] for case in fold["val"]) for fold in make_splits(slices, seed)]
    assert max(sums) - min(sums) <= max(slices.values())


@pytest.mark.parametrize("longer", [0, 1])
def test_seed_decides(longer):
    slices = {f"{case:04d}": 30 + longer * case for case in range(20)}
    assert make_splits(slices, 3) == make_splits(dict(reversed(slices.items())), 3)
    assert make_splits(slices, 3) != make_splits(slices, 4)


@pytest.mark.parametrize("count", [2, 3, 4])
def test_fewer_than_five_patients_are_left_out_one_by_one(count):
    patients = [str(number) for number in range(count)]
    folds = make_splits(dict.fromkeys(patients, 7), 0)
    assert sorted(fold["val"] for fold in folds) == [[patient] for patient in patients]
    assert all(sorted(fold["train"] + fold["val"]) == patients for fold in folds)


def test_one_patient_has_no_folds_and_nobody_is_refused():
    assert make_splits({"1": 9}, 0) == []
    with pytest.raises(CIPAError, match="no patients; add patients, or hold fewer out"):
        make_splits({}, 0)
