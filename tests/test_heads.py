from __future__ import annotations

import pickle
from copy import deepcopy

import numpy as np
import pytest
import torch
from scipy.stats import norm
from sklearn.base import clone
from sklearn.ensemble import BaggingRegressor
from sklearn.metrics import mean_absolute_error, mean_pinball_loss, mean_squared_error

from tsrnn.heads import (
    DEFAULT_LEVELS,
    HEADS,
    POINT_HEADS,
    AbsoluteError,
    Head,
    Huber,
    ProbabilisticHead,
    Quantile,
    SquaredError,
    find_head,
)


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
    head, (_, target) = HEADS[name](), made(20)
    raw = torch.from_numpy(np.random.default_rng(1).normal(size=(20, head.parameters)))
    assert torch.autograd.gradcheck(head.loss, (raw.requires_grad_(), target))


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


@pytest.mark.parametrize("name", POINT_HEADS)
def test_a_point_head_is_one_number_and_starts_at_zero(name):
    head = HEADS[name]()
    assert head.parameters == 1
    assert not isinstance(head, ProbabilisticHead)
    assert np.array_equal(head.start(np.ones((7, 3))), np.zeros((3, 1)))


# Quantiles ----------------------------------------------------------------------------------------


def drawn(*shape, seed=2):
    return torch.from_numpy(np.random.default_rng(seed).normal(size=shape))


def test_quantile_loss_is_twice_the_mean_of_scikit_learns_pinball_losses():
    raw, target = drawn(500, 3), 2 * drawn(500, seed=3)
    losses = [mean_pinball_loss(target, raw[:, i], alpha=a) for i, a in enumerate([0.1, 0.5, 0.7])]
    loss = float(Quantile([0.1, 0.5, 0.7]).loss(raw, target).mean())
    assert loss == pytest.approx(2 * np.mean(losses), rel=1e-12)


def test_the_median_alone_is_the_absolute_error():
    raw, target = made()
    head = Quantile([0.5])
    torch.testing.assert_close(head.loss(raw, target), AbsoluteError().loss(raw, target))
    assert torch.equal(head.point(raw), AbsoluteError().point(raw))


def test_the_best_constants_are_the_sample_quantiles():
    sample = np.random.default_rng(0).exponential(size=4001)
    target, head = torch.from_numpy(sample), Quantile([0.1, 0.5, 0.9])
    best = torch.from_numpy(np.quantile(sample, head.levels))
    least = head.loss(best.expand(4001, 3), target).mean()
    for i in range(3):
        for change in (-0.01, 0.01):
            other = best.clone()
            other[i] += change
            assert head.loss(other.expand(4001, 3), target).mean() > least


def test_trained_levels_come_out_as_they_are():
    raw = drawn(5, 2, 13).sort(dim=-1).values
    assert torch.equal(Quantile().quantiles(raw, DEFAULT_LEVELS), raw)
    assert torch.equal(Quantile().point(raw), raw[..., 6])


def test_quantiles_of_a_normal_are_exact_between_the_levels():
    levels = np.linspace(0.025, 0.975, 50)
    raw = torch.from_numpy(3 + 2 * norm.ppf(DEFAULT_LEVELS))
    expected = 3 + 2 * norm.ppf(levels)
    np.testing.assert_allclose(Quantile().quantiles(raw, levels), expected, rtol=1e-12)


def test_crossing_quantiles_are_put_in_order():
    head, raw = Quantile(), drawn(200, 13)
    got = head.quantiles(raw, np.linspace(0.025, 0.975, 39))
    assert (got.diff(dim=-1) >= 0).all()
    assert torch.equal(got, head.quantiles(raw.flip(-1), np.linspace(0.025, 0.975, 39)))
    assert torch.equal(head.quantiles(raw, DEFAULT_LEVELS), raw.sort(dim=-1).values)


def test_the_point_lies_between_the_levels_next_to_the_median():
    raw = torch.tensor([1.0, 2.0, 4.0], dtype=torch.float64)
    assert float(Quantile([0.2, 0.4, 0.6]).point(raw)) == pytest.approx(3.0, rel=1e-12)
    share = norm.ppf(0.4) / (norm.ppf(0.4) - norm.ppf(0.7))  # of the way from 0.4 to 0.7
    expected = 2 + 2 * share
    assert float(Quantile([0.2, 0.4, 0.7]).point(raw)) == pytest.approx(expected, rel=1e-12)


def test_levels_outside_the_trained_ones_are_refused():
    message = (
        r"levels=\[0.01\]: outside the levels 0.1 to 0.9 that were trained; "
        r"fit with loss=Quantile\(\[0.01, 0.1, 0.5, 0.9\]\)"
    )
    with pytest.raises(ValueError, match=message):
        Quantile([0.1, 0.5, 0.9]).quantiles(drawn(3), [0.01, 0.5])


def test_levels_may_miss_the_trained_ones_by_rounding():
    raw, below = torch.tensor([1.0, 2.0, 3.0]), 0.1 - 1e-12
    assert Quantile([0.1, 0.5, 0.9]).quantiles(raw, [below, 0.9 + 1e-12]).tolist() == [1.0, 3.0]


@pytest.mark.parametrize(
    "levels",
    [[], 0.5, [0.5, 0.5], [0.5, 0.1], [0.0, 0.5], [0.5, 1.0], [np.nan], [0.6, 0.9], [[0.1, 0.5]]],
)
def test_levels_that_make_no_sense_are_refused(levels):
    with pytest.raises(ValueError, match=r"levels=.*: expected increasing numbers within \(0, 1\)"):
        Quantile(levels)


def test_start_is_the_quantiles_of_the_residuals_without_the_missing_ones():
    residuals = np.random.default_rng(0).normal(size=(50, 4))
    residuals[::3, 1], residuals[:, 2] = np.nan, np.nan
    start = Quantile([0.1, 0.5, 0.9]).start(residuals)
    np.testing.assert_array_equal(start[0], np.quantile(residuals[:, 0], [0.1, 0.5, 0.9]))
    np.testing.assert_array_equal(start[1], np.nanquantile(residuals[:, 1], [0.1, 0.5, 0.9]))
    assert np.array_equal(start[2], np.zeros(3))
    assert np.array_equal(Quantile().start(np.empty((0, 4))), np.zeros((4, 13)))


# Names and objects --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", HEADS)
def test_find_head_takes_names_and_heads(name):
    head = find_head(name)
    assert isinstance(head, Head)
    assert find_head(head) is head
    assert head == HEADS[name]()


@pytest.mark.parametrize("loss", ["mse", 3, None, Quantile])
def test_find_head_lists_the_names(loss):
    names = "'squared_error', 'absolute_error', 'huber', 'quantile'"
    error = ValueError if isinstance(loss, str) else TypeError
    with pytest.raises(error, match=rf"loss=.*: expected one of {names}, or a head such as"):
        find_head(loss)


@pytest.mark.parametrize("head", [SquaredError(), Huber(2.0), Quantile([0.1, 0.5])])
def test_heads_are_values(head):
    assert deepcopy(head) == head
    assert pickle.loads(pickle.dumps(head)) == head
    assert clone(BaggingRegressor(head)).estimator == head
    assert head not in (Huber(1.0), Quantile([0.2, 0.5]), AbsoluteError())
    assert len({head, deepcopy(head)}) == 1


def test_heads_show_their_parameters():
    assert repr(Quantile(np.array([0.1, 0.5]))) == "Quantile(levels=(0.1, 0.5))"
    assert Quantile([0.1, 0.5]) == Quantile((0.1, 0.5))
    assert repr(Huber(2.0)) == "Huber(delta=2.0)"


@pytest.mark.parametrize("delta", [0, -1.0, np.inf, np.nan])
def test_a_bend_that_is_not_positive_is_refused(delta):
    with pytest.raises(ValueError, match=r"delta=.*: expected a number > 0"):
        Huber(delta)
