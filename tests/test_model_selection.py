"""Splitters: folds by hand, equality with scikit-learn, panels by time stamp, errors."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit, cross_val_score

from tsrnn import ARIMA
from tsrnn.asof import AsOf
from tsrnn.model_selection import ExpandingWindowSplit, SlidingWindowSplit, stamp_positions


def folds(splitter, data):
    return [(train.tolist(), test.tolist()) for train, test in splitter.split(data)]


def panel(rows):
    return pd.MultiIndex.from_tuples(rows, names=["series", "time"])


@pytest.mark.parametrize("gap", [0, 2])
def test_expanding_folds_equal_scikit_learns(gap):
    X = np.zeros((23, 1))
    ours = folds(ExpandingWindowSplit(4, horizon=3, gap=gap), X)
    assert ours == folds(TimeSeriesSplit(4, test_size=3, gap=gap), X)


def test_sliding_folds_equal_scikit_learns():
    X = np.zeros((23, 1))
    ours = folds(SlidingWindowSplit(4, horizon=3, window=5), X)
    assert ours == folds(TimeSeriesSplit(4, test_size=3, max_train_size=5), X)


def test_step_below_the_horizon_overlaps_the_tests():
    ours = folds(ExpandingWindowSplit(3, horizon=2, step=1), np.zeros(6))
    assert ours == [([0, 1], [2, 3]), ([0, 1, 2], [3, 4]), ([0, 1, 2, 3], [4, 5])]


@pytest.mark.parametrize("n", [20, 21, 22, 30])
@pytest.mark.parametrize("splitter", [ExpandingWindowSplit, SlidingWindowSplit])
def test_the_last_fold_ends_at_the_last_row(splitter, n):
    for split in (splitter(2, horizon=3, gap=1), splitter(horizon=3, step=4), splitter(horizon=5)):
        *_, (train, test) = split.split(np.zeros(n))
        assert test[-1] == n - 1
        assert train[-1] == test[0] - 1 - split.gap


def test_without_n_splits_as_many_folds_as_fit_after_initial():
    ours = folds(ExpandingWindowSplit(horizon=2, initial=3), np.zeros(8))
    assert ours == [([0, 1, 2, 3], [4, 5]), ([0, 1, 2, 3, 4, 5], [6, 7])]
    by_default = folds(ExpandingWindowSplit(horizon=1), np.zeros(8))
    assert [len(train) for train, _ in by_default] == [4, 5, 6, 7]


def test_without_a_window_the_first_training_part_sets_it():
    ours = folds(SlidingWindowSplit(2, horizon=2), np.zeros(7))
    assert ours == [([0, 1, 2], [3, 4]), ([2, 3, 4], [5, 6])]


def test_a_panel_is_split_by_time_over_all_series_in_any_row_order():
    index = panel([("b", 2), ("a", 0), ("a", 1), ("b", 3), ("a", 2), ("a", 3), ("b", 4), ("a", 4)])
    X = pd.DataFrame({"x": 0.0}, index=index)
    assert folds(ExpandingWindowSplit(2, horizon=1), X) == [
        ([0, 1, 2, 4], [3, 5]),
        ([0, 1, 2, 3, 4, 5], [6, 7]),
    ]


def test_a_series_that_starts_after_the_origin_is_not_tested():
    index = panel([("a", 0), ("a", 1), ("a", 2), ("a", 3), ("b", 2), ("b", 3)])
    X = pd.DataFrame({"x": 0.0}, index=index)
    assert folds(ExpandingWindowSplit(2, horizon=1), X) == [([0, 1], [2]), ([0, 1, 2, 4], [3, 5])]


def test_the_index_of_y_counts_when_X_is_an_array():
    y = pd.Series(0.0, index=panel([("a", 0), ("b", 0), ("a", 1), ("b", 1)]))
    (train, test), *_ = ExpandingWindowSplit(1, horizon=1).split(np.zeros((4, 1)), y)
    assert (train.tolist(), test.tolist()) == ([0, 1], [2, 3])


@pytest.mark.parametrize("splitter", [ExpandingWindowSplit, SlidingWindowSplit])
def test_number_of_folds_agrees_with_split(splitter):
    X = np.zeros(50)
    for split in (splitter(3, horizon=4), splitter(horizon=4), splitter(horizon=2, step=7)):
        assert split.get_n_splits(X) == len(list(split.split(X)))
    assert splitter(3, horizon=4).get_n_splits() == 3


def test_splitters_work_as_cv_in_scikit_learn():
    X = np.arange(40.0)[:, None]
    y = 2 * X[:, 0]
    cv = ExpandingWindowSplit(5, horizon=4)
    assert cross_val_score(Ridge(alpha=1e-9), X, y, cv=cv) == pytest.approx(1)
    search = GridSearchCV(Ridge(), {"alpha": [1e-9, 1e9]}, cv=SlidingWindowSplit(horizon=4))
    assert search.fit(X, y).best_params_ == {"alpha": 1e-9}


def test_repr_names_the_parameters():
    text = repr(SlidingWindowSplit(2, horizon=3, window=9))
    assert "n_splits=2" in text
    assert "window=9" in text


def test_stamp_positions_of_a_plain_index_count_rows():
    days = pd.DatetimeIndex(["2024-01-01", "2024-01-05", "2024-01-06"])
    assert stamp_positions(days, 3).tolist() == [0, 1, 2]
    assert stamp_positions(None, 2).tolist() == [0, 1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"horizon": 0}, r"horizon=0: expected an integer >= 1"),
        ({"horizon": 1, "step": 0}, r"step=0: expected an integer >= 1"),
        ({"horizon": 1, "gap": -1}, r"gap=-1: expected an integer >= 0"),
        ({"horizon": 1, "n_splits": 2.5}, r"n_splits=2.5: expected an integer >= 1"),
        ({"horizon": True}, r"horizon=True: expected an integer >= 1"),
    ],
)
def test_parameters_out_of_range_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        ExpandingWindowSplit(**arguments)


def test_a_window_below_one_is_named():
    with pytest.raises(ValueError, match=r"window=0: expected an integer >= 1"):
        SlidingWindowSplit(horizon=1, window=0)


@pytest.mark.parametrize(
    "split",
    [
        ExpandingWindowSplit(3, horizon=4, gap=1),
        ExpandingWindowSplit(horizon=20, initial=10),
        ExpandingWindowSplit(horizon=20),
        SlidingWindowSplit(2, horizon=4, window=9),
        ExpandingWindowSplit(horizon=2, initial=100),
    ],
)
def test_the_rows_needed_are_just_enough(split):
    with pytest.raises(ValueError, match=r"^10 rows .* need (\d+)$") as caught:
        list(split.split(np.zeros(10)))
    needed = int(str(caught.value).split()[-1])
    assert len(list(split.split(np.zeros(needed)))) == (split.n_splits or 1)
    with pytest.raises(ValueError, match=f"{needed - 1} rows .* need {needed}"):
        list(split.split(np.zeros(needed - 1)))


def test_nothing_to_split_is_an_error():
    with pytest.raises(ValueError, match="X and y are None"):
        next(ExpandingWindowSplit(1, horizon=1).split())
    with pytest.raises(ValueError, match="depends on the rows; pass X or y"):
        ExpandingWindowSplit(horizon=1).get_n_splits()
    with pytest.raises(ValueError, match=r"0 rows .* need 2"):
        next(ExpandingWindowSplit(1, horizon=1).split(np.zeros(0)))


def test_rows_out_of_time_order_are_refused():
    days = pd.DatetimeIndex(["2024-01-02", "2024-01-01", "2024-01-03"])
    with pytest.raises(ValueError, match="not increasing, first at row 1"):
        next(ExpandingWindowSplit(1, horizon=1).split(pd.Series(0.0, index=days)))


def test_a_multiindex_of_three_levels_is_refused():
    index = pd.MultiIndex.from_tuples([(1, 2, 3)], names=list("abc"))
    with pytest.raises(TypeError, match=r"levels \['a', 'b', 'c'\]: expected two"):
        next(ExpandingWindowSplit(1, horizon=1).split(pd.Series(0.0, index=index)))


def vintages(n):
    """The days of a month, forecast two days ahead and corrected the day after."""
    days = pd.date_range("2024-01-01", periods=n)
    frame = pd.DataFrame({"day": days.repeat(2), "x": np.random.default_rng(0).normal(size=2 * n)})
    frame["issued"] = frame["day"] + pd.to_timedelta(np.tile([-2, 1], n), unit="D")
    return frame


def test_rows_of_vintages_are_split_as_those_of_a_frame():
    frame = pd.concat([vintages(9).assign(id="a"), vintages(7).assign(id="b")])
    X = AsOf(frame, "day", "issued", series="id")
    splitter = ExpandingWindowSplit(2, horizon=2)
    assert folds(splitter, X) == folds(splitter, pd.Series(0.0, index=X.index))
    assert splitter.get_n_splits(X) == 2


def test_scikit_learn_scores_a_forecaster_with_vintages_on_both_splitters():
    frame = vintages(30)
    X = AsOf(frame, "day", "issued")
    y = pd.Series(np.arange(30) % 5 + X.values(X.index, X.index)[:, 0], index=X.index)
    scores = [
        cross_val_score(ARIMA((1, 0, 0)), X, y, cv=cv)
        for cv in (TimeSeriesSplit(2, test_size=2), ExpandingWindowSplit(2, horizon=2))
    ]
    later = frame["issued"] > y.index[27]
    changed = AsOf(frame.assign(x=frame["x"].where(~later, 1e6)), "day", "issued")
    scores.append(cross_val_score(ARIMA((1, 0, 0)), changed, y, cv=TimeSeriesSplit(2, test_size=2)))
    assert np.isfinite(scores).all()
    np.testing.assert_array_equal(scores, [scores[0]] * 3)
