"""Records grow in time proportional to the new rows, and no older record notices."""

from __future__ import annotations

import copy
import pickle
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from tsrnn.calendars import calendar_of
from tsrnn.records import Growing, Record, grid_index

DAYS = pd.date_range("2024-01-01", periods=2000)
CALENDAR = calendar_of(DAYS)
rng = np.random.default_rng(0)
Y, X = rng.normal(size=(2000, 1)), rng.normal(size=(2000, 2))


def start(n: int, keep=slice(None)) -> Record:
    return Record.start("a", DAYS[:n][keep], Y[:n][keep], X[:n][keep], CALENDAR)


def grow(record: Record, rows) -> Record:
    return record.extended(DAYS[rows], Y[rows], X[rows], CALENDAR)


def check_equal(record: Record, other: Record) -> None:
    assert record.stamps.equals(other.stamps)
    for name in ("positions", "y", "X"):
        np.testing.assert_array_equal(getattr(record, name), getattr(other, name))


def test_rows_one_by_one_equal_all_at_once():
    record = start(3)
    for t in range(3, 300):
        record = grow(record, [t])
    check_equal(record, start(300))
    assert record.last.equals(DAYS[299:300])


def test_chunks_of_any_size_equal_all_at_once():
    record, edges = start(5), [5, 6, 9, 50, 51, 52, 300, 301, 302]
    for a, b in pairwise(edges):
        record = grow(record, np.arange(a, b))
    check_equal(record, start(302))


def test_missing_steps_between_updates_are_missing_values():
    rows = np.array([0, 1, 2, 5, 6, 10])
    record = grow(grow(grow(start(3), [5]), [6]), [10])
    assert len(record) == 11
    np.testing.assert_array_equal(record.positions, rows)
    np.testing.assert_array_equal(np.isnan(record.y[:, 0]), ~np.isin(np.arange(11), rows))
    np.testing.assert_array_equal(record.X[rows], X[rows])
    assert record.longest_gap == 3


def test_older_records_do_not_notice():
    first = grow(start(5), [5])
    second, other = grow(first, [6]), grow(first, [9])  # two successors of one record
    third = grow(second, [7])
    check_equal(first, start(6))
    check_equal(second, start(7))
    check_equal(third, start(8))
    np.testing.assert_array_equal(other.y[[5, 9]], Y[[5, 9]])


def test_the_newest_record_grows_in_place():
    record = grow(start(100), [100])
    assert grow(record, [101]).y.base is record.y.base
    values = record.y.copy()
    grow(record, [101]), grow(record, [102])
    np.testing.assert_array_equal(record.y, values)


def test_changed_records_leave_the_shared_rooms_alone():
    record = grow(start(10), [10])
    shorter = replace(record, y=record.y[3:6], X=None)
    longer = shorter.extended(DAYS[[11]], Y[[11]] + 1e6, None, CALENDAR)
    np.testing.assert_array_equal(longer.y, np.concatenate([Y[3:6], Y[[11]] + 1e6]))
    changed = record.with_covariates(np.array([2]), np.array([[7.0, 8.0]]))
    assert changed.X[2].tolist() == [7.0, 8.0]
    check_equal(grow(record, [11]), start(12))


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda r: pickle.loads(pickle.dumps(r))])
def test_copies_grow_apart(duplicate):
    record = grow(start(10), [10])
    other = duplicate(record)
    check_equal(grow(other, [15]), grow(start(11), [15]))
    check_equal(grow(record, [11]), start(12))


def test_room_is_copied_seldom():
    growing, array, copies = Growing(np.zeros((1, 1))), np.zeros((1, 1)), 0
    for _ in range(2000):
        longer = growing.append(np.ones((1, 1)))
        copies += longer.base is not array.base
        array = longer
    assert array.sum() == 2000 and copies <= 12


def test_stamps_are_held_in_few_chunks():
    record = start(1)
    for t in range(1, 1500):
        record = grow(record, [t])
        assert len(record.chunks) <= 1 + np.log2(t + 1)
    assert record.stamps.equals(DAYS[:1500])


def test_static_values_stay_and_covariates_ahead_grow_as_missing():
    record = replace(start(4), static=("tech", 3.0), ahead=np.zeros((4, 3, 2)))
    longer = grow(record, [5])
    assert longer.static == ("tech", 3.0)
    assert longer.ahead.shape == (6, 3, 2) and np.isnan(longer.ahead[4:]).all()
    assert not longer.ahead[:4].any()


def test_rows_without_covariates_have_missing_ones():
    longer = start(4).extended(DAYS[[4]], Y[[4]], None, CALENDAR)
    assert longer.X.shape == (5, 2) and np.isnan(longer.X[4]).all()


@pytest.mark.parametrize(
    "index",
    [
        DAYS[:40],
        pd.bdate_range("2024-01-01", periods=40),
        pd.period_range("2020-01", periods=40, freq="M"),
        pd.RangeIndex(10, 90, 2),
        pd.date_range("2024-03-25", periods=40, freq="D", tz="Europe/Berlin", name="day"),
    ],
    ids=lambda index: type(index).__name__,
)
def test_the_index_of_all_steps_is_the_calendars(index):
    rows = np.r_[0:5, 7:12, 13:30, 35:40]
    calendar = calendar_of(index)
    record = Record.start(None, index[rows], Y[rows], None, calendar)
    assert record.index(calendar).equals(index)
    assert record.index(calendar).name == index.name


def test_the_index_of_all_steps_keeps_stamps_off_the_grid():
    minutes = np.cumsum([0, 3, 5, 4, 4, 5, 3, 40, 4, 6])
    stamps = pd.Timestamp("2024-01-01") + pd.to_timedelta(minutes, unit="min")
    calendar = calendar_of(stamps[:7])
    record = Record.start(None, stamps, Y[:10], None, calendar)
    index = record.index(calendar)
    assert len(index) == len(record) > 10
    assert index[record.positions].equals(stamps)
    assert index.is_monotonic_increasing and index.is_unique


def test_the_grid_index_of_rows_without_gaps_is_theirs():
    assert grid_index(DAYS, np.arange(2000), CALENDAR) is DAYS


def test_the_first_gap_too_long_is_told():
    record = start(3)
    stamps = DAYS[[3, 5, 6, 10]]  # one step is missing, then three are
    assert record.first_gap(DAYS[3:6], 0, CALENDAR) is None
    assert record.first_gap(stamps, 0, CALENDAR) == (DAYS[4], DAYS[5], 1)
    assert record.first_gap(stamps, 1, CALENDAR) == (DAYS[7], DAYS[10], 3)
    assert record.first_gap(stamps, 3, CALENDAR) is None


def test_stamps_are_compared_in_the_time_zone_of_the_record():
    days = DAYS[:3].tz_localize("Asia/Tokyo")
    record = Record.start(None, days, Y[:3], None, calendar_of(days))
    later = pd.date_range("2024-01-04", periods=2, tz="UTC")
    stamps = record.comparable(later)
    assert (stamps == later).all() and str(stamps.tz) == "Asia/Tokyo"
    with pytest.raises(ValueError, match="the index of the call is int64, that of fit was datetim"):
        record.comparable(pd.RangeIndex(3))
