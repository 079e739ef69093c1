"""Which rows a call of ``predict`` means (DESIGN, one rule for all).

Rows inside the fitted range are forecast in-sample, rows after it ahead, across a gap of a few
steps too; rows without stamps follow the last known one.

Conventions: T steps on the calendar grid of a series, F covariates, n rows or steps to forecast.
"""

from __future__ import annotations

import warnings
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from tsrnn.asof import AsOf
from tsrnn.chronology import is_out_of_order, warn_out_of_order
from tsrnn.containers import check_index, is_positional, stamps_of
from tsrnn.covariates import Covariates, check_none_missing, check_same_static
from tsrnn.placing import Known
from tsrnn.records import Record, Request, grid_index, spread


@dataclass(frozen=True)
class Asked:
    """The rows that a call asks for: those inside the fitted range, and those after it."""

    n: int
    index: pd.Index | None
    # Record, places of its rows in the answer, and their grid steps.
    inside: list[tuple[Record, np.ndarray, np.ndarray]]
    # Request, places of its rows in the answer, and which of the steps asked for they are.
    after: list[tuple[Request, np.ndarray, np.ndarray]]

    @property
    def requests(self) -> list[Request]:
        """What to forecast."""
        return [request for request, _, _ in self.after]


def next_steps(known: Known, n: int, vintages: AsOf | None = None) -> Asked:
    """Ask for the next n steps of every series."""
    steps = np.arange(n)
    after = [
        (_request(known, record, None, steps + 1, None, vintages), i * n + steps, steps)
        for i, record in enumerate(known.records.values())
    ]
    index = _future_index(known, [request for request, _, _ in after])
    return Asked(len(after) * n, index, [], after)


def rows_asked(
    known: Known,
    index: pd.Index | None,
    n: int,
    covariates: Covariates,
    horizon: int | None = None,
) -> Asked:
    """Ask for n rows with an index, as many a series as the horizon if that is given."""
    stamps = None if is_positional(index) else index
    if stamps is not None:
        check_index(stamps, "X")
    groups = known.groups(stamps, n)
    _check_groups(known, groups, horizon)
    asked = Asked(n, index, [], [])
    for key, rows in groups:
        _ask(asked, known, known.records[key], stamps_of(stamps, rows), rows, covariates)
    if stamps is None:
        return replace(asked, index=_future_index(known, asked.requests))
    if any(_is_out_of_order(record, stamps[places]) for record, places, _ in asked.inside):
        warn_out_of_order(stacklevel=5)
    return asked


def warn_about_past_only(asked: Asked, known: Known, covariates: Covariates) -> None:
    """Say that values of past-only columns after the fitted range are not used."""
    if covariates.values is None or covariates.vintages is not None:
        return
    for _, places, _ in asked.after:
        given = np.isfinite(covariates.values[places]).any(axis=0) & known.columns.is_past_only
        if given.any():
            names = [known.columns.changing[i] for i in np.flatnonzero(given)]
            warnings.warn(
                f"X has values of the past-only columns {names} for rows after the fitted ones: "
                "they are not used",
                UserWarning,
                stacklevel=5,
            )
            return


def warn_about_other_series(known: Known, index: pd.Index | None) -> None:
    """Say that other series were learnt from up to the times scored, as under a row splitter."""
    if not isinstance(index, pd.MultiIndex):
        return
    keys, latest = set(index.get_level_values(0)), index.get_level_values(1).max()
    others = [record for key, record in known.records.items() if key not in keys]
    if others and all(record.last[0] >= latest for record in others):
        warnings.warn(
            f"the rows to score, of series {sorted(map(str, keys))[:5]}, lie at times up to which "
            "all the other series were learnt from: right for series that report late; if a "
            "splitter by row made them (TimeSeriesSplit, KFold), cut the panel by time with "
            "ExpandingWindowSplit",
            UserWarning,
            stacklevel=3,
        )


def _check_groups(
    known: Known, groups: Sequence[tuple[Hashable, np.ndarray]], horizon: int | None
) -> None:
    """Refuse another number of rows than the horizon, and series without a history."""
    if horizon is not None and any(len(rows) != horizon for _, rows in groups):
        raise ValueError(
            f"horizon={horizon}, but X has {len(groups[0][1])} rows: pass one of the two, "
            "or as many rows as the horizon"
        )
    unseen = [key for key, _ in groups if key not in known.records]
    if unseen:
        raise ValueError(
            f"series {unseen[:5]} {'was' if len(unseen) == 1 else 'were'} not seen in fit: "
            "call update(X, y) with the history first; if these rows come from a splitter by "
            "row (TimeSeriesSplit, KFold), cut the panel by time with ExpandingWindowSplit"
        )


def _ask(
    asked: Asked,
    known: Known,
    record: Record,
    stamps: pd.Index | None,
    rows: np.ndarray,
    covariates: Covariates,
) -> None:
    """Add the rows of one series to those asked for."""
    static = covariates.static_of(rows, known.columns, record.key)
    check_same_static(record.static, static, known.columns, record.key)
    if stamps is not None:
        stamps = record.comparable(stamps)
    part = covariates.of(rows)
    steps, inside = _steps(known, record, stamps, len(rows))
    if inside.any():
        seen, at = record, steps[inside]
        if part is not None and record.X is not None:
            exog = np.where(covariates.given, part[inside], record.X[at])
            seen = record.with_covariates(at, exog)
        asked.inside.append((seen, rows[inside], at))
    if not inside.all():
        request = _request(
            known,
            record,
            None if stamps is None else stamps[~inside],
            steps[~inside],
            None if part is None else part[~inside],
            covariates.vintages,
        )
        asked.after.append((request, rows[~inside], steps[~inside] - 1))


def _is_out_of_order(record: Record, rows: pd.Index) -> bool:
    """Tell whether none of the rows asked for inside the fitted range of a series was fitted."""
    times = rows.get_level_values(1) if isinstance(rows, pd.MultiIndex) else rows
    return is_out_of_order(record.stamps, record.comparable(times))


def _steps(
    known: Known, record: Record, stamps: pd.Index | None, n: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return grid steps of n rows and which of them lie inside the fitted range.

    Inside it they count from its start, after it from its end (1, 2, ...).
    """
    if stamps is None:
        return np.arange(1, n + 1), np.zeros(n, dtype=bool)
    first, last = record.chunks[0][0], record.last[0]
    if stamps[0] < first:
        raise ValueError(
            f"X starts at {stamps[0]}, before the fitted range {first} .. {last}: nothing is "
            "known there; fit on earlier rows, and cut folds by time (ExpandingWindowSplit)"
        )
    inside = np.asarray(stamps <= last)
    steps = np.empty(n, dtype=np.int64)
    if inside.any():
        steps[inside] = record.locate(stamps[inside], known.calendar)
    if not inside.all():
        later = stamps[~inside]
        _check_gap(known, record, later, max(known.horizon, n))
        steps[~inside] = np.cumsum(known.calendar.increments(record.last.append(later)))
    return steps, inside


def _check_gap(known: Known, record: Record, later: pd.Index, allowed: int) -> None:
    """Refuse a gap longer than ``allowed`` and than any that the record has."""
    if record.first_gap(later, allowed, known.calendar) is None:
        return
    allowed = max(allowed, record.longest_gap)
    gap = record.first_gap(later, allowed, known.calendar)
    if gap is not None:
        raise ValueError(
            f"X: expected rows from {gap.expected}, got {gap.got}: {gap.missing} missing steps are "
            f"more than the horizon or any gap seen in fit ({allowed}); call "
            "update(X, y) with the rows in between first"
        )


def _request(
    known: Known,
    record: Record,
    stamps: pd.Index | None,
    steps: np.ndarray,
    exog: np.ndarray | None,
    vintages: AsOf | None,
) -> Request:
    """Ask for some steps after a record, counted from 1, with the covariates of those rows."""
    n = int(steps[-1])
    if stamps is None:
        index = known.calendar.after(record.last, n)
    elif n == len(stamps):
        index = stamps
    else:
        longer = record.last.append(stamps)
        index = grid_index(longer, np.concatenate([[0], steps]), known.calendar)[1:]
    if vintages is not None:
        future = _issued_by_now(known, vintages, record, index, steps)
    elif exog is not None:
        future = spread(exog, steps - 1)
    elif record.X is not None:
        future = np.full((n, record.X.shape[1]), np.nan)
    else:
        return Request(record, n, None, index)
    future[:, known.columns.is_past_only] = np.nan
    return Request(record, n, future, index)


def _issued_by_now(
    known: Known, X: AsOf, record: Record, index: pd.Index, steps: np.ndarray
) -> np.ndarray:
    """Return what the end of a record knows of the steps after it (n, F)."""
    issued_by = record.last.repeat(len(index))
    future = X.values(index, issued_by, record.key)[:, known.columns.places(X)]
    asked, ahead = future[steps - 1], ~known.columns.is_past_only
    if np.isnan(asked[:, ahead]).all() and ahead.any():
        of = "" if record.key is None else f" of series {record.key!r}"
        raise ValueError(
            f"X has no vintage{of} issued by {record.last[0]} about any of the steps asked "
            f"for, first {index[steps[0] - 1]}: expected covariates known at the end of y"
        )
    if known.missing == "raise":
        check_none_missing(asked, index[steps - 1], known.columns, ahead)
    return future


def _future_index(known: Known, requests: Sequence[Request]) -> pd.Index | None:
    indices = [request.index for request in requests]
    if known.panel_names is None:
        return indices[0]
    keys = [request.record.key for request in requests for _ in range(request.n)]
    times = indices[0].append(indices[1:])
    return pd.MultiIndex.from_arrays([keys, times], names=known.panel_names)
