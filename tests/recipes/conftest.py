"""Plans, data and trainers as the tests of the trainers have them."""

from tests.trainers.conftest import data, dataset_json, make_trainer, plans

__all__ = ["data", "dataset_json", "make_trainer", "plans"]
