"""Point metrics equal numbers by hand and utilsforecast's; undefined cases are as documented."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from utilsforecast import losses as reference

from tsrnn.point_metrics import (
    divide_by_scale,
    mean_absolute_percentage_error,
    mean_absolute_scaled_error,
    mean_directional_accuracy,
    overall_weighted_average,
    root_mean_squared_scaled_error,
    seasonal_naive_error,
    skill_score,
    symmetric_mean_absolute_percentage_error,
    weighted_absolute_percentage_error,
)


def forecasts(n: int = 24, n_train: int = 60) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Targets and forecasts of a positive series, and the rows before, as utilsforecast wants."""
    rng = np.random.default_rng(0)
    y = 20 + 5 * np.sin(np.arange(n + n_train) / 2) + rng.normal(size=n + n_train)
    frame = pd.DataFrame({"unique_id": "a", "ds": np.arange(n + n_train), "y": y})
    test = frame.tail(n).assign(model=y[-n:] + rng.normal(size=n), naive=y[n_train - 1])
    return test, frame.head(n_train)


@pytest.mark.parametrize("seasonality", [1, 12])
@pytest.mark.parametrize(
    ("metric", "theirs"),
    [
        (mean_absolute_scaled_error, reference.mase),
        (root_mean_squared_scaled_error, reference.rmsse),
    ],
)
def test_scaled_errors_equal_utilsforecast(metric, theirs, seasonality):
    test, train = forecasts()
    expected = theirs(test, ["model"], seasonality, train)["model"].item()
    ours = metric(test["y"], test["model"], y_train=train["y"], seasonality=seasonality)
    assert ours == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("metric", "theirs", "factor"),
    [
        (symmetric_mean_absolute_percentage_error, reference.smape, 200),  # theirs goes to 1
        (mean_absolute_percentage_error, reference.mape, 1),
        (weighted_absolute_percentage_error, reference.wape, 1),
        (weighted_absolute_percentage_error, reference.nd, 1),
    ],
)
def test_percentage_errors_equal_utilsforecast(metric, theirs, factor):
    test, _ = forecasts()
    expected = factor * theirs(test, ["model"])["model"].item()
    assert metric(test["y"], test["model"]) == pytest.approx(expected, rel=1e-12)


def test_values_of_sktime():
    """Computed by sktime 1.2.0 on sunspot numbers, whose sMAPE goes to 2 and MAPE to 1."""
    y_train = [80.9, 83.4, 47.7, 47.8, 30.7, 12.2, 9.6, 10.2, 32.4, 47.6, 54.0, 62.9]
    y_true, y_pred = [85.9, 61.2, 45.1, 36.4], [70.0, 66.5, 40.0, 41.3]
    for seasonality, mase, rmsse in (
        (1, 0.6610169491525425, 0.5735301300444025),
        (3, 0.22464, 0.252122634139429),
    ):
        past = {"y_train": y_train, "seasonality": seasonality}
        assert mean_absolute_scaled_error(y_true, y_pred, **past) == pytest.approx(mase)
        assert root_mean_squared_scaled_error(y_true, y_pred, **past) == pytest.approx(rmsse)
    smape = symmetric_mean_absolute_percentage_error(y_true, y_pred)
    assert smape == pytest.approx(100 * 0.13324226789826868)
    assert mean_absolute_percentage_error(y_true, y_pred) == pytest.approx(0.1298494209965792)
    relative = 1 - skill_score(y_true, y_pred, y_reference=np.full(4, y_train[-1]))
    assert relative == pytest.approx(0.4521739130434783)


def test_skill_is_one_less_the_relative_error_of_utilsforecast():
    test, _ = forecasts()
    expected = 1 - reference.rmae(test, ["model"], "naive")["model"].item()
    skill = skill_score(test["y"], test["model"], y_reference=test["naive"])
    assert skill == pytest.approx(expected, rel=1e-12)


def test_skill_of_the_reference_is_0_also_where_it_is_exact():
    assert skill_score([1.0, 2.0], [1.0, 1.0], y_reference=[1.0, 3.0]) == 0
    assert skill_score([1.0, 1.0], [1.0, 1.0], y_reference=1.0) == 0
    assert skill_score([1.0, 1.0], [1.0, 2.0], y_reference=1.0) == -np.inf


def test_direction_by_hand():
    y_true, y_pred, last = [5.0, 3.0, 4.0, 4.0], [6.0, 6.0, 4.0, 4.1], [4.0, 4.0, 4.0, 4.0]
    assert mean_directional_accuracy(y_true, y_pred, y_last=last) == 0.5  # up, no, none, no
    assert mean_directional_accuracy([0.1, -0.2], [1.0, 0.3]) == 0.5  # returns


def test_the_naive_forecast_has_no_direction():
    y = np.random.default_rng(0).normal(size=50).cumsum()
    assert mean_directional_accuracy(y[1:], y[:-1], y_last=y[:-1]) == 0


@pytest.mark.parametrize(("y_pred", "expected"), [(0.0, 0.0), (1.0, np.inf)])
def test_wape_of_all_zeros_is_defined(y_pred, expected):
    assert weighted_absolute_percentage_error([0.0, 0.0], [y_pred, 0.0]) == expected


def test_percentage_errors_name_the_first_value_where_they_are_undefined():
    message = r"y_true holds -2.0 in row 1: sMAPE is defined for values >= 0; use mean_absolute_sc"
    with pytest.raises(ValueError, match=message):
        symmetric_mean_absolute_percentage_error([1.0, -2.0, -3.0], [1.0, 1.0, 1.0])
    with pytest.raises(ValueError, match=r"y_true holds 0.0 in row 2: MAPE is defined for values"):
        mean_absolute_percentage_error([1.0, 2.0, 0.0], [1.0, 1.0, 1.0])


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


def test_a_training_part_constant_but_for_rounding_is_constant():
    nearly = [0.1 + 0.2, 0.3, 0.3]
    assert seasonal_naive_error(nearly)[0] == 0 == seasonal_naive_error(nearly, 2)[0]
    assert mean_absolute_scaled_error([0.3], [0.31], y_train=nearly) == np.inf
    tiny = [1e-9, 2e-9, 3e-9, np.nan, 1e9]  # small beside another value, and still no rounding
    assert seasonal_naive_error(tiny)[0] == pytest.approx(1e-9)


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


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: seasonal_naive_error([1, 2], 0), r"seasonality=0: expected an integer >= 1"),
        (lambda: seasonal_naive_error([1, 2], 2), r"2 rows .* needs at least 3 rows"),
        (
            lambda: mean_absolute_scaled_error([1], [1, 2], y_train=[1, 2]),
            r"y_true \(1, 1\) and y_pred \(2, 1\) differ in shape",
        ),
        (
            lambda: symmetric_mean_absolute_percentage_error([1.0, np.nan], [1.0, 1.0]),
            r"y_true has 1 missing values \(NaN\), first in row 1: leave those rows out",
        ),
        (lambda: symmetric_mean_absolute_percentage_error([], []), r"y_true has 0 rows"),
        (
            lambda: symmetric_mean_absolute_percentage_error([1.0, 2.0], [np.inf, 2.0]),
            r"y_pred has 1 infinite values, first in row 0: expected finite numbers",
        ),
        (
            lambda: weighted_absolute_percentage_error([1.0, -np.inf, 2.0], [1.0, 2.0, 2.0]),
            r"y_true has 1 infinite values, first in row 1",
        ),
        (
            lambda: mean_absolute_scaled_error([1.0], [2.0], y_train=[np.nan, 5.0, np.inf, 6]),
            r"y_train has 1 infinite values, first in row 2",
        ),
        (
            lambda: skill_score([1, 2], [1, 2], y_reference=np.inf),
            r"y_reference has 1 infinite values, first in row 0",
        ),
        (
            lambda: mean_absolute_scaled_error([1.0], [2.0], y_train=np.eye(3)),
            r"y_train has 3 columns, y_true 1: expected as many",
        ),
        (
            lambda: root_mean_squared_scaled_error(np.eye(2), np.eye(2), y_train=[1.0, 2.0]),
            r"y_train has 1 columns, y_true 2: expected as many",
        ),
        (
            lambda: skill_score([1, 2], [1, 2], y_reference=[1, 2, 3]),
            r"y_reference \(3, 1\) and y_true \(2, 1\) differ in shape",
        ),
        (
            lambda: mean_directional_accuracy([1, 2], [1, 2], y_last=[1, np.nan]),
            r"y_last has 1 missing values",
        ),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
