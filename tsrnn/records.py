"""Records: series placed on the calendar seen in fit, a step without a row being a missing value.

Conventions: n rows, T steps on the grid, K targets, F covariates.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import pandas as pd

from tsrnn.calendars import Calendar

# A gap longer than this many steps is shortened by whole multiples of it: the number of minutes in
# a week, which every usual season divides, so that phases survive and memory stays bounded.
LONGEST_RUN = 10_080


@dataclass(frozen=True)
class Record:
    """What is known of one series, on its calendar grid: a step without a row is missing (NaN)."""

    key: Hashable
    stamps: pd.Index  # (n,) rows as given
    positions: np.ndarray  # (n,) their steps on the grid, the last is T - 1
    y: np.ndarray  # (T, K)
    X: np.ndarray | None  # (T, F)

    def __len__(self) -> int:
        return len(self.y)

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
        return cls(key, stamps, steps, *_spread_both(y, X, steps))

    def extended(
        self, stamps: pd.Index, y: np.ndarray, X: np.ndarray | None, calendar: Calendar
    ) -> Record:
        """Append rows; the steps missing before and between them are missing values."""
        ahead = np.cumsum(_shorten(calendar.increments(self.stamps[-1:].append(stamps))))
        new_y, new_X = _spread_both(y, X, ahead - 1)
        return Record(
            self.key,
            self.stamps.append(stamps),
            np.concatenate([self.positions, len(self) - 1 + ahead]),
            np.concatenate([self.y, new_y]),
            None if self.X is None or new_X is None else np.concatenate([self.X, new_X]),
        )

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


class Request(NamedTuple):
    """A forecast asked for: the n steps after the end of a record, with known covariates."""

    record: Record
    n: int
    X: np.ndarray | None  # (n, F), NaN where unknown


def spread(values: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """Put rows at their steps of a grid (last step + 1, columns), NaN where there is none."""
    grid = np.full((int(steps[-1]) + 1, values.shape[1]), np.nan)
    grid[steps] = values
    return grid


def _spread_both(
    y: np.ndarray, X: np.ndarray | None, steps: np.ndarray
) -> tuple[np.ndarray, np.ndarray | None]:
    return spread(y, steps), None if X is None else spread(X, steps)


def _shorten(increments: np.ndarray) -> np.ndarray:
    return np.where(increments > LONGEST_RUN, LONGEST_RUN + increments % LONGEST_RUN, increments)
