"""Split time series into folds: train on the past, test on the ``horizon`` steps that follow.

Both splitters are scikit-learn splitters and go wherever ``cv=`` goes. A series is split by row; a
panel with a MultiIndex ``(series, time)`` by time stamp, so that all series share the same origins.
The last fold ends at the last stamp; earlier folds lie ``step`` stamps apart::

    ExpandingWindowSplit(3, horizon=2)        SlidingWindowSplit(3, horizon=2, window=3)
    train train train test  test                    train train train test  test
    train train train train train test  test  ...               train train train test  test

The origin of a fold is the moment from which one forecasts: the end of the last stamp that is
known. ``gap`` lies behind it, ``purge`` before it::

    ExpandingWindowSplit(1, horizon=2, gap=1, purge=2)
    train train train purge purge | gap   test  test
                               origin

Any of these lengths is a number of stamps or, along an index of dates, a length on the calendar
such as "1 week".
"""

from __future__ import annotations

import inspect
from abc import abstractmethod
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.model_selection import BaseCrossValidator, check_cv
from sklearn.utils.validation import _num_samples

from tsrnn.asof import AsOf
from tsrnn.checks import check_count
from tsrnn.containers import check_index, index_of
from tsrnn.fold_pictures import draw_folds, plot_folds, sketch_folds
from tsrnn.lengths import Length, Span, Timeline, read_length
from tsrnn.rolling_origin import Bounds, Lengths, find_folds, rows_needed

LEAST = {"gap": 0, "purge": 0}  # stamps; of the other lengths 1
MAY_BE_NONE = ("initial", "window")


class _RollingOriginSplit(BaseCrossValidator):
    """Folds with origins ``step`` apart; a subclass says where training starts."""

    def __init__(
        self,
        n_splits: int | None,
        horizon: Length,
        step: Length | None,
        gap: Length,
        purge: Length,
    ) -> None:
        if n_splits is not None:
            check_count("n_splits", n_splits)
        self.n_splits = n_splits
        self.horizon = horizon
        self.step = step
        self.gap = gap
        self.purge = purge
        _read_lengths(self._given())

    def split(
        self, X: Any = None, y: Any = None, groups: Any = None
    ) -> Iterator[tuple[NDArray, NDArray]]:
        """Yield the row numbers of each fold's training and test part, oldest fold first.

        Parameters
        ----------
        X, y : array, pandas object or AsOf of n rows
            One of the two suffices. The rows must be in the order of time; with a MultiIndex
            ``(series, time)`` time stamps are split and the order of the rows is free.
        groups : ignored
            Here for scikit-learn.

        Yields
        ------
        train, test : arrays of int
            A panel's test part leaves out the series that the training part does not hold.

        Raises
        ------
        ValueError
            If there are fewer stamps than the folds need, a time index does not increase, a length
            on the calendar meets rows without dates, or X and y have different numbers of rows.
        TypeError
            If a MultiIndex has other than two levels.
        """
        rows = _Rows(X, y)
        for bounds in self._bounds(rows.timeline):
            train = rows.between(bounds.train, bounds.purge)
            test = rows.between(bounds.test, bounds.end)
            yield train, test[np.isin(rows.series[test], rows.series[train])]

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """Return the number of folds; without ``n_splits`` it depends on the rows of X or y."""
        if self.n_splits is not None:
            return self.n_splits
        if X is None and y is None:
            raise ValueError("n_splits=None: the number of folds depends on the rows; pass X or y")
        return len(self._bounds(_Rows(X, y).timeline))

    def describe(self, X: Any = None, y: Any = None) -> pd.DataFrame:
        """List the parts of each fold: training, purge, gap and test.

        Parameters
        ----------
        X, y : array, pandas object or AsOf of n rows
            As in :meth:`split`.

        Returns
        -------
        DataFrame, one row a part that is not empty
            ``fold`` (from 0), ``part`` ("train", "purge", "gap" or "test"), ``first`` and ``last``
            stamp (row numbers for arrays), ``start`` and ``end`` (positions of stamps, the end
            excluded), ``series`` (how many have rows in it; of the test part those trained on).

        Examples
        --------
        >>> days = pd.date_range("2024-01-01", periods=28)
        >>> splitter = ExpandingWindowSplit(1, horizon="1 week", purge=2)
        >>> splitter.describe(pd.Series(0.0, index=days))[["part", "first", "last"]].astype(str)
            part       first        last
        0  train  2024-01-01  2024-01-19
        1  purge  2024-01-20  2024-01-21
        2   test  2024-01-22  2024-01-28
        """
        rows = _Rows(X, y)
        parts = []
        for fold, bounds in enumerate(self._bounds(rows.timeline)):
            trained = rows.series[rows.between(bounds.train, bounds.purge)]
            for part, start, end in zip(bounds._fields, bounds[:-1], bounds[1:], strict=False):
                series = np.unique(rows.series[rows.between(start, end)])
                if part == "test":
                    series = np.intersect1d(series, trained)
                if start < end:
                    ends = rows.labels[start], rows.labels[end - 1]
                    parts.append((fold, part, *ends, start, end, len(series)))
        columns = ["fold", "part", "first", "last", "start", "end", "series"]
        return pd.DataFrame(parts, columns=columns)

    def picture(self, X: Any = None, y: Any = None) -> str:
        """Draw the folds of some rows as text: a line a fold, the stamps from left to right.

        Parameters
        ----------
        X, y : array, pandas object or AsOf of n rows
            As in :meth:`split`.

        Returns
        -------
        str
            "=" for training, "x" for purged stamps, "." for the gap and "#" for the test part; of
            many folds the last ones.

        Examples
        --------
        >>> days = pd.date_range("2024-01-01", periods=28)
        >>> splitter = ExpandingWindowSplit(3, horizon="1 week", gap=1)
        >>> print(splitter.picture(pd.Series(0.0, index=days)))
        fold  2024-01-01 .. 2024-01-28      test
           0  ======.#######                2024-01-08 .. 2024-01-14
           1  =============.#######         2024-01-15 .. 2024-01-21
           2  ====================.#######  2024-01-22 .. 2024-01-28
        """
        return draw_folds(self.describe(X, y))

    def plot(
        self, X: Any = None, y: Any = None, *, ax: Any = None, title: str | None = None
    ) -> Any:
        """Draw the folds of some rows with matplotlib: a bar a fold along the time axis.

        Parameters
        ----------
        X, y : array, pandas object or AsOf of n rows
            As in :meth:`split`.
        ax : matplotlib Axes, optional
            Where to draw; a new figure by default.
        title : str, optional
            Text in place of the number of folds.

        Returns
        -------
        matplotlib Axes

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        return plot_folds(self.describe(X, y), ax=ax, title=title)

    def __repr__(self) -> str:
        parameters = inspect.signature(type(self)).parameters.values()
        given = [(p.name, getattr(self, p.name), p.default) for p in parameters]
        changed = [f"{name}={value!r}" for name, value, default in given if value != default]
        return f"{type(self).__name__}({', '.join(changed)})\n{self._sketch()}"

    def _sketch(self) -> str:
        """Draw the folds without rows."""
        lengths = _read_lengths(self._given())
        has = {"train": True, "purge": lengths.purge, "gap": lengths.gap, "test": True}
        return sketch_folds(
            self.n_splits,
            [part for part in has if has[part]],
            sliding=self._slides,
            step=_ratio(lengths.step, lengths.horizon),
        )

    def _given(self) -> dict[str, Any]:
        """List the lengths as given, in the order of ``Lengths``."""
        return {
            "horizon": self.horizon,
            "step": self.horizon if self.step is None else self.step,
            "gap": self.gap,
            "purge": self.purge,
            **self._first_length(),
        }

    def _bounds(self, timeline: Timeline) -> list[Bounds]:
        """Return the bounds of each fold, the oldest first."""
        given = self._given()
        lengths = _read_lengths(given)
        for name, length in zip(given, lengths, strict=True):
            if isinstance(length, Span):
                timeline.check_measures(name, given[name], length)
        folds = find_folds(timeline, lengths, self.n_splits, sliding=self._slides)
        if len(folds) < (self.n_splits or 1):
            raise ValueError(self._too_few(timeline, lengths, len(folds)))
        return folds

    def _too_few(self, timeline: Timeline, lengths: Lengths, found: int) -> str:
        """Say how many rows the folds need."""
        given = [f"{name}={value!r}" for name, value in self._given().items() if value is not None]
        wanted = f"{self.n_splits or 1} fold(s) of {', '.join(given)}"
        if lengths.are_counts:
            needed = rows_needed(lengths, self.n_splits)
            return f"{timeline.n} rows (time stamps): {wanted} need {needed}"
        stamps = timeline.stamps
        where = "" if stamps is None or not len(stamps) else f" from {stamps[0]} to {stamps[-1]}"
        return (
            f"{timeline.n} rows (time stamps){where}: {found} of {wanted} fit; ask for fewer or "
            "shorter ones"
        )

    @property
    @abstractmethod
    def _slides(self) -> bool:
        """Whether training starts later in each fold."""

    @abstractmethod
    def _first_length(self) -> dict[str, Any]:
        """Return name and value of the length of the first training part."""


class ExpandingWindowSplit(_RollingOriginSplit):
    """Train on everything before an origin, test on the ``horizon`` steps after it.

    Parameters
    ----------
    n_splits : int, optional
        Number of folds. None: as many as fit after ``initial``.
    horizon : int, str, pandas offset or timedelta
        Time stamps in each test part, or its length on the calendar (see Notes).
    step : int, str, pandas offset or timedelta, optional
        Stamps between origins; ``horizon`` by default, so that test parts follow each other.
    initial : int, str, pandas offset or timedelta, optional
        Least number of stamps before the first origin, purged ones among them. None: 1 when
        ``n_splits`` is given, else half of the stamps, or fewer where that leaves no fold.
    gap : int, str, pandas offset or timedelta, default=0
        Stamps left out between the origin and the test part: nobody forecasts them, for example
        because values come in late. One forecasts that much further ahead.
    purge : int, str, pandas offset or timedelta, default=0
        Stamps left out of training before the origin, because what is to be learnt of them lies
        partly in the test part. With windows of targets 1 to h steps ahead that are h - 1 stamps.
        The origin does not move, nor do ``initial``, ``window`` and ``gap``, which count from it.

    Raises
    ------
    ValueError
        If a number is out of range, or a text is no length.

    Notes
    -----
    A length on the calendar is a text such as "1 week", "2 days", "3 months", "1 year",
    "5 business days", "36h" or "1 year 6 months", a ``pd.DateOffset`` or a timedelta. It reaches
    over the stamps in (t - length, t] back from a stamp t, so that the last fold ends at the last
    stamp, and folds differ in their number of stamps where some are missing. Months and days are
    counted on the clock on the wall, hours and timedeltas in elapsed time. A month before the last
    day of a month is the last day of the month before; with one stamp a month, months are steps.
    Folds in which no stamp is left to train on or to test are no folds, and of steps that lead to
    the same training and test rows one counts. A step may be shorter than the distance of stamps.

    Purging is that of Lopez de Prado (2018, Advances in Financial Machine Learning, section 7.4.1);
    as nothing after the test part is trained on, no embargo is needed.

    Examples
    --------
    >>> import numpy as np
    >>> for train, test in ExpandingWindowSplit(2, horizon=2).split(np.zeros(7)):
    ...     print(train, test)
    [0 1 2] [3 4]
    [0 1 2 3 4] [5 6]
    >>> ExpandingWindowSplit(2, horizon="1 month", purge=1)
    ExpandingWindowSplit(n_splits=2, horizon='1 month', purge=1)
        ======xx####
        ==========xx####    = train  x purge  # test
    """

    _slides = False

    def __init__(
        self,
        n_splits: int | None = None,
        *,
        horizon: Length,
        step: Length | None = None,
        initial: Length | None = None,
        gap: Length = 0,
        purge: Length = 0,
    ) -> None:
        self.initial = initial
        super().__init__(n_splits, horizon, step, gap, purge)

    def _first_length(self) -> dict[str, Any]:
        return {"initial": self.initial}


class SlidingWindowSplit(_RollingOriginSplit):
    """Train on the last ``window`` steps before an origin, test on the ``horizon`` steps after it.

    Parameters
    ----------
    n_splits, horizon, step, gap, purge
        As in :class:`ExpandingWindowSplit`. The purged stamps are the last ones of the window.
    window : int, str, pandas offset or timedelta, optional
        Time stamps in each training part. None: as many as the first fold has before its origin.

    Raises
    ------
    ValueError
        If a number is out of range, or a text is no length.

    Examples
    --------
    >>> import numpy as np
    >>> for train, test in SlidingWindowSplit(2, horizon=2, window=3).split(np.zeros(7)):
    ...     print(train, test)
    [0 1 2] [3 4]
    [2 3 4] [5 6]
    """

    _slides = True

    def __init__(
        self,
        n_splits: int | None = None,
        *,
        horizon: Length,
        step: Length | None = None,
        window: Length | None = None,
        gap: Length = 0,
        purge: Length = 0,
    ) -> None:
        self.window = window
        super().__init__(n_splits, horizon, step, gap, purge)
        if isinstance(window, int) and isinstance(purge, int) and window <= purge:
            raise ValueError(
                f"purge={purge!r}, window={window!r}: nothing is left to train on, expected purge "
                "< window"
            )

    def _first_length(self) -> dict[str, Any]:
        return {"window": self.window}


def first_unchronological_fold(
    cv: Any, X: Any = None, y: Any = None, groups: Any = None
) -> int | None:
    """Return the number of the first fold that trains on what is later than its test part.

    Parameters
    ----------
    cv : splitter, int or iterable of (train, test)
        What ``cv=`` takes in scikit-learn.
    X, y : array, pandas object or AsOf of n rows
        In the order of time, or a panel ``(series, time)``. One of the two suffices.
    groups : array of shape (n,), optional
        For splitters that ask for them.

    Returns
    -------
    int or None
        Counted from 0; None if each fold trains on stamps before its first test stamp only.

    Raises
    ------
    ValueError, TypeError
        As in :meth:`ExpandingWindowSplit.split`.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.model_selection import KFold, TimeSeriesSplit
    >>> X = np.zeros((20, 1))
    >>> print(first_unchronological_fold(TimeSeriesSplit(3), X))
    None
    >>> first_unchronological_fold(KFold(3), X)
    0
    """
    rows = _Rows(X, y)
    splitter = check_cv(cv, y, classifier=False)
    for fold, (train, test) in enumerate(splitter.split(X if X is not None else y, y, groups)):
        trained, tested = rows.stamps[train], rows.stamps[test]
        if len(trained) and len(tested) and trained.max() >= tested.min():
            return fold
    return None


def stamp_positions(index: pd.Index | None, n: int) -> NDArray:
    """Return the number of each row's time stamp, 0 for the earliest.

    Parameters
    ----------
    index : pandas.Index of n rows, optional
        A plain index (or None) counts rows; of a MultiIndex ``(series, time)`` the distinct stamps
        of the second level are counted in increasing order.
    n : int
        Number of rows.

    Returns
    -------
    array of int, shape (n,)

    Raises
    ------
    ValueError
        If the stamps of a series are missing, duplicated or do not increase.
    TypeError
        If the index holds no time, or a MultiIndex has other than two levels.

    Examples
    --------
    >>> import pandas as pd
    >>> panel = pd.MultiIndex.from_tuples([("a", 10), ("a", 20), ("b", 20), ("b", 30)])
    >>> stamp_positions(panel, 4)
    array([0, 1, 1, 2])
    """
    if index is not None:
        check_index(index, "X")
    if isinstance(index, pd.MultiIndex):
        return np.unique(index.get_level_values(1), return_inverse=True)[1]
    return np.arange(n)


class _Rows:
    """Rows to be split: the position of each one's stamp, and its series."""

    def __init__(self, X: Any, y: Any) -> None:
        rows = X if X is not None else y
        if rows is None:
            raise ValueError("X and y are None: pass one of them to be split")
        own = X.index if isinstance(X, AsOf) else index_of(X)
        index = own if own is not None else index_of(y)
        n = _num_samples(rows)
        if y is not None and _num_samples(y) != n:
            raise ValueError(f"X has {n} rows, y {_num_samples(y)}: expected as many")
        self.stamps = stamp_positions(index, n)
        self.series = np.zeros(n, dtype=int)
        times = index
        if isinstance(index, pd.MultiIndex):
            self.series = index.codes[0]
            times = index.get_level_values(1).unique().sort_values()
        self.timeline = Timeline(n if times is None else len(times), times)
        self.labels = pd.RangeIndex(n) if times is None else times

    def between(self, start: int, end: int) -> NDArray:
        """Return the rows with stamps from one position up to another."""
        return np.flatnonzero((self.stamps >= start) & (self.stamps < end))


def _read_lengths(given: dict[str, Any]) -> Lengths:
    """Read lengths in the order of ``Lengths``."""
    read: list[Any] = [
        None
        if value is None and name in MAY_BE_NONE
        else read_length(name, value, LEAST.get(name, 1))
        for name, value in given.items()
    ]
    return Lengths(*read)


def _ratio(length: int | Span, of: int | Span) -> float:
    """Return how many times a length holds another, 1 where the two are of different kinds."""
    if isinstance(length, Span) and isinstance(of, Span):
        return length.approximate_days / of.approximate_days
    return 1.0 if isinstance(length, Span) or isinstance(of, Span) else length / of
