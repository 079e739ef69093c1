"""Rows to learn from: which may come next, and in which order they came."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from tsrnn.calendars import calendar_of
from tsrnn.covariates import Columns, no_covariates
from tsrnn.placing import (
    Known,
    check_same_steps,
    extend_record,
    in_given_order,
    series_numbers,
    start_record,
)

DAYS = pd.date_range("2024-01-01", periods=9)
NOTHING = Known({}, calendar_of(DAYS), Columns(), ["id", "day"], "mask", 1, 0)


def values(n: int) -> np.ndarray:
    return np.arange(float(n))[:, None]


def record(key, n=4, columns=()):
    columns = Columns(columns)
    known = replace(NOTHING, columns=columns)
    return start_record(known, key, DAYS[:n], values(n), no_covariates(columns), np.arange(n))


def known_of(**lengths) -> Known:
    return replace(NOTHING, records={key: record(key, n) for key, n in lengths.items()})


def extend(known, stamps, n=2):
    return extend_record(
        known, known.records["a"], stamps, values(n), no_covariates(known.columns), np.arange(n)
    )


def test_covariates_that_a_new_series_comes_without_are_missing():
    assert record("a").X is None
    assert record("a", columns=("rate", "wind")).X.shape == (4, 2)
    assert np.isnan(record("a", columns=("rate", "wind")).X).all()


def test_rows_without_stamps_come_next():
    assert extend(known_of(a=4), None).stamps.equals(DAYS[:6])


def test_rows_known_are_refused():
    with pytest.raises(ValueError, match=r"update got rows from 2024-01-04.*up to 2024-01-04.*are"):
        extend(known_of(a=4), DAYS[3:5])


def test_gaps_are_missing_steps_or_refused():
    known = known_of(a=4)
    longer = extend(known, DAYS[6:8])
    assert np.isnan(longer.y[:, 0]).tolist() == [False] * 4 + [True] * 2 + [False] * 2
    with pytest.raises(ValueError, match=r"expected a row at 2024-01-05.*, got 2024-01-07"):
        extend(replace(known, missing="raise"), DAYS[6:8])


def test_rows_of_a_panel_come_back_in_their_order():
    known = known_of(a=4, b=3)
    index = pd.MultiIndex.from_tuples(
        [(key, DAYS[t]) for t in range(4) for key in "ba" if key == "a" or t < 3],
        names=["id", "day"],
    )
    numbers = series_numbers(known.records, known.groups(index, len(index)))
    assert numbers.tolist() == [1, 0, 1, 0, 1, 0, 0]
    each = [10 + values(4), 20 + values(3)]
    ordered, of_rows = in_given_order(known, each, numbers)
    assert ordered[:, 0].tolist() == [20, 10, 21, 11, 22, 12, 13]
    pd.testing.assert_index_equal(of_rows, index)


def test_rows_of_one_series_come_back_as_they_are():
    known = replace(NOTHING, panel_names=None, records={None: record(None)})
    ordered, of_rows = in_given_order(known, [values(4)], np.empty(0, dtype=np.int64))
    assert ordered[:, 0].tolist() == [0, 1, 2, 3]
    assert of_rows.equals(DAYS[:4])


def test_a_series_with_a_row_at_every_other_step_is_named():
    sparse = start_record(
        NOTHING, "slow", DAYS[::2], values(5), no_covariates(Columns()), np.arange(5)
    )
    check_same_steps({"a": record("a")})
    with pytest.raises(ValueError, match="series 'slow' has a row at every 2th step only"):
        check_same_steps({"a": record("a"), "slow": sparse})
