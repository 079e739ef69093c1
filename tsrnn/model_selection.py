"""Split time series into folds: train on the past, test on the ``horizon`` steps that follow.

Both splitters are scikit-learn splitters and go wherever ``cv=`` goes. A series is split by row; a
panel with a MultiIndex ``(series, time)`` by time stamp, so that all series share the same origins.
The last fold ends at the last stamp; earlier folds lie ``step`` stamps apart::

    ExpandingWindowSplit(3, horizon=2)        SlidingWindowSplit(3, horizon=2, window=3)
    train train train test  test                    train train train test  test
    train train train train train test  test  ...               train train train test  test
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.model_selection import BaseCrossValidator

from tsrnn.asof import AsOf
from tsrnn.checks import check_count
from tsrnn.containers import check_index, index_of


class _RollingOriginSplit(BaseCrossValidator):
    """Folds with origins ``step`` stamps apart; a subclass says where training starts."""

    def __init__(
        self, n_splits: int | None, horizon: int, step: int | None, initial: int | None, gap: int
    ) -> None:
        check_count("horizon", horizon)
        check_count("gap", gap, least=0)
        for name, value in {"n_splits": n_splits, "step": step, "initial": initial}.items():
            if value is not None:
                check_count(name, value)
        self.n_splits = n_splits
        self.horizon = horizon
        self.step = step
        self.initial = initial
        self.gap = gap

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
            If there are fewer stamps than the folds need, or a time index does not increase.
        TypeError
            If a MultiIndex has other than two levels.
        """
        stamps, series = _stamps_and_series(X, y)
        for start, end, test_start, test_end in self._bounds(int(stamps.max(initial=-1)) + 1):
            train = np.flatnonzero((stamps >= start) & (stamps < end))
            test = np.flatnonzero((stamps >= test_start) & (stamps < test_end))
            yield train, test[np.isin(series[test], series[train])]

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """Return the number of folds; without ``n_splits`` it depends on the rows of X or y."""
        if self.n_splits is not None:
            return self.n_splits
        if X is None and y is None:
            raise ValueError("n_splits=None: the number of folds depends on the rows; pass X or y")
        stamps, _ = _stamps_and_series(X, y)
        return len(self._bounds(int(stamps.max(initial=-1)) + 1))

    def _bounds(self, n_stamps: int) -> list[tuple[int, int, int, int]]:
        """Return (train start, train end, test start, test end) of each fold, ends excluded."""
        step = self.step or self.horizon
        last_end = n_stamps - self.horizon - self.gap
        half = max(1, min(n_stamps // 2, last_end))
        initial = self.initial or (1 if self.n_splits else half)
        n_splits = self.n_splits or max(1, (last_end - initial) // step + 1)
        first_end = last_end - (n_splits - 1) * step
        if first_end < initial:
            needed = n_stamps + initial - first_end
            raise ValueError(
                f"{n_stamps} rows (time stamps): {n_splits} fold(s) of horizon={self.horizon}, "
                f"step={step}, gap={self.gap} after at least {initial} training rows need {needed}"
            )
        ends = range(first_end, last_end + 1, step)
        return [
            (self._train_start(end, first_end), end, end + self.gap, end + self.gap + self.horizon)
            for end in ends
        ]

    @abstractmethod
    def _train_start(self, train_end: int, first_end: int) -> int:
        """Return the first training stamp of the fold whose training ends at ``train_end``."""


class ExpandingWindowSplit(_RollingOriginSplit):
    """Train on everything before an origin, test on the ``horizon`` steps after it.

    Parameters
    ----------
    n_splits : int, optional
        Number of folds. None: as many as fit after ``initial``.
    horizon : int
        Time stamps in each test part.
    step : int, optional
        Stamps between origins; ``horizon`` by default, so that test parts follow each other.
    initial : int, optional
        Least number of training stamps in the first fold. None: 1 when ``n_splits`` is given, else
        half of the stamps, or fewer where that leaves no fold.
    gap : int, default=0
        Stamps left out between training and test part.

    Raises
    ------
    ValueError
        If a number is out of range.

    Examples
    --------
    >>> import numpy as np
    >>> for train, test in ExpandingWindowSplit(2, horizon=2).split(np.zeros(7)):
    ...     print(train, test)
    [0 1 2] [3 4]
    [0 1 2 3 4] [5 6]
    """

    def __init__(
        self,
        n_splits: int | None = None,
        *,
        horizon: int,
        step: int | None = None,
        initial: int | None = None,
        gap: int = 0,
    ) -> None:
        super().__init__(n_splits, horizon, step, initial, gap)

    def _train_start(self, train_end: int, first_end: int) -> int:
        return 0


class SlidingWindowSplit(_RollingOriginSplit):
    """Train on the last ``window`` steps before an origin, test on the ``horizon`` steps after it.

    Parameters
    ----------
    n_splits, horizon, step, gap
        As in :class:`ExpandingWindowSplit`.
    window : int, optional
        Time stamps in each training part. None: as many as the first fold has before its origin.

    Raises
    ------
    ValueError
        If a number is out of range.

    Examples
    --------
    >>> import numpy as np
    >>> for train, test in SlidingWindowSplit(2, horizon=2, window=3).split(np.zeros(7)):
    ...     print(train, test)
    [0 1 2] [3 4]
    [2 3 4] [5 6]
    """

    def __init__(
        self,
        n_splits: int | None = None,
        *,
        horizon: int,
        step: int | None = None,
        window: int | None = None,
        gap: int = 0,
    ) -> None:
        if window is not None:
            check_count("window", window)
        self.window = window
        super().__init__(n_splits, horizon, step, window, gap)

    def _train_start(self, train_end: int, first_end: int) -> int:
        return train_end - (self.window or first_end)


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


def _stamps_and_series(X: Any, y: Any) -> tuple[NDArray, NDArray]:
    """Return each row's stamp position and series number."""
    rows = X if X is not None else y
    if rows is None:
        raise ValueError("X and y are None: pass one of them to be split")
    own = X.index if isinstance(X, AsOf) else index_of(X)
    index = own if own is not None else index_of(y)
    series = index.codes[0] if isinstance(index, pd.MultiIndex) else np.zeros(len(rows), dtype=int)
    return stamp_positions(index, len(rows)), series
