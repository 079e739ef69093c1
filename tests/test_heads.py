from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.metrics import mean_absolute_error, mean_pinball_loss, mean_squared_error

from tsrnn.heads import HEADS, Huber


def made(n=500, seed=0):
    rng = np.random.default_rng(seed)
    return torch.from_numpy(rng.normal(size=(n, 1))), torch.from_numpy(2 * rng.normal(size=n))


def test_squared_error_is_half_of_scikit_learns():
    raw, target = made()
    loss = HEADS["squared_error"]().loss(raw, target).mean()
    assert float(loss) == pytest.approx(0.5 * mean_squared_error(target, raw[:, 0]), rel=1e-12)


def test_absolute_error_is_scikit_learns_and_twice_the_pinball_loss_of_the_median():
    raw, target = made()
    loss = float(HEADS["absolute_error"]().loss(raw, target).mean())
    assert loss == pytest.approx(mean_absolute_error(target, raw[:, 0]), rel=1e-12)
    assert loss == pytest.approx(2 * mean_pinball_loss(target, raw[:, 0], alpha=0.5), rel=1e-12)


@pytest.mark.parametrize("delta", [0.5, 1.0, 3.0])
def test_huber_is_quadratic_up_to_delta_then_linear(delta):
    raw, target = made()
    d = np.abs((target - raw[:, 0]).numpy())
    expected = np.where(d <= delta, 0.5 * d**2, delta * (d - 0.5 * delta))  # Huber 1964
    np.testing.assert_allclose(Huber(delta).loss(raw, target), expected, rtol=1e-12)


def test_huber_of_the_table_bends_at_one():
    raw, target = made()
    expected = torch.nn.functional.smooth_l1_loss(raw[:, 0], target, reduction="none", beta=1.0)
    torch.testing.assert_close(HEADS["huber"]().loss(raw, target), expected)


@pytest.mark.parametrize("name", HEADS)
def test_gradient_equals_finite_differences(name):
    raw, target = made(20)
    assert torch.autograd.gradcheck(HEADS[name]().loss, (raw.requires_grad_(), target))


@pytest.mark.parametrize(
    ("name", "statistic"), [("squared_error", np.mean), ("absolute_error", np.median)]
)
def test_the_best_constant_is_the_statistic_the_head_is_named_for(name, statistic):
    head, sample = HEADS[name](), np.random.default_rng(0).exponential(size=301)
    candidates = torch.linspace(0, 3, 3001, dtype=torch.float64)
    raw = candidates[:, None, None].expand(-1, 301, 1)
    losses = head.loss(raw, torch.from_numpy(sample)).mean(dim=1)
    assert float(candidates[losses.argmin()]) == pytest.approx(statistic(sample), abs=1e-3)


@pytest.mark.parametrize("name", HEADS)
def test_point_has_no_loss_and_every_element_its_own(name):
    head, (raw, target) = HEADS[name](), made(6)
    raw, target = raw.view(3, 2, 1).expand(3, 2, head.parameters), target.view(3, 2)
    assert torch.equal(head.loss(raw, head.point(raw)), torch.zeros(3, 2, dtype=torch.float64))
    whole = head.loss(raw, target)
    assert torch.equal(head.loss(raw[1, 1], target[1, 1]), whole[1, 1])
