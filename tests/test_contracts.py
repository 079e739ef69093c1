"""The contracts that hold for every forecaster, over one table of all of them."""

from __future__ import annotations

import copy
import pickle
from concurrent.futures import ThreadPoolExecutor

import joblib
import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

import tsrnn
from tsrnn import (
    ARIMA,
    ETS,
    AutoARIMA,
    AutoETS,
    Drift,
    GRUForecaster,
    LSTMForecaster,
    Naive,
    RNNForecaster,
    SeasonalNaive,
    STLForecaster,
    Theta,
    WindowForecaster,
    backtest,
)
from tsrnn.base import Forecaster
from tsrnn.transforms import SeasonalDifference

NAN = np.nan
N, LATER = 60, 20  # rows that models are fitted on, and rows after them
TINY = {"horizon": 3, "hidden_size": 4, "max_epochs": 2, "random_state": 0}
ALL_EPOCHS = TINY | {"max_epochs": 30, "early_stopping": False}
RECURRENT = {
    "lstm": LSTMForecaster(**TINY),
    "gru": GRUForecaster(**TINY),
    "rnn": RNNForecaster(**TINY),
    "lstm, all epochs": LSTMForecaster(**ALL_EPOCHS),
    "gru, two networks": GRUForecaster(**TINY, n_estimators=2),
    "lstm, context of 10": LSTMForecaster(**TINY, context=10),
    "rnn, all the past": RNNForecaster(**TINY, context=None),
    "lstm, segments of 2": LSTMForecaster(**ALL_EPOCHS, segment=2),
    "gru, logs": GRUForecaster(**TINY, scaling="multiplicative"),
    "rnn, huber": RNNForecaster(**TINY, loss="huber"),
    "lstm, two layers in float64": LSTMForecaster(**TINY, num_layers=2, dtype="float64"),
    "lstm, quantiles": LSTMForecaster(**TINY, loss="quantile"),
    "gru, recursive": GRUForecaster(**TINY, strategy="recursive", teacher_forcing=0.8),
    "lstm, attention": LSTMForecaster(**TINY, strategy="seq2seq", attention=True),
    "gru, differences": GRUForecaster(**ALL_EPOCHS, transform=SeasonalDifference(5)),
    "gru, calendar": GRUForecaster(**ALL_EPOCHS, calendar="auto", max_gap=20),
}
LOCAL = {
    "naive": Naive(),
    "seasonal naive": SeasonalNaive(),
    "drift": Drift(),
    "ets": ETS(),
    "auto ets": AutoETS(),
    "theta": Theta(),
    "arima": ARIMA((2, 1, 0)),
    "auto arima": AutoARIMA(seasonality=1, max_p=2, max_q=0),
}
TREES = HistGradientBoostingRegressor(max_iter=20, min_samples_leaf=5, random_state=0)
AROUND_OTHERS = {
    "stl of ets": STLForecaster(ETS(), seasonality=5),
    "stl of lstm": STLForecaster(LSTMForecaster(**TINY | {"horizon": 1}), seasonality=(4, 6)),
    "windows": WindowForecaster(Ridge()),
    "windows, direct": WindowForecaster(Ridge(), 6, "direct", horizon=3),
    "windows, multi-output": WindowForecaster(Ridge(), 6, "multi_output", horizon=3),
    "windows, trees": WindowForecaster(TREES, 6),
}
MODELS = RECURRENT | LOCAL | AROUND_OTHERS
ESTIMATED = ("ets", "auto ets", "theta", "arima", "auto arima")
TRAINED = RECURRENT | AROUND_OTHERS | {name: LOCAL[name] for name in ESTIMATED}


def each(models: dict[str, Forecaster]):
    return pytest.mark.parametrize(
        "model", [pytest.param(m, id=name) for name, m in models.items()]
    )


@pytest.fixture(autouse=True)
def _fresh(request):
    """Tests fit the models of the table: give each test its own."""
    if "model" in request.fixturenames:
        request.node.funcargs["model"] = clone(request.node.callspec.params["model"])


def wave(n: int = N + LATER, seed: int = 3) -> pd.Series:
    """A wave that no season of the calendar explains, so that networks have something to say."""
    noise = 0.5 * np.random.default_rng(seed).normal(size=n)
    values = 50 + 8 * np.sin(2 * np.pi * np.arange(n) / 11.3) + noise
    return pd.Series(values, index=pd.bdate_range("2024-01-01", periods=n), name="load")


def driven(n: int = N + LATER, seed: int = 0) -> tuple[pd.DataFrame, pd.Series]:
    y = wave(n)
    X = pd.DataFrame(np.random.default_rng(seed).normal(size=(n, 2)), y.index, columns=["a", "b"])
    return X, y + 5 * X["a"]


def panel() -> pd.Series:
    parts = {"b": wave(N), "a": 3 * wave(N - 10, seed=1), "c": wave(N - 20, seed=2)}
    return pd.concat(parts, names=["series", "time"])


def no_columns(y: pd.Series) -> pd.DataFrame:
    return pd.DataFrame(index=y.index)


def test_every_public_forecaster_stands_in_the_table():
    public = (getattr(tsrnn, name) for name in tsrnn.__all__)
    classes = {c for c in public if isinstance(c, type) and issubclass(c, Forecaster)}
    assert classes == {type(model) for model in MODELS.values()}


@each(RECURRENT)
def test_networks_of_the_table_have_something_to_say(model):
    """Else the contracts below would be those of the naive forecast."""
    y = wave(N)
    scale = y.diff().abs().mean()
    assert abs(model.fit(y=y).predict() - Naive().fit(y=y).predict(horizon=3)).max() > scale / 2
    assert min(model.trust_) > 0.5


# fit ---------------------------------------------------------------------------------------------


@each(MODELS)
def test_fit_forgets(model):
    X, other = driven()
    used = clone(model).fit(X, other).fit(y=panel()).fit(y=wave(30, seed=9).to_numpy())
    y = wave(N)
    pd.testing.assert_series_equal(
        used.fit(y=y).predict(horizon=5), model.fit(y=y).predict(horizon=5), check_exact=True
    )
    assert set(vars(used)) == set(vars(model))


@each(MODELS)
def test_fit_changes_neither_parameters_nor_data(model):
    X, y = driven()
    before, kept = str(model.get_params()), (X.copy(), y.copy())
    model.fit(X, y)
    assert str(model.get_params()) == before
    pd.testing.assert_frame_equal(X, kept[0])
    pd.testing.assert_series_equal(y, kept[1])


@each(RECURRENT)
def test_random_state_decides(model):
    y = wave(N)
    forecast = model.fit(y=y).predict()
    pd.testing.assert_series_equal(clone(model).fit(y=y).predict(), forecast, check_exact=True)
    other = clone(model).set_params(random_state=1).fit(y=y).predict()
    assert (other != forecast).all()


@each(MODELS)
def test_global_random_numbers_are_neither_used_nor_changed(model):
    y, forecasts = wave(N), []
    threads = torch.get_num_threads()
    for seed in (0, 1):
        np.random.seed(seed)  # noqa: NPY002 - the global state is tested
        torch.manual_seed(seed)
        before = np.random.get_state()[1].copy(), torch.get_rng_state()  # noqa: NPY002 - the global state is tested
        forecasts.append(model.fit(y=y).predict(horizon=5))
        np.testing.assert_array_equal(np.random.get_state()[1], before[0])  # noqa: NPY002 - the global state is tested
        assert torch.equal(torch.get_rng_state(), before[1])
    pd.testing.assert_series_equal(*forecasts, check_exact=True)
    assert torch.get_num_threads() == threads


@each(MODELS)
def test_nothing_is_printed_and_no_file_is_made(model, tmp_path, monkeypatch, capfd, caplog):
    monkeypatch.chdir(tmp_path)
    y = wave()
    model.fit(y=y[:N]).update(y=y[N:]).predict(no_columns(y))
    assert capfd.readouterr() == ("", "")
    assert not caplog.records
    assert not list(tmp_path.iterdir())


@each(TRAINED)
def test_concurrent_fits_equal_serial_ones(model):
    series = [wave(N, seed=seed) for seed in range(4)]

    def forecast(y: pd.Series) -> np.ndarray:
        return clone(model).fit(y=y).predict(horizon=5).to_numpy()

    serial = [forecast(y) for y in series]
    with ThreadPoolExecutor(4) as pool:
        np.testing.assert_array_equal(list(pool.map(forecast, series)), serial)


# predict -----------------------------------------------------------------------------------------


def content(model: Forecaster) -> str:
    """Hash of all that a model holds; an index as its stamps, for pandas caches things in it."""
    series = [(r.key, list(r.stamps), r.positions, r.y, r.X) for r in model._records.values()]
    return joblib.hash(vars(model) | {"_records": series})


@each(MODELS)
def test_predict_writes_nothing(model):
    y = wave()
    model.fit(y=y[:N])
    objects, held = {name: id(value) for name, value in vars(model).items()}, content(model)
    model.predict(horizon=5)
    model.predict(no_columns(y[5:]))
    assert {name: id(value) for name, value in vars(model).items()} == objects
    assert content(model) == held


@each(MODELS)
def test_predict_is_thread_safe(model):
    y = wave()
    model.fit(y=y[:N])
    calls = [no_columns(y[start:]) for start in range(40, 64, 3)] * 2
    serial = [model.predict(X) for X in calls]
    with ThreadPoolExecutor(8) as pool:
        for forecast, expected in zip(pool.map(model.predict, calls), serial, strict=True):
            pd.testing.assert_series_equal(forecast, expected, check_exact=True)


@each(MODELS)
@pytest.mark.parametrize("dtype", ["float32", "int64"])
def test_forecasts_are_float64_whatever_comes_in(model, dtype):
    y = wave(N).astype(dtype)
    assert model.fit(y=y).predict(horizon=5).dtype == np.float64
    assert model.fit(y=y.to_numpy()).predict(horizon=5).dtype == np.float64
    assert model.fit(y=y).predict(no_columns(y)).dtype == np.float64


@each(MODELS)
def test_index_of_the_rows_asked_for_is_kept(model):
    y = wave().tz_localize("America/New_York").rename_axis("session")
    rows = no_columns(y).iloc[[3, 20, N - 1, N, N + 2]]
    forecast = model.fit(y=y[:N]).predict(rows)
    pd.testing.assert_index_equal(forecast.index, rows.index)
    assert forecast.name == "load"


# units -------------------------------------------------------------------------------------------


@each(MODELS)
@pytest.mark.parametrize("factor", [1e-12, 1e-3, 1e6, 1e12])
def test_units_do_not_matter(model, factor):
    y = wave(N)
    expected = factor * clone(model).fit(y=y).predict(horizon=5)
    forecast = model.fit(y=factor * y).predict(horizon=5)
    np.testing.assert_allclose(forecast, expected, rtol=1e-9)


@each(MODELS)
def test_an_offset_of_1e12_costs_no_accuracy(model):
    noise = pd.Series(np.random.default_rng(0).normal(size=N), index=wave(N).index)
    noise = (noise + 1e12) - 1e12  # float64 has no room for more of it there
    expected = clone(model).fit(y=noise + 1e6).predict(horizon=5) - 1e6
    forecast = model.fit(y=noise + 1e12).predict(horizon=5) - 1e12
    np.testing.assert_allclose(forecast, expected, atol=1e-3)


@each(MODELS)
@pytest.mark.parametrize("value", [0.1, 1e-12, 7e11])
def test_a_constant_series_stays_constant_exactly(model, value):
    y = wave(N) * 0 + value
    model.fit(y=y)
    assert (model.predict(horizon=7) == value).all()
    assert (model.predict(no_columns(y)) == value).all()


# quantiles ---------------------------------------------------------------------------------------


@each(MODELS)
def test_quantiles_ascend_around_the_forecast_and_widen(model):
    y = wave(N)
    y.iloc[20:23] = NAN
    found = model.fit(y=y).predict_quantiles([0.1, 0.5, 0.9], horizon=12)
    assert np.isfinite(found).all(axis=None)
    assert (found[0.1] <= found[0.5]).all() and (found[0.5] <= found[0.9]).all()
    wide = found[0.9] - found[0.1]
    assert (wide > 0).all() and wide.iloc[8:].max() >= wide.iloc[0]
    assert (abs(found[0.5] - model.predict(horizon=12)) < wide).all()
    interval = model.predict_interval(0.8, horizon=12)
    np.testing.assert_allclose(interval, found[[0.1, 0.9]])


@each(MODELS)
@pytest.mark.parametrize("factor", [1e-12, 1e9])
def test_quantiles_have_the_units_of_y(model, factor):
    y = wave(N)
    expected = factor * clone(model).fit(y=y).predict_quantiles([0.1, 0.9], horizon=5)
    found = model.fit(y=factor * y).predict_quantiles([0.1, 0.9], horizon=5)
    np.testing.assert_allclose(found, expected, rtol=1e-9)


# no leak -----------------------------------------------------------------------------------------


def spoilt(y: pd.Series, first: int) -> pd.Series:
    return y.where(np.arange(len(y)) < first, 1e9)


@each(MODELS)
def test_a_backtest_never_sees_what_comes_after_the_origin(model):
    y, settings = wave(), {"horizon": 3, "n_folds": 3, "step": 5}
    clean = backtest({"m": model}, y=y, **settings).forecasts
    first = y.index.get_loc(clean["time"].max()) - 2  # the test of the last fold
    dirty = backtest({"m": model}, y=spoilt(y, first), **settings).forecasts
    assert (dirty["y_true"] == 1e9).sum() == 3
    np.testing.assert_array_equal(clean["y_pred"], dirty["y_pred"])


@each(MODELS)
def test_cross_validation_never_sees_what_comes_after_the_origin(model):
    X, y = driven()
    seen: list[np.ndarray] = []

    def record(estimator, rows, _) -> float:
        seen.append(np.asarray(estimator.predict(rows)))
        return 0.0

    folds = TimeSeriesSplit(3, test_size=5)
    for target in (y, spoilt(y, len(y) - 5)):
        cross_val_score(model, X, target, cv=folds, scoring=record, error_score="raise")
    np.testing.assert_array_equal(seen[:3], seen[3:])
    later = X.copy()
    later.iloc[-4:] = 99.0  # after the first row asked for
    np.testing.assert_array_equal(
        clone(model).fit(X[:-5], y[:-5]).predict(later[-5:]).iloc[0], seen[2][0]
    )


@each(MODELS)
def test_in_sample_forecasts_are_those_of_the_steps_before(model):
    """Those of parameters learnt before, with the state moved on row by row."""
    y = wave()
    in_sample = clone(model).fit(y=y[:N]).update(y=y[N:]).predict(no_columns(y[N:]))
    model.fit(y=y[:N])
    for t in range(N, N + LATER):
        assert in_sample.iloc[t - N] == pytest.approx(model.predict(horizon=1).iloc[0], rel=1e-8)
        model.update(y=y[t : t + 1])


@each(MODELS)
def test_in_sample_forecasts_do_not_see_their_own_step_or_later_ones(model):
    y = wave()
    clean = clone(model).fit(y=y[:N]).update(y=y[N:]).predict(no_columns(y))
    dirty = model.fit(y=y[:N]).update(y=spoilt(y, N + 7)[N:]).predict(no_columns(y))
    np.testing.assert_array_equal(clean[: N + 8], dirty[: N + 8])
    assert (clean[N + 8 :] != dirty[N + 8 :]).any()


# missing values ----------------------------------------------------------------------------------


@each(MODELS)
@pytest.mark.parametrize("gone", [slice(0, 5), slice(20, 32), slice(N - 13, N), slice(N - 3, N)])
def test_missing_values_are_masked_and_never_come_out(model, gone):
    y = wave(N)
    y.iloc[gone] = NAN
    model.fit(y=y)
    forecasts = pd.concat([model.predict(no_columns(y)), model.predict(horizon=7)])
    assert np.isfinite(forecasts).all()
    assert forecasts.between(y.min() - 20, y.max() + 20).all()


@each(MODELS)
def test_the_row_after_a_gap_is_forecast_from_the_last_values_known(model):
    """A level that has moved far from where it started must not be forgotten in a gap."""
    y = wave(N) + 3.0 * np.arange(N)
    y.iloc[-12:] = NAN
    forecast = model.fit(y=y).predict(horizon=3)
    assert (abs(forecast - y.iloc[-13]) < 100).all()
    assert (forecast > 100).all()


@each(MODELS)
def test_missing_covariates_are_masked(model):
    X, y = driven()
    X.iloc[[4, 5, 30, N + 1], 0] = NAN
    forecast = model.fit(X[:N], y[:N]).predict(X[N:])
    assert np.isfinite(forecast).all()
    assert np.isfinite(model.predict(X)).all()


# update ------------------------------------------------------------------------------------------


@each(MODELS)
def test_update_in_one_go_equals_update_row_by_row(model):
    y = wave()
    y.iloc[N + 4 : N + 6] = NAN
    at_once = clone(model).fit(y=y[:N]).update(y=y[N:]).predict(horizon=5)
    model.fit(y=y[:N])
    for t in range(N, len(y)):
        model.update(y=y[t : t + 1])
    pd.testing.assert_series_equal(model.predict(horizon=5), at_once, rtol=1e-8)


@each(MODELS)
def test_update_takes_covariates(model):
    X, y = driven()
    rows = X[N + 10 :]
    model.fit(X[:N], y[:N])
    moved = clone(model).fit(X[:N], y[:N]).update(X[N : N + 10], y[N : N + 10]).predict(rows)
    assert moved.index.equals(rows.index)
    step_by_step = model.update(X[N : N + 4], y[N : N + 4]).update(X[N + 4 : -10], y[N + 4 : -10])
    np.testing.assert_allclose(step_by_step.predict(rows), moved, rtol=1e-8)


# panels ------------------------------------------------------------------------------------------


@each(MODELS)
def test_order_of_series_and_rows_does_not_matter_at_predict(model):
    y = panel()
    forecast = model.fit(y=y).predict(horizon=3)
    order = forecast.index[np.random.default_rng(0).permutation(9)]
    order = order[np.argsort(order.get_level_values("time"), kind="stable")]  # interleaved
    mixed = model.predict(pd.DataFrame(index=order))
    assert mixed.index.equals(order)
    np.testing.assert_array_equal(mixed.loc[list(forecast.index)], forecast)
    some = model.predict(pd.DataFrame(index=forecast.loc[["c"]].index))
    np.testing.assert_allclose(some, forecast["c"], rtol=1e-6)


@each(LOCAL)
def test_order_of_rows_does_not_matter_at_fit(model):
    y = panel()
    expected = clone(model).fit(y=y).predict(horizon=3)
    forecast = model.fit(y=y.sort_index(level="time", kind="stable")).predict(horizon=3)
    np.testing.assert_array_equal(forecast.loc[list(expected.index)], expected)


@each(RECURRENT)
def test_series_of_a_panel_are_learnt_in_their_own_units(model):
    y = panel()
    factor = pd.Series({"a": 1e-6, "b": 1.0, "c": 1e9})
    expected = clone(model).fit(y=y).predict(horizon=3)
    scaled = y * factor.reindex(y.index.get_level_values("series")).to_numpy()
    forecast = model.fit(y=scaled).predict(horizon=3)
    forecast = forecast / factor.reindex(forecast.index.get_level_values("series")).to_numpy()
    pd.testing.assert_series_equal(forecast, expected, rtol=1e-9)


# scikit-learn's tools ----------------------------------------------------------------------------


@each(MODELS)
def test_pickles_and_copies_forecast_the_same(model):
    y = wave(N)
    forecast = model.fit(y=y).predict(horizon=5)
    for other in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
        pd.testing.assert_series_equal(other.predict(horizon=5), forecast, check_exact=True)
        other.update(y=wave()[N:])
    pd.testing.assert_series_equal(model.predict(horizon=5), forecast, check_exact=True)


@each(MODELS)
def test_clones_have_the_parameters_and_are_not_fitted(model):
    copied = clone(model.fit(y=wave(N)))
    assert str(copied.get_params()) == str(model.get_params())
    with pytest.raises(NotFittedError, match="not fitted yet"):
        copied.predict()
    assert copied.set_params(missing="raise").get_params()["missing"] == "raise"
    with pytest.raises(ValueError, match="Invalid parameter 'colour'"):
        copied.set_params(colour=3)


@each(MODELS)
def test_cross_validation_and_search_score_as_by_hand(model):
    y = wave()
    X, folds = no_columns(y), TimeSeriesSplit(2, test_size=6)
    by_hand = [
        clone(model).fit(X.iloc[a], y.iloc[a]).score(X.iloc[b], y.iloc[b])
        for a, b in folds.split(y)
    ]
    scores = cross_val_score(model, X, y, cv=folds, error_score="raise")
    np.testing.assert_array_equal(scores, by_hand)
    search = GridSearchCV(model, {"missing": ["mask"]}, cv=folds, error_score="raise").fit(X, y)
    assert search.best_score_ == pytest.approx(np.mean(by_hand))
    forecast = search.predict(pd.DataFrame(index=pd.bdate_range("2024-04-22", periods=3)))
    np.testing.assert_array_equal(forecast, model.fit(y=y).predict(horizon=3))


@each(MODELS)
def test_a_scaler_before_the_model_changes_nothing_but_rounding(model):
    X, y = driven()
    pipe = make_pipeline(StandardScaler().set_output(transform="pandas"), clone(model))
    forecast = pipe.fit(X[:N], y[:N]).predict(X[N:])
    expected = model.fit(X[:N], y[:N]).predict(X[N:])
    pd.testing.assert_series_equal(forecast, expected, rtol=1e-4)
    assert np.isfinite(
        cross_val_score(pipe, X, y, cv=TimeSeriesSplit(2), error_score="raise")
    ).all()


@each(MODELS)
def test_a_transformed_target_is_transformed_back(model):
    X, y = driven()
    y = y - y.min() + 10
    logs = TransformedTargetRegressor(clone(model), func=np.log, inverse_func=np.exp)
    forecast = logs.fit(X[:N], y[:N]).predict(X[N:])
    expected = np.exp(model.fit(X[:N], np.log(y[:N])).predict(X[N:]))
    np.testing.assert_allclose(forecast, expected, rtol=1e-9)


ROWS_ARE_STEPS = {
    "check_methods_sample_order_invariance": "rows are consecutive time steps",
    "check_methods_subset_invariance": "rows are consecutive time steps",
}
SHORT = {"hidden_size": 4, "max_epochs": 3, "random_state": 0}


@pytest.mark.parametrize(
    ("model", "checks", "expected_failures"),
    [
        (Naive(), 51, {}),
        (SeasonalNaive(), 51, {}),
        (Drift(), 51, ROWS_ARE_STEPS),
        (ETS(), 51, {}),
        (AutoETS(), 51, {}),
        (Theta(), 51, ROWS_ARE_STEPS),
        (STLForecaster(ETS()), 51, {}),
        (WindowForecaster(Ridge()), 51, ROWS_ARE_STEPS),
        (ARIMA(), 51, ROWS_ARE_STEPS),
        (AutoARIMA(max_p=1, max_q=1), 51, {}),
        (Naive(missing="raise"), 52, {}),
        (LSTMForecaster(**SHORT), 52, ROWS_ARE_STEPS),
        (GRUForecaster(**SHORT), 52, ROWS_ARE_STEPS),
        (RNNForecaster(**SHORT), 52, ROWS_ARE_STEPS),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Forecaster) else None,
)
def test_check_estimator_fails_where_rows_must_be_consecutive_and_nowhere_else(
    model, checks, expected_failures
):
    results = check_estimator(model, on_fail=None, on_skip=None)
    by_status: dict[str, set[str]] = {"passed": set(), "failed": set(), "skipped": set()}
    for result in results:
        by_status[result["status"]].add(result["check_name"])
    assert by_status["failed"] == set(expected_failures)
    assert not by_status["skipped"]
    assert len(results) == checks


# bad input: refused before anything is learnt ----------------------------------------------------


def with_value(data, row: int, value: float):
    data = data.copy()
    data.iloc[row] = value
    return data


X, Y = driven(N)
BAD_INPUT = {
    "y with inf": (None, with_value(Y, 7, np.inf), "Input y contains infinity"),
    "X with inf": (with_value(X, 7, -np.inf), Y, "Input X contains infinity"),
    "nothing but NaN": (None, Y * NAN, "y has 0 finite values of 60"),
    "no rows": (None, Y[:0], "y has 0 rows"),
    "duplicate stamps": (
        None,
        pd.concat([Y, Y[-1:]]),
        "y.index has 1 duplicate: 2024-03-22; aggregate first",
    ),
    "unsorted": (None, Y[::-1], r"not increasing, first at row 1: sort it, y\.sort_index\(\)"),
    "stamps as text": (None, Y.set_axis(Y.index.astype(str)), r"pd\.to_datetime\(y\.index\)"),
    "X shifted": (X.shift(1, freq="B"), Y, r"X\.index differs from y\.index, first at row 0"),
    "X too short": (X[:-1], Y, "X has 59 rows, y has 60: expected as many"),
    "text column": (X.assign(c="u"), Y, "column 'c' of dtype str.*OneHotEncoder"),
    "text target": (None, Y.astype(str), "y .*is str: expected numbers; convert it"),
    "bool target": (None, Y > 50, r"y .*is bool: use astype\(float\)"),
    "no target": (Y, None, r"requires y to be passed.*call fit\(y=series\)"),
    "three levels": (
        None,
        pd.concat({"u": pd.concat({"v": Y})}),
        r"levels \[None, None, None\]: expected two, \(series, time\)",
    ),
}


@each(MODELS)
@pytest.mark.parametrize("case", BAD_INPUT)
def test_bad_input_is_refused_before_any_training(model, case, monkeypatch):
    def training(*_):
        raise AssertionError("training has begun")

    monkeypatch.setattr(type(model), "_fit", training)
    bad_X, bad_y, message = BAD_INPUT[case]
    with pytest.raises((ValueError, TypeError), match=message):
        model.fit(bad_X, bad_y)
    with pytest.raises(ValueError, match="missing='drop': expected one of 'mask', 'raise'"):
        model.set_params(missing="drop").fit(y=Y)


@each(TRAINED)
def test_too_short_a_series_says_what_is_needed(model):
    message = r"y has too few observed rows, n_samples=2: at least \d+ are needed; .*\w+"
    with pytest.raises(ValueError, match=message):
        model.fit(y=Y[:2])
    with pytest.raises(ValueError, match=message):
        model.fit(y=Y.where(np.arange(N) < 2))


@each(LOCAL)
def test_a_baseline_names_the_columns_it_cannot_forecast_together(model):
    with pytest.raises(ValueError, match=r"y has 2 columns \['u', 'v'\]: \w+ forecasts one series"):
        model.fit(y=pd.DataFrame({"u": Y, "v": Y}))


@each(MODELS)
def test_a_refused_update_changes_nothing(model):
    y = wave()
    before = model.fit(y=y[:N]).predict(horizon=5)
    for rows, message in [(y[N - 3 :], "are known"), (y[N:] * np.inf, "contains infinity")]:
        with pytest.raises(ValueError, match=message):
            model.update(y=rows)
    pd.testing.assert_series_equal(model.predict(horizon=5), before, check_exact=True)
