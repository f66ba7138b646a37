from tests.raw_dataset import dataset, make_dataset, write

__all__ = ["dataset", "make_dataset", "write"]
