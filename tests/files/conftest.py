from tests.raw_dataset import write

__all__ = ["write"]
