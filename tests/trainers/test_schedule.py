import pytest
import torch

from nnunet_cipa.trainers.recipe.schedule import CosineSchedule


def make_optimizer(*rates):
    groups = [{"params": [torch.nn.Parameter(torch.zeros(1))], "lr": rate} for rate in rates]
    return torch.optim.SGD(groups)


def test_equals_torch_cosine_annealing():
    ours, theirs = make_optimizer(6e-5, 6e-6), make_optimizer(6e-5, 6e-6)
    schedule = CosineSchedule(ours, iterations=40, iterations_per_epoch=10)
    closed_form = torch.optim.lr_scheduler.LambdaLR(
        theirs, [lambda i: 1e-6 + (1 - 1e-6) * 0.5 * (1 + torch.cos(torch.tensor(torch.pi * i / 40)).item())] * 2
    )
    schedule.step(0)
    for _ in range(40):
        assert [g["lr"] for g in ours.param_groups] == pytest.approx([g["lr"] for g in theirs.param_groups], rel=1e-5)
        ours.step()
        theirs.step()
        closed_form.step()
    assert [g["lr"] for g in ours.param_groups] == pytest.approx([6e-11, 6e-12])


def test_first_rate_by_torch_annealing_at_the_middle():
    optimizer = make_optimizer(1.0)
    annealing = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=100, eta_min=1e-6)
    for _ in range(37):
        optimizer.step()
        annealing.step()
    schedule = CosineSchedule(make_optimizer(1.0), iterations=100, iterations_per_epoch=10)
    assert schedule.factor(37) == pytest.approx(optimizer.param_groups[0]["lr"], rel=1e-9)


def test_continues_at_the_epoch_that_nnunet_names():
    fresh, continued = make_optimizer(1.0), make_optimizer(1.0)
    schedule = CosineSchedule(fresh, iterations=60, iterations_per_epoch=20)
    for _ in range(40):
        fresh.step()
    schedule.step(2)
    CosineSchedule(continued, iterations=60, iterations_per_epoch=20).step(2)
    assert continued.param_groups[0]["lr"] == fresh.param_groups[0]["lr"]
    assert 0 < fresh.param_groups[0]["lr"] < 1


def test_never_rises_after_the_end():
    schedule = CosineSchedule(make_optimizer(1.0), iterations=10, iterations_per_epoch=10)
    assert schedule.factor(10) == schedule.factor(11) == pytest.approx(1e-6)


def test_warm_up_rises_by_equal_steps_then_falls_as_the_cosine_of_what_is_left():
    schedule = CosineSchedule(make_optimizer(1.0), iterations=25, iterations_per_epoch=5, warmup=5)
    rest = CosineSchedule(make_optimizer(1.0), iterations=20, iterations_per_epoch=5)
    assert [schedule.factor(i) for i in range(5)] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])
    assert [schedule.factor(i) for i in range(5, 26)] == pytest.approx([rest.factor(i) for i in range(21)])


@pytest.mark.parametrize("iterations", [1, 5])
def test_a_training_that_is_all_warm_up_ends(iterations):
    schedule = CosineSchedule(make_optimizer(1.0), iterations=iterations, iterations_per_epoch=1, warmup=5)
    assert [schedule.factor(i) for i in range(5)] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])
    assert 0 < schedule.factor(7) < 1
