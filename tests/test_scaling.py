from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tsrnn.scaling import (
    FLOOR,
    carried_forward,
    causal_mean,
    growth_of_changes,
    linear_effect,
    origin_of,
    original_values,
    scaled,
    seasonal_profile,
    usual_deviation,
    working_values,
)


def series(T=60, K=2, missing=0.0, seed=0):
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(T, K)).cumsum(axis=0)
    return np.where(rng.random((T, K)) < missing, np.nan, values)


@pytest.mark.parametrize("missing", [0.0, 0.3, 0.9])
@pytest.mark.parametrize("span", [1, 7, 59, 60, 100])
def test_causal_mean_equals_pandas_rolling_mean(span, missing):
    values = series(missing=missing)
    expected = pd.DataFrame(values).rolling(span, min_periods=1).mean().ffill().fillna(0.0)
    np.testing.assert_allclose(causal_mean(values, span), expected, atol=1e-12)


def test_causal_mean_before_the_first_observed_value_is_zero():
    values = np.array([[np.nan], [np.nan], [4.0], [np.nan], [6.0]])
    np.testing.assert_array_equal(causal_mean(values, 2)[:, 0], [0, 0, 4, 4, 6])


def test_carried_forward_keeps_the_start_and_repeats_the_last_known_value():
    values = np.array([[1.0, 1], [2, 2], [3, 3], [4, 4]])
    known = np.array([[False, True], [True, False], [False, False], [True, True]])
    expected = [[1, 1], [2, 1], [2, 1], [4, 4]]
    np.testing.assert_array_equal(carried_forward(values, known), expected)


CAUSAL = {
    "causal_mean": lambda w: causal_mean(w, 7),
    "level": lambda w: scaled(w, np.ones(2), 7).level,
    "scale": lambda w: scaled(w, np.ones(2), 7).scale,
    "seasonal_profile": lambda w: seasonal_profile(w, 5, 0.3),
}


@pytest.mark.parametrize("name", CAUSAL)
@pytest.mark.parametrize("t", [0, 6, 30, 58])
def test_values_after_a_step_change_nothing_up_to_it(name, t):
    values = series(missing=0.2)
    changed = values.copy()
    changed[t + 1 :] = 1e9
    before, after = CAUSAL[name](values), CAUSAL[name](changed)
    np.testing.assert_array_equal(before[: t + 1], after[: t + 1])
    assert not np.array_equal(before[t + 1 :], after[t + 1 :])


@pytest.mark.parametrize("rate", [1.0, 0.3, 0.1])
@pytest.mark.parametrize("season", [1, 5, 12])
def test_seasonal_profile_equals_the_recursion_phase_by_phase(season, rate):
    deviation = series(53, missing=0.2)
    expected = np.empty_like(deviation)
    for k in range(2):
        for phase in range(season):
            p, seen = 0.0, 0
            for t in range(phase, 53, season):
                if np.isfinite(deviation[t, k]):
                    seen += 1
                    p += max(rate, 1 / seen) * (deviation[t, k] - p)
                expected[t, k] = p
    np.testing.assert_allclose(seasonal_profile(deviation, season, rate), expected, atol=1e-12)


def test_slow_seasonal_profile_is_the_mean_of_the_phase():
    deviation = series(40, 1)
    by_phase = deviation.reshape(10, 4).mean(axis=0)
    np.testing.assert_allclose(seasonal_profile(deviation, 4, 1e-9)[-4:, 0], by_phase, atol=1e-12)


@pytest.mark.parametrize("multiplicative", [False, True])
@pytest.mark.parametrize("unit", [1e-12, 1.0, 1e12])
def test_original_values_invert_working_values(multiplicative, unit):
    y = unit * np.exp(series(missing=0.2))
    origin = origin_of(y)
    w = working_values(y, origin, multiplicative)
    np.testing.assert_allclose(original_values(w, origin, multiplicative), y, rtol=1e-10)


def test_multiplicative_working_values_know_no_unit():
    y = np.exp(series())
    a, b = (working_values(c * y, origin_of(c * y), True) for c in (1.0, 1e9))
    np.testing.assert_allclose(a, b, atol=1e-12)


def test_origin_is_the_first_observed_value_of_each_target():
    y = np.array([[np.nan, 3.0], [np.nan, 4.0], [7.0, np.nan]])
    np.testing.assert_array_equal(origin_of(y), [7, 3])


def test_usual_deviation_is_the_mean_distance_from_the_level():
    w = series(missing=0.2)
    expected = np.nanmean(np.abs(w - causal_mean(w, 7)), axis=0)
    np.testing.assert_allclose(usual_deviation(w, 7, np.ones(2)), expected, rtol=1e-12)


def test_usual_deviation_of_rounding_errors_is_zero():
    w = 1e-16 * np.random.default_rng(0).normal(size=(50, 1))
    assert usual_deviation(w, 7, np.array([1.0])) == 0
    assert usual_deviation(w, 7, np.array([1e-12])) > 0


def test_scale_is_the_running_deviation_above_a_floor():
    w = np.concatenate([np.random.default_rng(0).normal(size=(200, 1)), np.zeros((200, 1))])
    usual = usual_deviation(w, 5, np.ones(1))
    found = scaled(w, usual, 5)
    spread = pd.Series(np.abs(w - found.level)[:, 0]).rolling(40, min_periods=1).mean()
    np.testing.assert_allclose(found.scale[:, 0], np.maximum(spread, FLOOR * usual[0]), rtol=1e-9)
    assert found.scale[-1, 0] == FLOOR * usual[0]


def test_linear_effect_recovers_coefficients_and_drops_noise():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(500, 4))
    w = np.stack([3 * X[:, 0], -2 * X[:, 1]], axis=1) + 0.1 * rng.normal(size=(500, 2))
    effect = linear_effect(w, X)
    assert effect[0, 0] == pytest.approx(3, abs=0.03)
    assert effect[1, 1] == pytest.approx(-2, abs=0.03)
    assert np.count_nonzero(effect) <= 3  # of 6 coefficients of noise 5 % are taken for real
    assert np.abs(effect - [[3, 0], [0, -2], [0, 0], [0, 0]]).max() < 0.03


def test_linear_effect_between_series_that_merely_wander_is_far_below_the_one_of_their_levels():
    walks = np.random.default_rng(0).normal(size=(50, 2, 300)).cumsum(axis=2)
    moved = [abs(linear_effect(w[:, None], x[:, None])[0, 0]) for w, x in walks]
    levels = [abs(np.polyfit(x, w, 1)[0]) for w, x in walks]  # Granger and Newbold 1974
    assert np.median(moved) < 0.25 * np.median(levels)


def test_linear_effect_passes_over_missing_values_and_constant_columns():
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.normal(size=400), np.ones(400)])
    w = 2 * X[:, :1] + 0.1 * rng.normal(size=(400, 1))
    w[rng.random(400) < 0.3] = np.nan
    np.testing.assert_allclose(linear_effect(w, X)[:, 0], [2, 0], atol=0.1)


def test_linear_effect_of_too_few_rows_is_none():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(8, 3))
    assert not linear_effect(X[:, :1], X).any()


@pytest.mark.parametrize("power", [0.0, 0.5, 1.0])
def test_growth_of_changes_finds_the_power_of_the_level(power):
    rng = np.random.default_rng(0)
    level = np.repeat(np.exp(np.linspace(0, 4, 100)), 24)  # constant within a stretch
    slope, error = growth_of_changes(20 * level + level**power * rng.normal(size=2400), 24)
    assert slope == pytest.approx(power, abs=0.1)
    assert abs(slope - power) < 3 * error


def test_growth_of_changes_needs_a_level_that_varies_and_enough_stretches():
    rng = np.random.default_rng(0)
    assert growth_of_changes(100 + rng.normal(size=2400), 24) is None
    assert growth_of_changes(np.exp(rng.normal(size=60).cumsum()), 24) is None
    assert growth_of_changes(np.full(2400, 5.0), 24) is None
