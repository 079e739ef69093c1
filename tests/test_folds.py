"""Folds of a backtest: the rows of each, what is new in it, and what its origin knew."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tsrnn.asof import AsOf
from tsrnn.folds import make_chains, make_folds, read_data, rows_ahead

DAYS = pd.date_range("2024-01-01", periods=12)
Y = pd.Series(np.arange(12.0), index=DAYS)
USUAL = {"n_folds": 3, "step": 2, "initial": None, "gap": 0}


@pytest.mark.parametrize("window", ["expanding", "sliding"])
def test_new_rows_of_all_folds_are_the_rows_up_to_the_last_origin(window):
    folds = make_folds(read_data(None, Y), 2, **USUAL, window=window)
    assert [fold.last for fold in folds] == [5, 7, 9]
    assert np.concatenate([fold.new for fold in folds]).tolist() == list(range(10))
    assert [fold.test.tolist() for fold in folds] == [[6, 7], [8, 9], [10, 11]]


def test_rows_ahead_include_those_of_the_gap():
    data = read_data(None, Y)
    (fold,) = make_folds(data, 2, 1, None, None, "expanding", 3)
    assert fold.test.tolist() == [10, 11]
    assert rows_ahead(data, fold).tolist() == [7, 8, 9, 10, 11]
    assert data.origin(fold) == DAYS[6]


@pytest.mark.parametrize(
    ("refit", "lengths"),
    [("cold", [1] * 5), ("none", [5]), ("warm", [5]), (2, [2, 2, 1]), (1, [1] * 5)],
)
def test_chains_are_fitted_once_each(refit, lengths):
    folds = make_folds(read_data(None, Y), 1, 5, None, None, "expanding", 0)
    chains = make_chains(folds, refit)
    assert [len(chain) for chain in chains] == lengths
    assert [fold.number for chain in chains for fold in chain] == list(range(5))


def test_vintages_are_cut_at_the_origin_and_rows_are_those_of_y():
    frame = pd.DataFrame({"day": DAYS, "issued": DAYS - pd.Timedelta("1D"), "x": np.arange(12.0)})
    data = read_data(AsOf(frame, "day", "issued"), Y.iloc[2:])
    fold = make_folds(data, 2, **USUAL, window="expanding")[0]
    X, y = data.rows(fold.test, fold)
    assert X.index.equals(y.index)
    answers = X.values(DAYS, DAYS[-1])[:, 0]
    known = data.origin(fold) + pd.Timedelta("1D") >= DAYS
    np.testing.assert_array_equal(answers, np.where(known, np.arange(12.0), np.nan))


@pytest.mark.parametrize(
    ("X", "y", "message"),
    [
        (Y.to_frame(), None, r"y is None: .* call backtest\(models, y=series, ...\)"),
        (np.zeros((5, 1)), Y, "X has 5 rows and y has 12"),
        (Y.set_axis(DAYS + DAYS.freq).to_frame(), Y, "X.index differs .*, first at row 0"),
        (Y[::-1].to_frame(), Y.to_numpy(), "X.index is not increasing"),
        (None, Y[::-1], "y.index is not increasing"),
    ],
)  # fmt: skip
def test_bad_rows_are_refused(X, y, message):
    with pytest.raises(ValueError, match=message):
        read_data(X, y)
