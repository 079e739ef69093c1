"""Recurrent forecasters on made series whose best possible forecast is known."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from tsrnn import (
    ARIMA,
    GRUForecaster,
    LSTMForecaster,
    Naive,
    RNNForecaster,
    SeasonalNaive,
    backtest,
)

CLASSES = [LSTMForecaster, GRUForecaster, RNNForecaster]
TINY = {"hidden_size": 4, "max_epochs": 2, "random_state": 0}


class Made(NamedTuple):
    """A made series with the best forecasts possible: ``best[t, h - 1]`` for step t + h."""

    y: pd.Series
    X: pd.DataFrame | None
    best: np.ndarray
    horizon: int
    bar: float  # largest error allowed, in units of the best possible one


def season_trend_ar() -> Made:
    """Trend, a daily season and an AR(1) disturbance: all three must be found."""
    rng, n, horizon, phi = np.random.default_rng(0), 1500, 3, 0.9
    noise = rng.normal(size=n)
    e = np.zeros(n)
    for t in range(1, n):
        e[t] = phi * e[t - 1] + noise[t]
    t = np.arange(n)
    known = 0.01 * t + 8 * np.sin(2 * np.pi * t / 24) + 4 * np.cos(2 * np.pi * t / 12)
    steps = np.arange(1, horizon + 1)
    best = known[np.minimum(t[:, None] + steps, n - 1)] + phi**steps * e[:, None]
    index = pd.date_range("2020", periods=n, freq="h")
    return Made(pd.Series(known + e, index=index), None, best, horizon, bar=1.3)


def product_of_covariates() -> Made:
    """The product of two covariates decides; neither alone says anything, nor does the past."""
    rng, n, horizon = np.random.default_rng(0), 1200, 2
    X = rng.normal(size=(n, 2))
    known = 3 * X[:, 0] * X[:, 1]
    index = pd.date_range("2020", periods=n, freq="D")
    best = known[np.minimum(np.arange(n)[:, None] + np.arange(1, horizon + 1), n - 1)]
    y = pd.Series(known + 0.5 * rng.normal(size=n), index=index)
    return Made(y, pd.DataFrame(X, index=index, columns=["a", "b"]), best, horizon, bar=2.3)


def logistic_map() -> Made:
    """A chaotic map, uncorrelated in time: no linear model can follow it (May 1976)."""
    rng, n = np.random.default_rng(0), 1000
    y = np.full(n, 0.3)
    for t in range(1, n):
        y[t] = np.clip(3.8 * y[t - 1] * (1 - y[t - 1]) + 0.05 * rng.normal(), 0.02, 0.98)
    best = (3.8 * y * (1 - y))[:, None]
    return Made(pd.Series(y), None, best, 1, bar=2.6)


MADE = [season_trend_ar, product_of_covariates, logistic_map]


def errors(made: Made, models: dict) -> pd.Series:
    """Mean absolute errors of models fitted once and updated, in units of the best possible one."""
    result = backtest(
        models,
        made.X,
        made.y,
        horizon=made.horizon,
        step=made.horizon,
        initial=int(0.8 * len(made.y)),
        refit="none",
    )
    forecasts = result.forecasts
    rows = made.y.index.get_indexer(forecasts["time"])
    best = made.best[rows - forecasts["step"], forecasts["step"] - 1]
    least = np.abs(forecasts["y_true"] - best).mean()
    missed = np.abs(forecasts["y_true"] - forecasts["y_pred"])
    return missed.groupby(forecasts["model"]).mean() / least


@pytest.mark.parametrize("make", MADE)
def test_defaults_come_near_the_best_possible_error(make) -> None:
    made = make()
    models = {cls.default_cell: cls(made.horizon, random_state=0) for cls in CLASSES}
    models |= {"naive": Naive(), "season": SeasonalNaive(), "linear": ARIMA(order=(2, 0, 0))}
    error = errors(made, models)
    assert (error[["lstm", "gru", "rnn"]] < made.bar).all(), error
    assert error[["lstm", "gru", "rnn"]].max() < 0.6 * error[["naive", "season"]].min(), error


@pytest.mark.parametrize("make", [product_of_covariates, logistic_map])
def test_nonlinear_maps_are_out_of_reach_of_a_linear_model(make) -> None:
    made = make()
    error = errors(made, {"linear": ARIMA(order=(3, 0, 0)), "gru": GRUForecaster(made.horizon)})
    assert error["gru"] < 0.5 * error["linear"]


@pytest.mark.parametrize("cls", CLASSES)
@pytest.mark.parametrize("make", MADE)
def test_one_epoch_or_a_constant_fails_the_bars(make, cls) -> None:
    made = make()
    one_epoch = cls(made.horizon, max_epochs=1, early_stopping=False, random_state=0)
    assert errors(made, {"one": one_epoch})["one"] > 1.05 * made.bar
    rows = np.arange(int(0.8 * len(made.y)), len(made.y) - 1)
    truth, constant = made.y.to_numpy()[rows + 1], made.y.iloc[: rows[0]].mean()
    assert np.abs(truth - constant).mean() > made.bar * np.abs(truth - made.best[rows, 0]).mean()


def test_linear_effect_of_a_covariate_is_found_exactly_enough() -> None:
    rng, n = np.random.default_rng(1), 400
    x = pd.DataFrame({"x": rng.normal(size=n)}, index=pd.date_range("2020", periods=n))
    y = 10 + 3 * x["x"] + 0.5 * rng.normal(size=n)
    known = (10 + 3 * x["x"]).to_numpy()
    best = known[np.minimum(np.arange(n)[:, None] + [1, 2, 3], n - 1)]
    error = errors(Made(y, x, best, 3, 1.1), {"lstm": LSTMForecaster(3, random_state=0)})
    blind = errors(Made(y, None, best, 3, 1.1), {"lstm": LSTMForecaster(3, random_state=0)})
    assert error["lstm"] < 1.1
    assert blind["lstm"] > 4  # theory: sqrt(9 + 0.25) / 0.5 = 6.1


@pytest.mark.parametrize("cls", CLASSES)
def test_random_walk_is_left_to_the_last_value(cls) -> None:
    ratios = []
    for seed in range(3):
        noise = np.random.default_rng(seed).normal(scale=0.02, size=800)
        y = pd.Series(100 * np.exp(noise.cumsum()), index=pd.bdate_range("2010", periods=800))
        models = {"rnn": cls(5, random_state=0), "naive": Naive()}
        result = backtest(models, y=y, horizon=5, initial=600, refit="none").summary()
        ratios.append(result.loc["rnn", "MAE"] / result.loc["naive", "MAE"])
    assert np.median(ratios) < 1.02


def test_ensemble_is_the_median_of_its_networks() -> None:
    y = pd.Series(np.sin(np.arange(200) / 4) + np.random.default_rng(0).normal(size=200))
    model = LSTMForecaster(4, n_estimators=3, early_stopping=False, **TINY).fit(y=y)
    single = []
    for network in model.networks_:
        alone = copy.copy(model)
        alone.networks_ = [network]
        single.append(alone.predict().to_numpy())
    assert np.ptp(single, axis=0).min() > 0
    np.testing.assert_allclose(model.predict(), np.median(single, axis=0), rtol=1e-12)


def test_context_makes_older_rows_count_for_nothing() -> None:
    y = pd.Series(np.random.default_rng(0).normal(size=200).cumsum())
    model = LSTMForecaster(2, context=30, early_stopping=False, **TINY).fit(y=y)
    before = model.predict()
    record = model._records[None]
    model._records = {None: replace(record, y=np.vstack([record.y[:170] + 1e9, record.y[170:]]))}
    pd.testing.assert_series_equal(model.predict(), before)
    model._records = {None: replace(record, y=np.vstack([record.y[:171] + 1e3, record.y[171:]]))}
    assert not np.allclose(model.predict(), before)


@pytest.mark.parametrize("context", [None, "auto", 40])
@pytest.mark.parametrize("segment", [1, 3])
def test_update_equals_the_forecast_of_the_whole_history(context, segment) -> None:
    y = pd.Series(np.random.default_rng(0).normal(size=120).cumsum())
    settings = {"context": context, "segment": segment, "early_stopping": False, **TINY}
    model = LSTMForecaster(3, **settings).fit(y=y[:100])
    whole = copy.deepcopy(model)
    for t in range(100, 120):
        model.update(y=y[t : t + 1])
    whole.update(y=y[100:])
    np.testing.assert_allclose(model.predict(), whole.predict(), rtol=1e-6)
    assert model.predict().index[0] == 120


def test_longer_horizons_continue_from_the_forecasts() -> None:
    y = pd.Series(np.sin(np.arange(300) / 5))
    model = LSTMForecaster(4, early_stopping=False, **TINY).fit(y=y)
    long = model.predict(horizon=10)
    np.testing.assert_array_equal(long[:4], model.predict())
    fed = copy.deepcopy(model).update(y=long[:4]).predict(horizon=6)
    np.testing.assert_allclose(long[4:], fed, rtol=1e-6)


def test_new_series_are_forecast_from_their_own_history() -> None:
    rng = np.random.default_rng(0)
    days = pd.date_range("2020", periods=150)
    panel = pd.concat(
        {k: pd.Series(rng.normal(size=150).cumsum(), index=days) for k in "abc"},
        names=["series", "time"],
    )
    model = LSTMForecaster(2, **TINY).fit(y=panel.drop("c"))
    with pytest.raises(ValueError, match=r"series \['c'\] was not seen in fit: call update"):
        model.predict(panel.loc[["c"]].to_frame()[[]])
    forecast = model.update(y=panel.loc[["c"]]).predict()
    assert forecast.index.names == ["series", "time"]
    assert np.abs(forecast["c"] - panel["c"].iloc[-1]).max() < 5


def test_targets_of_a_frame_are_forecast_together_each_in_its_own_scale() -> None:
    rng, n = np.random.default_rng(0), 400
    lead = rng.normal(size=n)
    follow = 1000 + 50 * np.roll(lead, 1)  # tomorrow's value is decided by today's of the other
    y = pd.DataFrame({"lead": lead, "follow": follow})[1:].reset_index(drop=True)
    model = LSTMForecaster(1, random_state=0).fit(y=y[:300])
    forecast = []
    for t in range(300, len(y)):
        forecast.append(model.predict().iloc[0])
        model.update(y=y[t : t + 1])
    error = np.abs(pd.DataFrame(forecast)["follow"] - y["follow"][300:]).mean()
    assert list(model.predict().columns) == ["lead", "follow"]
    assert error < 0.3 * np.abs(y["follow"][300:] - 1000).mean()


def test_choices_are_kept_with_their_reasons() -> None:
    hours = pd.date_range("2020", periods=600, freq="h")
    y = pd.Series(10 + np.sin(2 * np.pi * np.arange(600) / 24), index=hours)
    chosen = LSTMForecaster(48, **TINY).fit(y=y).chosen_
    assert chosen["seasonality"].value[0] == 24
    assert "24: supported by the autocorrelation" in chosen["seasonality"].reason
    assert chosen["segment"] == (24, "largest divisor of season 24 up to horizon 48")
    assert chosen["hidden_size"] == (4, "given")


def test_choices_look_at_nothing_but_the_fitted_rows() -> None:
    y = pd.Series(
        np.random.default_rng(0).normal(size=300) + 5, index=pd.bdate_range("2020", periods=300)
    )
    later = y.copy()
    later[200:] = 1e9
    one, other = (LSTMForecaster(3, **TINY).fit(y=s[:200]) for s in (y, later))
    assert one.chosen_ == other.chosen_
    pd.testing.assert_series_equal(one.predict(), other.predict())


@pytest.mark.parametrize(("late", "low", "high"), [(-0.9, 0.9, 1.0), (1.0, 0.0, 0.1)])
def test_trust_is_decided_by_the_latest_part_of_the_series(late, low, high) -> None:
    # Up to row 320 the sign changes at every step; what comes after it decides.
    rng, n = np.random.default_rng(0), 400
    y = rng.normal(size=n)
    for t in range(1, n):
        y[t] = (-0.9 if t < 320 else late) * y[t - 1] + 0.05 * rng.normal()
    (trust,) = LSTMForecaster(1, random_state=0).fit(y=y).trust_
    assert low <= trust <= high


def test_logs_refuse_what_is_not_positive() -> None:
    y = pd.Series(np.exp(np.random.default_rng(0).normal(size=80).cumsum()))
    model = LSTMForecaster(scaling="multiplicative", **TINY).fit(y=y)
    with pytest.raises(ValueError, match="has values <= 0, but fit chose scaling='multiplicative'"):
        model.update(y=pd.Series([-1.0], index=[80]))
    with pytest.raises(ValueError, match="scaling='multiplicative' needs y > 0: 80 values <= 0"):
        clone(model).fit(y=-y)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("horizon", 0, "horizon=0: expected an integer >= 1"),
        ("horizon", 2.5, "horizon=2.5: expected an integer >= 1"),
        ("cell", "transformer", "cell='transformer': expected one of 'rnn', 'lstm', 'gru'"),
        ("loss", "mape", "loss='mape': expected one of"),
        ("scaling", "log", "scaling='log': expected one of 'auto', 'additive'"),
        ("missing", "drop", "missing='drop': expected one of 'mask', 'raise'"),
        ("device", "gpu9", "device='gpu9': not available here; device='cpu' or 'auto'"),
        ("dtype", "float16", "dtype='float16': expected one of"),
        ("hidden_size", -1, "hidden_size=-1: expected an integer >= 1"),
        ("hidden_size", "big", "hidden_size='big': expected an integer >= 1"),
        ("context", 0, "context=0: expected an integer >= 1"),
        ("seasonality", 1, "seasonality=1: expected an integer >= 2"),
        ("dropout", 1.0, r"dropout=1.0: expected a number in \[0, 1\)"),
        ("learning_rate", 0.0, "learning_rate=0.0: expected a number > 0"),
        ("n_estimators", 0, "n_estimators=0: expected an integer >= 1"),
    ],
)
def test_bad_parameters_are_refused_before_training(name, value, message, monkeypatch) -> None:
    monkeypatch.setattr("tsrnn.fitting.train", lambda *a, **k: pytest.fail("trained"))
    with pytest.raises(ValueError, match=message):
        LSTMForecaster(**{name: value}).fit(y=np.arange(30.0))


def test_too_short_a_series_says_how_many_rows_are_needed() -> None:
    with pytest.raises(ValueError, match="n_samples=2: at least 3 are needed; give a longer"):
        LSTMForecaster().fit(y=[1.0, 2.0])


def test_missing_weekends_are_no_obstacle_to_a_week_ahead() -> None:
    days = pd.date_range("2024", periods=300)
    y = pd.Series(np.random.default_rng(0).normal(size=300).cumsum(), index=days)
    last = y[days.day_of_week < 5].iloc[-1]
    forecast = LSTMForecaster(7, random_state=0).fit(y=y.where(days.day_of_week < 5)).predict()
    assert np.abs(forecast - last).max() < 3


def test_a_series_too_short_for_its_horizon_is_not_worse_than_the_last_value_by_much() -> None:
    ratios = []
    for seed in range(8):
        y = np.random.default_rng(seed).normal(size=48).cumsum()
        forecast = LSTMForecaster(12, random_state=0).fit(y=y[:36]).predict()
        ratios.append(np.abs(forecast - y[36:]).mean() / np.abs(y[35] - y[36:]).mean())
    assert np.median(ratios) < 1.3


def test_numpy_integers_are_integers() -> None:
    y = np.random.default_rng(0).normal(size=60)
    settings = {"hidden_size": np.int64(4), "context": np.int64(10), "max_epochs": np.int64(2)}
    model = LSTMForecaster(np.int64(2), random_state=0, **settings).fit(y=y)
    same = LSTMForecaster(2, random_state=0, hidden_size=4, context=10, max_epochs=2).fit(y=y)
    np.testing.assert_array_equal(model.predict(), same.predict())


def test_targets_never_seen_together_are_forecast() -> None:
    y = pd.DataFrame({"a": np.sin(np.arange(200) / 4), "b": np.cos(np.arange(200) / 4) + 100})
    y.iloc[::2, 0], y.iloc[1::2, 1] = np.nan, np.nan
    forecast = LSTMForecaster(2, **TINY).fit(y=y).predict()
    assert (np.abs(forecast - [0, 100]) < 2).all(axis=None)


# Strategies ---------------------------------------------------------------------------------------

STRATEGIES = {
    "direct": {},
    "recursive": {"strategy": "recursive"},
    "recursive, fed with forecasts": {"strategy": "recursive", "teacher_forcing": "linear"},
    "seq2seq": {"strategy": "seq2seq"},
    "seq2seq, attention": {"strategy": "seq2seq", "attention": True},
}


def autoregression(n: int, phi: tuple[float, ...] = (1.2, -0.5), seed: int = 0) -> np.ndarray:
    noise, y = np.random.default_rng(seed).normal(size=n), np.zeros(n)
    for t in range(2, n):
        y[t] = sum(p * y[t - i - 1] for i, p in enumerate(phi)) + noise[t]
    return y


def closed_form(past: np.ndarray, horizon: int, phi: tuple[float, ...] = (1.2, -0.5)) -> np.ndarray:
    values = list(past[-len(phi) :])
    for _ in range(horizon):
        values.append(sum(p * values[-i - 1] for i, p in enumerate(phi)))
    return np.array(values[len(phi) :])


@pytest.mark.parametrize("settings", STRATEGIES.values(), ids=STRATEGIES)
def test_every_strategy_agrees_with_the_closed_form_of_an_autoregression(settings):
    """The distance is that of one estimated model from another, not of a forecast from noise."""
    y = autoregression(2300)
    series = pd.Series(y, index=pd.date_range("2020", periods=len(y), freq="D"))
    model = LSTMForecaster(6, random_state=0, seasonality=None, **settings).fit(y=series[:2000])
    said, best = [], []
    for t in range(2000, 2280, 7):
        said.append(model.predict().to_numpy())
        best.append(closed_form(y[:t], 6))
        model.update(y=series[t : t + 7])
    distance = np.sqrt(np.mean((np.array(said) - best) ** 2))
    assert distance < 0.4  # noise has 1, the series 1.9; forecasts of the mean would be at 1.2


def test_forecasts_of_a_recursive_model_are_those_of_feeding_it_one_by_one():
    y = pd.Series(autoregression(300), index=pd.date_range("2020", periods=300, freq="D"))
    model = GRUForecaster(4, **TINY, strategy="recursive").fit(y=y)
    fed, forecasts = copy.deepcopy(model), []
    for _ in range(4):
        forecasts.append(fed.predict(horizon=1))
        fed.update(y=forecasts[-1])
    pd.testing.assert_series_equal(model.predict(), pd.concat(forecasts), rtol=1e-9)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"strategy": "dirrec"}, "strategy='dirrec': expected one of 'direct', 'recursive', 'seq"),
        ({"teacher_forcing": 0.5}, "teacher_forcing=0.5 needs strategy='recursive'"),
        ({"teacher_forcing": "fast"}, "teacher_forcing='fast': expected one of 'linear'"),
        ({"teacher_forcing": 2}, r"teacher_forcing=2: expected a number in \[0, 1\]"),
        ({"attention": True}, "attention=True needs strategy='seq2seq'"),
        ({"strategy": "recursive", "segment": 4}, "segment=4: strategy='recursive' forecasts one"),
        ({"max_gap": -1}, "max_gap=-1: expected an integer >= 0 or None"),
        ({"bptt": 0}, "bptt=0: expected an integer >= 1 or None"),
        ({"dilations": [1, 2]}, "expected one number for each of num_layers=1"),
        ({"dilations": [0]}, "dilations=0: expected an integer >= 1"),
        ({"calendar": "holidays"}, "calendar='holidays': expected one of 'auto'"),
        ({"calendar": ["moon"]}, "calendar='moon': expected one of 'minute', 'hour'"),
        ({"transform": "sqrt"}, "transform='sqrt'"),
        ({"transform": object()}, "has no fit, transform, inverse_transform"),
        ({"loss": "mape"}, "loss='mape'"),
    ],
)
def test_parameters_are_refused_by_name(settings, message):
    y = pd.Series(autoregression(60), index=pd.date_range("2020", periods=60))
    with pytest.raises((ValueError, TypeError), match=message):
        LSTMForecaster(3, **settings).fit(y=y)


def test_truncated_backpropagation_over_the_whole_pass_is_none():
    y = pd.Series(autoregression(200), index=pd.date_range("2020", periods=200))
    forecasts = {
        bptt: GRUForecaster(3, **TINY | {"max_epochs": 20}, bptt=bptt).fit(y=y).predict()
        for bptt in (None, 64, 2)
    }
    pd.testing.assert_series_equal(forecasts[64], forecasts[None], check_exact=True)
    assert (forecasts[2] != forecasts[None]).all()


def test_dilated_layers_reach_further():
    y = pd.Series(autoregression(200), index=pd.date_range("2020", periods=200))
    settings = TINY | {"max_epochs": 20, "num_layers": 2}
    plain = GRUForecaster(3, **settings).fit(y=y).predict()
    dilated = GRUForecaster(3, **settings, dilations=(1, 7)).fit(y=y).predict()
    assert (plain != dilated).all()
    same = GRUForecaster(3, **settings, dilations=(1, 1)).fit(y=y).predict()
    pd.testing.assert_series_equal(same, plain, check_exact=True)


# Covariates of three kinds ------------------------------------------------------------------------


def test_a_leading_indicator_of_the_past_only_is_used():
    """y follows z by two steps: with z the first two steps are known but for the noise."""
    rng = np.random.default_rng(0)
    z = rng.normal(size=1200)
    y = pd.Series(np.roll(3 * z, 2) + 0.1 * rng.normal(size=1200), name="y")
    y.index = pd.date_range("2020", periods=1200)
    X = pd.DataFrame({"z": z}, index=y.index)
    model = LSTMForecaster(3, past_only=["z"], random_state=0).fit(X[:1100], y[:1100])
    errors = []
    for t in range(1100, 1190, 3):
        errors.append(np.abs(model.predict() - y[t : t + 3]).to_numpy())
        model.update(X[t : t + 3], y[t : t + 3])
    first, second, third = np.mean(errors, axis=0)
    assert first < 0.4 and second < 0.4
    assert third > 1.5  # not yet known: as bad as the mean


def test_static_columns_tell_series_apart():
    """Two kinds of series take opposite turns: only the static category says which is which."""
    rng, parts, kinds = np.random.default_rng(0), {}, {}
    for i in range(20):
        kind = ("follows", "opposes")[i % 2]
        x = rng.normal(size=150)
        frame = pd.DataFrame({"x": x, "kind": kind}, index=pd.date_range("2024", periods=150))
        frame["y"] = (3 if i % 2 else -3) * np.abs(x) + 0.1 * rng.normal(size=150)
        parts[f"s{i}"], kinds[f"s{i}"] = frame, kind
    data = pd.concat(parts, names=["series", "time"])
    last = data.groupby("series").tail(10)
    train = data.drop(last.index)
    errors = {}
    for columns in (["x"], ["x", "kind"]):
        static = columns[1:] or None
        model = GRUForecaster(10, static=static, random_state=0).fit(train[columns], train["y"])
        errors[len(columns)] = np.abs(model.predict(last[["x"]]) - last["y"]).mean()
    assert errors[2] < 0.8 * errors[1]


def test_a_new_series_of_an_unknown_category_is_refused():
    y = pd.concat(
        {
            k: pd.Series(autoregression(40, seed=i), index=pd.date_range("2024", periods=40))
            for i, k in enumerate("ab")
        },
        names=["series", "time"],
    )
    X = pd.DataFrame({"kind": y.index.get_level_values(0)}, index=y.index)
    model = GRUForecaster(3, **TINY, static=["kind"]).fit(X, y)
    new = y.rename({"a": "c"}).loc[["c"]]
    with pytest.raises(ValueError, match="static column 'kind' has the category 'z'"):
        model.update(pd.DataFrame({"kind": "z"}, index=new.index), new)
    assert np.isfinite(
        model.update(pd.DataFrame({"kind": "b"}, index=new.index), new).predict()
    ).all()


def test_calendar_features_find_what_only_the_date_tells():
    index = pd.date_range("2023-01-01", periods=500)
    rng = np.random.default_rng(0)
    bump = 5.0 * (index.day_of_week == 2) + 3.0 * (index.day_of_week == 6)
    y = pd.Series(bump + 0.2 * rng.normal(size=500), index=index)
    gone = rng.random(500) < 0.4  # no phase of the week is left in the row number
    y = y[~gone]
    plain, dated = (
        LSTMForecaster(7, calendar=calendar, seasonality=None, random_state=0).fit(y=y[:-7])
        for calendar in (None, "auto")
    )
    assert dated.chosen_["calendar"].value == ("weekday",)
    errors = [np.abs(m.predict(y[-7:].to_frame()[[]]) - y[-7:]).mean() for m in (plain, dated)]
    assert errors[1] < 0.5 * errors[0]


# Panels -------------------------------------------------------------------------------------------


def three_series() -> pd.Series:
    parts = {
        k: autoregression(n, seed=n) * s for k, n, s in (("a", 60, 1), ("b", 90, 9), ("c", 75, 3))
    }
    frames = {
        k: pd.Series(v, index=pd.date_range("2024", periods=len(v))) for k, v in parts.items()
    }
    return pd.concat(frames, names=["series", "time"])


def test_forecasts_of_a_panel_do_not_depend_on_the_order_of_its_series():
    y = three_series()
    backwards = pd.concat([y.loc[["c"]], y.loc[["a"]], y.loc[["b"]]])
    mixed = y.sample(frac=1, random_state=0).sort_index(level=1, kind="stable")
    expected = GRUForecaster(4, **TINY).fit(y=y).predict()
    for other in (backwards, mixed):
        forecast = GRUForecaster(4, **TINY).fit(y=other).predict()
        for key in "abc":
            pd.testing.assert_series_equal(forecast[key], expected[key], check_exact=True)


# Streaming, and going on with training ------------------------------------------------------------


@pytest.mark.parametrize("context", ["auto", 30, None])
@pytest.mark.parametrize("settings", [{}, {"seasonality": 7}, {"transform": "difference"}])
def test_a_stream_of_single_readings_equals_all_at_once(settings, context):
    y = pd.Series(autoregression(900), index=pd.date_range("2020", periods=900))
    y.iloc[[410, 411, 650]] = np.nan
    model = GRUForecaster(7, **TINY | {"max_epochs": 15}, context=context, **settings).fit(
        y=y[:400]
    )
    stream = copy.deepcopy(model)
    for t in range(400, 900):
        stream.update(y=y[t : t + 1])
    np.testing.assert_allclose(
        stream.predict(), model.update(y=y[400:]).predict(), rtol=0, atol=1e-6
    )
    whole = copy.deepcopy(model)
    whole._first_that_counts = lambda key, y: 0  # nothing is left out
    np.testing.assert_allclose(model.predict(), whole.predict(), rtol=0, atol=1e-6)


def test_a_warm_start_goes_on_and_says_so():
    y = pd.Series(autoregression(400), index=pd.date_range("2020", periods=400))
    model = GRUForecaster(3, hidden_size=8, max_epochs=3, random_state=0).fit(y=y[:300])
    assert "start" not in model.chosen_
    before = [w.clone() for w in model.networks_[0].parameters()]
    chosen = model.chosen_["span"]
    model.set_params(warm_start=True).fit(y=y)
    assert model.chosen_["start"] == ("previous weights", "warm_start=True")
    assert model.chosen_["span"] == chosen
    fresh = clone(model).fit(y=y)
    moved = [
        float((a - b).detach().abs().max())
        for a, b in zip(model.networks_[0].parameters(), before, strict=True)
    ]
    assert max(moved) < 0.5
    assert (fresh.predict() != model.predict()).all()
    with pytest.raises(ValueError, match="warm_start=True: hidden_size is 9, but the networks to"):
        model.set_params(hidden_size=9).fit(y=y)
    model.set_params(hidden_size=8, max_epochs=1, learning_rate=1e-9).fit(y=y)
    assert model.chosen_["max_epochs"] == (1, "given")
    assert "start" not in model.set_params(warm_start=False).fit(y=y).chosen_


@pytest.mark.parametrize(
    ("columns", "roles", "message"),
    [
        (["b", "a"], {}, r"columns of X is \('b', 'a'\), but .* with \('a', 'b'\)"),
        (["a", "b"], {"past_only": ["a"]}, r"past_only is \['a'\], but .* with None"),
        (["a", "b"], {"transform": "log"}, "transform is 'log', but .* with None"),
    ],
)
def test_a_warm_start_on_other_inputs_is_refused(columns, roles, message):
    y = pd.Series(autoregression(60), index=pd.date_range("2020", periods=60))
    X = pd.DataFrame(np.random.default_rng(0).normal(size=(60, 2)), y.index, columns=["a", "b"])
    model = GRUForecaster(3, **TINY, warm_start=True).fit(X, y)
    expected = model.predict(X[:3].set_index(pd.RangeIndex(3)))
    with pytest.raises(ValueError, match=message):
        model.set_params(**roles).fit(X[columns], y)
    forecast = model.predict(X[:3].set_index(pd.RangeIndex(3)))
    pd.testing.assert_series_equal(forecast, expected, check_exact=True)


def test_partial_fit_takes_rows_in_and_goes_on_training():
    y = pd.Series(autoregression(400), index=pd.date_range("2020", periods=400))
    model = GRUForecaster(3, hidden_size=8, max_epochs=5, random_state=0)
    first = model.partial_fit(y=y[:300]).predict()
    pd.testing.assert_series_equal(first, clone(model).fit(y=y[:300]).predict(), check_exact=True)
    updated = copy.deepcopy(model).update(y=y[300:]).predict()
    trained = model.partial_fit(y=y[300:]).predict()
    assert trained.index.equals(updated.index)
    assert (trained != updated).all()
    assert model.chosen_["start"].reason == "partial_fit"


# Missing values -----------------------------------------------------------------------------------


def test_masked_training_recovers_the_coefficient_with_a_third_of_the_values_missing():
    """The slope of the one-step forecast on the last value is that of the process, 0.5."""
    y = autoregression(3000, phi=(0.5,))
    series = pd.Series(y, index=pd.date_range("2020", periods=3000, freq="h"))
    series[np.random.default_rng(0).random(3000) < 0.3] = np.nan
    model = LSTMForecaster(1, seasonality=None, random_state=0).fit(y=series)
    forecast = model.predict_in_sample().to_numpy()[1:]
    last = series.to_numpy()[:-1]
    seen = np.isfinite(last)
    slope = np.polyfit(last[seen], forecast[seen], 1)[0]
    assert slope == pytest.approx(0.5, abs=0.06)
    best = np.sqrt(np.mean((0.5 * y[:-1] - y[1:])[seen] ** 2))
    assert np.sqrt(np.mean((forecast - y[1:])[seen] ** 2)) < 1.05 * best


# What a review found ------------------------------------------------------------------------------


@pytest.mark.parametrize("unit", [1.0, 1e-6])
def test_series_that_have_not_moved_are_forecast_in_units_of_their_own(unit):
    y = three_series() * unit
    y["b"] = 2.0 * unit
    model = GRUForecaster(3, **TINY, scaling="additive", early_stopping=False).fit(y=y)
    new = pd.Series(
        5.0 * unit, index=pd.MultiIndex.from_tuples([("z", pd.Timestamp("2024-03-01"))])
    )
    model.update(y=new)
    forecast, interval = model.predict() / unit, model.predict_interval(0.8) / unit
    np.testing.assert_allclose(forecast["b"], 2.0, rtol=1e-5)
    np.testing.assert_allclose(forecast["z"], 5.0, rtol=1e-5)
    assert (interval["upper"] - interval["lower"]).loc["b"].max() < 1e-4


def test_a_season_taken_out_does_not_hide_the_noise_from_what_judges():
    """The noise has 0.4 mean absolute size: in-sample errors must not fall below it."""
    rng = np.random.default_rng(0)
    noise = 0.5 * rng.normal(size=300)
    y = pd.Series(10 + 3 * np.sin(2 * np.pi * np.arange(300) / 7) + noise)
    y.index = pd.date_range("2023-01-01", periods=300)
    model = GRUForecaster(5, **TINY, transform="deseasonalise", seasonality=7).fit(y=y)
    assert model.residuals_.abs().mean() > 0.9 * np.abs(noise).mean()
    width = (model.predict_interval(0.8) @ [-1, 1]).mean()
    assert width == pytest.approx(2 * 1.2816 * 0.5, rel=0.25)


def test_collinear_calendar_columns_give_no_warning():
    quarters = pd.period_range("1990Q1", periods=120, freq="Q")
    y = pd.Series(autoregression(120), index=quarters)
    assert np.isfinite(GRUForecaster(3, **TINY, calendar="auto").fit(y=y).predict()).all()
