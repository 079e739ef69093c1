"""Metrics equal numbers by hand, scipy, statsmodels; undefined cases are as documented."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import stats
from sklearn.metrics import make_scorer, mean_absolute_error

from tsrnn.metrics import (
    METRICS,
    diebold_mariano,
    divide_by_scale,
    mean_absolute_scaled_error,
    overall_weighted_average,
    root_mean_squared_scaled_error,
    seasonal_naive_error,
    symmetric_mean_absolute_percentage_error,
)


def correlated_errors(seed: int = 0, n: int = 60) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    shared = np.convolve(rng.normal(size=n + 2), np.ones(3), mode="valid")
    return shared + 0.3 * rng.normal(size=n), shared + 0.8 * rng.normal(size=n) + 0.5


def test_mase_by_hand_with_a_season_of_two():
    y_train = [1.0, 10.0, 3.0, 14.0, 5.0]  # seasonal differences 2, 4, 2: scale 8 / 3
    error = mean_absolute_scaled_error([7.0, 18.0], [5.0, 14.0], y_train=y_train, seasonality=2)
    assert error == pytest.approx(3 / (8 / 3))


def test_mase_of_the_in_sample_naive_forecast_is_one():
    y = np.random.default_rng(1).normal(size=50).cumsum()
    assert mean_absolute_scaled_error(y[1:], y[:-1], y_train=y) == pytest.approx(1)
    assert root_mean_squared_scaled_error(y[1:], y[:-1], y_train=y) == pytest.approx(1)


def test_rmsse_by_hand():
    error = root_mean_squared_scaled_error([4.0, 4.0], [1.0, 0.0], y_train=[0.0, 1.0, 4.0])
    assert error == pytest.approx(np.sqrt(12.5 / 5))


def test_scaled_errors_average_the_outputs():
    y_train = np.array([[0.0, 0.0], [1.0, 10.0], [2.0, 20.0]])
    y_true, y_pred = np.array([[3.0, 30.0]]), np.array([[1.0, 0.0]])
    error = mean_absolute_scaled_error(y_true, y_pred, y_train=y_train)
    assert error == pytest.approx((2 + 3) / 2)


@pytest.mark.parametrize("metric", [mean_absolute_scaled_error, root_mean_squared_scaled_error])
@pytest.mark.parametrize(("y_pred", "expected"), [(5.0, 0.0), (6.0, np.inf)])
def test_a_constant_training_part_has_a_defined_answer(metric, y_pred, expected):
    assert metric([5.0], [y_pred], y_train=[5.0, 5.0, 5.0]) == expected


def test_missing_training_values_are_skipped():
    assert seasonal_naive_error([1.0, 2.0, np.nan, 4.0, 7.0])[0] == pytest.approx((1 + 3) / 2)


def test_divide_by_scale_keeps_missing_errors_missing():
    assert np.isnan(divide_by_scale(np.nan, 0.0))


def test_smape_is_200_for_opposite_or_zero_forecasts_and_0_for_zero_on_zero():
    assert symmetric_mean_absolute_percentage_error([3.0, 1.0], [-3.0, 0.0]) == 200
    assert symmetric_mean_absolute_percentage_error([0.0], [0.0]) == 0


def test_smape_by_hand():
    error = symmetric_mean_absolute_percentage_error([100.0, 60.0], [150.0, 40.0])
    assert error == pytest.approx(200 * (50 / 250 + 20 / 100) / 2)


def test_owa_of_naive2_is_one_and_the_m4_winner_hourly_is_0_440():
    assert overall_weighted_average(18.383, 2.395, smape_naive2=18.383, mase_naive2=2.395) == 1
    # M4 Hourly, Smyl: sMAPE 9.328, MASE 0.893, OWA 0.440 (Makridakis et al. 2020, table 4)
    smyl = overall_weighted_average(9.328, 0.893, smape_naive2=18.383, mase_naive2=2.395)
    assert smyl == pytest.approx(0.440, abs=5e-4)


def test_owa_refuses_a_perfect_benchmark():
    with pytest.raises(ValueError, match=r"mase_naive2=0.0: expected a number > 0"):
        overall_weighted_average(1.0, 1.0, smape_naive2=1.0, mase_naive2=0.0)


@pytest.mark.parametrize("loss", ["absolute", "squared"])
def test_diebold_mariano_for_one_step_is_the_paired_t_test(loss):
    a, b = correlated_errors()
    power = {"absolute": 1, "squared": 2}[loss]
    expected = stats.ttest_rel(np.abs(a) ** power, np.abs(b) ** power)
    assert diebold_mariano(a, b, loss=loss) == pytest.approx(tuple(expected), rel=1e-10)


@pytest.mark.parametrize("horizon", [2, 3, 6])
def test_diebold_mariano_equals_statsmodels_rectangular_kernel_with_harveys_factor(horizon):
    a, b = correlated_errors(seed=3)
    d, n = np.abs(a) - np.abs(b), len(a)
    kwds = {"maxlags": horizon - 1, "kernel": "uniform", "use_correction": False}
    ols = sm.OLS(d, np.ones(n)).fit(cov_type="HAC", cov_kwds=kwds)
    harvey = np.sqrt((n + 1 - 2 * horizon + horizon * (horizon - 1) / n) / n)
    statistic = float(ols.tvalues[0]) * harvey
    expected = statistic, 2 * stats.t.cdf(-abs(statistic), n - 1)
    assert diebold_mariano(a, b, horizon=horizon) == pytest.approx(expected, rel=1e-10)


def test_diebold_mariano_changes_sign_with_the_order_and_not_with_the_unit():
    a, b = correlated_errors(seed=5)
    one, other = diebold_mariano(a, b, 3), diebold_mariano(1e9 * b, 1e9 * a, 3)
    assert one.statistic < 0
    assert one == pytest.approx((-other.statistic, other.p_value))


def test_diebold_mariano_rejects_equal_accuracy_in_about_five_percent_of_equal_pairs():
    rng = np.random.default_rng(0)
    p_values = [diebold_mariano(*rng.normal(size=(2, 20))).p_value for _ in range(2000)]
    assert 0.035 < np.mean(np.array(p_values) < 0.05) < 0.065


def test_identical_errors_are_no_evidence():
    assert diebold_mariano([1.0, -2.0, 3.0], [-1.0, 2.0, 3.0], horizon=2) == (0.0, 1.0)
    a = np.array([0.1, 0.2, 0.7])
    assert diebold_mariano(a, a * (1 + 1e-15)) == (0.0, 1.0)


def test_a_constant_advantage_is_certain():
    assert diebold_mariano([1.0, 2.0, 3.0], [2.0, 3.0, 4.0]) == (-np.inf, 0.0)


def test_missing_errors_are_left_out_in_pairs():
    a, b = correlated_errors(n=20)
    expected = diebold_mariano(a[2:], b[2:])
    a[0], b[1] = np.nan, np.nan
    assert diebold_mariano(a, b) == expected


def test_a_negative_variance_falls_back_to_bartletts_weights():
    d = np.array(
        [3.0, -1.0, 3.5, -1.5, 3.0, -1.2]
    )  # alternating: autocovariance at lag 1 is negative
    result = diebold_mariano(np.where(d > 0, d, 0), np.where(d < 0, -d, 0), horizon=2)
    centred, n = d - d.mean(), len(d)
    gamma = [centred @ centred / n, centred[1:] @ centred[:-1] / n]
    assert gamma[0] + 2 * gamma[1] < 0
    variance = (gamma[0] + 2 * 0.5 * gamma[1]) / n
    expected = d.mean() / np.sqrt(variance) * np.sqrt((n + 1 - 4 + 2 / n) / n)
    assert result.statistic == pytest.approx(expected)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: diebold_mariano([1, 2], [1, 2], loss="cubic"), r"loss='cubic': expected one of"),
        (lambda: diebold_mariano([1, 2], [1, 2, 3]), r"errors_a has 2 values, errors_b 3"),
        (
            lambda: diebold_mariano([1, 2], [2, 4], 2),
            r"2 pairs of errors: horizon=2 needs at least 3",
        ),
        (lambda: diebold_mariano([1, 2], [2, 4], 0), r"horizon=0: expected an integer >= 1"),
        (lambda: seasonal_naive_error([1, 2], 0), r"seasonality=0: expected an integer >= 1"),
        (lambda: seasonal_naive_error([1, 2], 2), r"2 rows .* needs at least 3 rows"),
        (
            lambda: mean_absolute_scaled_error([1], [1, 2], y_train=[1, 2]),
            r"y_true \(1, 1\) and y_pred \(2, 1\) differ in shape",
        ),
        (
            lambda: symmetric_mean_absolute_percentage_error([1.0, np.nan], [1.0, 1.0]),
            r"y_true has 1 missing values",
        ),
        (lambda: symmetric_mean_absolute_percentage_error([], []), r"y_true has 0 rows"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("name", sorted(METRICS))
def test_metrics_by_name_are_usable_as_scorers(name):
    assert METRICS[name].__name__ == name
    assert callable(make_scorer(METRICS[name]))
    assert np.isfinite(METRICS[name]([1.0, 2.0], [2.0, 4.0]))


def test_metric_names_follow_scikit_learn():
    assert METRICS["mean_absolute_error"] is mean_absolute_error
