import pytest

from tests.evaluation.cross_validation import CrossValidation
from tests.raw_dataset import dataset, make_dataset, write

__all__ = ["dataset", "make_dataset", "write"]


@pytest.fixture
def cross_validation(tmp_path):
    return CrossValidation(tmp_path).write()
