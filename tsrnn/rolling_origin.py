"""The arithmetic of rolling origins: where the parts of each fold start, counted in stamps.

Folds are laid from the last stamp backwards: the k-th last one ends k steps before it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any, NamedTuple

from tsrnn.lengths import Boundary, Span, Timeline


class Bounds(NamedTuple):
    """Positions of the stamps at which the parts of a fold start, and the end of the last part."""

    train: int
    purge: int
    gap: int  # the origin lies before it
    test: int
    end: int


class Lengths(NamedTuple):
    """What folds are made of; ``first`` is the training part of the first fold, if given."""

    horizon: int | Span
    step: int | Span
    gap: int | Span
    purge: int | Span
    first: int | Span | None

    @property
    def are_counts(self) -> bool:
        """Whether all of them are numbers of stamps."""
        return not any(isinstance(length, Span) for length in self)


def find_folds(
    timeline: Timeline, lengths: Lengths, n_splits: int | None, *, sliding: bool
) -> list[Bounds]:
    """Return the bounds of each fold, the oldest first; fewer than ``n_splits`` where few fit.

    On the calendar a part may hold no stamp, and a step may lead to none: only folds with something
    to train on and to test count, and of those with the same rows in both the last one.

    Examples
    --------
    >>> lengths = Lengths(horizon=2, step=2, gap=1, purge=0, first=None)
    >>> for bounds in find_folds(Timeline(8), lengths, 2, sliding=False):
    ...     print(*bounds)
    0 3 3 4 6
    0 5 5 6 8
    """
    least = _least_origin(timeline, lengths, n_splits)
    open_window = sliding and lengths.first is None
    found: list[Bounds] = []
    latest = None
    for fold in _folds_backwards(timeline, lengths, sliding=sliding):
        if fold.gap < least or len(found) == n_splits:
            break
        # The origin itself changes no rows, except that an open window reaches back from it.
        parts = fold if open_window else fold._replace(gap=fold.test)
        if fold.train < fold.purge and fold.test < fold.end and parts != latest:
            found.append(fold)
            latest = parts
    folds = found[::-1]
    if open_window:
        folds = [fold._replace(train=fold.gap - folds[0].gap) for fold in folds]
    return [fold for fold in folds if fold.train < fold.purge]


def rows_needed(lengths: Lengths, n_splits: int | None) -> int:
    """Count the stamps that folds need, whose lengths are numbers of stamps."""
    counts: list[Any] = [length or 0 for length in lengths]
    horizon, step, gap, purge, first = counts
    return max(first, purge + 1) + ((n_splits or 1) - 1) * step + gap + horizon


def _folds_backwards(timeline: Timeline, lengths: Lengths, *, sliding: bool) -> Iterator[Bounds]:
    """Yield folds from the last one on, without end; of steps that lead to the same fold one."""

    @lru_cache
    def fold_at(k: int) -> Bounds:
        return _fold(timeline.end.before(lengths.step, k), lengths, sliding=sliding)

    k = 0
    while True:
        yield fold_at(k)
        k = _next_other(fold_at, k)


def _next_other(fold_at: Callable[[int], Bounds], k: int) -> int:
    """Return the first step after k that leads to another fold than k does.

    Bounds never move forward, so it is found by doubling and bisection: a step of a minute along
    days leads to the same fold a thousand times.
    """
    leap = 1
    while fold_at(k + leap) == fold_at(k):
        leap *= 2
    between = range(k + leap // 2 + 1, k + leap)
    return between.start + bisect_left(between, True, key=lambda j: fold_at(j) != fold_at(k))


def _fold(end: Boundary, lengths: Lengths, *, sliding: bool) -> Bounds:
    """Return the fold that ends at a boundary; all before it is trained on, or the first length."""
    test = end.before(lengths.horizon)
    origin = test.before(lengths.gap)
    purge = origin.before(lengths.purge)
    train = 0
    if sliding and lengths.first is not None:
        train = origin.before(lengths.first).position
    return Bounds(train, purge.position, origin.position, test.position, end.position)


def _least_origin(timeline: Timeline, lengths: Lengths, n_splits: int | None) -> int:
    """Return the least number of stamps before the origin of the first fold."""
    if lengths.first is not None:
        return max(1, timeline.first(lengths.first))
    if n_splits is not None:
        return 1
    last = _fold(timeline.end, lengths, sliding=False).gap
    return max(1, min(timeline.n // 2, last))
