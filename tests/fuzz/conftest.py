import pytest


@pytest.fixture
def own(tmp_path):
    for part in ("input", "output"):
        (tmp_path / part).mkdir()
    return tmp_path
