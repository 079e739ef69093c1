"""The arithmetic of rolling origins: a brute-force search, and the rows needed."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
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


def search_on_the_calendar(stamps, hours, n_splits, sliding):
    """Try every step back from the last stamp; the ranges of the training and the test rows."""
    horizon, step, gap, purge, first = hours
    n, places = len(stamps), []
    for end in np.arange(stamps[-1], stamps[0] - 1, -step):
        moments = [end - horizon - gap - purge, end - horizon - gap, end - horizon, end]
        start = -1 if first is None else end - horizon - gap - first
        places.append([(stamps <= moment).sum() for moment in [start, *moments]])
    least = 1 if n_splits else max(1, min(n // 2, places[0][2]))
    if first is not None:
        least = max(1, (stamps < stamps[0] + first).sum())
    kept = {}
    for start, purged, origin, test, end in places:
        start = start if sliding and first is not None else 0
        rows = range(start, purged), range(test, end), origin if sliding and not first else None
        if origin >= least and all(rows[:2]) and (n_splits is None or len(kept) < n_splits):
            kept.setdefault(str(rows), rows)
    folds = list(kept.values())[::-1]
    if sliding and first is None:
        window = folds[0][2] if folds else 0
        folds = [(range(origin - window, t.stop), test, None) for t, test, origin in folds]
    return [(train, test) for train, test, _ in folds if train]


@pytest.mark.parametrize("sliding", [False, True])
@pytest.mark.parametrize("n_splits", [None, 3])
def test_folds_on_the_calendar_equal_those_of_a_search_over_all_steps(sliding, n_splits):
    rng = np.random.default_rng(0)
    for _ in range(100):
        stamps = np.sort(rng.choice(60, size=rng.integers(2, 25), replace=False))
        first = None if rng.random() < 0.5 else int(rng.integers(1, 30))
        horizon, step = rng.integers(1, 9, size=2)
        hours = [int(horizon), int(step), *rng.integers(0, 6, size=2).tolist(), first]
        spans = [None if n is None else Span(time=n * 3_600 * 10**9) for n in hours]
        index = pd.Timestamp("2024") + pd.to_timedelta(stamps, unit="h")
        found = find_folds(Timeline(len(index), index), Lengths(*spans), n_splits, sliding=sliding)
        ours = [(range(b.train, b.purge), range(b.test, b.end)) for b in found]
        assert ours == search_on_the_calendar(stamps, hours, n_splits, sliding)
        assert len({str(rows) for rows in ours}) == len(ours)


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
