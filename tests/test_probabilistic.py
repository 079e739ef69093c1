"""Probabilistic metrics equal properscoring, utilsforecast and numbers by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import properscoring
import pytest
from scipy import stats
from sklearn.metrics import mean_pinball_loss
from utilsforecast import losses as reference

from tsrnn.point_metrics import mean_absolute_scaled_error, weighted_absolute_percentage_error
from tsrnn.probabilistic import (
    continuous_ranked_probability_score,
    crps_ensemble,
    interval_coverage,
    mean_interval_score,
    mean_quantile_loss,
    mean_scaled_interval_score,
    probability_integral_transform,
    weighted_quantile_loss,
)

LEVELS = np.array([0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95])


def normal_forecasts(
    levels: np.ndarray = LEVELS, n: int = 200, spread: float = 1.0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Targets, quantiles of normal forecasts, and their means; ``spread`` 1 is calibrated."""
    rng = np.random.default_rng(0)
    mean = 10 + rng.normal(size=n).cumsum()
    y_true = mean + 2 * rng.normal(size=n)
    return y_true, stats.norm.ppf(levels, mean[:, np.newaxis], 2 * spread), mean


def theirs(metric, y_true: np.ndarray, quantiles: np.ndarray, levels: np.ndarray) -> float:
    """Value of one of utilsforecast's losses of several quantiles."""
    names = [f"q{j}" for j in range(len(levels))]
    frame = pd.DataFrame(quantiles, columns=names).assign(unique_id="a", y=y_true)
    return float(metric(frame, {"m": names}, np.asarray(levels))["m"].item())


def test_quantile_losses_equal_utilsforecast():
    y_true, quantiles, _ = normal_forecasts()
    ours = mean_quantile_loss(y_true, quantiles, levels=LEVELS)
    assert ours == pytest.approx(theirs(reference.mqloss, y_true, quantiles, LEVELS), rel=1e-12)
    ours = weighted_quantile_loss(y_true, quantiles, levels=LEVELS)
    assert ours == pytest.approx(theirs(reference.scaled_crps, y_true, quantiles, LEVELS), rel=1e-9)


def test_values_of_sktime():
    """Computed by sktime 1.2.0."""
    y_true, y_pred = np.array([85.9, 61.2, 45.1, 36.4]), np.array([70.0, 66.5, 40.0, 41.3])
    quantiles = np.column_stack([y_pred - 15, y_pred, y_pred + 12])
    assert mean_quantile_loss(y_true, quantiles, levels=[0.1, 0.5, 0.9]) == pytest.approx(2.525)
    assert interval_coverage(y_true, quantiles[:, 0], quantiles[:, 2]) == 0.75


def test_quantile_loss_of_one_level_is_scikit_learns_pinball_loss():
    y_true, quantiles, _ = normal_forecasts()
    expected = mean_pinball_loss(y_true, quantiles[:, 1], alpha=0.1)
    assert mean_quantile_loss(y_true, quantiles[:, [1]], levels=[0.1]) == expected


def test_wql_of_the_median_is_the_weighted_absolute_percentage_error():
    y_true, _, mean = normal_forecasts()
    ours = weighted_quantile_loss(y_true, mean[:, np.newaxis], levels=0.5)
    assert ours == pytest.approx(weighted_absolute_percentage_error(y_true, mean))


@pytest.mark.parametrize(("quantile", "expected"), [(0.0, 0.0), (1.0, np.inf)])
def test_wql_of_all_zeros_is_defined(quantile, expected):
    assert weighted_quantile_loss([0.0, 0.0], [[quantile], [0.0]], levels=[0.5]) == expected


def test_crps_of_dense_quantiles_is_that_of_the_normal_distribution():
    levels = (np.arange(2000) + 0.5) / 2000
    y_true, quantiles, mean = normal_forecasts(levels)
    expected = properscoring.crps_gaussian(y_true, mean, 2.0).mean()
    ours = continuous_ranked_probability_score(y_true, quantiles, levels=levels)
    assert ours == pytest.approx(expected, rel=1e-4)


def test_crps_weighs_levels_by_their_share():
    """The usual levels are denser in the tails; weights bring them nearer to the true CRPS."""
    y_true, quantiles, mean = normal_forecasts()
    expected = properscoring.crps_gaussian(y_true, mean, 2.0).mean()
    weighted = continuous_ranked_probability_score(y_true, quantiles, levels=LEVELS)
    plain = 2 * mean_quantile_loss(y_true, quantiles, levels=LEVELS)
    assert abs(weighted - expected) < 0.02 * expected < abs(plain - expected)


def test_crps_of_evenly_spread_levels_is_twice_the_quantile_loss():
    levels = np.arange(0.05, 1, 0.1)
    y_true, quantiles, _ = normal_forecasts(levels)
    ours = continuous_ranked_probability_score(y_true, quantiles, levels=levels)
    assert ours == pytest.approx(2 * mean_quantile_loss(y_true, quantiles, levels=levels))


@pytest.mark.parametrize("size", [1, 2, 25])
def test_crps_of_samples_equals_properscoring(size):
    rng = np.random.default_rng(0)
    y_true, samples = rng.normal(size=30), rng.normal(size=(30, size))
    expected = properscoring.crps_ensemble(y_true, samples).mean()
    assert crps_ensemble(y_true, samples) == pytest.approx(expected, rel=1e-12)


def interval_frame(y_true, lower, upper) -> pd.DataFrame:
    frame = pd.DataFrame({"y": y_true, "m-lo-80": lower, "m-hi-80": upper})
    return frame.assign(unique_id="a")


def test_coverage_and_interval_score_equal_utilsforecast():
    y_true, quantiles, _ = normal_forecasts()
    lower, upper = quantiles[:, 1], quantiles[:, -2]
    frame = interval_frame(y_true, lower, upper)
    expected = reference.coverage(frame, ["m"], 80)["m"].item()
    assert interval_coverage(y_true, lower, upper) == expected
    expected = reference.winkler_score(frame, ["m"], 80)["m"].item()
    score = mean_interval_score(y_true, lower, upper, coverage=0.8)
    assert score == pytest.approx(expected, rel=1e-12)


def test_interval_score_is_the_loss_of_its_two_quantiles():
    """Gneiting and Raftery (2007), section 6.2: the score is 2 / alpha times their pinball loss."""
    y_true, quantiles, _ = normal_forecasts()
    ends = quantiles[:, [1, -2]]
    expected = 2 / 0.2 * 2 * mean_quantile_loss(y_true, ends, levels=[0.1, 0.9])
    score = mean_interval_score(y_true, *ends.T, coverage=0.8)
    assert score == pytest.approx(expected)


def test_msis_of_a_point_is_the_fined_mase():
    y_train, y_true, y_pred = [1.0, 3.0, 2.0, 6.0], [7.0, 4.0], [5.0, 5.0]
    scaled = mean_scaled_interval_score(
        y_true, y_pred, y_pred, coverage=0.95, y_train=y_train, seasonality=2
    )
    mase = mean_absolute_scaled_error(y_true, y_pred, y_train=y_train, seasonality=2)
    assert scaled == pytest.approx(2 / 0.05 * mase)


@pytest.mark.parametrize(("upper", "expected"), [(5.0, 0.0), (6.0, np.inf)])
def test_msis_of_a_constant_training_part_is_defined(upper, expected):
    score = mean_scaled_interval_score([5.0], [5.0], [upper], coverage=0.9, y_train=[5.0, 5.0])
    assert score == expected


def test_pit_equals_the_distribution_function_between_dense_levels():
    levels = np.arange(1, 1000) / 1000
    y_true, quantiles, mean = normal_forecasts(levels)
    expected = stats.norm.cdf(y_true, mean, 2.0)
    pit = probability_integral_transform(y_true, quantiles, levels=levels)
    np.testing.assert_allclose(pit, expected, atol=1e-3)


@pytest.mark.parametrize(("spread", "calibrated"), [(1.0, True), (0.5, False), (2.0, False)])
def test_pit_of_calibrated_forecasts_is_uniform_over_bins_of_levels(spread, calibrated):
    y_true, quantiles, _ = normal_forecasts(n=2000, spread=spread)
    pit = probability_integral_transform(y_true, quantiles, levels=LEVELS)
    counts, _ = np.histogram(pit, bins=np.arange(11) / 10)
    assert (stats.chisquare(counts).pvalue > 0.01) == calibrated


def test_pit_in_the_tails_on_levels_and_on_quantiles_that_coincide():
    quantiles = [[1.0, 2.0, 2.0, 4.0]] * 6
    y_true = [0.0, 1.0, 1.5, 2.0, 4.0, 9.0]
    pit = probability_integral_transform(y_true, quantiles, levels=[0.2, 0.4, 0.6, 0.8])
    np.testing.assert_allclose(pit, [0.1, 0.2, 0.3, 0.5, 0.8, 0.9])


def test_pit_puts_crossing_quantiles_in_order():
    crossed = probability_integral_transform([2.5], [[3.0, 2.0]], levels=[0.2, 0.8])
    assert crossed == pytest.approx([0.5])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: mean_quantile_loss([1.0], [[1.0, 2.0]], levels=[0.9, 0.1]),
            r"levels=\[0.9, 0.1\]: expected increasing numbers",
        ),
        (
            lambda: mean_quantile_loss([1.0], [[1.0, 2.0]], levels=[0.5, 1.0]),
            r"levels=\[0.5, 1.0\]: expected increasing numbers above 0 and below 1",
        ),
        (
            lambda: mean_quantile_loss([1.0], [[1.0, 2.0]], levels=[0.5]),
            r"quantiles has 2 columns for 1 levels",
        ),
        (
            lambda: weighted_quantile_loss([1.0, 2.0], [[1.0]], levels=[0.5]),
            r"y_true \(2,\) and quantiles \(1, 1\): expected \(n,\) and \(n, columns\)",
        ),
        (
            lambda: probability_integral_transform([1.0], [[np.nan]], levels=[0.5]),
            r"quantiles has 1 missing values",
        ),
        (lambda: crps_ensemble([np.nan], [[1.0]]), r"y_true has 1 missing values"),
        (lambda: crps_ensemble([], np.empty((0, 3))), r"y_true has 0 rows"),
        (lambda: interval_coverage([1, 2], [1, 3], [2, 2]), r"lower > upper in row 1: 3.0 and 2.0"),
        (
            lambda: interval_coverage([1, 2], [1], [2, 2]),
            r"y_true \(2, 1\), lower \(1, 1\), upper \(2, 1\) differ in shape",
        ),
        (
            lambda: interval_coverage(np.ones((2, 3)), np.zeros((3, 2)), np.ones((3, 2))),
            r"y_true \(2, 3\), lower \(3, 2\), upper \(3, 2\) differ in shape",
        ),
        (lambda: interval_coverage([1, 2], [1, 2], [2, np.inf]), r"upper has 1 infinite .* row 1"),
        (lambda: crps_ensemble([1.0, 2.0], np.zeros((2, 0))), r"samples has 0 columns: expected"),
        (lambda: interval_coverage([], [], []), r"y_true has 0 rows"),
        (
            lambda: mean_interval_score([1], [1], [2], coverage=90),
            r"coverage=90: expected a number",
        ),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
