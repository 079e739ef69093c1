"""Which rows are to be forecast: places in the answer, steps of the grid, and their index."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from tsrnn.asked import next_steps, rows_asked
from tsrnn.calendars import calendar_of
from tsrnn.covariates import Columns, Covariates, no_covariates
from tsrnn.placing import Known, start_record

DAYS = pd.date_range("2024-01-01", periods=30)
NONE = no_covariates(Columns())


def known_of(names=("id", "day"), **lengths) -> Known:
    known = Known({}, calendar_of(DAYS), Columns(), names and list(names), "mask", 2, 0)
    records = {
        key: start_record(known, key, DAYS[:n], np.ones((n, 1)), NONE, np.arange(n))
        for key, n in lengths.items()
    }
    return replace(known, records=records)


def rows(**stamps) -> pd.MultiIndex:
    pairs = [(key, DAYS[t]) for key, steps in stamps.items() for t in steps]
    return pd.MultiIndex.from_tuples(pairs, names=["id", "day"])


def test_the_next_steps_of_a_panel_follow_each_other():
    asked = next_steps(known_of(a=4, b=3), 2)
    assert asked.n == 4
    pd.testing.assert_index_equal(asked.index, rows(a=[4, 5], b=[3, 4]))
    assert [places.tolist() for _, places, _ in asked.after] == [[0, 1], [2, 3]]
    assert not asked.inside


def test_rows_are_told_apart_by_the_end_of_the_record():
    asked = rows_asked(known_of(a=4, b=4), rows(b=[2, 3, 4], a=[5]), 4, NONE)
    record, places, steps = asked.inside[0]
    assert (record.key, places.tolist(), steps.tolist()) == ("b", [0, 1], [2, 3])
    assert [(r.record.key, r.n) for r in asked.requests] == [("b", 1), ("a", 2)]
    assert [places.tolist() for _, places, _ in asked.after] == [[2], [3]]
    assert [steps.tolist() for _, _, steps in asked.after] == [[0], [1]]
    assert asked.requests[1].index.equals(DAYS[4:6])


def test_rows_without_stamps_follow_the_only_series():
    asked = rows_asked(known_of(a=4), None, 3, NONE)
    pd.testing.assert_index_equal(asked.index, rows(a=[4, 5, 6]))
    with pytest.raises(ValueError, match=r"a panel of 2 series: expected an index \(id, day\)"):
        rows_asked(known_of(a=4, b=4), None, 3, NONE)


def test_a_gap_may_be_as_long_as_the_horizon_or_one_seen():
    known = known_of(a=4)
    assert rows_asked(known, rows(a=[6]), 1, NONE).requests[0].n == 3
    with pytest.raises(ValueError, match=r"from 2024-01-05.*, got 2024-01-08.*: 3 missing.*\(2\)"):
        rows_asked(known, rows(a=[7]), 1, NONE)
    seen = start_record(known, "a", DAYS[[0, 1, 6]], np.ones((3, 1)), NONE, np.arange(3))
    wide = replace(known, records={"a": seen})
    assert rows_asked(wide, rows(a=[11]), 1, NONE).requests[0].n == 5


def test_covariates_of_missing_steps_and_past_only_columns_are_unknown():
    columns = Columns(("rate", "volume"), past_only=("volume",))
    known = replace(known_of(a=4), columns=columns)
    given = Covariates(np.array([[1.0, 2.0], [3.0, 4.0]]), np.ones(2, dtype=bool), None)
    request = rows_asked(known, rows(a=[5, 6]), 2, given).requests[0]
    np.testing.assert_array_equal(request.X, [[np.nan] * 2, [1.0, np.nan], [3.0, np.nan]])


def test_the_rows_of_a_series_are_as_many_as_the_horizon():
    with pytest.raises(ValueError, match="horizon=3, but X has 2 rows"):
        rows_asked(known_of(a=4), rows(a=[4, 5]), 2, NONE, horizon=3)
    assert rows_asked(known_of(a=4), rows(a=[4, 5]), 2, NONE, horizon=2).n == 2


def test_series_without_a_history_are_named():
    with pytest.raises(ValueError, match=r"series \['z'\] was not seen in fit: call update"):
        rows_asked(known_of(a=4), rows(z=[4]), 1, NONE)
