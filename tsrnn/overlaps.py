"""Overlapping windows: recognise windows scored that come directly before windows learnt from.

The windows of a series overlap: all of one but its first step is all of the one before but its
last. A window without such a predecessor among those learnt from starts a run. Where a window to be
predicted comes directly before a run and starts none, the folds were not cut by time (KFold,
shuffled rows); windows learnt from and later ones never do.

Conventions: n windows, T steps, F channels, k steps compared.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

COMPARED = 16  # steps: two windows with that many equal values overlap
FEWEST = 4  # steps and distinct values, below which windows are equal by chance
OVERLAPPING = 0.25  # share of the windows that have a predecessor, if they are those of a series
MOST_RUNS = 4096  # a sample of the runs is remembered: folds cut at random make thousands
MULTIPLIERS = np.random.default_rng(0).integers(2**63, size=2**12, dtype=np.uint64) * 2 + 1


class Runs(NamedTuple):
    """Fingerprints (r,) of the windows that start runs, each sorted."""

    starts: NDArray  # without their last step
    ends: NDArray  # without their first step


def find_runs(X: NDArray) -> Runs:
    """Return where the windows learnt from (n, T, F) start to follow each other.

    None are found in rows that are no windows of a series.

    Examples
    --------
    >>> series = np.random.default_rng(0).normal(size=60)
    >>> windows = np.lib.stride_tricks.sliding_window_view(series, 8)[:, :, None]
    >>> runs = find_runs(windows[20:])
    >>> [comes_before(windows[rows], runs) for rows in (slice(0, 20), slice(20, 40))]
    [True, False]
    """
    nothing = Runs(np.empty(0, np.uint64), np.empty(0, np.uint64))
    if X.shape[1] <= FEWEST:
        return nothing
    starts, ends = _fingerprints(X[:, :-1]), _fingerprints(X[:, 1:])
    first = ~np.isin(starts, ends)
    if first.mean() > 1 - OVERLAPPING:
        return nothing
    chosen = np.flatnonzero(first)
    chosen = chosen[:: -(-len(chosen) // MOST_RUNS) or 1]
    return Runs(np.sort(starts[chosen]), np.sort(ends[chosen]))


def comes_before(X: NDArray, runs: Runs) -> bool:
    """Tell whether a window of X (n, T, F) comes directly before a run, and none starts one."""
    if len(X) < 2 or not len(runs.starts):  # one row: a forecast in service, which must be fast
        return False
    ends = _fingerprints(X[:, 1:])
    before = _contained(ends, runs.starts)
    return any(_is_distinct(row) for row in X[before, 1:]) and not _contained(ends, runs.ends).any()


def _fingerprints(X: NDArray) -> NDArray:
    """Hash the last steps of each window, (n,): a sum of the bits times random odd numbers."""
    k, channels = min(COMPARED, X.shape[1]), X.shape[2]
    multipliers = np.resize(MULTIPLIERS, (k, channels))
    total = np.zeros(len(X), dtype=np.uint64)
    for step in range(1, k + 1):
        values = np.ascontiguousarray(X[:, -step]) + 0.0  # -0.0 becomes 0.0
        bits = values.view(f"u{values.itemsize}").astype(np.uint64, copy=False)
        total += bits @ multipliers[step - 1]
    return total


def _contained(values: NDArray, known: NDArray) -> NDArray:
    """Tell which values are among some sorted ones."""
    places = np.searchsorted(known, values)
    return known[np.minimum(places, len(known) - 1)] == values


def _is_distinct(window: NDArray) -> bool:
    """Tell whether the last steps of a window are too different to be equal by chance."""
    values = window[-COMPARED:]
    distinct = len(np.unique(values[np.isfinite(values)]))
    return distinct >= max(FEWEST, values.size / 2)
