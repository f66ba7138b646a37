"""Memory of a conversion is bounded by the volume of the CT."""

from pathlib import Path

import pytest

from tests.measurements.lucid_cost import cost, write_study


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak of a process is read from /proc")
def test_a_patient_takes_two_ct_volumes_in_float32(tmp_path):
    slices, ct_size = 48, 512
    write_study(tmp_path, slices, ct_size, pet_size=100)
    steps = cost(tmp_path)
    volume = slices * ct_size**2 * 4 / 2**20
    before = steps["start"][1]
    assert before + volume < steps["check"][1] < before + 2 * volume + 40
    assert steps["write"][1] < before + 2 * volume + 40
