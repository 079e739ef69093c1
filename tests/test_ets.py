from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone as sk_clone
from statsmodels.tsa.exponential_smoothing.ets import ETSModel

from tsrnn import ETS, AutoETS, Theta
from tsrnn.ets import _estimate, _smoother
from tsrnn.gaps import bridge
from tsrnn.smoothing import Form, units

NAN = np.nan
FORMS = [
    Form("add", None, False, None),
    Form("add", "add", True, None),
    Form("add", "add", False, "add"),
    Form("mul", "add", False, "add"),
    Form("mul", None, False, "mul"),
    Form("mul", "add", True, "mul"),
]


def seasonal_series(n: int = 96, seed: int = 0) -> pd.Series:
    t, noise = np.arange(n), np.random.default_rng(seed).normal(size=n)
    values = 50 + 0.2 * t + 8 * np.sin(2 * np.pi * t / 12) + 0.5 * noise
    return pd.Series(values, index=pd.period_range("2010-01", periods=n, freq="M"))


@pytest.mark.filterwarnings("ignore::statsmodels.tools.sm_exceptions.ConvergenceWarning")
@pytest.mark.parametrize("form", FORMS)
def test_recursion_equals_statsmodels(form):
    y = seasonal_series().to_numpy()
    result = _estimate(y, form, 12, full=True)
    centre, scale = units(y, form)
    forecasts, end = _smoother(result, form, centre, scale).run(y)
    np.testing.assert_allclose(forecasts, centre + scale * result.fittedvalues, rtol=1e-9)
    ahead = end.run(np.full(24, NAN))[0]
    np.testing.assert_allclose(ahead, centre + scale * result.forecast(24), rtol=1e-9)


def test_fixed_form_equals_statsmodels_with_estimated_states():
    y = seasonal_series()
    model = ETS(trend="add", seasonal="add").fit(y=y)
    reference = ETSModel(
        y.to_numpy(), error="add", trend="add", seasonal="add", seasonal_periods=12
    ).fit(disp=False)
    np.testing.assert_allclose(model.predict(horizon=12), reference.forecast(12), rtol=2e-3)


@pytest.mark.parametrize("form", [FORMS[0], FORMS[1], FORMS[3], FORMS[5]])
def test_a_given_form_is_the_one_that_the_search_takes_when_it_is_given(form):
    y = seasonal_series()
    expected = AutoETS(*form).fit(y=y)
    model = ETS(*form).fit(y=y)
    assert model.models_[None].now.form == form
    np.testing.assert_array_equal(model.predict(horizon=5), expected.predict(horizon=5))


def test_form_without_season_does_not_need_one_and_ignores_that_of_the_calendar():
    y = seasonal_series()
    expected = ETS(seasonality=1).fit(y=y).predict(horizon=13)
    np.testing.assert_array_equal(ETS().fit(y=y).predict(horizon=13), expected)
    assert (expected == expected.iloc[0]).all()


def test_form_follows_the_structure_of_the_series():
    t, rng = np.arange(120), np.random.default_rng(0)
    season = 1 + 0.3 * np.sin(2 * np.pi * t / 12)
    growing = 100 * np.exp(0.01 * t) * season * np.exp(0.01 * rng.normal(size=120))
    months = pd.period_range("2010-01", periods=120, freq="M")
    form = AutoETS().fit(y=pd.Series(growing, index=months)).forms_[None]
    assert (form.trend, form.seasonal) == ("add", "mul")
    walk = pd.Series(rng.normal(size=120).cumsum(), index=months)
    assert AutoETS().fit(y=walk).forms_[None] == Form("add", None, False, None)


def test_forecast_of_a_made_series_comes_near_the_noise():
    y = seasonal_series(120)
    forecast = AutoETS().fit(y=y.iloc[:108]).predict(horizon=12)
    assert np.sqrt(np.mean((forecast - y.iloc[108:]) ** 2)) < 2 * 0.5


@pytest.mark.parametrize("gone", [slice(0, 5), slice(40, 47), slice(90, 96)])
def test_missing_values_are_bridged(gone):
    y = seasonal_series()
    holes = y.copy()
    holes.iloc[gone] = NAN
    model = AutoETS().fit(y=holes)
    np.testing.assert_allclose(
        model.predict(horizon=12), AutoETS().fit(y=y).predict(horizon=12), atol=2.5
    )
    assert np.isfinite(model.predict(y.to_frame()[[]])).all()


@pytest.mark.parametrize("model", [AutoETS(error="mul"), ETS("mul"), AutoETS()])
def test_a_gap_in_positive_data_is_bridged_by_positive_values(model):
    """The profile plus a line goes below zero: a low phase between two low seasons."""
    y = seasonal_series()
    y[:] = np.where(np.arange(96) % 12 < 6, 100.0, 60.0) * (1 + np.arange(96) % 5 / 10)
    y.iloc[30:54] = NAN
    y.iloc[[29, 54]] = 0.5
    assert bridge(y.to_numpy(), 12).min() < 0
    assert np.isfinite(model.fit(y=y).predict(horizon=12)).all()


@pytest.mark.parametrize(
    ("model", "fits"), [(AutoETS(), True), (Theta(), True), (ETS("mul"), False)]
)
def test_values_that_are_next_to_nothing_are_not_multiplied(model, fits):
    """Snapped to nine decimals of the mean they would be zero."""
    y = seasonal_series()
    y.iloc[10] = 1e-9
    if fits:
        assert np.isfinite(model.fit(y=y).predict(horizon=12)).all()
    else:
        with pytest.raises(ValueError, match="need y above 1e-09 of its mean, which is 5"):
            model.fit(y=y)


@pytest.mark.parametrize("model", [ETS(), AutoETS(), ETS(trend="add", max_length=60)])
def test_the_length_counts_back_from_the_last_observation(model):
    y = pd.Series(np.random.default_rng(0).normal(size=2_300))
    y.iloc[-2_100:] = NAN
    short = sk_clone(model).fit(y=y[:200])
    np.testing.assert_array_equal(
        model.fit(y=y).predict(horizon=1), short.predict(horizon=2_101)[-1:]
    )


def test_update_runs_over_the_new_rows_with_fixed_parameters():
    y = seasonal_series()
    model = AutoETS().fit(y=y.iloc[:80])
    start = model.models_[None].start
    model.update(y=y.iloc[80:])
    expected = start.run(y.to_numpy())[1].run(np.full(6, NAN))[0]
    np.testing.assert_allclose(model.predict(horizon=6), expected, rtol=1e-12)


def test_in_sample_forecasts_use_the_past_only():
    y = seasonal_series()
    model = AutoETS().fit(y=y)
    before = model.predict(y.to_frame()[[]]).to_numpy()
    changed = y.to_numpy().copy()
    changed[50:] = 1e6
    after = model._in_sample_series(model.models_[None], changed, None)
    np.testing.assert_array_equal(before[:51], after[:51])


@pytest.mark.parametrize("factor", [1e-12, 1e12])
def test_units_do_not_matter(factor):
    y = seasonal_series()
    forecast = AutoETS().fit(y=y * factor).predict(horizon=12)
    np.testing.assert_allclose(forecast / factor, AutoETS().fit(y=y).predict(horizon=12), rtol=1e-9)


def test_large_offset_costs_no_accuracy():
    noise = np.random.default_rng(0).normal(size=100)
    plain = AutoETS(error="add").fit(y=noise).predict()
    np.testing.assert_allclose(AutoETS().fit(y=noise + 1e12).predict() - 1e12, plain, atol=1e-2)


def test_constant_series_stays_constant_exactly():
    model = AutoETS().fit(y=pd.Series(np.full(40, 0.1)))
    assert (model.predict(horizon=5) == 0.1).all()


def test_long_series_uses_its_latest_part():
    y = np.random.default_rng(0).normal(size=400).cumsum()
    short = AutoETS().fit(y=y[-100:]).predict(horizon=3)
    model = AutoETS(max_length=100).fit(y=y)
    np.testing.assert_allclose(model.predict(horizon=3), short, rtol=1e-9)
    assert np.isfinite(model.predict(pd.DataFrame(index=pd.RangeIndex(1, 401)))).all()


def test_the_series_of_a_panel_that_cannot_be_fitted_is_named():
    y = pd.concat({"long": seasonal_series(60), "short": seasonal_series(4)})
    with pytest.raises(ValueError, match=r"^series 'short': .* n_samples=4: at least 10"):
        ETS().fit(y=y)


def test_panel_equals_single_fits():
    parts = {"a": seasonal_series(60), "b": seasonal_series(40, seed=1)}
    forecast = AutoETS().fit(y=pd.concat(parts, names=["series", "time"])).predict(horizon=4)
    for name, y in parts.items():
        np.testing.assert_array_equal(forecast[name], AutoETS().fit(y=y).predict(horizon=4))


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (AutoETS(error="none"), "error='none': expected one of 'auto', 'add', 'mul'"),
        (AutoETS(damped="yes"), "damped='yes': expected one of 'auto', True, False"),
        (AutoETS(error="mul"), "need positive y, the least value is -"),
        (AutoETS(max_length=3), "max_length=3: expected an integer >= 50"),
        (ETS(error="auto"), "error='auto': expected one of 'add', 'mul'"),
        (ETS(damped="auto"), "damped='auto': expected one of True, False"),
        (ETS(damped=True), "damped=True needs trend='add'"),
        (ETS(seasonal="mul"), "seasonal='mul' needs a season, got seasonality='auto': give its"),
        (AutoETS(trend=None, damped=True), "damped=True needs trend='add'"),
        (
            AutoETS(seasonal="add", seasonality=1),
            "seasonal='add' needs a season, got seasonality=1",
        ),
        (ETS("mul", seasonality=5), "need positive y, the least value is .*; use 'add'$"),
    ],
)
def test_unknown_parameters_are_refused(model, message):
    with pytest.raises(ValueError, match=message):
        model.fit(y=np.random.default_rng(0).normal(size=30))


def test_values_of_hardly_any_variation_are_refused_for_what_they_lack():
    y = 1e9 + np.random.default_rng(0).normal(size=30)
    with pytest.raises(ValueError, match="need y to vary by more than 1e-06 of its size, its stan"):
        ETS("mul").fit(y=y)


def test_an_additive_error_with_a_multiplicative_season_is_taken_where_both_are_asked_for():
    model = AutoETS(error="add", trend=None, seasonal="mul").fit(y=seasonal_series())
    assert model.forms_ == {None: Form("add", None, False, "mul")}


def test_too_short_series_is_refused_with_the_number_of_rows():
    with pytest.raises(ValueError, match=r"n_samples=9: at least 10 are needed; use Naive"):
        AutoETS().fit(y=np.arange(9.0))


def slot(model, y, n, levels=(0.1, 0.5, 0.9)):
    """Quantiles (n, L) of one series y that the fitted (and updated) model knows up to its end."""
    values = np.asarray(y, dtype=float)
    return model._quantiles_series(model.models_[None], values, n, None, np.array(levels))


@pytest.mark.filterwarnings("ignore::statsmodels.tools.sm_exceptions.ConvergenceWarning")
@pytest.mark.parametrize(
    ("trend", "damped", "seasonal"),
    [
        (None, False, None),
        ("add", False, None),
        ("add", True, None),
        (None, False, "add"),
        ("add", False, "add"),
        ("add", True, "add"),
    ],
)
def test_additive_variances_equal_statsmodels(trend, damped, seasonal):
    y = seasonal_series()
    form = Form("add", trend, damped, seasonal)
    period = 12 if seasonal else None
    result = ETSModel(y, "add", trend, damped, seasonal, period).fit(disp=False)
    variances = result.get_prediction(start=96, end=96 + 29).forecast_variance
    end = _smoother(result, form, 0.0, 1.0).run(y.to_numpy())[1]
    np.testing.assert_allclose(end.deviations(30, np.sqrt(result.mse)) ** 2, variances, rtol=1e-9)


@pytest.mark.filterwarnings("ignore::statsmodels.tools.sm_exceptions.ConvergenceWarning")
@pytest.mark.parametrize(
    "form", [*(f for f in FORMS if "mul" in f), Form("add", "add", False, "mul")]
)
@pytest.mark.parametrize(("alpha", "gamma"), [(0.5, 0.3), (0.1, 0.6)])
def test_multiplicative_variances_equal_those_of_paths_of_statsmodels(form, alpha, gamma):
    y = seasonal_series().to_numpy()
    fit, (centre, scale) = _estimate(y, form, 12, full=True), units(y, form)
    names = fit.model.param_names
    params = dict(zip(names, fit.params, strict=True)) | {"smoothing_level": alpha}
    if form.trend:
        params["smoothing_trend"] = 0.2 * alpha
    if form.seasonal:
        params["smoothing_seasonal"] = gamma
    result = fit.model.smooth(np.array([params[name] for name in names]))
    errors = 0.03 * np.random.default_rng(0).normal(size=(30, 20_000))
    paths = result.simulate(30, anchor="end", repetitions=20_000, random_errors=errors)
    end = _smoother(result, form, centre, scale).run(y)[1]
    deviations = end.deviations(30, 0.03)
    np.testing.assert_allclose(deviations, scale * paths.std(axis=1), rtol=0.03)


def test_sigma_is_that_of_the_observed_residuals_with_degrees_of_freedom():
    y = seasonal_series()
    y.iloc[[30, 31, 60]] = NAN
    model = ETS(seasonal="add").fit(y=y)
    errors = (y - model.predict(y.to_frame()[[]])).dropna()
    fitted = model.models_[None]
    freedom = 93 - 14  # alpha, gamma, level, and a season of mean zero
    expected = np.sqrt(np.sum(errors**2) / freedom)
    assert fitted.sigma * fitted.now.scale == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("error", ["add", "mul"])
def test_median_is_the_forecast_and_quantiles_scale_with_theunits(error):
    y = seasonal_series(60)
    values = slot(AutoETS(error=error).fit(y=y), y, 12)
    model = AutoETS(error=error).fit(y=1e9 * y)
    scaled = slot(model, 1e9 * y, 12)
    np.testing.assert_array_equal(scaled[:, 1], model.predict(horizon=12))
    np.testing.assert_allclose(scaled / 1e9, values, rtol=1e-9)
    assert (np.diff(values, axis=1) > 0).all()


def test_eighty_percent_interval_covers_random_walks():
    paths = 20 + np.random.default_rng(1).normal(size=(100, 60)).cumsum(axis=1)
    model = ETS()
    bounds = np.array([slot(model.fit(y=path[:50]), path[:50], 10) for path in paths])
    inside = (bounds[:, :, 0] <= paths[:, 50:]) & (paths[:, 50:] <= bounds[:, :, 2])
    assert inside.mean() == pytest.approx(0.80, abs=0.06)


@pytest.mark.parametrize("error", ["add", "mul"])
@pytest.mark.parametrize("known", [60, 86])
def test_missing_values_at_the_end_widen_the_interval_as_steps_do(error, known):
    y = seasonal_series()
    gone = y.where(np.arange(96) < 86)
    model = ETS(error, trend="add").fit(y=y.iloc[:known])
    whole = slot(model.update(y=y.iloc[known:86]) if known < 86 else model, y.iloc[:86], 14)
    later = model.update(y=gone.iloc[86:90]).update(y=gone.iloc[90:])
    np.testing.assert_allclose(slot(later, gone, 4), whole[10:], rtol=1e-12)


def test_quantiles_of_a_constant_are_the_constant_until_an_update_brings_another_value():
    y = np.append(np.full(40, 0.1), [0.4])
    model = AutoETS().fit(y=y[:40])
    assert (slot(model, y[:40], 5) == 0.1).all()
    assert (np.diff(slot(model.update(y=y[40:]), y, 5), axis=1) > 0).all()
