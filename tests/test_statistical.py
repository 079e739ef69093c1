from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from statsmodels.tsa.exponential_smoothing.ets import ETSModel

from tsrnn import ETS
from tsrnn.statistical import Form, Smoother, _estimate, _smoother, _units

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
    centre, scale = _units(y, form)
    forecasts, end = _smoother(result, form, centre, scale).run(y)
    np.testing.assert_allclose(forecasts, centre + scale * result.fittedvalues, rtol=1e-9)
    ahead = end.run(np.full(24, NAN))[0]
    np.testing.assert_allclose(ahead, centre + scale * result.forecast(24), rtol=1e-9)


def test_fixed_form_equals_statsmodels_with_estimated_states():
    y = seasonal_series()
    model = ETS(error="add", trend="add", damped=False, seasonal="add").fit(y=y)
    reference = ETSModel(
        y.to_numpy(), error="add", trend="add", seasonal="add", seasonal_periods=12
    ).fit(disp=False)
    np.testing.assert_allclose(model.predict(horizon=12), reference.forecast(12), rtol=2e-3)


def test_simple_smoothing_by_hand():
    form = Form("add", None, False, None)
    start = Smoother(form, 0.5, 0.0, 0.0, 1.0, 2.0, 0.0, (), centre=0.0, scale=1.0)
    forecasts, end = start.run(np.array([4.0, NAN, 5.0]))
    np.testing.assert_array_equal(forecasts, [2, 3, 3])
    assert end.level == 4.0


def test_form_follows_the_structure_of_the_series():
    t, rng = np.arange(120), np.random.default_rng(0)
    season = 1 + 0.3 * np.sin(2 * np.pi * t / 12)
    growing = 100 * np.exp(0.01 * t) * season * np.exp(0.01 * rng.normal(size=120))
    months = pd.period_range("2010-01", periods=120, freq="M")
    form = ETS().fit(y=pd.Series(growing, index=months)).forms_[None]
    assert (form.trend, form.seasonal) == ("add", "mul")
    walk = pd.Series(rng.normal(size=120).cumsum(), index=months)
    assert ETS().fit(y=walk).forms_[None] == Form("add", None, False, None)


def test_forecast_of_a_made_series_comes_near_the_noise():
    y = seasonal_series(120)
    forecast = ETS().fit(y=y.iloc[:108]).predict(horizon=12)
    assert np.sqrt(np.mean((forecast - y.iloc[108:]) ** 2)) < 2 * 0.5


@pytest.mark.parametrize("gone", [slice(0, 5), slice(40, 47), slice(90, 96)])
def test_missing_values_are_bridged(gone):
    y = seasonal_series()
    holes = y.copy()
    holes.iloc[gone] = NAN
    model = ETS().fit(y=holes)
    np.testing.assert_allclose(
        model.predict(horizon=12), ETS().fit(y=y).predict(horizon=12), atol=2.5
    )
    assert np.isfinite(model.predict(y.to_frame()[[]])).all()


def test_update_runs_over_the_new_rows_with_fixed_parameters():
    y = seasonal_series()
    model = ETS().fit(y=y.iloc[:80])
    start = model.models_[None].start
    model.update(y=y.iloc[80:])
    expected = start.run(y.to_numpy())[1].run(np.full(6, NAN))[0]
    np.testing.assert_allclose(model.predict(horizon=6), expected, rtol=1e-12)


def test_in_sample_forecasts_use_the_past_only():
    y = seasonal_series()
    model = ETS().fit(y=y)
    before = model.predict(y.to_frame()[[]]).to_numpy()
    changed = y.to_numpy().copy()
    changed[50:] = 1e6
    after = model._in_sample_series(model.models_[None], changed, None)
    np.testing.assert_array_equal(before[:51], after[:51])


@pytest.mark.parametrize("factor", [1e-12, 1e12])
def test_units_do_not_matter(factor):
    y = seasonal_series()
    forecast = ETS().fit(y=y * factor).predict(horizon=12)
    np.testing.assert_allclose(forecast / factor, ETS().fit(y=y).predict(horizon=12), rtol=1e-9)


def test_large_offset_costs_no_accuracy():
    noise = np.random.default_rng(0).normal(size=100)
    plain = ETS(error="add").fit(y=noise).predict()
    np.testing.assert_allclose(ETS().fit(y=noise + 1e12).predict() - 1e12, plain, atol=1e-2)


def test_constant_series_stays_constant_exactly():
    model = ETS().fit(y=pd.Series(np.full(40, 0.1)))
    assert (model.predict(horizon=5) == 0.1).all()


def test_long_series_uses_its_latest_part():
    y = np.random.default_rng(0).normal(size=400).cumsum()
    short = ETS().fit(y=y[-100:]).predict(horizon=3)
    model = ETS(max_length=100).fit(y=y)
    np.testing.assert_allclose(model.predict(horizon=3), short, rtol=1e-9)
    assert np.isfinite(model.predict(pd.DataFrame(index=pd.RangeIndex(1, 401)))).all()


def test_panel_equals_single_fits():
    parts = {"a": seasonal_series(60), "b": seasonal_series(40, seed=1)}
    forecast = ETS().fit(y=pd.concat(parts, names=["series", "time"])).predict(horizon=4)
    for name, y in parts.items():
        np.testing.assert_array_equal(forecast[name], ETS().fit(y=y).predict(horizon=4))


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (ETS(error="none"), "error='none': expected one of 'auto', 'add', 'mul'"),
        (ETS(damped="yes"), "damped='yes': expected one of 'auto', True, False"),
        (ETS(error="mul"), "need positive y, the least value is -"),
        (ETS(max_length=3), "max_length=3: expected an integer >= 50"),
    ],
)
def test_unknown_parameters_are_refused(model, message):
    with pytest.raises(ValueError, match=message):
        model.fit(y=np.random.default_rng(0).normal(size=30))


def test_too_short_series_is_refused_with_the_number_of_rows():
    with pytest.raises(ValueError, match=r"n_samples=9: at least 10 are needed; use Naive"):
        ETS().fit(y=np.arange(9.0))
