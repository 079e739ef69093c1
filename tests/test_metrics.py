"""The table of metrics, their names, and their use as scorers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import sklearn.metrics
from sklearn.linear_model import LinearRegression
from sklearn.metrics import make_scorer
from sklearn.model_selection import TimeSeriesSplit, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import tsrnn.metrics
from tsrnn.baselines import SeasonalNaive
from tsrnn.metrics import (
    METRICS,
    find_metric,
    mean_absolute_scaled_error,
    mean_quantile_loss,
    weighted_quantile_loss,
)

LEVELS = [0.1, 0.5, 0.9]


def line() -> tuple[pd.DataFrame, pd.Series]:
    rng = np.random.default_rng(0)
    index = pd.date_range("2024-01-01", periods=60, freq="D")
    X = pd.DataFrame({"t": np.arange(60.0), "noise": rng.normal(size=60)}, index=index)
    return X, 50 + 2 * X["t"] + rng.normal(size=60)


@pytest.mark.parametrize("name", sorted(METRICS))
def test_metrics_by_name_are_scorers_of_pipelines(name):
    X, y = line()
    pipe, cv = make_pipeline(StandardScaler(), LinearRegression()), TimeSeriesSplit(3)
    scores = cross_val_score(pipe, X, y, cv=cv, scoring=make_scorer(METRICS[name]))
    for score, (train, test) in zip(scores, cv.split(X), strict=True):
        y_pred = pipe.fit(X.iloc[train], y.iloc[train]).predict(X.iloc[test])
        assert score == METRICS[name](y.iloc[test].to_numpy(), y_pred)


def test_a_metric_that_needs_the_past_is_a_scorer_with_the_past_given():
    X, y = line()
    scorer = make_scorer(
        mean_absolute_scaled_error, greater_is_better=False, y_train=y.iloc[:30], seasonality=7
    )
    model = LinearRegression().fit(X.iloc[:30], y.iloc[:30])
    expected = mean_absolute_scaled_error(
        y.iloc[30:], model.predict(X.iloc[30:]), y_train=y.iloc[:30], seasonality=7
    )
    assert scorer(model, X.iloc[30:], y.iloc[30:]) == -expected


def test_quantiles_are_scored_by_a_function_of_model_and_rows():
    def wql_scorer(model, X, y):
        return -weighted_quantile_loss(y, model.predict_quantiles(LEVELS, X), levels=LEVELS)

    X, y = line()
    model, cv = SeasonalNaive(seasonality=7), TimeSeriesSplit(3, test_size=5)
    scores = cross_val_score(model, X[[]], y, cv=cv, scoring=wql_scorer)
    train, test = list(cv.split(y))[-1]
    quantiles = model.fit(y=y.iloc[train]).predict_quantiles(LEVELS, horizon=5)
    expected = 2 * mean_quantile_loss(y.iloc[test], quantiles, levels=LEVELS)
    assert scores[-1] == pytest.approx(-expected / y.iloc[test].mean())


@pytest.mark.parametrize("name", sorted(METRICS))
def test_metrics_are_found_by_their_own_name(name):
    assert find_metric(name) is METRICS[name]
    assert METRICS[name].__name__ == name


def test_metric_names_follow_scikit_learn():
    own = {
        "mean_absolute_percentage_error",
        "symmetric_mean_absolute_percentage_error",
        "weighted_absolute_percentage_error",
    }
    for name in METRICS.keys() - own:
        assert METRICS[name] is getattr(sklearn.metrics, name)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("mae", "mean_absolute_error"),
        ("RMSE", "root_mean_squared_error"),
        ("sMAPE", "symmetric_mean_absolute_percentage_error"),
        ("neg_mean_squared_error", "mean_squared_error"),
        ("mean_absolut_error", "mean_absolute_error"),
        ("r2", "r2_score"),
    ],
)
def test_an_unknown_name_lists_the_known_ones_and_the_nearest(name, meant):
    message = rf"scoring='{name}': expected one of .*'max_error'.*; did you mean '{meant}'\?"
    with pytest.raises(ValueError, match=message):
        find_metric(name)


@pytest.mark.parametrize(
    ("name", "column"),
    [
        ("mase", "MASE"),
        ("neg_mean_absolute_scaled_error", "MASE"),
        ("CRPS", "WQL"),
        ("coverage", "coverage_80 and coverage_90"),
    ],
)
def test_what_every_backtest_has_is_told(name, column):
    with pytest.raises(ValueError, match=rf"scoring='{name}': .* a backtest has {column}.* withou"):
        find_metric(name)


def test_a_name_like_no_other_has_no_suggestion():
    with pytest.raises(ValueError, match=r"scoring='xyz': expected one of .*error'$"):
        find_metric("xyz")


def test_all_that_is_exported_exists_and_is_described():
    assert sorted(tsrnn.metrics.__all__) == sorted(set(tsrnn.metrics.__all__))
    for name in set(tsrnn.metrics.__all__) - {"METRICS"}:
        assert getattr(tsrnn.metrics, name).__doc__
