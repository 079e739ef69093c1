from __future__ import annotations

import importlib
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.special import ndtri
from statsmodels.tsa.forecasting.theta import ThetaModel
from statsmodels.tsa.stattools import acf

from tsrnn import Theta
from tsrnn.gaps import bridge
from tsrnn.theta import is_seasonal

NAN = np.nan

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))
AIRLINE = importlib.import_module("passengers").passengers().to_numpy()
sys.path.pop(0)
# statsforecast 2.1.1, Theta(season_length=12).forecast(AIRLINE, h=12, level=[80]); it estimates the
# starting level too, and alpha by another optimiser.
STATSFORECAST = [
    *(440.969195, 429.249242, 490.693187, 476.65992, 480.631038, 546.455544),
    *(603.95265, 602.294907, 524.989584, 457.529433, 398.73799, 448.524748),
]
STATSFORECAST_LOW_80 = [428.570835, 416.480944, 470.389547]
STATSFORECAST_HIGH_80 = [453.781005, 443.08635, 510.669134]


def months(values: np.ndarray) -> pd.Series:
    return pd.Series(values, index=pd.period_range("1949-01", periods=len(values), freq="M"))


def walk(n: int = 60, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0.3, 1.0, size=n).cumsum()


# references --------------------------------------------------------------------------------------


@pytest.mark.parametrize("y", [AIRLINE, AIRLINE - 300, AIRLINE + 1e6], ids=["mul", "add", "far"])
def test_forecasts_equal_statsmodels_with_season(y):
    reference = ThetaModel(y, period=12, method="mul" if y.min() > 0 else "add").fit()
    np.testing.assert_allclose(
        Theta().fit(y=months(y)).predict(horizon=30), reference.forecast(30), rtol=1e-6
    )


def test_forecasts_equal_statsmodels_without_season():
    reference = ThetaModel(walk(), period=1, deseasonalize=False).fit()
    forecast = Theta().fit(y=walk()).predict(horizon=30)
    np.testing.assert_allclose(forecast, reference.forecast(30), rtol=1e-6)


def test_forecasts_and_intervals_come_near_statsforecast():
    model = Theta().fit(y=months(AIRLINE))
    np.testing.assert_allclose(model.predict(horizon=12), STATSFORECAST, rtol=3e-3)
    interval = model.predict_interval(0.8, horizon=3)
    np.testing.assert_allclose(interval["lower"], STATSFORECAST_LOW_80, rtol=1e-2)
    np.testing.assert_allclose(interval["upper"], STATSFORECAST_HIGH_80, rtol=1e-2)


def test_forecast_is_simple_smoothing_with_drift_by_hand():
    y = walk(30)
    model = Theta().fit(y=y)
    alpha = model.models_[None].fitted.start.alpha
    drift = np.polyfit(np.arange(30), y, 1)[0] / 2
    forecasts = [y[0]]
    for value in y:
        forecasts.append(forecasts[-1] + drift + alpha * (value - forecasts[-1]))
    np.testing.assert_allclose(model.predict_in_sample(), forecasts[:-1], rtol=1e-6)
    np.testing.assert_allclose(
        model.predict(horizon=3), forecasts[-1] + drift * np.arange(3), rtol=1e-6
    )


def test_variance_is_that_of_hyndman_and_billah():
    model = Theta().fit(y=walk())
    alpha = model.models_[None].fitted.start.alpha
    errors = model.residuals_
    sigma = np.sqrt(errors @ errors / 57)
    upper = model.predict_quantiles(0.9, horizon=8)[:, 0] - model.predict(horizon=8)
    np.testing.assert_allclose(upper, ndtri(0.9) * sigma * np.sqrt(1 + np.arange(8) * alpha**2))


# season ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("y", "m", "expected"),
    [
        (AIRLINE, 12, True),
        (AIRLINE[:35], 12, False),  # fewer than three seasons
        (np.arange(60.0), 12, False),
        (np.random.default_rng(0).normal(size=200), 12, False),
        (AIRLINE, 1, False),
    ],
)
def test_seasonality_test(y, m, expected):
    assert is_seasonal(y, m) is expected


@pytest.mark.parametrize("seed", range(20))
def test_seasonality_test_compares_the_autocorrelation_with_bartletts_limit(seed):
    y = np.random.default_rng(seed).normal(size=60) + 0.5 * np.sin(np.pi * np.arange(60) / 6)
    r = acf(y, nlags=12)
    limit = 1.6449 * np.sqrt((1 + 2 * np.sum(r[1:12] ** 2)) / 60)
    assert is_seasonal(y, 12) is bool(abs(r[12]) > limit)


def test_season_is_multiplicative_for_positive_data_and_told():
    assert Theta().fit(y=months(AIRLINE)).seasonal_ == {None: "mul"}
    assert Theta().fit(y=months(AIRLINE - 300)).seasonal_ == {None: "add"}
    assert Theta(seasonality=1).fit(y=months(AIRLINE)).seasonal_ == {None: None}


def test_interval_is_as_wide_as_a_multiplicative_season_makes_it():
    model = Theta().fit(y=months(AIRLINE))
    interval = model.predict_interval(horizon=12)
    plain = model.models_[None].fitted.deviations(12)
    width = (interval["upper"] - interval["lower"]).to_numpy() / plain
    profile = model.models_[None].profile
    np.testing.assert_allclose(width / width[0], profile / profile[0])


# missing values, update, units -------------------------------------------------------------------


@pytest.mark.parametrize("gone", [slice(0, 5), slice(40, 47), slice(137, 144)])
def test_missing_values_are_bridged_for_estimation_and_skipped_by_the_filter(gone):
    y = months(AIRLINE.copy())
    y.iloc[gone] = NAN
    forecast = Theta().fit(y=y).predict(horizon=12)
    np.testing.assert_allclose(
        forecast, Theta().fit(y=months(AIRLINE)).predict(horizon=12), rtol=0.1
    )


def test_a_gap_leaves_the_season_of_positive_data_multiplicative():
    y = months(np.tile([100.0, 80, 60, 50, 40, 20, 10, 20, 40, 50, 60, 80], 8))
    y *= 1 + np.arange(96) % 5 / 10
    y.iloc[30:54] = np.nan
    y.iloc[[30, 53]] = 1.0
    assert bridge(y.to_numpy(), 12).min() < 0
    assert Theta().fit(y=y).seasonal_ == {None: "mul"}


def test_update_smooths_on_with_fixed_parameters():
    y = months(AIRLINE)
    model = Theta().fit(y=y[:100])
    before = model.models_[None]
    model.update(y=y[100:103]).update(y=y[103:])
    fitted, profile = before.fitted, before.profile
    alpha, drift = fitted.start.alpha, fitted.start.slope * fitted.start.scale
    level = fitted.forecast(1)[0]
    for t in range(100, 144):
        level += drift + alpha * (AIRLINE[t] / profile[t % 12] - level)
    np.testing.assert_allclose(model.predict(horizon=1), level * profile[0], rtol=1e-9)


def test_missing_values_at_the_end_widen_the_interval_as_steps_do():
    y = months(AIRLINE)
    whole = Theta().fit(y=y[:130]).predict_interval(horizon=9)
    later = Theta().fit(y=y[:130]).update(y=y[130:135] * NAN).predict_interval(horizon=4)
    np.testing.assert_allclose(later, whole[5:])


@pytest.mark.parametrize("factor", [1e-12, 1e12])
def test_units_do_not_matter(factor):
    y = months(AIRLINE)
    expected = factor * Theta().fit(y=y).predict_interval(horizon=12)
    found = Theta().fit(y=factor * y).predict_interval(horizon=12)
    pd.testing.assert_frame_equal(found, expected, rtol=1e-9)


def test_too_short_a_series_is_refused():
    with pytest.raises(ValueError, match="n_samples=3: at least 4 are needed; use Naive"):
        Theta().fit(y=np.arange(3.0))
