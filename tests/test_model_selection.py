"""Splitters: folds by hand, equality with scikit-learn, panels by time stamp, errors."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn import config_context
from sklearn.linear_model import Ridge
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    KFold,
    ShuffleSplit,
    TimeSeriesSplit,
    cross_val_score,
    cross_validate,
)

from tsrnn import ARIMA
from tsrnn.asof import AsOf
from tsrnn.model_selection import (
    ExpandingWindowSplit,
    SlidingWindowSplit,
    first_unchronological_fold,
    stamp_positions,
)


def folds(splitter, data):
    return [(train.tolist(), test.tolist()) for train, test in splitter.split(data)]


def daily(n, end="2024-04-17", tz=None):
    return pd.Series(np.arange(float(n)), index=pd.date_range(end=end, periods=n, tz=tz))


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


def test_cross_validation_with_routed_metadata_passes_through():
    X, y = daily(60).to_frame("x"), daily(60)
    cv = ExpandingWindowSplit(3, horizon="1 week", purge=2)
    with config_context(enable_metadata_routing=True):
        ridge = Ridge().set_fit_request(sample_weight=True)
        ridge.set_score_request(sample_weight=False)
        result = cross_validate(
            ridge, X, y, cv=cv, params={"sample_weight": np.ones(60)}, return_indices=True
        )
    assert [len(test) for test in result["indices"]["test"]] == [7, 7, 7]
    assert [len(train) for train in result["indices"]["train"]] == [37, 44, 51]


def test_repr_names_the_parameters_given_and_sketches_the_folds():
    assert repr(SlidingWindowSplit(2, horizon=3, gap=1, window=9)) == (
        "SlidingWindowSplit(n_splits=2, horizon=3, window=9, gap=1)\n"
        "    ======..####\n"
        "        ======..####    = train  . gap  # test"
    )
    many = repr(ExpandingWindowSplit(horizon="1 week", step="1 month", purge="2 days"))
    first, *sketch = many.splitlines()
    assert first == "ExpandingWindowSplit(horizon='1 week', step='1 month', purge='2 days')"
    assert [len(line.split("#")[0]) for line in sketch[1:]] == [12, 20, 28]  # far apart


def test_the_repr_of_a_search_stays_readable():
    search = GridSearchCV(Ridge(), {"alpha": [1.0]}, cv=ExpandingWindowSplit(horizon=4, gap=1))
    assert "..####    = train  . gap  # test,\n             estimator=Ridge()" in repr(search)


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
        ({"horizon": None}, r"horizon=None: expected an integer >= 1, or a length such as"),
        ({"horizon": 1, "gap": None}, r"gap=None: expected an integer >= 0, or a length such as"),
        ({"horizon": 1, "purge": None}, r"purge=None: expected an integer >= 0, or a length"),
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
        ExpandingWindowSplit(2, horizon=3, purge=5),
        ExpandingWindowSplit(horizon=6, gap=2, purge=3),
        SlidingWindowSplit(2, horizon=3, window=6, purge=4),
        SlidingWindowSplit(2, horizon=2, purge=8),
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


@pytest.mark.parametrize("rows", [3, 9])
def test_rows_of_x_and_y_that_differ_in_number_are_refused(rows):
    message = rf"X has {rows} rows, y 5: expected as many"
    with pytest.raises(ValueError, match=message):
        next(ExpandingWindowSplit(2, horizon=1).split(np.zeros(rows), np.zeros(5)))
    with pytest.raises(ValueError, match=message):
        first_unchronological_fold(TimeSeriesSplit(2), np.zeros((rows, 1)), daily(5))


def test_sparse_rows_are_split():
    splitter = ExpandingWindowSplit(3, horizon=2)
    assert folds(splitter, sparse.csr_array(np.eye(9))) == folds(splitter, np.eye(9))


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


@pytest.mark.parametrize("purge", [1, 3])
@pytest.mark.parametrize("gap", [0, 2])
def test_purge_drops_the_last_training_rows_and_moves_nothing_else(gap, purge):
    for splitter, first in ((ExpandingWindowSplit, "initial"), (SlidingWindowSplit, "window")):
        whole = folds(splitter(3, horizon=2, gap=gap, **{first: 6}), np.zeros(30))
        purged = folds(splitter(3, horizon=2, gap=gap, purge=purge, **{first: 6}), np.zeros(30))
        assert purged == [(train[:-purge], test) for train, test in whole]


@pytest.mark.parametrize("horizon", [1, 4])
def test_windows_of_h_steps_purged_by_h_minus_one_share_no_target_with_the_test_part(horizon):
    cv = ExpandingWindowSplit(3, horizon=5, purge=horizon - 1)
    for train, test in cv.split(np.zeros(40)):
        learnt = {row + h for row in train for h in range(1, horizon + 1)}
        scored = {row + h for row in test for h in range(1, horizon + 1)}
        assert not learnt & scored
        assert max(learnt) == min(scored) - 1  # and no row more than needed is dropped


@pytest.mark.parametrize("tz", [None, "Europe/Berlin"])
@pytest.mark.parametrize("splitter", [ExpandingWindowSplit, SlidingWindowSplit])
def test_days_of_a_regular_daily_index_are_steps(splitter, tz):
    y = daily(120, tz=tz)  # Berlin changes its clocks within
    first = "window" if splitter is SlidingWindowSplit else "initial"
    steps = {"horizon": 7, "step": 3, "gap": 2, "purge": 1, first: 14}
    for n_splits in (None, 4):
        expected = folds(splitter(n_splits, **steps), y)
        for form in ("{} days".format, "{}D".format, pd.offsets.Day, date_offset):
            days = {name: form(n) for name, n in steps.items()}
            assert folds(splitter(n_splits, **days), y) == expected


def date_offset(days):
    return pd.DateOffset(days=days)


LENGTHS = {
    "1 week": pd.DateOffset(weeks=1),
    "1 month": pd.DateOffset(months=1),
    "2 quarters": pd.DateOffset(months=6),
    "36h": pd.Timedelta(hours=36),
    "1 month 3 days": pd.DateOffset(months=1, days=3),
}


@pytest.mark.parametrize("horizon", LENGTHS)
@pytest.mark.parametrize("gap", ["2 days", "7 days"])
def test_calendar_folds_of_irregular_stamps_equal_a_loop_over_pandas_offsets(horizon, gap):
    rng = np.random.default_rng(0)
    hours = np.unique(rng.choice(24 * 1_000, size=1500))
    index = pd.Timestamp("2022-01-20") + pd.to_timedelta(hours, unit="h")
    ours = folds(
        SlidingWindowSplit(4, horizon=horizon, gap=gap, window="90 days", purge="1 day"),
        pd.Series(0.0, index=index),
    )
    for k, (train, test) in enumerate(ours[::-1]):
        end = index[-1]
        for _ in range(k):
            end = end - LENGTHS[horizon]
        start = end - LENGTHS[horizon]
        origin = start - pd.Timedelta(gap)
        inside = (index > start) & (index <= end)
        before = (index > origin - pd.Timedelta("90 days")) & (index <= origin - pd.Timedelta("1D"))
        assert test == np.flatnonzero(inside).tolist()
        assert train == np.flatnonzero(before).tolist()


def test_months_back_from_the_last_day_of_a_month_are_whole_months_and_do_not_drift():
    y = daily(500, end="2024-03-31")
    parts = ExpandingWindowSplit(6, horizon="1 month").describe(y)
    tests = parts[parts["part"] == "test"]
    assert (tests["first"].dt.day == 1).all()
    assert tests["last"].dt.strftime("%m-%d").tolist() == [
        *("10-31", "11-30", "12-31", "01-31", "02-29", "03-31"),
    ]


@pytest.mark.parametrize("freq", ["MS", "ME", "BMS", "BME"])
def test_with_one_stamp_a_month_months_are_steps(freq):
    y = pd.Series(0.0, index=pd.date_range("2019-01-01", periods=60, freq=freq))
    ours = folds(ExpandingWindowSplit(5, horizon="1 quarter", step="1 month", initial="2 years"), y)
    assert ours == folds(ExpandingWindowSplit(5, horizon=3, step=1, initial=24), y)
    periods = pd.Series(0.0, index=pd.period_range("2019-01", periods=60, freq="M"))
    assert folds(ExpandingWindowSplit(5, horizon="3 months", step="1 month"), periods) == ours


def test_hours_are_elapsed_time_and_days_are_on_the_wall_where_clocks_change():
    hours = pd.date_range("2024-03-28", "2024-03-31 23:00", freq="h", tz="Europe/Berlin")
    y = pd.Series(0.0, index=hours)
    lengths = {"1 day": 23, "24h": 24, pd.Timedelta("1 day"): 24, pd.DateOffset(days=1): 23}
    for horizon, expected in lengths.items():
        (_, test), *_ = ExpandingWindowSplit(1, horizon=horizon).split(y)
        assert len(test) == expected


def test_weeks_of_business_days_with_a_holiday_hold_fewer_stamps():
    y = daily(60)
    y = y[(y.index.day_of_week < 5) & (y.index != "2024-04-01")]
    parts = ExpandingWindowSplit(4, horizon="1 week").describe(y)
    tests = parts[parts["part"] == "test"]
    assert (tests["end"] - tests["start"]).tolist() == [5, 4, 5, 5]
    for train, test in ExpandingWindowSplit(4, horizon="5 business days").split(y):
        assert y.index[test[0]] - y.index[train[-1]] <= pd.Timedelta(days=4)


def test_folds_without_stamps_and_those_met_twice_are_left_out():
    y = daily(100)
    with_hole = pd.concat([y[:60], y[90:]])
    ours = folds(ExpandingWindowSplit(5, horizon="1 week"), with_hole)
    assert [len(test) for _, test in ours] == [7, 7, 2, 3, 7]
    assert ExpandingWindowSplit(5, horizon="1 week").get_n_splits(with_hole) == 5
    workdays = y[y.index.day_of_week < 5]
    by_day = folds(ExpandingWindowSplit(10, horizon="1 week", step="1 day"), workdays)
    assert len({str(fold) for fold in by_day}) == 10


def test_another_origin_with_the_same_rows_is_the_same_fold():
    hours = pd.to_timedelta([1, 9, 10, 11, 15, 17, 23, 26], unit="h")
    y = pd.Series(0.0, index=pd.Timestamp("2024") + hours)
    ours = folds(ExpandingWindowSplit(horizon="5h", step="1h", gap="4h", purge="2h"), y)
    assert len(ours) == len({str(fold) for fold in ours}) > 1


def test_a_step_far_below_the_distance_of_stamps_takes_no_longer():
    """Without leaps these are five million steps, minutes of work."""
    y = daily(60)
    by_day = folds(ExpandingWindowSplit(horizon="1 day"), y)
    assert folds(ExpandingWindowSplit(horizon="1 day", step="1s"), y) == by_day
    assert len(by_day) == 30


def test_counts_and_calendar_lengths_mix():
    y = daily(40)
    mixed = ExpandingWindowSplit(3, horizon=7, step="1 week", gap=1, purge="2 days", initial="8 d")
    assert folds(mixed, y) == folds(
        ExpandingWindowSplit(3, horizon=7, step=7, gap=1, purge=2, initial=8), y
    )


def test_a_panel_is_split_along_the_calendar_of_all_its_series():
    days = pd.date_range("2024-01-01", periods=21)
    index = pd.MultiIndex.from_tuples(
        [("a", day) for day in days] + [("b", day) for day in days[10:]], names=["series", "time"]
    )
    y = pd.Series(0.0, index=index)
    parts = ExpandingWindowSplit(2, horizon="1 week").describe(y)
    assert parts["series"].tolist() == [1, 1, 2, 2]  # b starts in the first test part
    *_, (_, test) = ExpandingWindowSplit(2, horizon="1 week").split(y)
    assert index[test].get_level_values(1).unique().equals(days[14:].rename("time"))


@pytest.mark.parametrize(
    ("length", "message"),
    [
        ("fortnight", "horizon='fortnight': expected an integer >= 1 or a length such as '1 week'"),
        ("1.5 days", "horizon='1.5 days': expected an integer"),
        ("1M", "horizon='1M': expected an integer"),  # a month or a minute
        ("-1 week", "horizon='-1 week': expected an integer"),
        ("0 days", "horizon='0 days': expected a length > 0"),
        (pd.Timedelta(-1, "D"), "expected a length > 0"),
        (pd.offsets.MonthEnd(), "horizon=<MonthEnd>: expected an integer >= 1 or a length"),
        (pd.DateOffset(month=3), "expected an integer >= 1 or a length"),
        (pd.NaT, "expected an integer >= 1, or a length"),
    ],
)
def test_what_is_no_length_is_refused(length, message):
    with pytest.raises(ValueError, match=message):
        ExpandingWindowSplit(horizon=length)


def test_lengths_on_the_calendar_need_dates():
    message = "gap='1 day' is a length on the calendar, but the rows have"
    splitter = ExpandingWindowSplit(2, horizon=1, gap="1 day")
    with pytest.raises(ValueError, match=f"{message} no index"):
        next(splitter.split(np.zeros(9)))
    with pytest.raises(ValueError, match=f"{message} an index of int64"):
        next(splitter.split(pd.Series(0.0, index=range(1990, 2010))))
    hours = pd.Series(0.0, index=pd.timedelta_range("1h", periods=96, freq="h"))
    assert [len(test) for _, test in ExpandingWindowSplit(2, horizon="1 day").split(hours)] == [
        24
    ] * 2
    with pytest.raises(ValueError, match="horizon='1 month' is a length on the calendar"):
        next(ExpandingWindowSplit(2, horizon="1 month").split(hours))


def test_calendar_folds_that_do_not_fit_say_how_many_do():
    message = (
        r"30 rows \(time stamps\) from 2024-03-19 .* to 2024-04-17 .*: "
        r"3 of 9 fold\(s\) of horizon='1 week', .* fit; ask for fewer or shorter ones"
    )
    with pytest.raises(ValueError, match=message):
        next(ExpandingWindowSplit(9, horizon="1 week", initial=8).split(daily(30)))
    with pytest.raises(ValueError, match=r"0 rows .* 0 of 1 fold"):
        next(ExpandingWindowSplit(horizon="1 week", initial="1 day").split(daily(30)[:0]))


def test_a_window_that_is_purged_whole_is_refused():
    with pytest.raises(ValueError, match="purge=3, window=3: nothing is left to train on"):
        SlidingWindowSplit(horizon=1, window=3, purge=3)


def test_the_picture_and_the_plot_show_the_rows_given():
    y = daily(28)
    splitter = SlidingWindowSplit(2, horizon="1 week", window="1 week", gap=1)
    assert splitter.picture(y).splitlines()[1:] == [
        "   0  =======.#######           2024-04-04 .. 2024-04-10",
        "   1         =======.#######    2024-04-11 .. 2024-04-17",
    ]
    pytest.importorskip("matplotlib")
    ax = splitter.plot(y, title="April")
    assert (ax.get_title(), len(ax.patches)) == ("April", 2 * 3)


@pytest.mark.parametrize(
    ("cv", "expected"),
    [
        (TimeSeriesSplit(3), None),
        (ExpandingWindowSplit(3, horizon=4), None),
        (SlidingWindowSplit(3, horizon=4, purge=1, gap=1), None),
        (KFold(4), 0),
        (5, 0),
        (ShuffleSplit(2, random_state=0), 0),
        ([(range(10), range(10, 20)), (range(30), range(25, 40))], 1),
    ],
)
def test_folds_that_train_on_the_future_are_found(cv, expected):
    assert first_unchronological_fold(cv, np.zeros((40, 1)), np.zeros(40)) == expected
    assert first_unchronological_fold(cv, y=daily(40)) == expected


def test_in_a_panel_times_count_and_not_rows():
    y = pd.Series(0.0, index=pd.MultiIndex.from_product([["a", "b"], range(10)]))
    assert first_unchronological_fold(TimeSeriesSplit(3), y=y) == 1  # trains on a, tests b
    assert first_unchronological_fold(ExpandingWindowSplit(3, horizon=2), y=y) is None
    at_once = [([0, 1, 2], [12, 13])]  # a up to the third stamp, b from the third on
    assert first_unchronological_fold(at_once, y=y) == 0
    assert first_unchronological_fold([([0, 1], [12, 13])], y=y) is None
    keys = y.index.get_level_values(0)
    assert first_unchronological_fold(GroupKFold(2), np.zeros((20, 1)), y, keys) == 0
