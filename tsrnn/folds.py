"""Folds of a backtest: which rows a model learns from, which it must forecast, what came of it.

Conventions: n rows, K targets (1 but for a wide frame), L quantile levels. A fold is an origin with
its training and its test rows; a chain is a run of folds through which one fitted model is carried
(a single fold with ``refit="cold"``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.utils import _safe_indexing

from tsrnn.asof import AsOf
from tsrnn.containers import common_index, read_target
from tsrnn.lengths import Length
from tsrnn.model_selection import ExpandingWindowSplit, SlidingWindowSplit, stamp_positions


@dataclass(frozen=True)
class Data:
    """What is backtested: the caller's X and y, and y read once."""

    X: Any
    y: Any
    values: NDArray  # (n, K)
    labels: NDArray  # (n, K) the series each value belongs to
    stamps: NDArray  # (n,) position of each row's time stamp
    times: pd.Index  # (n,) its label
    index: pd.Index | None  # of y
    plain: bool = False  # the model takes arrays, no vintages

    def rows(self, which: NDArray, fold: Fold) -> tuple[Any, Any]:
        """Return (X, y) of some rows as known at a fold's origin; X stays None where it is."""
        known = self.X.until(self.origin(fold)) if isinstance(self.X, AsOf) else self.X
        X = None if known is None else _safe_indexing(known, which)
        if self.plain and isinstance(X, AsOf):
            X = X.to_frame()
        return X, _safe_indexing(self.y, which)

    def origin(self, fold: Fold) -> Any:
        """Return the label of the last training stamp."""
        return self.times[int(np.flatnonzero(self.stamps == fold.last)[0])]


@dataclass(frozen=True)
class Fold:
    """One origin: its training rows and its test rows."""

    number: int
    train: NDArray
    test: NDArray
    new: NDArray  # rows that came after the training rows of the fold before
    last: int  # position of the last training stamp


@dataclass(frozen=True)
class Outcome:
    """What one model did in one fold; without forecasts if ``fit``, ``update`` or predict failed.

    ``stage`` is where it failed. A failure of predict_quantiles leaves the point forecasts.
    """

    model: str
    fold: Fold
    action: str  # "fit" or "update"
    fit_seconds: float = np.nan
    predict_seconds: float = np.nan
    peak_mb: float = np.nan
    y_pred: NDArray | None = None  # (test rows, K)
    quantiles: NDArray | None = None  # (test rows, K, L)
    stage: str = ""
    error: str = ""
    traceback: str = ""


def read_data(X: Any, y: Any) -> Data:
    """Read what is to be backtested, X and y checked against each other."""
    if y is None and X is not None:
        raise ValueError("y is None: to backtest on a series call backtest(models, y=series, ...)")
    values, index, form = read_target(y, owner="backtest")
    if twice := [name for name in form.names if form.names.count(name) > 1]:
        raise ValueError(
            f"y has {form.names.count(twice[0])} columns named {twice[0]!r}: rename them"
        )
    if isinstance(X, AsOf):
        if index is None:
            raise ValueError("X is an AsOf, but y has no index: expected y to tell the times meant")
        X = X.reindex(index)
    n = len(values)
    if X is not None and len(X) != n:
        raise ValueError(f"X has {len(X)} rows and y has {n}: expected as many")
    index = common_index(X, index)
    stamps = stamp_positions(index, n)
    if isinstance(index, pd.MultiIndex):
        times = index.get_level_values(1)
    else:
        times = pd.RangeIndex(n) if index is None else index
    return Data(X, y, values, _labels(index, form.names, values.shape), stamps, times, index)


def _labels(index: pd.Index | None, names: tuple[Any, ...], shape: tuple[int, ...]) -> NDArray:
    """Name the series of each value (n, K): the target, in a panel the series."""
    n, n_targets = shape
    if not names:
        names = tuple(range(n_targets)) if n_targets > 1 else ("y",)
    targets = np.empty(n_targets, dtype=object)  # filled one by one: a name may be a tuple
    for k, name in enumerate(names):
        targets[k] = "y" if name is None else name
    labels = np.tile(targets, (n, 1))
    if not isinstance(index, pd.MultiIndex):
        return labels
    keys = np.asarray(index.get_level_values(0), dtype=object)[:, np.newaxis]
    if n_targets == 1:
        return keys
    return np.frompyfunc(lambda key, target: f"{key} {target}", 2, 1)(keys, labels)


def make_folds(
    data: Data,
    horizon: int,
    n_folds: int | None,
    step: Length | None,
    initial: Length | None,
    window: str,
    gap: Length,
) -> list[Fold]:
    """Cut the rows into folds, the oldest first."""
    splitter: ExpandingWindowSplit | SlidingWindowSplit
    if window == "expanding":
        splitter = ExpandingWindowSplit(
            n_folds, horizon=horizon, step=step, initial=initial, gap=gap
        )
    else:
        splitter = SlidingWindowSplit(n_folds, horizon=horizon, step=step, window=initial, gap=gap)
    folds: list[Fold] = []
    known = -1  # position of the last training stamp of the fold before
    for train, test in splitter.split(
        pd.Series(0.0, index=data.times if data.index is None else data.index)
    ):
        last = int(data.stamps[train].max())
        new = np.flatnonzero((data.stamps > known) & (data.stamps <= last))
        folds.append(Fold(len(folds), train, test, new, last))
        known = last
    return folds


def rows_ahead(data: Data, fold: Fold) -> NDArray:
    """Return the rows after the origin up to the last test row: those of the gap come too."""
    if data.stamps[fold.test].min() == fold.last + 1:  # there is no gap
        return fold.test
    ahead = (data.stamps > fold.last) & (data.stamps <= data.stamps[fold.test].max())
    tested = pd.Index(data.labels[:, 0]).isin(data.labels[fold.test, 0])
    return np.flatnonzero(ahead & tested)


def overlapping(folds: list[Fold], data: Data) -> int:
    """Return how many folds in a row share stamps after their origins, 1 for none."""
    ends = [int(data.stamps[fold.test].max(initial=fold.last)) for fold in folds]
    shared = (sum(later.last < end for later in folds[i:]) for i, end in enumerate(ends))
    return max(1, *shared)


def make_chains(folds: list[Fold], refit: str | int) -> list[list[Fold]]:
    """Cut the folds into runs that are fitted once, at their first fold (with "warm" at each)."""
    whole = isinstance(refit, str) and refit != "cold"
    length = len(folds) if whole else 1 if refit == "cold" else int(refit)
    return [folds[i : i + length] for i in range(0, len(folds), length)]
