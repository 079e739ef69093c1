"""Chronology: who is warned that folds are not cut by time, and who is left in peace."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import KFold, ShuffleSplit, TimeSeriesSplit, cross_val_score
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline

from tsrnn import ARIMA, SeasonalNaive, SlidingWindow
from tsrnn.chronology import is_out_of_order
from tsrnn.model_selection import ExpandingWindowSplit, SlidingWindowSplit

MESSAGE = r"X has rows that lie before fitted rows .* pass cv=TimeSeriesSplit\(gap=horizon - 1\)"
BY_TIME = [
    TimeSeriesSplit(4),
    TimeSeriesSplit(4, gap=3, max_train_size=30),
    ExpandingWindowSplit(4, horizon=5, purge=2),
    SlidingWindowSplit(4, horizon=5, window=30, gap=1),
]


def walk(n=120, index=None):
    values = np.random.default_rng(0).normal(size=n).cumsum()
    index = pd.date_range("2024-01-01", periods=n) if index is None else index
    return pd.DataFrame({"x": values}, index=index), pd.Series(np.roll(values, -1), index=index)


def windows():
    """Return a model that needs no padded windows filled."""
    from sklearn.impute import SimpleImputer

    return make_pipeline(
        SlidingWindow(5, flatten=True), SimpleImputer(), KNeighborsRegressor(n_neighbors=2)
    )


def test_shuffled_folds_of_windows_score_far_too_well_and_warn():
    X, y = walk(400)
    shuffled = KFold(5, shuffle=True, random_state=0)
    with pytest.warns(UserWarning, match=MESSAGE):
        leaked = cross_val_score(windows(), X, y, cv=shuffled).mean()
    honest = cross_val_score(windows(), X, y, cv=TimeSeriesSplit(5)).mean()
    assert leaked > 0.9
    assert honest < 0.5


@pytest.mark.parametrize("cv", [KFold(2), KFold(5), KFold(3, shuffle=True, random_state=1)])
@pytest.mark.parametrize(
    "index",
    [
        pd.date_range("2024-01-01", periods=120),
        pd.period_range("2010-01", periods=120, freq="M"),
        pd.date_range("2024-03-01", periods=120, freq="h", tz="Europe/Berlin"),
        pd.Index(np.arange(120.0)),
    ],
    ids=["days", "periods", "zone", "numbers"],
)
def test_each_fold_that_trains_on_the_future_warns(cv, index):
    X, _ = walk(index=index)
    for train, test in cv.split(X):
        windows = SlidingWindow(4).fit(X.iloc[train])
        if test.min() > train.max():
            windows.transform(X.iloc[test])
        else:
            with pytest.warns(UserWarning, match=MESSAGE):
                windows.transform(X.iloc[test])


@pytest.mark.parametrize("cv", BY_TIME, ids=repr)
def test_folds_cut_by_time_and_train_scores_do_not_warn(cv):
    X, y = walk()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        cross_val_score(windows(), X, y, cv=cv)
        for train, test in cv.split(X):
            sliding = SlidingWindow(4).fit(X.iloc[train])
            for rows in (train, test, train[3:], train[-3:], np.r_[train[-3:], test], train[::2]):
                sliding.transform(X.iloc[rows])


def test_rows_that_say_nothing_about_time_do_not_warn():
    X, _ = walk()
    sliding = SlidingWindow(4).fit(X.to_numpy()[60:])
    sliding.transform(X.to_numpy()[:60])
    default = X.reset_index(drop=True)
    SlidingWindow(4).fit(default).transform(default.iloc[:60])


def test_rows_in_another_zone_are_the_same_moments():
    X, _ = walk(index=pd.date_range("2024-03-01", periods=120, freq="h", tz="Europe/Berlin"))
    sliding = SlidingWindow(4).fit(X)
    sliding.transform(X.iloc[20:40].tz_convert("UTC"))
    with pytest.warns(UserWarning, match=MESSAGE):
        sliding.transform(X.iloc[:20].tz_convert("UTC").shift(freq="30min"))


def test_filling_in_a_series_with_rows_left_out_of_fit_does_not_warn():
    X, _ = walk()
    SlidingWindow(4).fit(X.drop(X.index[[10, 11, 40]])).transform(X)


def test_a_panel_is_judged_series_by_series():
    days = pd.date_range("2024-01-01", periods=40)
    index = pd.MultiIndex.from_product([["a", "b", "c"], days], names=["series", "time"])
    X = pd.DataFrame({"x": np.random.default_rng(0).normal(size=120)}, index=index)
    for train, test in ExpandingWindowSplit(3, horizon=4).split(X):
        SlidingWindow(4).fit(X.iloc[train]).transform(X.iloc[test])
    SlidingWindow(4).fit(X.loc[["a", "b"]]).transform(X.loc[["c"]])  # an unseen series
    hole = np.flatnonzero(
        (index.get_level_values(0) == "b") & (index.get_level_values(1) < days[9])
    )
    sliding = SlidingWindow(4).fit(X.drop(X.index[hole]))
    with pytest.warns(UserWarning, match=MESSAGE):
        sliding.transform(X.iloc[[0, 1, *hole]])


@pytest.mark.parametrize("model", [ARIMA((1, 0, 0)), SeasonalNaive(seasonality=7)], ids=repr)
def test_forecasters_asked_for_a_hole_in_what_they_learnt_warn(model):
    y = walk()[1]
    test = slice(50, 60)
    model.fit(y=y.drop(y.index[test]))
    with pytest.warns(UserWarning, match=MESSAGE):
        model.predict(y[test].to_frame()[[]])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for rows in (slice(0, 50), slice(45, 62), slice(110, 120)):
            model.predict(y[rows].to_frame()[[]])


def test_forecasters_under_folds_cut_by_time_do_not_warn():
    X, y = walk()[1].to_frame()[[]], walk()[1]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for cv in BY_TIME:
            model = SeasonalNaive(seasonality=7)
            assert np.isfinite(cross_val_score(model, X, y, cv=cv)).all()
        for train, test in BY_TIME[0].split(X):
            model.fit(X.iloc[train], y.iloc[train]).update(X.iloc[test], y.iloc[test])
            model.score(X.iloc[train], y.iloc[train])
            model.score(X.iloc[test], y.iloc[test])


def test_shuffled_rows_are_refused_by_the_order_of_their_index():
    X, y = walk()
    with pytest.raises(ValueError, match="is not increasing"):
        cross_val_score(windows(), X, y, cv=ShuffleSplit(2, random_state=0), error_score="raise")


def test_rows_are_out_of_order_only_if_none_was_fitted_and_one_lies_before_the_last():
    fitted = pd.Index([0, 1, 2, 6, 7])
    cases = {(3, 4): True, (-2, -1): True, (5, 9): True, (2, 3): False, (3, 6): False, (8,): False}
    assert {rows: is_out_of_order(fitted, pd.Index(rows)) for rows in cases} == cases
