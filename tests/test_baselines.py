from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tsrnn import Drift, Naive, SeasonalNaive

NAN = np.nan


def monthly(values) -> pd.Series:
    index = pd.period_range("2020-01", periods=len(values), freq="M")
    return pd.Series(np.asarray(values, dtype=float), index=index)


def test_naive_forecasts_the_last_observed_value():
    y = monthly([1, 2, 4, NAN])
    np.testing.assert_array_equal(Naive().fit(y=y).predict(horizon=3), [4, 4, 4])


def test_seasonal_naive_repeats_the_last_value_observed_at_each_phase():
    y = monthly(np.arange(30.0))
    y.iloc[26] = NAN  # the third phase: one season earlier it was 14
    forecast = SeasonalNaive().fit(y=y).predict(horizon=13)
    np.testing.assert_array_equal(forecast, [18, 19, 20, 21, 22, 23, 24, 25, 14, 27, 28, 29, 18])


def test_drift_is_the_line_through_the_first_and_the_last_observation():
    y = monthly([NAN, 1, 7, NAN, 4, NAN])
    np.testing.assert_allclose(Drift().fit(y=y).predict(horizon=2), [4 + 2, 4 + 3])


@pytest.mark.parametrize(
    ("index", "season"),
    [
        (pd.date_range("2024-01-01", periods=60, freq="h"), 24),
        (pd.bdate_range("2024-01-01", periods=60), 5),
        (pd.period_range("2020-01", periods=60, freq="M"), 12),
        (pd.period_range("2020Q1", periods=60, freq="Q"), 4),
        (pd.RangeIndex(60), 1),
        (pd.date_range("2024-01-01", periods=20, freq="h"), 1),  # not one day was seen
    ],
)
def test_automatic_season_is_the_shortest_one_of_the_calendar(index, season):
    y = pd.Series(np.random.default_rng(0).normal(size=len(index)), index=index)
    assert SeasonalNaive().fit(y=y).seasonality_ == season


def test_asked_for_season_is_used_on_a_plain_array():
    model = SeasonalNaive(seasonality=3).fit(y=np.array([1.0, 2, 3, 4, 5, 6, 7]))
    np.testing.assert_array_equal(model.predict(horizon=4), [5, 6, 7, 5])


@pytest.mark.parametrize("seasonality", [0, 2.5, "daily", True])
def test_unknown_seasonality_is_refused(seasonality):
    with pytest.raises(ValueError, match=r"seasonality=.*expected"):
        SeasonalNaive(seasonality=seasonality).fit(y=np.arange(9.0))


@pytest.mark.parametrize("model", [Naive(), Drift(), SeasonalNaive()])
def test_one_observation_is_enough(model):
    np.testing.assert_array_equal(model.fit(y=monthly([3])).predict(horizon=2), [3, 3])


@pytest.mark.parametrize("model", [Naive(), Drift(), SeasonalNaive()])
def test_constant_series_stays_constant_exactly(model):
    y = monthly(np.full(40, 0.1))
    model.fit(y=y)
    assert (model.predict(horizon=30) == 0.1).all()
    assert (model.predict(y.to_frame()[[]]) == 0.1).all()


@pytest.mark.parametrize("model", [Naive(), Drift(), SeasonalNaive(seasonality=4)])
@pytest.mark.parametrize("gone", [slice(0, 3), slice(5, 9), slice(17, 20)])
def test_missing_values_never_come_out(model, gone):
    y = monthly(np.random.default_rng(0).normal(size=20))
    y.iloc[gone] = NAN
    model.fit(y=y)
    assert np.isfinite(model.predict(horizon=6)).all()
    assert np.isfinite(model.predict(y.to_frame()[[]])).all()


@pytest.mark.parametrize("model", [Naive(), Drift(), SeasonalNaive(seasonality=4)])
def test_in_sample_forecast_is_the_forecast_from_the_steps_before(model):
    y = monthly(np.random.default_rng(1).normal(size=20))
    y.iloc[[6, 7]] = NAN
    in_sample = model.fit(y=y).predict(y.to_frame()[[]])
    for t in range(5, 20):
        assert in_sample.iloc[t] == pytest.approx(model.fit(y=y.iloc[:t]).predict().iloc[0])


@pytest.mark.parametrize("model", [Naive(), Drift(), SeasonalNaive(seasonality=4)])
def test_update_equals_a_fit_on_the_whole_history(model):
    y = monthly(np.random.default_rng(2).normal(size=25))
    updated = model.fit(y=y.iloc[:17]).update(y=y.iloc[17:]).predict(horizon=5)
    pd.testing.assert_series_equal(updated, model.fit(y=y).predict(horizon=5))


def test_forecast_across_a_gap_returns_the_rows_asked_for():
    y = monthly(np.arange(24.0))
    later = pd.DataFrame(index=pd.period_range("2022-02", periods=2, freq="M"))
    forecast = Drift().fit(y=y).predict(later.iloc[:1])
    assert forecast.tolist() == [25.0]
    assert forecast.index.equals(later.index[:1])


@pytest.mark.parametrize("model", [Naive(), Drift(), SeasonalNaive()])
def test_panel_equals_single_fits(model):
    parts = {"a": monthly(np.arange(30.0) ** 2), "b": monthly(np.arange(15.0) - 3)}
    panel = pd.concat(parts, names=["series", "time"])
    forecast = model.fit(y=panel).predict(horizon=4)
    for name, y in parts.items():
        np.testing.assert_array_equal(forecast[name], model.fit(y=y).predict(horizon=4))
