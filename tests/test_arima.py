from __future__ import annotations

import importlib
import itertools
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.signal import lfilter
from scipy.stats import norm
from statsmodels.tsa.statespace.sarimax import SARIMAX
from statsmodels.tsa.stattools import kpss

from tsrnn import ARIMA, AutoARIMA, arima, state_space
from tsrnn.differencing import kpss_statistic, seasonal_strength
from tsrnn.state_space import Specification

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))
passengers = importlib.import_module("passengers").passengers
sys.path.pop(0)

NAN = np.nan
AIRLINE = ((0, 1, 1), (0, 1, 1, 12))


def daily(values) -> pd.Series:
    return pd.Series(values, index=pd.bdate_range("2020-01-01", periods=len(values)))


def arma_series(n: int = 300, seed: int = 0) -> np.ndarray:
    return lfilter([1.0, 0.4], [1.0, -0.7], np.random.default_rng(seed).normal(size=n))


def test_airline_model_equals_r():
    """R's arima(log(AirPassengers), c(0, 1, 1), c(0, 1, 1)); its variance is not corrected."""
    y = np.log(passengers())
    model = ARIMA(*AIRLINE).fit(y=y)
    fitted = model.models_[None]
    np.testing.assert_allclose(fitted.params, [-0.4018, -0.5569], atol=1e-4)
    assert fitted.sigma**2 * (131 - 2) / 131 == pytest.approx(0.001348, abs=5e-7)
    arma, _ = state_space.fit_complete(y.to_numpy(), None, Specification(*AIRLINE, False), climb=50)
    assert arma.log_likelihood == pytest.approx(244.70, abs=5e-3)
    assert arma.aicc(131) == pytest.approx(-483.21, abs=1e-2)  # forecast::Arima
    pred = [6.110186, 6.053775, 6.171715, 6.199300, 6.232556, 6.368779]
    np.testing.assert_allclose(model.predict(horizon=6), pred, atol=1e-5)


def test_auto_arima_chooses_what_r_chooses():
    model = AutoARIMA().fit(y=passengers())
    assert model.orders_ == {None: ((2, 1, 1), (0, 1, 0, 12))}
    assert model.search_["aicc"].min() == pytest.approx(1018.17, abs=0.01)  # forecast::auto.arima
    logs = AutoARIMA().fit(y=np.log(passengers()))
    assert logs.orders_ == {None: AIRLINE}


@pytest.mark.parametrize(
    ("transform", "n", "orders", "forecast"),
    [
        (np.positive, 120, ((1, 1, 0), (0, 1, 0, 12)), [341.9658, 319.7326, 363.7889, 349.7753]),
        (np.log, 120, AIRLINE, [5.8534, 5.8049, 5.9501, 5.9226]),
        (np.log, 144, AIRLINE, [6.1096, 6.0537, 6.1729, 6.1986]),
    ],
)
def test_auto_arima_forecasts_what_statsforecast_does(transform, n, orders, forecast):
    """AutoARIMA(season_length=12) of statsforecast 2.1.1; its likelihood is an approximation."""
    model = AutoARIMA().fit(y=transform(passengers()[:n]))
    assert model.orders_ == {None: orders}
    np.testing.assert_allclose(model.predict(horizon=4), forecast, rtol=5e-4)


def test_auto_arima_stops_when_the_time_is_up(monkeypatch):
    seconds = itertools.count()
    monkeypatch.setattr(arima, "perf_counter", lambda: next(seconds))
    model = AutoARIMA(time_budget=3).fit(y=passengers())
    assert model.search_["stage"].tolist() == ["search"] * 4 + ["out of time"]
    assert model.search_["order"].iloc[-1] == model.orders_[None][0]
    assert np.isfinite(model.predict(horizon=12)).all()


def test_a_budget_that_is_not_reached_changes_nothing():
    y = passengers()[:60]
    free, bounded = AutoARIMA().fit(y=y), AutoARIMA(time_budget=60).fit(y=y)
    pd.testing.assert_frame_equal(free.search_, bounded.search_)
    assert set(free.search_["stage"]) == {"search", "final"}
    np.testing.assert_array_equal(free.predict(horizon=3), bounded.predict(horizon=3))


def test_forecast_of_an_autoregression_in_closed_form():
    y = arma_series()
    model = ARIMA(order=(1, 0, 0)).fit(y=y)
    fitted = model.models_[None]
    c, phi = fitted.params
    mean = fitted.units.centre + fitted.units.scale * c / (1 - phi)
    expected = mean + (y[-1] - mean) * phi ** np.arange(1, 6)
    np.testing.assert_allclose(model.predict(horizon=5), expected, rtol=1e-6)


@pytest.mark.parametrize("order", [(1, 0, 1), (2, 1, 0), (0, 2, 1)])
def test_forecasts_equal_statsmodels(order):
    y = arma_series().cumsum() if order[1] else arma_series()
    reference = SARIMAX(y, order=order, trend="n" if order[1] else "c").fit(disp=False)
    forecast = ARIMA(order=order).fit(y=y).predict(horizon=8)
    np.testing.assert_allclose(forecast, reference.forecast(8), atol=2e-2)


def sarimax_with_the_parameters_of(model, y, X=None):
    """The fitted model in statsmodels' hands, in its own units, with the covariates as regressors.

    SARIMAX has the coefficients after the constant.
    """
    fitted = model.models_[None]
    scaled, exog = fitted.units.shrink(y, X)
    order, seasonal_order, constant = fitted.specification
    params = np.insert(fitted.params, int(constant), fitted.coefficients)
    reference = SARIMAX(
        scaled, exog, order=order, seasonal_order=seasonal_order, trend="c" if constant else "n"
    )
    return reference.filter(np.append(params, 1.0))


@pytest.mark.parametrize(
    "model",
    [
        ARIMA(order=(2, 0, 1)),
        ARIMA(order=(1, 1, 1), trend="c"),
        ARIMA(order=(0, 2, 1)),
        ARIMA((1, 0, 1), (1, 1, 0, 4)),
        ARIMA((0, 1, 1), (0, 1, 1, 7)),
    ],
)
@pytest.mark.parametrize("covariates", [False, True])
def test_forecasts_after_updates_equal_append_without_refit(model, covariates):
    X = np.random.default_rng(2).normal(size=(170, 2)) if covariates else None
    y = arma_series(160).cumsum() + (0.0 if X is None else X[:160] @ [3.0, -2.0])

    def rows(first, last):
        return None if X is None else X[first:last]

    model.fit(rows(0, 100), y[:100])
    units = model.models_[None].units
    reference = sarimax_with_the_parameters_of(model, y[:100], rows(0, 100))
    for first, last in [(100, 101), (101, 130), (130, 131), (131, 160)]:
        model.update(rows(first, last), y[first:last])
        scaled, exog = units.shrink(y[first:last], rows(first, last))
        reference = reference.append(scaled, exog=exog, refit=False)
        ahead = units.shrink(np.zeros(10), rows(last, last + 10))[1]
        expected = units.centre + units.scale * reference.forecast(10, exog=ahead)
        forecast = model.predict(rows(last, last + 10), horizon=10)
        np.testing.assert_allclose(forecast, expected, rtol=1e-6, atol=1e-6)


def test_update_filters_the_new_rows_only_and_predict_none(monkeypatch):
    filtered, kalman = [], state_space._kalman_filter
    monkeypatch.setattr(
        state_space, "_kalman_filter", lambda *a: filtered.append(len(a[1])) or kalman(*a)
    )
    y = arma_series(300).cumsum()
    model = ARIMA().fit(y=y[:250])
    model.update(y=y[250:253]).predict(horizon=20)
    model.predict_quantiles([0.1, 0.9], horizon=20)
    assert filtered == [250, 3]


@pytest.mark.parametrize("order", [(1, 0, 1), (1, 1, 0)])
def test_covariates_are_the_regressors_of_sarimax(order):
    X = np.random.default_rng(2).normal(size=(210, 2))
    y = arma_series(210) + X @ [3.0, -2.0]
    trend = "n" if order[1] else "c"
    reference = SARIMAX(y[:200], X[:200], order=order, trend=trend).fit(disp=False)
    model = ARIMA(order=order).fit(X[:200], y[:200])
    forecast = model.predict(X[200:])
    np.testing.assert_allclose(forecast, reference.forecast(10, exog=X[200:]), atol=1e-2)
    fitted = model.models_[None]
    slopes = fitted.coefficients * fitted.units.scale / fitted.units.X_scale
    theirs = reference.params[:2] if trend == "n" else reference.params[1:3]
    np.testing.assert_allclose(slopes, theirs, atol=5e-3)


def test_auto_arima_with_covariates_forecasts_as_sarimax_of_its_orders():
    X = np.random.default_rng(2).normal(size=(210, 2))
    y = arma_series(210) + X @ [3.0, -2.0] + 5.0
    model = AutoARIMA(seasonality=1).fit(X[:200], y[:200])
    order, _ = model.orders_[None]
    assert order[1] == 0 < len(model.search_)
    reference = SARIMAX(y[:200], X[:200], order=order, trend="c").fit(disp=False)
    forecast = model.predict(X[200:])
    np.testing.assert_allclose(forecast, reference.forecast(10, exog=X[200:]), atol=1e-2)


def test_in_sample_forecasts_equal_statsmodels_after_the_burn_in():
    y = np.log(passengers())
    model = ARIMA(*AIRLINE).fit(y=y)
    fitted = model.models_[None]
    in_sample = model.predict(y.to_frame()[[]])
    scaled = (y.to_numpy() - fitted.units.centre) / fitted.units.scale
    model_ = SARIMAX(scaled, order=AIRLINE[0], seasonal_order=AIRLINE[1])
    expected = model_.filter(np.append(fitted.params, 1.0)).fittedvalues
    expected = fitted.units.centre + fitted.units.scale * expected
    np.testing.assert_allclose(in_sample[13:], expected[13:], rtol=1e-6)
    np.testing.assert_allclose(in_sample[:1], y.iloc[0])


@pytest.mark.parametrize("model", [ARIMA(), AutoARIMA(max_p=1, max_q=1)])
def test_in_sample_forecasts_use_the_past_only(model):
    y = arma_series().cumsum()
    model.fit(y=y)
    changed = y.copy()
    changed[150:] = 1e6
    series = model.models_[None]
    before, after = series.one_step(y, None), series.one_step(changed, None)
    np.testing.assert_array_equal(before[:151], after[:151])


@pytest.mark.parametrize("model", [ARIMA(order=(1, 0, 0)), AutoARIMA(max_p=2, max_q=2)])
@pytest.mark.parametrize("gaps", [False, True])
def test_covariate_that_decides_the_target_is_found(model, gaps):
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"a": rng.normal(size=220), "b": rng.normal(size=220)})
    X.index = pd.bdate_range("2020-01-01", periods=220)
    y = 5 + 3 * X["a"] - 2 * X["b"] + 0.1 * pd.Series(arma_series(220), index=X.index)
    seen = y.iloc[:200].mask(rng.random(200) < 0.3) if gaps else y.iloc[:200]
    model.fit(X.iloc[:200], seen)
    assert np.abs(model.predict(X.iloc[200:]) - y.iloc[200:]).max() < 0.8
    assert np.std(y.iloc[200:]) > 2
    one_row = model.predict(X.iloc[200:201])
    assert one_row.iloc[0] == pytest.approx(model.predict(X.iloc[200:]).iloc[0], rel=1e-12)


@pytest.mark.parametrize("gone", [slice(0, 9), slice(100, 120), slice(290, 300)])
@pytest.mark.parametrize("model", [ARIMA(), AutoARIMA(max_p=1, max_q=1, seasonality=1)])
def test_missing_values_are_skipped(model, gone):
    y = daily(arma_series().cumsum())
    y.iloc[gone] = NAN
    model.fit(y=y)
    assert np.isfinite(model.predict(horizon=10)).all()
    assert np.isfinite(model.predict(y.to_frame()[[]])).all()


def test_estimates_with_gaps_equal_statsmodels():
    y = arma_series()
    y[np.random.default_rng(1).random(300) < 0.3] = NAN
    reference = SARIMAX(y, order=(1, 0, 1), trend="c").fit(disp=False)
    fitted = ARIMA(order=(1, 0, 1)).fit(y=y).models_[None]
    np.testing.assert_allclose(fitted.params[1:], reference.params[1:3], atol=1e-2)


def test_seasonal_model_with_gaps_forecasts_the_season():
    y = passengers()
    holes = y.copy()
    holes.iloc[60:75] = NAN
    forecast = ARIMA(*AIRLINE).fit(y=np.log(holes)).predict(horizon=12)
    whole = ARIMA(*AIRLINE).fit(y=np.log(y)).predict(horizon=12)
    np.testing.assert_allclose(forecast, whole, atol=0.05)


@pytest.mark.parametrize("model", [ARIMA(), AutoARIMA(max_p=2, max_q=2)])
@pytest.mark.parametrize("factor", [1e-12, 1e12])
def test_units_do_not_matter(model, factor):
    y = daily(arma_series().cumsum())
    forecast = model.fit(y=y * factor).predict(horizon=5) / factor
    np.testing.assert_allclose(forecast, model.fit(y=y).predict(horizon=5), rtol=1e-9)


def test_large_offset_costs_no_accuracy():
    y = arma_series()
    plain = ARIMA(order=(1, 0, 1)).fit(y=y).predict(horizon=5)
    far = ARIMA(order=(1, 0, 1)).fit(y=y + 1e12).predict(horizon=5) - 1e12
    np.testing.assert_allclose(far, plain, atol=2e-3)


@pytest.mark.parametrize("model", [ARIMA(), AutoARIMA()])
def test_constant_series_stays_constant_exactly(model):
    y = daily(np.full(60, 0.1))
    assert (model.fit(y=y).predict(horizon=7) == 0.1).all()
    assert (model.predict(y.to_frame()[[]]) == 0.1).all()


@pytest.mark.parametrize("model", [ARIMA(), AutoARIMA(), ARIMA((0, 2, 1)), ARIMA((2, 0, 2))])
def test_nearly_constant_series_and_lines_make_no_warning(model):
    for y in (np.append(np.full(40, 3.0), 4.0), np.arange(50.0), np.repeat([0.0, 1.0], 25)):
        assert np.isfinite(model.fit(y=y).predict(horizon=5)).all()


def test_line_is_continued_by_auto_arima():
    forecast = AutoARIMA().fit(y=3.0 + 0.1 * np.arange(60)).predict(horizon=3)
    np.testing.assert_allclose(forecast, 3.0 + 0.1 * np.arange(60, 63), rtol=1e-9)


def test_panel_equals_single_fits():
    parts = {"a": daily(arma_series(80)), "b": daily(arma_series(60, seed=1).cumsum())}
    model = AutoARIMA(max_p=1, max_q=1).fit(y=pd.concat(parts, names=["series", "time"]))
    forecast = model.predict(horizon=np.int64(4))
    assert set(model.orders_) == {"a", "b"} == set(model.search_["series"])
    for name, y in parts.items():
        alone = AutoARIMA(max_p=1, max_q=1).fit(y=y).predict(horizon=4)
        np.testing.assert_array_equal(forecast[name], alone)


def test_white_noise_and_random_walk_get_their_orders():
    noise = np.random.default_rng(3).normal(size=300)
    for y, d in ((noise, 0), (noise.cumsum(), 1), (noise.cumsum().cumsum(), 2)):
        assert AutoARIMA(seasonality=1).fit(y=y).orders_[None][0][1] == d


@pytest.mark.filterwarnings("ignore:kpss currently:FutureWarning", "ignore:The test statistic")
def test_kpss_statistic_equals_statsmodels():
    y = arma_series()
    assert kpss_statistic(y) == pytest.approx(kpss(y, nlags=3)[0])


def test_seasonal_strength_tells_season_from_noise():
    noise = np.random.default_rng(0).normal(size=240)
    season = 5 * np.sin(2 * np.pi * np.arange(240) / 12)
    assert seasonal_strength(noise + season, 12) > 0.9
    assert seasonal_strength(noise, 12) < 0.64


def test_gap_before_the_rows_asked_for_is_forecast_across():
    y = daily(arma_series(100))
    later = pd.DataFrame(index=pd.bdate_range(y.index[-1], periods=4)[2:3])  # two steps ahead
    y.iloc[50] = NAN
    y = y.drop(y.index[50])
    model = ARIMA(order=(1, 0, 0)).fit(y=y)
    assert model.predict(later).iloc[0] == model.predict(horizon=2).iloc[1]


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (ARIMA(order=(1, 1)), r"order=\(1, 1\): expected \(p, d, q\), 3 integers >= 0"),
        (ARIMA(order=(1, -1, 0)), "expected an integer >= 0"),
        (ARIMA(seasonal_order=(1, 0, 0, 0)), "expected m >= 2 steps a season"),
        (ARIMA(trend="ct"), "trend='ct': expected one of 'auto', 'n', 'c'"),
        (AutoARIMA(max_p=-1), "max_p=-1: expected an integer >= 0"),
        (AutoARIMA(max_length=10), "max_length=10: expected an integer >= 50"),
        (AutoARIMA(time_budget=0), "time_budget=0: expected a number > 0"),
        (AutoARIMA(seasonality="year"), "seasonality='year': expected 'auto' or an integer"),
    ],
)
def test_unknown_parameters_are_refused(model, message):
    with pytest.raises(ValueError, match=message):
        model.fit(y=arma_series(60))


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (ARIMA(), "n_samples=4: at least 5 are needed; or lower the orders"),
        (ARIMA(*AIRLINE), "n_samples=4: at least 17 are needed"),
        (AutoARIMA(), "n_samples=4: at least 5 are needed"),
        (AutoARIMA(seasonality=12), "n_samples=4: at least 26 are needed; or set seasonality=1"),
    ],
)
def test_too_short_series_is_refused_with_the_number_of_rows(model, message):
    with pytest.raises(ValueError, match=message):
        model.fit(y=np.array([1.0, 2.0, 4.0, 3.0]))


def slot(model, y, n, X=None, levels=(0.1, 0.5, 0.9)):
    """Quantiles (n, L) of one series y that the fitted (and updated) model knows up to its end."""
    return model._quantiles_series(model.models_[None], y, n, X, np.array(levels))


def reference(model, y, X=None):
    """The same model with the same parameters, filtered by statsmodels."""
    fitted = model.models_[None]
    explained = (
        0.0
        if X is None
        else (X - fitted.units.X_centre)
        @ (fitted.units.scale * fitted.coefficients / fitted.units.X_scale)
    )
    order, season = fitted.specification[:2]
    scaled = (y - fitted.units.centre - explained) / fitted.units.scale
    trend = "c" if fitted.specification.constant else "n"
    model = SARIMAX(scaled, order=order, seasonal_order=season, trend=trend)
    return model.filter(np.append(fitted.params, (fitted.sigma / fitted.units.scale) ** 2))


@pytest.mark.parametrize(
    ("order", "seasonal_order"),
    [
        ((0, 0, 0), (0, 0, 0, 0)),
        ((2, 0, 1), (0, 0, 0, 0)),
        ((0, 1, 0), (0, 0, 0, 0)),
        ((1, 2, 1), (0, 0, 0, 0)),
        ((0, 1, 1), (0, 1, 1, 12)),
        ((1, 0, 0), (1, 0, 0, 4)),
    ],
)
@pytest.mark.parametrize("gone", [None, slice(60, 75), slice(134, 144)])
def test_intervals_equal_statsmodels(order, seasonal_order, gone):
    y = np.log(passengers().to_numpy())
    if gone is not None:
        y[gone] = NAN
    model = ARIMA(order, seasonal_order).fit(y=y)
    units = model.models_[None].units
    expected = reference(model, y).get_forecast(20).conf_int(alpha=0.2)
    values = slot(model, y, 20)
    np.testing.assert_allclose(values[:, [0, 2]], units.centre + units.scale * expected, rtol=1e-6)
    np.testing.assert_array_equal(values[:, 1], model.predict(horizon=20))


def test_intervals_with_covariates_and_after_an_update_equal_statsmodels():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(220, 2))
    y = 5 + X @ [3.0, -2.0] + arma_series(220).cumsum()
    model = ARIMA(order=(1, 1, 1)).fit(X[:150], y[:150]).update(X[150:200], y[150:200])
    values = slot(model, y[:200], 20, X[200:])
    expected = reference(model, y[:200], X[:200]).get_forecast(20).se_mean
    width = (values[:, 2] - values[:, 0]) / (2 * norm.ppf(0.9))
    np.testing.assert_allclose(width, model.models_[None].units.scale * expected, rtol=1e-6)
    np.testing.assert_array_equal(values[:, 1], model.predict(X[200:]))


@pytest.mark.parametrize(("order", "trend"), [((1, 0, 1), "c"), ((2, 1, 0), "n"), ((0, 2, 1), "n")])
@pytest.mark.parametrize("share", [0.0, 0.3])
def test_sigma_is_that_of_statsmodels_with_degrees_of_freedom(order, trend, share):
    y = arma_series().cumsum() if order[1] else arma_series()
    y[20:][np.random.default_rng(1).random(280) < share] = NAN
    fit = SARIMAX(y, order=order, trend=trend).fit(disp=False)
    seen = int(np.isfinite(y).sum()) - order[1]
    corrected = fit.params[-1] * seen / (seen - len(fit.params) + 1)
    sigma = ARIMA(order=order, trend=trend).fit(y=y).models_[None].sigma
    assert sigma**2 == pytest.approx(corrected, rel=1e-2)


def test_eighty_percent_interval_covers_simulated_series():
    model, inside = ARIMA(order=(1, 0, 0)), []
    for seed in range(80):
        path = lfilter([1.0], [1.0, -0.7], np.random.default_rng(seed).normal(size=160))[100:]
        values = slot(model.fit(y=path[:50]), path[:50], 10)
        inside.append((values[:, 0] <= path[50:]) & (path[50:] <= values[:, 2]))
    assert np.mean(inside) == pytest.approx(0.80, abs=0.06)


@pytest.mark.parametrize("model", [ARIMA(), AutoARIMA()])
def test_quantiles_of_a_constant_are_the_constant_until_an_update_brings_another_value(model):
    y = np.append(np.full(60, 0.1), [0.4])
    assert (slot(model.fit(y=y[:60]), y[:60], 7) == 0.1).all()
    assert (np.diff(slot(model.update(y=y[60:]), y, 7), axis=1) > 0).all()


@pytest.mark.parametrize("model", [ARIMA(), AutoARIMA(max_p=2, max_q=2)])
@pytest.mark.parametrize("factor", [1e-12, 1e12])
def test_quantiles_scale_with_the_units(model, factor):
    y = arma_series().cumsum()
    scaled = slot(model.fit(y=factor * y), factor * y, 5) / factor
    np.testing.assert_allclose(scaled, slot(model.fit(y=y), y, 5), rtol=1e-7)


def test_missing_values_at_the_end_widen_the_interval():
    y = arma_series().cumsum()
    model = ARIMA().fit(y=y[:290])
    whole = slot(model, y[:290], 12)[10:]
    gone = np.append(y[:290], np.full(10, NAN))
    np.testing.assert_allclose(slot(model.update(y=gone[290:]), gone, 2), whole, rtol=1e-9)


def test_no_model_with_two_terms_at_the_same_lag_is_searched():
    """statsmodels refuses a regular lag of 4 beside a seasonal one; quarters have both in reach."""
    rng = np.random.default_rng(0)
    noise = rng.normal(size=300)
    y = noise[8:] + 0.8 * noise[4:-4] + 0.5 * noise[5:-3] + 0.6 * noise[:-8]
    index = pd.date_range("1950-01-01", periods=len(y), freq="QS")
    model = AutoARIMA(seasonality=4).fit(y=pd.Series(y, index=index))
    found = model.search_[["order", "seasonal_order"]].to_numpy()
    for (p, _, q), (P, _, Q, _) in found:
        assert not (p >= 4 and P) and not (q >= 4 and Q)
    assert AutoARIMA(seasonality=4)._allows(Specification((4, 0, 0), (0, 0, 1, 4), False))
    for order, seasonal in [((4, 0, 0), (1, 0, 0, 4)), ((0, 0, 5), (0, 0, 1, 4))]:
        assert not AutoARIMA(seasonality=4)._allows(Specification(order, seasonal, False))
