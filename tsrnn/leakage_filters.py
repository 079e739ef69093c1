"""Which columns are moving averages of which, and what the past and the calendar determine.

Conventions: n rows in the order of time, C columns; s is the source of a filter, k counts rows
after a row, those before it are negative.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from tsrnn.leakage_sample import FEW

LONGEST_FILTER = 30  # rows before and after
# Shares of a column's variation that a filter leaves open: with later rows, and at least without.
EXACT, INEXACT = 1e-6, 1e-3
NEAR, FAR = 1e-3, 0.1  # the same for a column that is a source with a little noise
LEAST_VALUES = 20  # that two columns share for it to be no chance
RECURRENCE = 26  # terms: a season of 24 and a trend
GLANCE = 600  # rows that are enough to see that a column follows no recurrence
ROUNDING = 1e-6  # of float32
COMPUTED = 1e-3  # share of its changes that a computed column, such as a tide, leaves open


class Filter(NamedTuple):
    """A column made of rows ``first`` to ``last`` of a source, or of its logarithm."""

    first: int
    last: int
    of: str  # "" or "the logarithm of "

    def shifted(self, k: int) -> Filter:
        """Return the filter of a column that shows the same k rows earlier."""
        return Filter(self.first + k, self.last + k, self.of)


class Foretold(NamedTuple):
    """Scaled values of the last rows of a column, and how far its past foretells them amiss."""

    values: NDArray
    errors: NDArray


def _same(values: NDArray) -> NDArray:
    return values


def _log(values: NDArray) -> NDArray:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.log(np.where(values > 0, values, np.nan))


def _log1p(values: NDArray) -> NDArray:
    return _log(1 + values)


# Of the source, of the column: differences, returns as changes of logs and as ratios, and returns
# of several rows made of those of one.
SCALES: tuple[tuple[Callable, Callable, str], ...] = (
    (_same, _same, ""),
    (_log, _same, "the logarithm of "),
    (_log, _log1p, "the logarithm of "),
    (_log1p, _log1p, "the logarithm of one plus "),
)


def find_filters(values: NDArray, source: int, others: list[int]) -> dict[int, Filter]:
    """Find columns x_t = c + sum_k w_k s_{t+k} of a source s, with the first and the last k."""
    found: dict[int, Filter] = {}
    for of_source, of_column, name in SCALES:
        left = [i for i in others if i not in found]
        shapes = _linear_filters(of_source(values[:, source]), values, left, of_column)
        found |= {i: Filter(*shape, name) for i, shape in shapes.items()}
    return found


def shown_later(source: NDArray, column: NDArray) -> int:
    """Return how many values of a column are those of later rows of a source, not far from them.

    So are those of a centred median or maximum, and of back-filled gaps; counted are values that
    the source has once. 0 if fewer than nine in ten are values of the source at all.
    """
    distinct, first, counts = np.unique(source, return_index=True, return_counts=True)
    places = np.minimum(np.searchsorted(distinct, column), len(distinct) - 1)
    shared = distinct[places] == column
    rows = np.flatnonzero(shared & (counts[places] == 1))
    ahead = first[places[rows]] - rows
    many = shared.sum() > 0.9 * np.isfinite(column).sum() and len(rows) >= LEAST_VALUES
    near = many and bool((np.abs(ahead) <= LONGEST_FILTER).all())
    later = int((ahead > 0).sum())
    return later if near and later > 0.1 * len(rows) else 0


def nearly_ahead(values: NDArray, source: int, column: int, most: int = 3) -> int | None:
    """Tell for which k up to ``most`` a column is nearly c + w s_{t+k}, which its past is not."""
    s, x = np.diff(values[:, source]), np.diff(values[:, column])
    past = sliding_window_view(s, 4)[: len(s) - most - 4]  # rows t - 4 to t - 1
    wanted = x[4 : len(s) - most, None]
    if len(past) < 40 or not np.isfinite(past).all() or not np.isfinite(wanted).all():
        return None
    for k in range(most + 1):
        shown = s[4 + k : len(s) - most + k, None]
        if _left_open(shown, wanted)[0] < NEAR and _left_open(past, wanted)[0] > FAR:
            return k
    return None


def is_plannable(values: NDArray, times: pd.Index) -> bool:
    """Tell whether the past and the calendar determine a column (n,): it brings no news."""
    seen = np.isfinite(values)
    if not seen.any() or np.ptp(values[seen]) == 0:
        return True
    if not seen.all():
        return False
    recurs = _follows_recurrence(values[-GLANCE:]) and _follows_recurrence(values)
    return recurs or _follows_calendar(values, times)


def looks_measured(values: NDArray) -> bool:
    """Tell whether a column (n,) moves like a measurement: nearly always, and to many values.

    What counts or what its own past foretells, such as the height of the sun, is computed.
    """
    seen = values[np.isfinite(values)]
    moves = np.count_nonzero(np.diff(seen)) > 0.5 * len(seen)
    if not moves or len(np.unique(seen)) <= FEW or _counts(seen):
        return False
    foretold = _recurrence(np.diff(seen))
    return foretold is None or foretold.errors.var() > COMPUTED * foretold.values.var()


def _linear_filters(
    source: NDArray, values: NDArray, others: list[int], scale: Callable[[NDArray], NDArray]
) -> dict[int, tuple[int, int]]:
    """Regress changes of columns on changes of a source, which have the same weights, no level."""
    changes = np.diff(source)
    reach = min(LONGEST_FILTER, len(changes) // 9)
    if not others or reach < 1:
        return {}
    around = sliding_window_view(changes, 2 * reach + 1)  # (n - 1 - 2 reach, 2 reach + 1)
    rows = np.flatnonzero(np.isfinite(around).all(axis=1))
    rows = rows[np.linspace(0, len(rows) - 1, min(len(rows), 20 * reach + 200)).astype(int)]
    if len(rows) < 3 * (2 * reach + 1):
        return {}
    middle = rows + reach
    wanted = scale(values[np.ix_(middle + 1, others)]) - scale(values[np.ix_(middle, others)])
    shapes = {}
    for place in np.flatnonzero(_left_open(around[rows], wanted) < EXACT):
        shape = _shape(around[rows], wanted[:, [place]], reach)
        if shape is not None:
            shapes[others[place]] = shape
    return shapes


def _shape(design: NDArray, wanted: NDArray, reach: int) -> tuple[int, int] | None:
    """Return the first and the last k that an exact filter needs, None if it is no average.

    With later rows the column must be exact and without them far from it; what takes many rows up
    to its own is rather the other way round: the source is made of the column.
    """

    def exact(first: int, last: int) -> bool:
        part = design[:, first + reach : last + reach + 1]
        return float(_left_open(part, wanted)[0]) < EXACT

    last = next(k for k in range(-reach, reach + 1) if exact(-reach, k))
    first = next(k for k in range(last, -reach - 1, -1) if exact(k, last))
    if last >= 0 and _left_open(design[:, :reach], wanted)[0] < INEXACT:
        return None
    return None if last == 0 and last - first >= reach else (first, last)


def _left_open(design: NDArray, wanted: NDArray) -> NDArray:
    """Return the share of each column's variation (C,) that a regression leaves; inf for none."""
    complete = np.isfinite(wanted).all(axis=0)
    target = np.where(complete, wanted, 0.0)
    total = np.sum(target**2, axis=0)
    weights = np.linalg.lstsq(design, target, rcond=None)[0]
    rest = np.sum((target - design @ weights) ** 2, axis=0)
    return np.where(total > 0, rest / np.where(total > 0, total, 1.0), np.inf)


def _follows_recurrence(values: NDArray) -> bool:
    """Tell whether x_t = c + sum_i a_i x_{t-i}, learnt on two thirds, is exact on the last third.

    So are trends, waves and seasons of up to 26 steps.
    """
    foretold = _recurrence(values)
    return foretold is not None and bool(np.abs(foretold.errors).max() < ROUNDING)


def _recurrence(values: NDArray) -> Foretold | None:
    """Foretell the last third of a column from its own past, None where it has too few rows."""
    terms = min(RECURRENCE, len(values) // 6)
    if terms < 2:
        return None
    scaled = (values - values.mean()) / (values.std() or 1.0)
    past = sliding_window_view(scaled, terms + 1)  # (n - terms, terms + 1)
    design = np.column_stack([past[:, :-1], np.ones(len(past))])
    cut = 2 * len(past) // 3
    weights = np.linalg.lstsq(design[:cut], past[:cut, -1], rcond=None)[0]
    return Foretold(past[cut:, -1], past[cut:, -1] - design[cut:] @ weights)


def _counts(values: NDArray) -> bool:
    """Tell whether most changes are the same: days since an event, or until one."""
    changes = np.diff(values)
    usual = np.median(changes)
    same = np.abs(changes - usual) < ROUNDING * np.abs(changes).max()
    return usual != 0 and bool(same.mean() > 0.5)


def _follows_calendar(values: NDArray, times: pd.Index) -> bool:
    """Tell whether equal dates or hours always have equal values, and come twice at least."""
    if isinstance(times, pd.PeriodIndex):
        times = times.to_timestamp()
    if not isinstance(times, pd.DatetimeIndex):
        return False
    clock = times.hour * 60 + times.minute
    for key in (times.day_of_week * 1440 + clock, (times.month * 31 + times.day) * 1440 + clock):
        groups = pd.Series(values).groupby(np.asarray(key))
        if groups.ngroups * 2 <= len(values) and (groups.min() == groups.max()).all():
            return True
    return False
