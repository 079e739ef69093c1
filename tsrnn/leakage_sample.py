"""The rows of an audit: whose time is which, and the same rows with another future.

Conventions: n rows, F columns of X (windows count a column for each step and channel), K of y.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import issparse
from sklearn.utils import _safe_indexing

from tsrnn.asof import AsOf
from tsrnn.containers import groups_of, index_of, is_positional
from tsrnn.covariates import as_pandas

# Two other futures: with one alone, a maximum or the best epoch may stay where it was.
FUTURES = ("larger", "smaller")
FEW = 10  # distinct values up to which a column counts as flags or categories
FACTOR = 3  # by which redrawn values leave the range seen, so that a maximum moves too
SAME = 1e-7  # change of a value in deviations of its column, below which it is rounding


@dataclass(frozen=True)
class Sample:
    """Rows of X and y with their places in time."""

    X: Any  # frame, array of two or three dimensions, AsOf, or None
    y: Any
    index: pd.Index | None
    stamps: NDArray[np.intp]  # (n,) number of each row's time, 0 for the earliest
    times: pd.Index  # (n,) its label

    def rows(self, which: NDArray) -> tuple[Any, Any]:
        """Return X and y of some rows; X stays None where it is."""
        X = None if self.X is None else _safe_indexing(self.X, which)
        return X, None if self.y is None else _safe_indexing(self.y, which)

    def series(self) -> list[NDArray[np.intp]]:
        """List the rows of each series in the order of time."""
        groups = groups_of(self.index, len(self.stamps))
        return [rows[np.argsort(self.stamps[rows], kind="stable")] for _, rows in groups]

    def label(self, stamp: int) -> Any:
        """Return the time of a stamp."""
        return self.times[int(np.argmax(self.stamps == stamp))]

    def with_future(
        self, x_rows: NDArray[np.bool_], y_rows: NDArray[np.bool_], future: str, seed: int
    ) -> Sample:
        """Return the sample with other values in some rows of X and of y.

        An AsOf stays, and so does what is constant within each series of a panel.
        """
        rng, X = np.random.default_rng(seed), self.X
        if not isinstance(X, AsOf):
            X = perturbed(X, x_rows, future, rng, _changing(X, self.index))
        return replace(self, X=X, y=perturbed(self.y, y_rows, future, rng))

    def with_columns(self, columns: list[int], rows: NDArray, future: str, seed: int) -> Sample:
        """Return the sample with other values in some columns of X, at some rows."""
        rng = np.random.default_rng(seed)
        return replace(self, X=perturbed(self.X, rows, future, rng, columns))


def read_sample(X: Any, y: Any) -> Sample:
    """Read what is to be audited; the time of a row is its index, or its number without one."""
    X, y = as_pandas(X), _target(y)
    if X is None and y is None:
        raise ValueError("X and y are None: pass y, the target, and X where the estimator has one")
    if isinstance(X, AsOf):
        if index_of(y) is None:
            raise ValueError("X is an AsOf, but y has no index: expected y to tell the times meant")
        X = X.reindex(y.index)
    elif X is not None and not hasattr(X, "shape"):
        X = np.asarray(X)
    if issparse(X):
        raise TypeError("X is a sparse matrix: expected a frame or an array, such as X.toarray()")
    n = len(X) if y is None else len(y)
    if X is not None and len(X) != n:
        raise ValueError(f"X has {len(X)} rows and y has {n}: expected as many")
    own = index_of(X)
    index = index_of(y) if own is None or is_positional(own) else own
    index = own if index is None else index
    return Sample(X, y, index, *_order(index, n))


def perturbed(
    data: Any,
    rows: NDArray[np.bool_],
    future: str,
    rng: np.random.Generator,
    columns: list[int] | None = None,
) -> Any:
    """Return a copy with other values in some rows (and columns); missing ones stay missing.

    New values are drawn from those that the column has, so that positive numbers stay positive,
    whole ones whole and categories known; numbers with many values are then multiplied or divided
    by FACTOR, so that mean, deviation and extremes all move.
    """
    if data is None or not rows.any():
        return data
    if isinstance(data, pd.Series):
        return _redrawn_series(data, rows, future, rng)
    if isinstance(data, pd.DataFrame):
        frame = data.copy()
        for i in range(frame.shape[1]) if columns is None else columns:
            frame.isetitem(i, _redrawn_series(frame.iloc[:, i], rows, future, rng).array)
        return frame
    array = np.array(data)
    flat = array.reshape(len(array), -1)  # a view: array is contiguous
    for i in range(flat.shape[1]) if columns is None else columns:
        change, drawn = _redraw(flat[:, i], rows, future, rng)
        flat[change, i] = drawn
    return array


def table(data: Any) -> tuple[list[Any], NDArray[np.float64]]:
    """Return the numeric columns: their names and values (n, F); those of an AsOf are not read."""
    if data is None or isinstance(data, AsOf):
        return [], np.empty((0, 0))
    if isinstance(data, pd.Series):
        data = data.to_frame("y" if data.name is None else data.name)
    if isinstance(data, pd.DataFrame):
        part = data.iloc[:, numeric_places(data)]
        return list(part.columns), part.to_numpy(dtype=np.float64, na_value=np.nan)
    array = np.asarray(data)
    if array.dtype.kind not in "iufb":
        array = pd.DataFrame(array.reshape(len(array), -1)).apply(pd.to_numeric, errors="coerce")
    flat = np.asarray(array, dtype=np.float64).reshape(len(array), -1)
    if np.ndim(data) == 3:
        steps, channels = np.shape(data)[1:]
        names = [f"x{c}_lag{lag}" for lag in range(steps - 1, -1, -1) for c in range(channels)]
    else:
        names = [f"x{c}" for c in range(flat.shape[1])]
    return names, flat


def numeric_places(data: Any) -> list[int]:
    """Return where the columns of :func:`table` are among those of X."""
    if isinstance(data, pd.DataFrame):
        return [i for i in range(data.shape[1]) if _is_number(data.dtypes.iloc[i])]
    return list(range(table(data)[1].shape[1]))


def changed_values(before: NDArray, after: NDArray, tolerance: float = SAME) -> NDArray[np.bool_]:
    """Tell which values (n, F) differ by more than rounding."""
    with np.errstate(invalid="ignore"):
        scale = np.nan_to_num(np.nanmax(np.abs(before), axis=0, initial=0.0))
        differ = np.abs(before - after) > tolerance * np.where(scale > 0, scale, 1.0)
    return differ | (np.isnan(before) != np.isnan(after))


def _changing(X: Any, index: pd.Index | None) -> list[int] | None:
    """Return the columns that change within a series of a panel, None for all."""
    if not isinstance(X, pd.DataFrame) or not isinstance(index, pd.MultiIndex):
        return None
    kinds = X.set_axis(range(X.shape[1]), axis=1).groupby(index.codes[0]).nunique(dropna=False)
    return [i for i in range(X.shape[1]) if (kinds[i] > 1).any()]


def _target(y: Any) -> Any:
    """Return y as a pandas object or an array."""
    if y is None or isinstance(y, pd.Series | pd.DataFrame):
        return y
    if nw.dependencies.is_polars_dataframe(y):
        return as_pandas(y)
    if nw.dependencies.is_polars_series(y):
        return pd.Series(y.to_numpy(), name=y.name)
    return np.asarray(y)


def _order(index: pd.Index | None, n: int) -> tuple[NDArray[np.intp], pd.Index]:
    """Return the number of each row's time and its label."""
    times = index.get_level_values(-1) if isinstance(index, pd.MultiIndex) else index
    if times is None or is_positional(times):
        return np.arange(n), pd.RangeIndex(n)
    dated = isinstance(times, pd.DatetimeIndex | pd.PeriodIndex | pd.TimedeltaIndex)
    if not dated and times.dtype.kind not in "iuf":
        return np.arange(n), times
    return pd.factorize(times, sort=True)[0], times


def _redrawn_series(
    series: pd.Series, rows: NDArray[np.bool_], future: str, rng: np.random.Generator
) -> pd.Series:
    number = _is_number(series.dtype)
    values = series.to_numpy(np.float64, na_value=np.nan) if number else series.to_numpy(object)
    change, drawn = _redraw(values, rows, future, rng)
    whole = number and series.dtype.kind in "iub"
    redrawn = series.copy()
    fitting = pd.Series(np.round(drawn) if whole else drawn, dtype=object).astype(series.dtype)
    redrawn.iloc[np.flatnonzero(change)] = fitting.array
    return redrawn


def _redraw(
    values: NDArray, rows: NDArray[np.bool_], future: str, rng: np.random.Generator
) -> tuple[NDArray[np.bool_], NDArray]:
    """Return which values (n,) change, and into what."""
    codes, distinct = pd.factorize(values)
    change = rows & (codes >= 0)
    n = int(change.sum())
    if values.dtype.kind in "iuf" and len(distinct) > FEW:
        middle = len(distinct) // 2
        larger = future == "larger"
        half = np.sort(distinct)[middle:] if larger else np.sort(distinct)[:middle]
        drawn = rng.choice(half, n)
        return change, drawn * FACTOR if larger else drawn / FACTOR
    shift = rng.integers(1, max(2, len(distinct)), n)
    return change, np.asarray(distinct)[(codes[change] + shift) % max(1, len(distinct))]


def _is_number(dtype: Any) -> bool:
    return bool(pd.api.types.is_numeric_dtype(dtype)) and not pd.api.types.is_complex_dtype(dtype)
