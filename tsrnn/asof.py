"""Covariates that were themselves forecasts, issued again and again: only what was known counts.

Conventions: V vintages (rows of the frame), F covariates, n rows meant, m pairs asked for. A pair
is a target time and a time of asking; its answer is the newest vintage about that target which had
been issued by then. Each vintage gets one integer,
``(series number * targets + target number) * issues + issue number``,
so that the answers to all pairs are one binary search in the sorted integers, O(m log V).
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tsrnn.containers import check_numeric_columns
from tsrnn.panels import check_columns, check_times, read_frame


class AsOf:
    """Covariates in vintages: at each origin only the newest one issued by then is used.

    A weather forecast for Friday is issued on Wednesday, and again, better, on Thursday. Trained on
    Thursday's, a model that must forecast on Wednesday has seen the future. Passed as X, an
    ``AsOf`` gives each forecast what its origin knew: in ``fit`` for every step and every step
    ahead, in ``predict`` at the end of the known rows, in a backtest at each fold's origin.

    Parameters
    ----------
    frame : pandas or polars DataFrame
        A row is a vintage: what was said, about which time, and when. All columns not named below
        are covariates: numbers, NaN for missing.
    target_time : str
        Column of the times that the vintages are about.
    issue_time : str
        Column of the times from which on they were known, of the same kind (both with a time zone
        or both without). Issued at the target time or later: a measurement, a revision.
    series : str, optional
        Column of the series names, for a panel.

    Attributes
    ----------
    columns : list
        Names of the F covariates.
    index : pandas.Index
        The rows meant: those of y in ``fit``. At first all target times, sorted, with ``series`` a
        MultiIndex ``(series, time)``; :meth:`reindex` sets others.
    shape : (n, F)

    Raises
    ------
    ValueError
        If there is no row or no covariate, a named column is absent, a time is missing, a covariate
        is infinite, or two vintages have the same target and issue time (and series).
    TypeError
        If times are text or of two kinds, or a covariate is no number.

    Examples
    --------
    >>> import pandas as pd
    >>> days = pd.date_range("2024-01-03", periods=3)
    >>> weather = pd.DataFrame({
    ...     "day": days.repeat(2),
    ...     "issued": days.repeat(2) - pd.to_timedelta([2, 1] * 3, unit="D"),
    ...     "temperature": [4.0, 3.0, 6.0, 7.0, 1.0, 2.0],
    ... })
    >>> X = AsOf(weather, target_time="day", issue_time="issued")
    >>> X
    AsOf(rows=3, columns=['temperature'], vintages=6, targets 2024-01-03 .. 2024-01-05,
         issued 2024-01-01 .. 2024-01-04)

    What was known on the 3rd of January about the 4th and the 5th:

    >>> X.values(days[1:], pd.Timestamp("2024-01-03"))
    array([[7.],
           [1.]])
    """

    def __init__(
        self, frame: Any, target_time: str, issue_time: str, series: str | None = None
    ) -> None:
        table = read_frame(frame, "frame")
        if not len(table):
            raise ValueError("frame has 0 rows: expected at least one vintage")
        keys = [*([] if series is None else [series]), target_time, issue_time]
        check_columns(table, keys, "frame")
        self.columns = [name for name in table.columns if name not in keys]
        values = _covariates(table, self.columns)
        targets, issues = _times(table, target_time), _times(table, issue_time)
        _check_same_kind(targets, issues, f"the columns {target_time!r} and {issue_time!r}")
        target_numbers, self._targets = _numbered(targets)
        issue_numbers, self._issues = _numbered(issues)
        self._series: pd.Index | None = None
        series_numbers = np.zeros(len(table), dtype=np.int64)
        if series is not None:
            series_numbers, self._series = _numbered(_names(table[series]))
        vintages = self._vintage(series_numbers, target_numbers, issue_numbers)
        order = np.argsort(vintages, kind="stable")
        self._vintages, self._values = vintages[order], values[order]
        _check_unique(table[keys], order, self._vintages)
        self.index: pd.Index = self._all_rows(keys[:-1])

    @property
    def shape(self) -> tuple[int, int]:
        """Number of rows meant and of covariates."""
        return len(self.index), len(self.columns)

    def __len__(self) -> int:
        return len(self.index)

    def __repr__(self) -> str:
        of = "" if self._series is None else f", series={len(self._series)}"
        return (
            f"AsOf(rows={len(self)}, columns={self.columns}, vintages={len(self._vintages)}{of}, "
            f"targets {_span(self._targets)},\n     issued {_span(self._issued())})"
        )

    def values(self, targets: pd.Index, issued_by: Any, key: Any = None) -> NDArray[np.float64]:
        """Return what was known about some times at some times.

        Parameters
        ----------
        targets : pandas.Index of length m
            The times asked about; in a panel ``(series, time)``, or times and their ``key``.
        issued_by : pandas.Index of length m, or one time
            The time of asking, for each target or for all. A vintage issued right then is known.
        key : hashable, optional
            In a panel, the series of all the targets.

        Returns
        -------
        array of shape (m, F)
            The newest vintage of each target, NaN where none had been issued.

        Raises
        ------
        TypeError
            If the times are of another kind than those of the vintages.
        ValueError
            If a panel is asked without a series, or one series with a key; or the lengths differ.
        """
        found, place = self._newest(targets, issued_by, key)
        answers = np.full((len(found), len(self.columns)), np.nan)
        answers[found] = self._values[place[found]]
        return answers

    def issue_times(self, targets: pd.Index, issued_by: Any, key: Any = None) -> pd.Index:
        """Return when the vintages that :meth:`values` takes were issued, missing where none was.

        Parameters
        ----------
        targets, issued_by, key
            As in :meth:`values`.

        Returns
        -------
        pandas.Index of length m
        """
        found, place = self._newest(targets, issued_by, key)
        numbers = np.where(found, self._vintages[place] % len(self._issues), 0)
        return pd.Index(pd.Series(self._issues.take(numbers)).where(found))

    def _newest(
        self, targets: pd.Index, issued_by: Any, key: Any
    ) -> tuple[NDArray[np.bool_], NDArray[np.intp]]:
        """Return for each pair whether a vintage was known, and the place of the newest."""
        series, times = self._series_and_times(targets, key)
        asked = issued_by if isinstance(issued_by, pd.Index) else pd.Index([issued_by])
        if len(asked) not in (1, len(times)):
            raise ValueError(
                f"issued_by has {len(asked)} times, targets has {len(times)}: "
                "expected as many, or one"
            )
        _check_same_kind(self._targets, times, "the vintages and targets")
        _check_same_kind(self._issues, asked, "the vintages and issued_by")
        about = self._targets.get_indexer(times)
        newest = _last_before(self._issues, asked)
        wanted = self._vintage(series, about, newest)
        place = np.searchsorted(self._vintages, wanted, side="right") - 1
        n_issues = len(self._issues)
        found = (about >= 0) & (newest >= 0) & (place >= 0)  # also false for an unknown series
        found[found] = self._vintages[place[found]] // n_issues == wanted[found] // n_issues
        return found, place

    def until(self, time: Any) -> Self:
        """Return the same rows with only the vintages issued up to a time.

        Parameters
        ----------
        time : one time
            The origin of a backtest, for example.

        Returns
        -------
        AsOf
        """
        asked = pd.Index([time])
        _check_same_kind(self._issues, asked, "the vintages and time")
        kept = self._vintages % len(self._issues) <= _last_before(self._issues, asked)
        fewer = copy(self)
        fewer._vintages, fewer._values = self._vintages[kept], self._values[kept]
        return fewer

    def reindex(self, index: pd.Index) -> Self:
        """Return the same vintages with other rows meant, those of y: ``X.reindex(y.index)``.

        Parameters
        ----------
        index : pandas.Index
            Times, in a panel ``(series, time)``. Times without any vintage are rows of NaN.

        Returns
        -------
        AsOf

        Raises
        ------
        TypeError
            If the index is not one of times of the kind of the vintages' targets.
        """
        _, times = self._series_and_times(index, None)
        _check_same_kind(self._targets, times, "the vintages and index")
        other = copy(self)
        other.index = index
        return other

    def take(self, rows: Any, axis: int = 0) -> Self:
        """Return the same vintages with some of the rows meant, chosen by position."""
        if axis != 0:
            raise ValueError(f"axis={axis!r}: expected 0, rows are taken")
        other = copy(self)
        other.index = self.index.take(np.asarray(rows, dtype=np.intp))
        return other

    def __getitem__(self, rows: Any) -> Self:
        """Return the same vintages with the rows at a position, a slice, positions or a mask."""
        places = np.arange(len(self))
        if not isinstance(rows, slice):
            rows = np.asarray(rows)
            if rows.size and rows.dtype.kind not in "iub":
                raise TypeError(
                    f"rows of an AsOf are chosen by position, got {rows.dtype}: expected integers, "
                    "a slice or a mask; for labels use reindex(index)"
                )
        return self.take(np.atleast_1d(places[rows if np.size(rows) else []]))

    @property
    def iloc(self) -> Self:
        """Choose rows by position, as scikit-learn does."""
        return self

    @property
    def loc(self) -> Self:
        """Choose rows by a mask, as scikit-learn does."""
        return self

    def to_frame(self) -> pd.DataFrame:
        """Return what each row's own time knew about it, (n, F), for estimators of arrays.

        Of rows after an origin that is more than the origin knew: cut with :meth:`until` first.
        """
        times = self.index.get_level_values(-1)
        return pd.DataFrame(self.values(self.index, times), self.index, self.columns)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray:
        """Refuse: which vintage counts depends on the origin, which an array cannot say."""
        raise TypeError(
            "an AsOf is no array: which vintage counts depends on the origin. Give it to a "
            "forecaster itself (it standardises covariates, no scaler is needed), or to other "
            "estimators as X.until(origin).to_frame()"
        )

    def _vintage(
        self, series: NDArray[Any], targets: NDArray[Any], issues: NDArray[Any]
    ) -> NDArray[np.int64]:
        """Return the integer of each vintage; sorted, they are by series, target and issue."""
        groups = series.astype(np.int64) * len(self._targets) + targets
        return groups * len(self._issues) + issues

    def _series_and_times(self, targets: pd.Index, key: Any) -> tuple[NDArray[Any], pd.Index]:
        """Return the series number (-1: no vintage of it) and the time of each target."""
        panel = isinstance(targets, pd.MultiIndex)
        if self._series is None:
            if key is not None or panel:
                raise ValueError(
                    f"{f'key={key!r}' if key is not None else 'an index (series, time)'}: this "
                    "AsOf has no series; name their column, AsOf(..., series=...)"
                )
            return np.zeros(len(targets), dtype=np.int64), targets
        if panel:
            numbers = self._series.get_indexer(targets.get_level_values(0))
            return numbers, targets.get_level_values(1)
        if key is None:
            raise ValueError(
                "this AsOf has several series: expected an index (series, time), or a key"
            )
        return np.repeat(self._series.get_indexer(pd.Index([key])), len(targets)), targets

    def _all_rows(self, names: Sequence[str]) -> pd.Index:
        """Return the sorted target times, in a panel those of each series."""
        groups = np.unique(self._vintages // len(self._issues))
        n_targets = len(self._targets)
        times = self._targets.take(groups % n_targets)
        if self._series is None:
            return times.rename(names[-1])
        return pd.MultiIndex.from_arrays(
            [self._series.take(groups // n_targets), times], names=list(names)
        )

    def _issued(self) -> pd.Index:
        """Return the issue times of the vintages."""
        return self._issues.take(np.unique(self._vintages % len(self._issues)))


def _covariates(table: pd.DataFrame, columns: Sequence[Any]) -> NDArray[np.float64]:
    """Read the covariates (V, F)."""
    if not columns:
        raise ValueError(
            f"frame has only the columns {table.columns.tolist()}: expected a covariate too"
        )
    check_numeric_columns(table[list(columns)])
    values = table[list(columns)].to_numpy(dtype=np.float64, na_value=np.nan)
    infinite = np.isinf(values)
    if infinite.any():
        row, column = np.argwhere(infinite)[0]
        raise ValueError(
            f"frame has {infinite.sum()} infinite values, first in column {columns[column]!r} "
            f"at row {row}: expected finite numbers, or NaN for missing"
        )
    return values


def _times(table: pd.DataFrame, name: str) -> pd.Index:
    """Read a column of times."""
    check_times(table[name], "frame")
    absent = table[name].isna().to_numpy()
    if absent.any():
        raise ValueError(
            f"frame has {absent.sum()} missing times in the column {name!r}, "
            f"first at row {np.argmax(absent)}: drop those rows"
        )
    return pd.Index(table[name])


def _names(column: pd.Series) -> pd.Index:
    """Read a column of series names."""
    absent = column.isna().to_numpy()
    if absent.any():
        raise ValueError(
            f"frame has {absent.sum()} missing series names in the column {column.name!r}, "
            f"first at row {np.argmax(absent)}: drop those rows"
        )
    return pd.Index(np.asarray(column))


def _numbered(index: pd.Index) -> tuple[NDArray[Any], pd.Index]:
    """Return the number of each entry among the sorted distinct ones, and those."""
    distinct = index.unique().sort_values()
    return distinct.get_indexer(index), distinct


def _check_same_kind(known: pd.Index, other: pd.Index, what: str) -> None:
    """Refuse times that cannot be compared: of two kinds, or with a time zone and without."""
    if _kind(known) != _kind(other):
        raise TypeError(
            f"{what} hold {known.dtype} and {other.dtype}: expected times of one kind, "
            "all with a time zone or all without (tz_localize), all periods of one length"
        )


def _kind(times: pd.Index) -> str:
    if isinstance(times, pd.DatetimeIndex):
        return "naive datetime" if times.tz is None else "datetime with zone"
    if isinstance(times, pd.PeriodIndex):
        return str(times.dtype)
    if isinstance(times, pd.TimedeltaIndex):
        return "timedelta"
    return "number" if times.dtype.kind in "iuf" else str(times.dtype)


def _last_before(issues: pd.Index, asked: pd.Index) -> NDArray[np.intp]:
    """Return the number of the last issue time up to each time of asking, -1 for none."""
    absent = asked.isna()
    if isinstance(issues, pd.DatetimeIndex | pd.TimedeltaIndex):
        # Rounding down to the unit of the issues changes no answer: none lies in between.
        asked = type(issues)(asked).as_unit(issues.unit)
    newest = np.asarray(issues.searchsorted(asked, side="right")) - 1
    return np.where(absent, -1, newest)


def _check_unique(keys: pd.DataFrame, order: NDArray[Any], vintages: NDArray[Any]) -> None:
    """Refuse two vintages of one target that were issued at once."""
    again = np.flatnonzero(vintages[1:] == vintages[:-1]) + 1
    if len(again):
        row = int(order[again].min())
        named = ", ".join(f"{name}={value}" for name, value in keys.iloc[row].items())
        raise ValueError(
            f"frame has {len(again)} duplicate vintages, first at row {row}: {named}; "
            "keep one of each, for example by drop_duplicates"
        )


def _span(times: pd.Index) -> str:
    """Write the first and the last time, short where they are days."""
    if not len(times):
        return "none"
    first, last = times[0], times[-1]
    days = isinstance(times, pd.DatetimeIndex) and (times[[0, -1]].normalize() == times[[0, -1]])
    if np.all(days) and isinstance(times, pd.DatetimeIndex):
        return f"{first:%Y-%m-%d} .. {last:%Y-%m-%d}"
    return f"{first} .. {last}"
