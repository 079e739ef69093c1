from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

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


def quantiles(model, y, n, levels):
    """Quantiles (n, L) of the single series y, asked of the slot that all forecasters fill."""
    fitted = model.fit(y=y)
    values = np.asarray(y, dtype=float)
    return fitted._quantiles_series(fitted.models_[None], values, n, None, np.array(levels))


# By hand after the table of section 5.5 of Forecasting: Principles and Practice, 3rd edition.
@pytest.mark.parametrize(
    ("model", "sigma", "growth"),
    [
        (Naive(), np.sqrt((4 + 9 + 1 + 4) / 4), np.sqrt([1, 2, 3])),
        (SeasonalNaive(seasonality=2), np.sqrt((1 + 4 + 1) / 3), np.sqrt([1, 1, 2])),
        (Drift(), np.std([2, -3, 1, -2], ddof=1), np.sqrt([1 * 5 / 4, 2 * 6 / 4, 3 * 7 / 4])),
    ],
)
def test_quantiles_equal_the_textbook(model, sigma, growth):
    y = monthly([5, 7, 4, 5, 3])
    forecast = model.fit(y=y).predict(horizon=3).to_numpy()
    expected = norm.ppf([0.1, 0.5, 0.975], forecast[:, None], sigma * growth[:, None])
    np.testing.assert_allclose(quantiles(model, y, 3, [0.1, 0.5, 0.975]), expected, rtol=1e-12)


@pytest.mark.parametrize("model", [Naive(), SeasonalNaive(seasonality=4), Drift()])
def test_median_is_the_forecast_and_quantiles_ascend(model):
    y = monthly(np.random.default_rng(0).normal(size=30).cumsum())
    values = quantiles(model, y, 9, [0.01, 0.3, 0.5, 0.7, 0.99])
    np.testing.assert_array_equal(values[:, 2], model.predict(horizon=9))
    assert (np.diff(values, axis=1) > 0).all()


@pytest.mark.parametrize("model", [Naive(), SeasonalNaive(seasonality=4), Drift()])
def test_eighty_percent_interval_covers_random_walks(model):
    steps = np.random.default_rng(1).normal(size=(200, 60))
    paths = steps.cumsum(axis=1) if not isinstance(model, SeasonalNaive) else seasonal_walks(steps)
    inside = []
    for path in paths:
        low, high = quantiles(model, path[:50], 10, [0.1, 0.9]).T
        inside.append((low <= path[50:]) & (path[50:] <= high))
    assert np.mean(inside) == pytest.approx(0.80, abs=0.06)


def seasonal_walks(steps: np.ndarray) -> np.ndarray:
    """Four random walks side by side in each row, one a phase."""
    return steps.reshape(len(steps), -1, 4).cumsum(axis=1).reshape(steps.shape)


@pytest.mark.parametrize("factor", [1e-12, 1e12])
@pytest.mark.parametrize("model", [Naive(), SeasonalNaive(seasonality=4), Drift()])
def test_quantiles_scale_with_the_units(model, factor):
    y = monthly(np.random.default_rng(0).normal(size=30).cumsum())
    scaled = quantiles(model, factor * y, 5, [0.1, 0.9])
    np.testing.assert_allclose(scaled / factor, quantiles(model, y, 5, [0.1, 0.9]), rtol=1e-12)


@pytest.mark.parametrize("model", [Naive(), SeasonalNaive(seasonality=4), Drift()])
def test_quantiles_of_a_constant_are_the_constant_exactly(model):
    y = monthly(np.full(30, 0.1))
    y.iloc[[3, 4, 29]] = NAN
    assert (quantiles(model, y, 5, [0.001, 0.5, 0.999]) == 0.1).all()


@pytest.mark.parametrize("model", [Naive(), SeasonalNaive(seasonality=4), Drift()])
def test_missing_values_at_the_end_widen_the_interval_as_steps_do(model):
    y = monthly(np.random.default_rng(0).normal(size=30).cumsum())
    ended = y.iloc[:22]
    gone = y.where(np.arange(30) < 22)
    np.testing.assert_allclose(
        quantiles(model, gone, 3, [0.1, 0.9]), quantiles(model, ended, 11, [0.1, 0.9])[8:]
    )


@pytest.mark.parametrize("model", [Naive(), Drift()])
def test_missing_values_within_do_not_bias_the_width(model):
    y = monthly(np.random.default_rng(3).normal(size=4000).cumsum())
    holes = y.where(np.random.default_rng(4).random(4000) < 0.4)
    holes.iloc[-1] = y.iloc[-1]
    width, seen = (np.ptp(quantiles(model, part, 1, [0.1, 0.9])) for part in (y, holes))
    assert seen == pytest.approx(width, rel=0.05)


def test_phase_never_seen_is_as_uncertain_as_the_values_are_spread():
    y = monthly([1, NAN, 3, NAN, 2, NAN, 3.5, NAN])  # of four phases, the second and the last
    low, high = quantiles(SeasonalNaive(seasonality=4), y, 2, [0.1, 0.9]).T
    spread = np.sqrt(np.mean(np.square([2.5, 0.5, 1.5, 0])))
    expected = 2 * norm.ppf(0.9) * np.array([np.sqrt((1 + 0.25) / 2), spread])
    np.testing.assert_allclose(high - low, expected)


@pytest.mark.parametrize(
    ("model", "rows", "message"),
    [
        (Naive(), 1, "n_samples=1: at least 2 are needed"),
        (Drift(), 2, "n_samples=2: at least 3 are needed"),
        (
            SeasonalNaive(seasonality=4),
            4,
            r"\(m=4\) after another, n_samples=4: .* at least 5 rows",
        ),
    ],
)
def test_too_few_changes_for_quantiles_are_refused_with_the_number_of_rows(model, rows, message):
    with pytest.raises(ValueError, match=message):
        quantiles(model, monthly(np.arange(rows) ** 2), 2, [0.1, 0.9])
    assert np.isfinite(quantiles(model, monthly(np.arange(rows + 1) ** 2), 2, [0.1, 0.9])).all()
