"""A writer of DICOM series into the test's own folder."""

from functools import partial

import pytest

from tests.dataset_conversion.dicom.writer import write_series


@pytest.fixture
def write(tmp_path):
    return partial(write_series, tmp_path)
