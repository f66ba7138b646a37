"""Threads of a training on a CPU."""

import os

import pytest
import torch
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

from nnunet_cipa.errors import CIPAError
from nnunet_cipa.trainers.robust.threads import THREADS_VARIABLE, FittingThreads


@pytest.fixture
def threads_of(monkeypatch):
    """Tell how many threads nnU-Net would build a network with that sets 4, as for a machine of 4 cores."""
    seen = []
    monkeypatch.setattr(nnUNetTrainer, "initialize", lambda _: seen.append(torch.get_num_threads()))

    def begin(device="cpu"):
        trainer = object.__new__(FittingThreads)
        trainer.device = torch.device(device)
        before = torch.get_num_threads()
        torch.set_num_threads(4)
        try:
            trainer.initialize()
        finally:
            torch.set_num_threads(before)
        return seen[-1]

    return begin


@pytest.mark.parametrize(("cores", "expected"), [(1, 1), (3, 3), (4, 4), (64, 4)])
def test_a_training_has_no_more_threads_than_cores_are_left_to_it(threads_of, monkeypatch, cores, expected):
    monkeypatch.delenv(THREADS_VARIABLE, raising=False)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(cores)), raising=False)
    assert threads_of() == expected
    assert threads_of("cuda") == 4


@pytest.mark.parametrize(("value", "expected"), [("1", 1), ("6", 6)])
def test_the_variable_goes_before_the_cores(threads_of, monkeypatch, value, expected):
    monkeypatch.setenv(THREADS_VARIABLE, value)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1}, raising=False)
    assert threads_of() == expected
    assert threads_of("cuda") == 4


@pytest.mark.parametrize("value", ["0", "-1", "two", "1.5", "10000", "01", "1\n"])
def test_another_value_is_refused(threads_of, monkeypatch, value):
    monkeypatch.setenv(THREADS_VARIABLE, value)
    with pytest.raises(CIPAError, match=r"NNUNET_CIPA_THREADS is .*; set it to an integer from 1 to 9999, or unset it"):
        threads_of()
