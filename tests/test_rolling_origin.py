"""The arithmetic of rolling origins: a brute-force search, and the rows needed."""

from __future__ import annotations

import itertools

import pytest

from tsrnn.lengths import Span, Timeline
from tsrnn.rolling_origin import Lengths, find_folds, rows_needed

GRID = list(itertools.product([1, 3], [1, 2, 5], [0, 2], [0, 1, 3], [None, 4, 6]))


@pytest.mark.parametrize("sliding", [False, True])
@pytest.mark.parametrize("n_splits", [None, 3])
def test_folds_equal_those_of_a_search_over_all_origins(sliding, n_splits):
    for horizon, step, gap, purge, first in GRID:
        lengths = Lengths(horizon, step, gap, purge, first)
        n = 30
        least = first or (1 if n_splits else min(n // 2, n - gap - horizon))
        origins = [
            origin
            for origin in range(n, 0, -1)
            if (n - gap - horizon - origin) % step == 0
            and least <= origin <= n - gap - horizon
            and origin - purge > 0
        ][:n_splits][::-1]
        window = first or origins[0]
        expected = [
            (origin - window if sliding else 0, origin - purge, origin, origin + gap)
            for origin in origins
        ]
        found = find_folds(Timeline(n), lengths, n_splits, sliding=sliding)
        assert [bounds[:4] for bounds in found] == expected
        assert all(bounds.end == bounds.test + horizon for bounds in found)


@pytest.mark.parametrize("n_splits", [None, 1, 4])
@pytest.mark.parametrize("sliding", [False, True])
def test_the_rows_needed_are_just_enough(n_splits, sliding):
    for horizon, step, gap, purge, first in GRID:
        lengths = Lengths(horizon, step, gap, purge, first)
        needed = rows_needed(lengths, n_splits)
        assert len(find_folds(Timeline(needed), lengths, n_splits, sliding=sliding)) == (
            n_splits or 1
        )
        fewer = find_folds(Timeline(needed - 1), lengths, n_splits, sliding=sliding)
        assert len(fewer) < (n_splits or 1)


def test_only_lengths_without_a_calendar_are_counts():
    assert Lengths(1, 1, 0, 0, None).are_counts
    assert not Lengths(1, 1, Span(days=1), 0, None).are_counts
