from __future__ import annotations

import copy

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit
from statsmodels.tsa.seasonal import MSTL, STL

from tsrnn import (
    ARIMA,
    ETS,
    AutoARIMA,
    Drift,
    LSTMForecaster,
    Naive,
    SeasonalNaive,
    STLForecaster,
    WindowForecaster,
)
from tsrnn.decomposition import Decomposition

NAN = np.nan
SHAPE = 10 * np.sin(2 * np.pi * np.arange(12) / 12) + np.array([5.0, *np.zeros(11)])


def monthly(n: int = 120, noise: float = 0.5, seed: int = 0) -> pd.Series:
    values = np.resize(SHAPE, n) + 0.3 * np.arange(n)
    values = values + noise * np.random.default_rng(seed).normal(size=n)
    return pd.Series(values, index=pd.period_range("2010-01", periods=n, freq="M"))


def hourly(n: int = 24 * 7 * 6, seed: int = 0) -> pd.Series:
    t = np.arange(n)
    values = 10 * np.sin(2 * np.pi * t / 24) + 6 * (t // 24 % 7 >= 5)
    values = values + 0.5 * np.random.default_rng(seed).normal(size=n)
    return pd.Series(50 + values, index=pd.date_range("2024-01-01", periods=n, freq="h"))


# references --------------------------------------------------------------------------------------


def test_season_is_that_of_statsmodels_stl():
    y = monthly().to_numpy()
    found = Decomposition(11, robust=False).of(y[:, None], (12,)).components[0, :, 0]
    expected = STL(y, period=12, seasonal=11, trend_jump=2, low_pass_jump=2).fit().seasonal
    np.testing.assert_allclose(found, expected, atol=1e-8)
    every_step = STL(y, period=12, seasonal=11).fit().seasonal
    np.testing.assert_allclose(found, every_step, atol=0.05)


def test_seasons_are_those_of_statsmodels_mstl():
    y = hourly().to_numpy()
    found = Decomposition(11, robust=False).of(y[:, None], (24, 168)).components[:, :, 0]
    options = {"trend_jump": 3, "low_pass_jump": 3, "robust": False}
    expected = MSTL(y, periods=(24, 168), windows=(11, 15), stl_kwargs=options).fit().seasonal
    np.testing.assert_allclose(found, expected.T, atol=1e-8)


def test_forecast_is_that_of_the_adjusted_series_plus_the_last_season_by_hand():
    y = monthly()
    season = STL(y.to_numpy(), period=12, seasonal=11, trend_jump=2, low_pass_jump=2).fit().seasonal
    model = ETS(trend="add").fit(y=y - season)
    expected = model.predict(horizon=30) + np.resize(season[-12:], 30)
    stl = STLForecaster(ETS(trend="add")).fit(y=y)
    np.testing.assert_allclose(stl.predict(horizon=30), expected, rtol=1e-6)
    away = model.predict_interval(horizon=30).sub(model.predict(horizon=30), axis=0)
    honest, usual = stl.residuals_[25:], model.residuals_[25:]
    width = np.sqrt((honest**2).mean() / (usual**2).mean())
    interval = (width * away).add(expected, axis=0)
    np.testing.assert_allclose(stl.predict_interval(horizon=30), interval, rtol=1e-6)


@pytest.mark.parametrize("n", [30, 60, 240])
def test_intervals_cover_what_they_say_although_the_season_is_uncertain(n):
    """Shifted by the season alone, intervals of 90 % covered 51 to 78 %."""
    inside = []
    for seed in range(12):
        y = monthly(n + 12, noise=3.0, seed=seed)
        interval = (
            STLForecaster(ETS(), seasonality=12).fit(y=y[:n]).predict_interval(0.9, horizon=12)
        )
        later = y[n:]
        inside.append((interval.iloc[:, 0] <= later) & (later <= interval.iloc[:, 1]))
    assert 0.82 < np.mean(inside) < 0.99


def test_update_changes_no_width():
    y = monthly()
    model = STLForecaster(ETS()).fit(y=y[:100])
    before = model.predict_interval(horizon=1).to_numpy()
    after = model.update(y=y[100:]).predict_interval(horizon=1).to_numpy()
    np.testing.assert_allclose(np.diff(before), np.diff(after), rtol=1e-9)


def test_robust_seasons_do_not_follow_an_outlier():
    y = monthly()
    spoilt = y.copy()
    spoilt.iloc[100] += 100
    for robust, far in ((True, 1.0), (False, 10.0)):
        model = STLForecaster(Drift(), robust=robust)
        moved = model.fit(y=spoilt).predict(horizon=12) - model.fit(y=y).predict(horizon=12)
        assert (abs(moved).max() > far) is not robust


# accuracy ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "forecaster", [Drift(), ETS(trend="add"), AutoARIMA(seasonality=1), WindowForecaster(Ridge())]
)
def test_any_forecaster_learns_a_season_it_cannot_see(forecaster):
    y = monthly(132)
    plain = abs(forecaster.fit(y=y[:120]).predict(horizon=12) - y[120:]).mean()
    model = STLForecaster(forecaster).fit(y=y[:120])
    assert abs(model.predict(horizon=12) - y[120:]).mean() < min(1.5, plain)
    assert model.seasons_ == {None: (12,)}


def test_two_seasons_are_found_and_continued():
    y = hourly()
    model = STLForecaster(Naive()).fit(y=y[:-168])
    assert model.seasons_ == {None: (24, 168)}
    error = abs(model.predict(horizon=168) - y[-168:]).mean()
    assert (
        error < 0.5 * abs(SeasonalNaive(24).fit(y=y[:-168]).predict(horizon=168) - y[-168:]).mean()
    )


# update ------------------------------------------------------------------------------------------


def test_update_continues_the_season_by_its_phase():
    y = monthly(140)
    model = STLForecaster(ETS()).fit(y=y[:120])
    before = model.predict(horizon=60)
    level = model.forecaster_.predict(horizon=1).iloc[0]
    model.update(y=y[120:131]).update(y=y[131:])
    moved = model.forecaster_.predict(horizon=1).iloc[0] - level
    np.testing.assert_allclose(model.predict(horizon=40), before[20:] + moved, rtol=1e-9)


def test_update_decomposes_nothing(monkeypatch):
    y = monthly(140)
    model = STLForecaster(ETS()).fit(y=y[:120])
    monkeypatch.setattr(Decomposition, "of", lambda *_: pytest.fail("decomposed"))
    model.update(y=y[120:]).predict(horizon=3)


def test_a_copy_is_not_changed_by_the_update_of_the_other():
    y = monthly(140)
    model = STLForecaster(ETS()).fit(y=y[:120])
    other, before = copy.copy(model), model.predict(horizon=3)
    model.update(y=y[120:])
    np.testing.assert_array_equal(other.predict(horizon=3), before)


def test_the_wrapped_forecaster_stands_where_the_series_does():
    y = monthly(140)
    model = STLForecaster(ETS()).fit(y=y[:120]).update(y=y[120:])
    rest = model.forecaster_.predict(horizon=12)
    assert rest.index.equals(model.predict(horizon=12).index)
    assert (rest == rest.iloc[0]).all()


# in-sample ---------------------------------------------------------------------------------------


def test_in_sample_errors_are_as_large_as_those_of_later_rows():
    """With the two-sided season they would be too small: it has seen the rows that it explains."""
    rng, n, later = np.random.default_rng(0), 144, 12
    inside, leaking, after = [], [], []
    for _ in range(40):
        y = monthly(n + later, noise=0.0) + rng.normal(size=n + later)
        model = STLForecaster(Naive(), seasonality=12).fit(y=y[:n])
        inside.append(model.residuals_[96:])
        season = model._seasons[None].at(0, n)[:, 0]
        leaking.append((y[:n] - season).diff()[96:])
        after.append(model.update(y=y[n:]).residuals_[n + 1 :])
    sizes = [np.sqrt(np.mean(np.square(errors))) for errors in (inside, leaking, after)]
    assert sizes[0] == pytest.approx(sizes[2], rel=0.12)
    assert sizes[1] < 0.8 * min(sizes[0], sizes[2])


def test_in_sample_forecasts_of_fit_see_no_later_row():
    """The wrapped drift of zero learns nothing: what is left is the season of the past."""
    y = monthly(120)
    model = STLForecaster(Naive(), seasonality=12).fit(y=y)
    honest = model.predict_in_sample()
    spoilt = y.copy()
    spoilt.iloc[85:] = np.random.default_rng(1).normal(size=35)
    again = STLForecaster(Naive(), seasonality=12).fit(y=spoilt).predict_in_sample()
    np.testing.assert_array_equal(again[:86], honest[:86])
    assert (again[86:] != honest[86:]).all()


# no season ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "y", [monthly(24), monthly() * 0 + 7.0, monthly() * 0 + np.arange(120.0)], ids=str
)
def test_constant_and_short_series_have_no_season(y):
    model = STLForecaster(Drift()).fit(y=y)
    assert model.seasons_ == {None: ()}
    np.testing.assert_array_equal(model.predict(horizon=5), Drift().fit(y=y).predict(horizon=5))
    expected = Drift().fit(y=y).predict_in_sample()
    np.testing.assert_array_equal(model.predict_in_sample(), expected)


def test_a_season_given_is_left_out_where_it_was_not_seen_more_than_twice():
    assert STLForecaster(Drift(), seasonality=(12, 60)).fit(y=monthly(120)).seasons_ == {
        None: (12,)
    }
    assert STLForecaster(Drift(), seasonality=12).fit(y=monthly(24)).seasons_ == {None: ()}
    assert STLForecaster(Drift(), seasonality=1).fit(y=monthly()).seasons_ == {None: ()}


# panels, targets, covariates, missing values -----------------------------------------------------


def test_each_series_of_a_panel_has_its_own_season():
    parts = {"a": monthly(), "b": 100 - 3 * monthly(90, seed=1), "c": monthly(20, seed=2)}
    y = pd.concat(parts, names=["series", "time"])
    model = STLForecaster(ETS(trend="add")).fit(y=y)
    assert model.seasons_ == {"a": (12,), "b": (12,), "c": ()}
    forecast = model.predict(horizon=4)
    for name, part in parts.items():
        alone = STLForecaster(ETS(trend="add")).fit(y=part).predict(horizon=4)
        np.testing.assert_array_equal(forecast[name], alone)


def test_a_network_learns_from_a_panel_and_takes_in_an_unseen_series():
    y = pd.concat({"a": monthly(), "b": 3 * monthly(seed=1)}, names=["series", "time"])
    network = LSTMForecaster(horizon=3, hidden_size=4, max_epochs=2, random_state=0)
    model = STLForecaster(network).fit(y=y)
    assert len(model.predict()) == 6
    new = pd.concat({"z": 1000 * monthly(72, seed=2)}, names=["series", "time"])
    forecast = model.update(y=new).predict()["z"]
    assert model.seasons_["z"] == (12,)
    expected = 1000 * monthly(75, noise=0)[72:]
    assert (abs(forecast.to_numpy() - expected.to_numpy()) < 5000).all()


def test_a_series_new_in_update_is_the_same_row_by_row_and_at_once():
    y = pd.concat({"a": monthly(), "b": 5 * monthly(seed=1)})
    new = pd.concat({"z": 1000 * monthly(60, seed=2)})
    at_once = STLForecaster(WindowForecaster(Ridge(), 3), seasonality=12).fit(y=y)
    by_row = copy.deepcopy(at_once)
    at_once.update(y=new)
    for row in range(60):
        by_row.update(y=new.iloc[[row]])
    assert by_row.seasons_["z"] == (12,)
    pd.testing.assert_frame_equal(
        by_row.predict_interval(horizon=5), at_once.predict_interval(horizon=5)
    )


def test_several_targets_have_a_season_each():
    y = pd.DataFrame({"u": monthly(), "v": -5 * monthly(seed=1)})
    network = LSTMForecaster(horizon=3, hidden_size=4, max_epochs=2, random_state=0)
    forecast = STLForecaster(network).fit(y=y).predict(horizon=12)
    for name, factor in (("u", 1), ("v", -5)):
        assert np.corrcoef(forecast[name], factor * SHAPE)[0, 1] > 0.95
    with pytest.raises(ValueError, match=r"y has 2 columns \['u', 'v'\]: STLForecaster forecasts"):
        STLForecaster(ETS()).fit(y=y)


def test_covariates_go_to_the_wrapped_forecaster():
    y = monthly(132)
    X = pd.DataFrame({"a": np.random.default_rng(3).normal(size=132)}, index=y.index)
    y = y + 5 * X["a"]
    with_X = STLForecaster(ARIMA((0, 1, 1))).fit(X[:120], y[:120]).predict(X[120:])
    without = STLForecaster(ARIMA((0, 1, 1))).fit(y=y[:120]).predict(horizon=12)
    assert abs(with_X - y[120:]).mean() < 0.7 * abs(without - y[120:]).mean()
    assert STLForecaster(LSTMForecaster(past_only=["a"])).past_only == ["a"]


@pytest.mark.parametrize("gone", [slice(0, 15), slice(40, 60), slice(110, 120)])
def test_gaps_are_bridged_for_the_season_only(gone):
    y = monthly()
    y.iloc[gone] = NAN
    model = STLForecaster(ETS(trend="add")).fit(y=y)
    expected = STLForecaster(ETS(trend="add")).fit(y=monthly()).predict(horizon=12)
    np.testing.assert_allclose(model.predict(horizon=12), expected, atol=4)
    assert np.isnan(model.forecaster_._records[None].y[gone]).all()


# scikit-learn's tools, refusals ------------------------------------------------------------------


def test_search_reaches_the_parameters_of_the_wrapped_forecaster():
    y = monthly()
    grid = {"forecaster__trend": [None, "add"], "seasonal_window": [7, 13]}
    search = GridSearchCV(STLForecaster(ETS()), grid, cv=TimeSeriesSplit(2, test_size=12))
    search.fit(y.to_frame()[[]], y)
    assert search.best_params_["forecaster__trend"] == "add"


def test_horizon_and_freq_are_those_of_the_wrapped_forecaster():
    network = LSTMForecaster(horizon=4, freq="B", hidden_size=4, max_epochs=1)
    days = pd.bdate_range("2024-01-01", periods=60)
    y = pd.Series(np.random.default_rng(0).normal(size=60), index=days)
    assert len(STLForecaster(network).fit(y=y).predict()) == 4
    assert STLForecaster(network).freq == "B"


@pytest.mark.parametrize(
    ("model", "error", "message"),
    [
        (
            STLForecaster(Ridge()),
            TypeError,
            r"forecaster=Ridge\(\): expected .*; for a regressor: WindowForecaster\(Ridge",
        ),
        (STLForecaster(ETS), TypeError, "expected a forecaster of tsrnn, such as AutoETS"),
        (
            STLForecaster(ETS(), seasonality=0),
            ValueError,
            "seasonality=0: expected an integer >= 1",
        ),
        (
            STLForecaster(ETS(), "year"),
            ValueError,
            "seasonality='year': expected an integer >= 1 o",
        ),
        (STLForecaster(ETS(), seasonal_window=8), ValueError, "seasonal_window=8: expected an odd"),
        (
            STLForecaster(ETS(), seasonal_window=5),
            ValueError,
            "seasonal_window=5: expected an inte",
        ),
        (STLForecaster(ETS(), robust=1), ValueError, "robust=1: expected True or False"),
        (STLForecaster(ETS(error="no")), ValueError, "error='no': expected one of 'add', 'mul'"),
    ],
)
def test_parameters_that_mean_nothing_are_refused(model, error, message):
    with pytest.raises(error, match=message):
        model.fit(y=monthly())
