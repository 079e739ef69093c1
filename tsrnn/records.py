"""Records: series placed on the calendar seen in fit, a step without a row being a missing value.

Conventions: n rows, T steps on the grid, K targets, F covariates, H steps ahead.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from tsrnn.calendars import Calendar

# A gap longer than this many steps is shortened by whole multiples of it: the number of minutes in
# a week, which every usual season divides, so that phases survive and memory stays bounded.
LONGEST_RUN = 10_080


class Growing:
    """Room behind an array, so that appending costs time in proportion to the new rows.

    As with slices in Go: the newest view grows in place, which no older view notices.
    """

    def __init__(self, known: np.ndarray) -> None:
        self._room = known
        self.newest = known

    @classmethod
    def behind(cls, known: np.ndarray, growing: Growing | None) -> Growing:
        """Return the room of an array if it is the newest view there, else room of its own."""
        return growing if growing is not None and growing.newest is known else cls(known)

    def __reduce__(self) -> tuple[type[Growing], tuple[np.ndarray]]:
        return Growing, (self.newest,)  # copies and files do without the empty room

    def append(self, rows: np.ndarray) -> np.ndarray:
        """Return a view of the rows known and of the new ones."""
        used, needed = len(self.newest), len(self.newest) + len(rows)
        if needed > len(self._room):
            self._room = np.empty((2 * needed, *self.newest.shape[1:]), self.newest.dtype)
            self._room[:used] = self.newest
        self._room[used:needed] = rows
        self.newest = self._room[:needed]
        return self.newest


class Gap(NamedTuple):
    """Steps without a row."""

    expected: Any  # stamp of the first of them
    got: Any  # stamp that came instead
    missing: int  # steps


@dataclass(frozen=True)
class Record:
    """What is known of one series, on its calendar grid: a step without a row is missing (NaN).

    ``X`` holds all covariates but the static ones. With covariates in vintages ``ahead[t, h - 1]``
    are those of step t + h as known at step t.
    """

    key: Hashable
    chunks: tuple[pd.Index, ...]  # the stamps of the n rows, each chunk longer than the next
    positions: np.ndarray  # (n,) steps of the rows on the grid, the last is T - 1
    y: np.ndarray  # (T, K)
    X: np.ndarray | None  # (T, F)
    static: tuple[Any, ...] = ()  # raw value of each static covariate, None or NaN: unknown
    ahead: np.ndarray | None = None  # (T, H, F)
    # What lies behind the arrays above, by name, shared by the records of one series.
    _growing: dict[str, Growing] = field(default_factory=dict, repr=False, compare=False)

    def __len__(self) -> int:
        return len(self.y)

    @cached_property
    def stamps(self) -> pd.Index:
        """Stamps of the n rows as given."""
        return self.chunks[0].append(list(self.chunks[1:])) if self.chunks[1:] else self.chunks[0]

    @property
    def last(self) -> pd.Index:
        """The last stamp, as an index of length one."""
        return self.chunks[-1][-1:]

    def index(self, calendar: Calendar) -> pd.Index:
        """Return the stamps of all T steps: the rows' own, the calendar's for steps between."""
        return grid_index(self.stamps, self.positions, calendar)

    def locate(self, stamps: pd.Index, calendar: Calendar) -> np.ndarray:
        """Return the grid steps of stamps inside the fitted range."""
        before = np.searchsorted(self.stamps, stamps, side="right") - 1
        known = self.stamps[before] == stamps
        steps = self.positions[before].copy()
        for i in np.flatnonzero(~known):  # between two rows of fit: count from the earlier one
            pair = self.stamps[before[i] : before[i] + 1].append(stamps[i : i + 1])
            steps[i] += calendar.increments(pair)[0]
        return steps

    @classmethod
    def start(
        cls,
        key: Hashable,
        stamps: pd.Index,
        y: np.ndarray,
        X: np.ndarray | None,
        calendar: Calendar,
        static: tuple[Any, ...] = (),
    ) -> Record:
        """Place the first rows of a series; refuse a target without any value."""
        empty = ~np.isfinite(y).any(axis=0)
        if empty.any():
            of = "" if key is None else f" of series {key!r}"
            column = f" in column {np.argmax(empty)}" if len(empty) > 1 else ""
            raise ValueError(
                f"y{of} has 0 finite values of {len(y)}{column}: expected some to learn from"
            )
        steps = np.concatenate([[0], np.cumsum(_shorten(calendar.increments(stamps)))])
        exog = None if X is None else spread(X, steps)
        return cls(key, (stamps,), steps, spread(y, steps), exog, static)

    def extended(
        self, stamps: pd.Index, y: np.ndarray, X: np.ndarray | None, calendar: Calendar
    ) -> Record:
        """Append rows, in time proportional to them; steps missing between them are missing values.

        Without X the covariates of the new steps, and in any case those ahead of them, are missing.
        """
        steps = np.cumsum(_shorten(calendar.increments(self.last.append(stamps))))
        new: dict[str, np.ndarray] = {
            "positions": len(self) - 1 + steps,
            "y": spread(y, steps - 1),
        }
        if self.X is not None:
            unknown = np.full((int(steps[-1]), self.X.shape[1]), np.nan)
            new["X"] = unknown if X is None else spread(X, steps - 1)
        if self.ahead is not None:
            new["ahead"] = np.full((int(steps[-1]), *self.ahead.shape[1:]), np.nan)
        growing = {
            name: Growing.behind(getattr(self, name), self._growing.get(name)) for name in new
        }
        arrays: dict[str, Any] = {name: growing[name].append(rows) for name, rows in new.items()}
        return replace(self, chunks=_appended(self.chunks, stamps), _growing=growing, **arrays)

    def with_covariates(self, steps: np.ndarray, X: np.ndarray) -> Record:
        """Replace the covariates at some steps, as permutation importance does."""
        assert self.X is not None
        exog = self.X.copy()
        exog[steps] = X
        return replace(self, X=exog)

    @property
    def longest_gap(self) -> int:
        """Largest number of missing steps between two rows."""
        return int(np.diff(self.positions).max(initial=1)) - 1

    def first_gap(self, stamps: pd.Index, allowed: int, calendar: Calendar) -> Gap | None:
        """Return the first gap of more than ``allowed`` steps before or between later stamps."""
        behind = self.last.append(stamps)
        missing = calendar.increments(behind) - 1
        if missing.max() <= allowed:
            return None
        at = int(np.argmax(missing > allowed))
        return Gap(calendar.after(behind[at : at + 1], 1)[0], stamps[at], int(missing[at]))

    def comparable(self, stamps: pd.Index) -> pd.Index:
        """Return stamps in the time zone of the known ones; refuse what cannot be compared."""
        known = self.last
        try:
            _ = stamps[0] <= known[0]
        except TypeError as error:
            raise ValueError(
                f"the index of the call is {stamps.dtype}, that of fit was {known.dtype}: "
                "expected the same kind of time stamps"
            ) from error
        if isinstance(known, pd.DatetimeIndex) and known.tz is not None:
            return pd.DatetimeIndex(stamps).tz_convert(known.tz)
        return stamps


class Request(NamedTuple):
    """A forecast asked for: the n steps after the end of a record, with known covariates."""

    record: Record
    n: int
    X: np.ndarray | None  # (n, F), NaN where unknown, as it always is for past-only covariates
    index: pd.Index  # type: ignore[assignment]  # (n,) stamps of the steps, not tuple.index


def spread(values: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """Put rows at their steps of a grid (last step + 1, columns), NaN where there is none."""
    grid = np.full((int(steps[-1]) + 1, values.shape[1]), np.nan)
    grid[steps] = values
    return grid


def grid_index(stamps: pd.Index, steps: np.ndarray, calendar: Calendar) -> pd.Index:
    """Return the stamps of all steps from the first to the last of some rows, given theirs."""
    gaps = np.diff(steps)
    if (gaps == 1).all():
        return stamps
    whole = stamps[:1].append(calendar.after(stamps[:1], int(gaps.sum())))
    if whole[steps - steps[0]].equals(stamps):  # a regular calendar: no need to go gap by gap
        return whole
    parts, start = [], 0
    for i in np.flatnonzero(gaps > 1):
        parts += [stamps[start : i + 1], calendar.after(stamps[i : i + 1], int(gaps[i]) - 1)]
        start = int(i) + 1
    return parts[0].append([*parts[1:], stamps[start:]])


def _appended(chunks: tuple[pd.Index, ...], stamps: pd.Index) -> tuple[pd.Index, ...]:
    """Append a chunk and merge those that are not longer than their successors."""
    *before, last = (*chunks, stamps)
    while before and len(before[-1]) <= len(last):
        last = before.pop().append(last)
    return (*before, last)


def _shorten(increments: np.ndarray) -> np.ndarray:
    return np.where(increments > LONGEST_RUN, LONGEST_RUN + increments % LONGEST_RUN, increments)
