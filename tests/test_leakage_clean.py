"""Honest evaluations, in which nothing is to be found."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from leakage_data import CV, DAYS, lags, noise, series
from sklearn.compose import make_column_transformer
from sklearn.ensemble import (
    RandomForestRegressor,
    StackingRegressor,
)
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV, KFold, TimeSeriesSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    MinMaxScaler,
    OneHotEncoder,
    StandardScaler,
)
from sklearn.tree import DecisionTreeRegressor

from tsrnn import (
    ARIMA,
    AsOf,
    ExpandingWindowSplit,
    LSTMForecaster,
    LSTMRegressor,
    SeasonalNaive,
    SlidingWindow,
    make_windows,
)
from tsrnn.leakage import audit_leakage


def test_scaling_inside_the_pipeline_is_clean():
    y = series()
    X = lags(y).assign(
        wind=noise(1), mean=y.shift(1).rolling(5).mean(), calm=noise(1).rolling(5).mean()
    )
    report = audit_leakage(make_pipeline(StandardScaler(), Ridge()), X[6:], y[6:], CV)
    assert report.clean, report
    assert report.folds == (0, 2)


def test_windows_and_a_recurrent_network_are_clean():
    y = series()
    X = y.to_frame("close").assign(wind=noise(1))[:-1]
    pipe = make_pipeline(
        StandardScaler().set_output(transform="pandas"),
        SlidingWindow(8),
        LSTMRegressor(max_epochs=2, random_state=0),
    )
    report = audit_leakage(pipe, X, y.shift(-1)[:-1], CV)
    assert report.clean, report


def test_windows_as_an_array_of_three_dimensions_are_clean():
    windows, targets = make_windows(series(), window=12)
    model = LSTMRegressor(max_epochs=2, random_state=0)
    assert audit_leakage(model, windows, targets[:, 0], CV).clean


def test_forecasters_with_early_stopping_are_clean():
    model = LSTMForecaster(horizon=5, max_epochs=3, patience=1, random_state=0)
    report = audit_leakage(model, None, series(), ExpandingWindowSplit(2, horizon=5, gap=1))
    assert report.clean, report
    assert report.notes == ()


def test_calendar_columns_and_flags_need_no_declaration():
    y = series()
    steps = np.arange(len(y))
    X = pd.DataFrame(
        {
            "weekday": DAYS.day_of_week,
            "wave": np.sin(2 * np.pi * DAYS.day_of_year / 365.25),
            "trend": steps,
            "promo": (np.random.default_rng(3).random(len(y)) < 0.2).astype(float),
        },
        DAYS,
    )
    model = ARIMA((1, 0, 0))
    report = audit_leakage(model, X, y, ExpandingWindowSplit(2, horizon=8, initial=100))
    assert report.clean, report
    assert report.notes == ("Taken to be known in advance: promo (it may be planned).",)


HOURS = pd.date_range("2024-03-01", periods=24 * 30, freq="h")
SUN = np.sin(0.9) * np.sin(-0.41 * np.cos(2 * np.pi * (HOURS.day_of_year + 10) / 365)) + np.cos(
    0.9
) * np.cos(-0.41 * np.cos(2 * np.pi * (HOURS.day_of_year + 10) / 365)) * np.cos(
    2 * np.pi * (HOURS.hour - 12) / 24
)


@pytest.mark.parametrize(
    ("values", "planned"),
    [
        (SUN, True),
        (1000 * np.clip(SUN, 0, None) ** 1.15, True),
        (np.arange(720) % 37, True),
        ((HOURS.normalize() + pd.offsets.BQuarterEnd() - HOURS).days, True),
        (15 + 5 * SUN + np.random.default_rng(0).normal(size=720).cumsum() / 9, False),
        (np.random.default_rng(0).gamma(2, size=720).cumsum(), False),
    ],
)
def test_what_is_computed_from_the_time_is_told_from_measurements(values, planned):
    X = pd.DataFrame({"column": np.asarray(values, dtype=float)}, HOURS)
    y = pd.Series(np.random.default_rng(1).normal(size=720).cumsum(), HOURS)
    report = audit_leakage(ARIMA((1, 0, 0)), X, y, ExpandingWindowSplit(1, horizon=24))
    assert report.clean == planned, report


@pytest.mark.parametrize("as_array", [True, False])
def test_a_search_over_forecasters_needs_no_X(as_array):
    y = series().to_numpy() if as_array else series()
    cv = ExpandingWindowSplit(2, horizon=5)
    search = GridSearchCV(ARIMA(), {"order": [(1, 0, 0), (0, 1, 1)]}, cv=cv)
    report = audit_leakage(search, None, y, cv)
    assert report.clean, report
    assert report.notes == ()


def test_columns_declared_past_only_are_clean():
    X = pd.DataFrame({"wind": noise(1)})
    model = LSTMForecaster(horizon=3, past_only=["wind"], max_epochs=2, random_state=0)
    report = audit_leakage(model, X, series(), ExpandingWindowSplit(1, horizon=3))
    assert report.clean, report


def test_vintages_are_cut_at_the_origin():
    y, wind = series(), noise(1)
    frames = [
        pd.DataFrame({"issued": DAYS - pd.Timedelta(days=k), "time": DAYS, "wind": wind + k / 5})
        for k in range(4)
    ]
    X = AsOf(pd.concat(frames), target_time="time", issue_time="issued")
    model = LSTMForecaster(horizon=3, max_epochs=2, random_state=0)
    report = audit_leakage(model, X, y, ExpandingWindowSplit(1, horizon=3))
    assert report.clean, report


def test_a_panel_under_its_own_splitter_is_clean():
    y = pd.concat({key: series(i) for i, key in enumerate("abc")})
    report = audit_leakage(SeasonalNaive(7), None, y, ExpandingWindowSplit(3, horizon=7))
    assert report.clean, report


def test_static_columns_of_a_panel_stay_as_they_are():
    y = pd.concat({key: series(i) for i, key in enumerate("ab")})
    X = pd.DataFrame({"size": np.repeat([1.0, 2.0], 160)}, y.index)
    model = LSTMForecaster(horizon=3, static=["size"], max_epochs=1, random_state=0)
    report = audit_leakage(model, X, y, ExpandingWindowSplit(1, horizon=3))
    assert report.clean, report
    assert report.notes == ()


def test_text_sparse_output_and_stacks_are_clean():
    y = series()
    X = lags(y)[3:].assign(shop=["a", "b", "c", "d"] * 39 + ["a"])
    encoder = make_column_transformer((OneHotEncoder(), ["shop"]), sparse_threshold=1.0)
    stack = StackingRegressor([("ridge", Ridge()), ("tree", DecisionTreeRegressor(max_depth=2))])
    assert audit_leakage(make_pipeline(encoder, stack), X, y[3:], CV).clean


def test_lagged_columns_may_all_be_older_than_one_row():
    y = series()
    assert audit_leakage(Ridge(), lags(y, 7, 14)[14:], y[14:], CV).clean


def test_a_search_is_clean_but_its_inner_folds_are_noted():
    y = series()
    search = GridSearchCV(Ridge(), {"alpha": [0.1, 1.0]}, cv=KFold(3, shuffle=True, random_state=0))
    report = audit_leakage(search, lags(y)[3:], y[3:], CV)
    assert report.clean, report
    assert "not in the order of time" in report.sentences()[-1]
    inner = GridSearchCV(Ridge(), {"alpha": [0.1, 1.0]}, cv=TimeSeriesSplit(3))
    assert len(audit_leakage(inner, lags(y)[3:], y[3:], CV).notes) == 1


def test_a_classifier_is_clean():
    y = series()
    up = (y.diff().shift(-1) > 0)[3:].astype(int)
    assert audit_leakage(LogisticRegression(), lags(y)[3:], up, CV).clean


def test_a_causal_preparation_is_clean():
    def prepare(X, y):
        table = lags(y).assign(mean=y.shift(1).rolling(5).mean(), wind=X["wind"].ffill())
        return table.dropna(), y.loc[table.dropna().index]

    wind = noise(1)
    wind.iloc[::9] = np.nan
    wind.iloc[0] = 0.0
    report = audit_leakage(Ridge(), wind.to_frame("wind"), series(), CV, prepare=prepare)
    assert report.clean, report


@pytest.mark.parametrize("shuffled", [True, False])
def test_a_random_preparation_is_noted(shuffled):
    rng = np.random.default_rng(0)

    def prepare(X, y):
        rows = X.index[rng.permutation(len(X))[:100]] if shuffled else X.index
        return X.loc[rows].sort_index() + rng.normal(size=(len(rows), 1)), y[rows].sort_index()

    report = audit_leakage(Ridge(), noise(1).to_frame("wind"), series(), CV, prepare=prepare)
    assert report.clean, report
    assert any(note.startswith("prepare is random: seed it") for note in report.notes)


@pytest.mark.parametrize("seed", range(20))
def test_honest_columns_with_limits_gaps_and_few_digits_raise_no_alarm(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(120, 300))
    target = (
        rng.poisson(2, size=n).cumsum(),
        np.round(rng.normal(size=n).cumsum() + 50, 2),
        rng.gamma(2.0, size=n),
    )[seed % 3]
    y, other = pd.Series(target, dtype=float), pd.Series(rng.normal(size=n))
    holes, low, high = (
        other.where(rng.random(n) > 0.2),
        *(getattr(other.rolling(9), end)() for end in ("min", "max")),
    )
    X = pd.DataFrame(
        {
            "median": y.shift(1).rolling(5).median(),
            "highest": y.shift(1).rolling(7).max(),
            "filled": y.shift(1).where(rng.random(n) < 0.3).ffill(),
            "smooth": y.shift(1).ewm(span=9).mean(),
            "return": y.pct_change().shift(1).replace(np.inf, 0),
            "place": (other - low) / (high - low),
            "rank": other.rolling(20).rank(pct=True),
            "no": (holes.fillna(0) - 0.123456789) / 0.87654321,
            "so_far": holes.fillna(holes.expanding().median()),
            "converter": np.round(other * 64) / 64,
            "lag24": y.shift(24),
        }
    )[30:].fillna(0.0)
    scaler = (MinMaxScaler(), StandardScaler(with_mean=False), MinMaxScaler((0, 5)))[seed % 3]
    cv = (TimeSeriesSplit(3), TimeSeriesSplit(4, test_size=5))[seed % 2]
    report = audit_leakage(make_pipeline(scaler, Ridge()), X, y[30:], cv, n_folds=1)
    assert report.clean, report


def test_an_estimator_that_draws_anew_raises_no_alarm():
    y = series()
    model = RandomForestRegressor(5, random_state=np.random.RandomState(0))
    assert audit_leakage(model, lags(y)[3:], y[3:], CV).clean


@pytest.mark.parametrize("seed", range(50))
def test_honest_columns_of_any_kind_raise_no_alarm(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(40, 300))
    y = pd.Series(rng.normal(size=n).cumsum() if seed % 2 else rng.gamma(2.0, size=n))
    X = pd.DataFrame(
        {
            "walk": rng.normal(size=n).cumsum(),
            "count": rng.poisson(2, size=n),
            "share": np.round(rng.random(n), 2),
            "flag": rng.random(n) < 0.5,
            "sign": np.where(np.arange(n) % 2, 1.0, -1.0),
            "change": y.shift(1).diff(),
            "mean": y.shift(1).rolling(int(rng.integers(2, 9))).mean(),
            "lag": y.shift(int(rng.integers(1, 4))),
            "driver": 0.5 * y + rng.normal(size=n),
            "total": rng.gamma(1.0, size=n).cumsum(),
            "gaps": pd.Series(rng.normal(size=n)).where(rng.random(n) < 0.8).fillna(0.0),
        }
    )[10:]
    X["lag1"] = y.shift(1)
    report = audit_leakage(Ridge(), X, y[10:], TimeSeriesSplit(3), n_folds=1)
    assert report.clean, report
