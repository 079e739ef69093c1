"""Rows that ``fit`` and ``update`` are given: placed on the calendar, behind what is known.

Conventions: n rows, T steps on the grid of a series, K targets, F covariates, H steps ahead.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from tsrnn.asof import AsOf
from tsrnn.calendars import Calendar
from tsrnn.containers import groups_of
from tsrnn.covariates import Columns, Covariates, check_same_static
from tsrnn.records import Record, grid_index


@dataclass(frozen=True)
class Known:
    """What a forecaster knows when a call comes, by which the rows of the call are read."""

    records: dict[Hashable, Record]
    calendar: Calendar
    columns: Columns
    panel_names: list[Hashable] | None  # of the levels (series, time); None for one series
    missing: str  # "mask" or "raise"
    horizon: int  # steps that predict() gives without being asked for a number
    steps_ahead: int  # for how many steps H records hold covariates in vintages, 0 for none

    def groups(self, stamps: pd.Index | None, n: int) -> list[tuple[Hashable, np.ndarray]]:
        """List the n rows of a call by series; without stamps they are those of the only one."""
        panel = self.panel_names is not None
        if stamps is None and panel and len(self.records) > 1:
            raise ValueError(
                f"fitted on a panel of {len(self.records)} series: expected an index "
                f"({', '.join(map(str, self.panel_names or ()))}), got rows without one"
            )
        if stamps is None:
            return [(next(iter(self.records)), np.arange(n))]
        if isinstance(stamps, pd.MultiIndex) != panel:
            kinds = ("a panel (series, time)", "one series")
            raise ValueError(
                f"fitted on {kinds[not panel]}, but the index of the call is that of {kinds[panel]}"
            )
        return groups_of(stamps, n)


def start_record(
    known: Known,
    key: Hashable,
    stamps: pd.Index,
    y: np.ndarray,
    covariates: Covariates,
    rows: np.ndarray,
) -> Record:
    """Place the first rows of a series, y (n, K); its covariates are some rows of the call's."""
    columns, calendar = known.columns, known.calendar
    static = covariates.static_of(rows, columns, key)
    exog = covariates.of(rows)
    if exog is None and columns.changing:
        exog = np.full((len(rows), len(columns.changing)), np.nan)
    record = Record.start(key, stamps, y, exog, calendar, static)
    if covariates.vintages is None:
        return record
    X, ahead = _vintages(known, covariates.vintages, record.index(calendar), key)
    return replace(record, X=X, ahead=ahead)


def extend_record(
    known: Known,
    record: Record,
    stamps: pd.Index | None,
    y: np.ndarray,
    covariates: Covariates,
    rows: np.ndarray,
) -> Record:
    """Append rows y (n, K) to a record, or say why they cannot come next."""
    calendar = known.calendar
    if stamps is None:
        stamps = calendar.after(record.last, len(y))
    stamps = record.comparable(stamps)
    _check_next(known, record, stamps)
    static = covariates.static_of(rows, known.columns, record.key)
    record = _with_static(record, static, known.columns)
    longer = record.extended(stamps, y, covariates.of(rows), calendar)
    if covariates.vintages is not None:
        steps = longer.positions[-len(stamps) - 1 :]
        grid = grid_index(record.last.append(stamps), steps, calendar)[1:]
        X, ahead = _vintages(known, covariates.vintages, grid, record.key)
        assert longer.X is not None
        longer.X[len(record) :] = X  # in place: nobody else has seen these steps
        if longer.ahead is not None:
            longer.ahead[len(record) :] = ahead
    elif record.ahead is not None:
        raise ValueError("fitted with an AsOf: expected one as X of update too")
    return longer


def check_same_steps(records: dict[Hashable, Record]) -> None:
    """Refuse a panel in which a series has rows at every k-th step only, k >= 2."""
    for key, record in records.items():
        steps = np.diff(record.positions)
        if len(steps) >= 3 and np.median(steps) >= 2:
            raise ValueError(
                f"series {key!r} has a row at every {int(np.median(steps))}th step only of the "
                "calendar that the longest series follows: fit series of another frequency apart"
            )


def series_numbers(
    records: dict[Hashable, Record], groups: Sequence[tuple[Hashable, np.ndarray]]
) -> np.ndarray:
    """Return to which series each of the n rows of a call belongs (n,), by number."""
    numbers = {key: i for i, key in enumerate(records)}
    series = np.empty(sum(len(rows) for _, rows in groups), dtype=np.int64)
    for key, rows in groups:
        series[rows] = numbers[key]
    return series


def in_given_order(
    known: Known, values: Sequence[np.ndarray], series: np.ndarray
) -> tuple[np.ndarray, pd.Index]:
    """Put values of the rows of each record into the order in which rows came, with their index.

    In a panel ``series`` (n,) tells to which record each row belongs.
    """
    records = list(known.records.values())
    if known.panel_names is None:
        return values[0], records[0].stamps
    places = np.argsort(np.argsort(series, kind="stable"), kind="stable")
    times = records[0].stamps.append([record.stamps for record in records[1:]])
    keys = pd.Index([record.key for record in records])[series]
    index = pd.MultiIndex.from_arrays([keys, times[places]], names=known.panel_names)
    return np.concatenate(values)[places], index


def _check_next(known: Known, record: Record, stamps: pd.Index) -> None:
    """Refuse rows that do not come after a record, and gaps where the user asked for that."""
    if stamps[0] <= record.last[0]:
        raise ValueError(
            f"update got rows from {stamps[0]}, but rows up to {record.last[0]} are known: "
            "pass only the rows after it"
        )
    gap = record.first_gap(stamps, 0, known.calendar) if known.missing == "raise" else None
    if gap is not None:
        raise ValueError(
            f"update expected a row at {gap.expected}, got {gap.got}: pass the rows in between, "
            "or set missing='mask'"
        )


def _with_static(record: Record, given: tuple[Any, ...], columns: Columns) -> Record:
    """Fill static values unknown so far; refuse others than those known."""
    known = tuple(
        new if old is None else old for old, new in zip(record.static, given, strict=True)
    )
    check_same_static(known, given, columns, record.key)
    return record if known == record.static else replace(record, static=known)


def _vintages(
    known: Known, X: AsOf, grid: pd.Index, key: Hashable
) -> tuple[np.ndarray, np.ndarray | None]:
    """Return what each of T steps knew of itself (T, F) and of the H steps ahead (T, H, F)."""
    places, H = known.columns.places(X), known.steps_ahead
    own = X.values(grid, grid, key)[:, places]
    if not H:
        return own, None
    longer = grid.append(known.calendar.after(grid[-1:], H))
    targets = np.arange(len(grid))[:, None] + np.arange(1, H + 1)  # (T, H)
    ahead = X.values(longer.take(targets.ravel()), grid.repeat(H), key)[:, places]
    ahead[:, known.columns.is_past_only] = np.nan
    return own, ahead.reshape(len(grid), H, -1)
