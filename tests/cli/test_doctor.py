from importlib.metadata import version

import pytest

from nnunet_cipa import doctor
from nnunet_cipa.cli import main
from nnunet_cipa.ops import available_backends
from nnunet_cipa.plugin import plugin_path


@pytest.fixture
def ready(tmp_path, monkeypatch):
    """Set everything that training needs."""
    for name in ("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results"):
        monkeypatch.setenv(name, str(tmp_path / name))
    monkeypatch.setenv("nnUNet_extTrainer", str(plugin_path()))
    for name in ("ENCODER", "SEED", "THREADS", "ACTIVATION_CHECKPOINTING", "CPU_BF16"):
        monkeypatch.delenv(f"NNUNET_CIPA_{name}", raising=False)


@pytest.mark.usefixtures("ready")
def test_ready_machine_ends_with_0_and_names_every_backend(capsys):
    assert main(["doctor"]) == 0
    out = capsys.readouterr().out
    assert "training can run here" in out
    for name, (usable, reason) in available_backends().items():
        assert f"{name}: {'usable' if usable else 'not usable'}: {reason}" in out


@pytest.mark.usefixtures("ready")
@pytest.mark.parametrize(
    ("name", "value", "remedy"),
    [
        ("nnUNet_raw", None, "export nnUNet_raw="),
        ("nnUNet_results", "/proc/version/results", "/proc/version"),
        ("nnUNet_extTrainer", None, "plugin-path"),
        ("nnUNet_extTrainer", "/somewhere/else", "plugin-path"),
        ("NNUNET_CIPA_ENCODER", "/no/such/file.pth", "weights import"),
        ("NNUNET_CIPA_SEED", "seven", "set it to an integer from 0 to 4294967295, or unset it"),
        ("NNUNET_CIPA_THREADS", "0", "set it to an integer from 1 to 9999, or unset it"),
        ("NNUNET_CIPA_ACTIVATION_CHECKPOINTING", "yes", "set it to 1 or 0, or unset it"),
        ("NNUNET_CIPA_CPU_BF16", "on", "set it to 1 or 0, or unset it"),
        ("NNUNET_CIPA_SCAN_BACKEND", "no-such-backend", "reference"),
    ],
)
def test_what_is_wrong_is_named_with_its_remedy(name, value, remedy, capsys, monkeypatch):
    if value is None:
        monkeypatch.delenv(name)
    else:
        monkeypatch.setenv(name, value)
    assert main(["doctor"]) == 1
    captured = capsys.readouterr()
    marked = [line for line in captured.out.splitlines() if "[!!]" in line]
    assert len(marked) == 1
    assert remedy in captured.out
    assert "training cannot run" in captured.err


@pytest.mark.usefixtures("ready")
@pytest.mark.parametrize(
    ("found", "status", "line"),
    [
        ("1.25.9", 1, "[!!] numpy: 1.25.9"),
        ("1.26.0", 0, "[ok] numpy: 1.26.0"),
        ("99.0", 0, "[ok] numpy: 99.0 (newer than"),
    ],
)
def test_versions_that_were_not_tested_are_named(found, status, line, capsys, monkeypatch):
    monkeypatch.setattr("nnunet_cipa.versions.version", lambda name: found if name == "numpy" else version(name))
    monkeypatch.setattr(doctor, "requires", lambda _: ["numpy>=1.26"])
    assert main(["doctor"]) == status
    assert line in capsys.readouterr().out


@pytest.mark.usefixtures("ready")
def test_forced_backend_is_the_one_that_is_said_to_be_used(capsys, monkeypatch):
    monkeypatch.setenv("NNUNET_CIPA_SCAN_BACKEND", "reference")
    assert main(["doctor"]) == 0
    assert "used on cpu: reference" in capsys.readouterr().out


@pytest.mark.usefixtures("ready")
@pytest.mark.parametrize("name", ["SEED", "THREADS", "ACTIVATION_CHECKPOINTING"])
@pytest.mark.parametrize("value", [None, "1"])
def test_a_variable_is_shown_if_it_is_set(name, value, capsys, monkeypatch):
    if value is not None:
        monkeypatch.setenv(f"NNUNET_CIPA_{name}", value)
    assert main(["doctor"]) == 0
    assert (f"[ok] NNUNET_CIPA_{name}: 1" in capsys.readouterr().out) == (value is not None)
