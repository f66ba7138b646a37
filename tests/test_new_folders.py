"""Folders that appear whole or not."""

import pytest

from nnunet_cipa.files.new_folders import new_folder, passing_folder


def test_folder_appears_at_the_end_like_an_ordinary_one(tmp_path):
    with new_folder(tmp_path / "new") as folder:
        (folder / "file").write_text("text")
        assert not (tmp_path / "new").exists()
        assert folder.parent == tmp_path
    (tmp_path / "plain").mkdir()
    assert (tmp_path / "new" / "file").read_text() == "text"
    assert (tmp_path / "new").stat().st_mode == (tmp_path / "plain").stat().st_mode
    assert sorted(path.name for path in tmp_path.iterdir()) == ["new", "plain"]


@pytest.mark.parametrize("error", [ArithmeticError, KeyboardInterrupt])
def test_failure_leaves_nothing(tmp_path, error):
    def fail(folder):
        (folder / "file").write_text("text")
        raise error

    with pytest.raises(error), new_folder(tmp_path / "new") as folder:
        fail(folder)
    assert list(tmp_path.iterdir()) == []


def test_what_is_not_moved_away_passes(tmp_path):
    with passing_folder(tmp_path, ".x_") as folder:
        for name in ("kept", "lost"):
            (folder / name).touch()
        (folder / "kept").rename(tmp_path / "kept")
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]
