"""The edge to pandas, polars and numpy: reading targets and covariates, giving forecasts back.

Conventions: n rows, K targets, F covariates. Inside the package values are float64 arrays
``(n, K)`` and ``(n, F)`` in which NaN means missing; outside they have the caller's kind, names
and index.
"""

from __future__ import annotations

import warnings
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any, overload

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd
from sklearn.exceptions import DataConversionWarning
from sklearn.utils import check_array

EXACT_INTEGERS = 2**53  # float64 keeps integers exactly up to here
# What pandas.api.types.infer_dtype calls object columns that hold nothing but numbers.
NUMBERS_IN_OBJECTS = ("floating", "integer", "mixed-integer-float", "boolean", "empty")


@dataclass(frozen=True)
class Form:
    """How the caller held a target, so that forecasts go out as they came in."""

    kind: str  # "array", "series", "frame", "polars series" or "polars frame"
    names: tuple[Any, ...]  # names of the targets, () for arrays
    ndim: int

    def give_back(self, values: np.ndarray, index: pd.Index | None) -> Any:
        """Dress float64 values ``(n, K)`` in the caller's kind, names and index."""
        flat = values[:, 0] if self.ndim == 1 else values
        if self.kind == "series":
            return pd.Series(flat, index=index, name=self.names[0])
        if self.kind == "frame":
            return pd.DataFrame(flat, index=index, columns=pd.Index(self.names))
        if self.kind.startswith("polars"):
            import polars as pl

            columns = [pl.Series(str(n), v) for n, v in zip(self.names, values.T, strict=True)]
            return columns[0] if self.kind == "polars series" else pl.DataFrame(columns)
        return flat

    def give_back_several(
        self, values: np.ndarray, index: pd.Index | None, labels: Sequence[Any]
    ) -> Any:
        """Dress several values a target, float64 ``(n, K, L)``: a column for each label."""
        if self.kind == "array":
            return values[:, 0] if self.ndim == 1 else values
        flat = values.reshape(len(values), -1)
        if self.kind == "series":
            return pd.DataFrame(flat, index=index, columns=pd.Index(labels))
        if self.kind == "frame":
            columns = pd.MultiIndex.from_product([self.names, labels], names=["target", "level"])
            return pd.DataFrame(flat, index=index, columns=columns)
        import polars as pl

        single = self.kind == "polars series"
        names = [str(x) if single else f"{name}_{x}" for name in self.names for x in labels]
        return pl.DataFrame([pl.Series(n, v) for n, v in zip(names, flat.T, strict=True)])


def read_target(y: Any, *, owner: str) -> tuple[np.ndarray, pd.Index | None, Form]:
    """Read a target into float64 ``(n, K)``, its index (None where there is none) and its form.

    Raises
    ------
    TypeError
        If the dtype is not numeric, naming the conversion to write.
    ValueError
        If y is None, has infinite values, or more than two dimensions.
    """
    if y is None:
        raise ValueError(
            f"{owner} requires y to be passed, but the target y is None; "
            "to forecast a series call fit(y=series)"
        )
    if _is_torch(y):
        if y.device.type != "cpu" or y.requires_grad:
            raise TypeError(
                "y is a torch tensor that is not a plain CPU one: y.detach().cpu().numpy()"
            )
        y = y.numpy()
    index: pd.Index | None = None
    if isinstance(y, pd.Series):
        form = Form("series", (y.name,), 1)
        index, columns = y.index, [y]
    elif isinstance(y, pd.DataFrame):
        form = Form("frame", tuple(y.columns), 2)
        index, columns = y.index, [y.iloc[:, i] for i in range(y.shape[1])]
    elif nw.dependencies.is_polars_series(y):
        form = Form("polars series", (y.name,), 1)
        columns = [pd.Series(y.to_numpy(), name=y.name)]
    elif nw.dependencies.is_polars_dataframe(y):
        form = Form("polars frame", tuple(y.columns), 2)
        columns = [pd.Series(y[name].to_numpy(), name=name) for name in y.columns]
    else:
        array = np.ma.asanyarray(y) if np.ma.isMaskedArray(y) else np.asarray(y)
        form = Form("array", (), array.ndim)
        _check_numeric(array.dtype, "y")
        if np.ma.isMaskedArray(array):
            array = np.ma.filled(array.astype(np.float64), np.nan)
        values = check_array(
            array, ensure_2d=False, dtype="numeric", ensure_all_finite="allow-nan", input_name="y"
        )
        _warn_if_inexact(values)
        return values.astype(np.float64).reshape(len(values), -1), None, form
    if not columns:
        raise ValueError("y has 0 columns: expected at least one target")
    if not len(columns[0]):
        raise ValueError("y has 0 rows: expected at least one")
    values = np.column_stack([_float_column(column) for column in columns])
    check_array(values, ensure_all_finite="allow-nan", input_name="y", ensure_min_samples=0)
    return values, index, form


def align_targets(values: np.ndarray, given: Form, fitted: Form, n_targets: int) -> np.ndarray:
    """Put the targets (n, K) of new rows into the order of fit: by name, where both are frames.

    Raises
    ------
    ValueError
        If they are others than those of fit, or another number of them.
    """
    named = "frame" in given.kind and "frame" in fitted.kind
    if values.shape[1] == n_targets:
        if not named or given.names == fitted.names:
            return values
        if set(given.names) == set(fitted.names) and len(set(given.names)) == n_targets:
            return values[:, [given.names.index(name) for name in fitted.names]]
    expected = f"those of fit, {list(fitted.names)}" if fitted.names else f"{n_targets}, as in fit"
    got = f"the columns {list(given.names)}" if named else f"{values.shape[1]} target(s)"
    raise ValueError(f"y has {got}: expected {expected}")


def check_observed(values: np.ndarray, index: pd.Index | None) -> None:
    """Refuse missing targets (n, K), naming the first."""
    gone = np.isnan(values).any(axis=1)
    if not gone.any():
        return
    stamps = index if index is not None else pd.RangeIndex(len(values))
    where = f"first at {stamps[int(np.argmax(gone))]}"
    if gone[-1]:
        seen = np.flatnonzero(~gone)
        last = f"the last valid one is at {stamps[seen[-1]]}" if len(seen) else "none is valid"
        where = f"the end is missing, {last}"
    raise ValueError(
        f"y has {int(gone.sum())} missing values (NaN), {where}; fill or drop them, "
        "or set missing='mask'"
    )


def warn_column_vector(form: Form, values: np.ndarray) -> None:
    """Give scikit-learn's warning about an ``(n, 1)`` array where 1-D is expected."""
    if form.kind == "array" and form.ndim == 2 and values.shape[1] == 1:
        warnings.warn(
            "A column-vector y was passed when a 1d array was expected. "
            "Please change the shape of y to (n_samples,), for example using ravel().",
            DataConversionWarning,
            stacklevel=3,
        )


def is_empty_frame(X: Any) -> bool:
    """Tell whether X is a frame without columns, which means: no covariates."""
    return isinstance(X, pd.DataFrame) and X.shape[1] == 0


def index_of(data: Any) -> pd.Index | None:
    """Return the index of pandas data, None for everything else."""
    return data.index if isinstance(data, pd.Series | pd.DataFrame) else None


def is_positional(index: pd.Index | None) -> bool:
    """Tell whether an index says nothing: none at all, or pandas' default one starting at 0."""
    return index is None or (
        isinstance(index, pd.RangeIndex) and index.start == 0 == index.step - 1
    )


def check_numeric_columns(X: Any, also: str = "") -> None:
    """Refuse text, categories and other columns that are no numbers, naming what to do.

    ``also`` names a remedy besides encoding them.
    """
    if not isinstance(X, pd.DataFrame):
        return
    for name, column in X.items():
        if column.dtype == object:
            numeric = pd.api.types.infer_dtype(column, skipna=True) in NUMBERS_IN_OBJECTS
        else:
            numeric = pd.api.types.is_numeric_dtype(column.dtype)
        if not numeric:
            raise TypeError(
                f"X has the column {name!r} of dtype {column.dtype}: expected numbers; encode it, "
                f"for example with OneHotEncoder or OrdinalEncoder in a ColumnTransformer{also}"
            )


def check_index(index: pd.Index, argument: str) -> None:
    """Refuse an index that is not one of increasing time stamps (or a panel of such).

    Raises
    ------
    TypeError
        For a kind of index that holds no time, and for more than two levels.
    ValueError
        For missing, duplicated or unsorted stamps, naming the first.
    """
    if isinstance(index, pd.MultiIndex):
        if index.nlevels != 2:
            raise TypeError(
                f"{argument}.index has the levels {list(index.names)}: expected two, (series, time)"
            )
        stamps = index.get_level_values(1)
        for key, rows in panel_rows(index):
            _check_stamps(stamps[rows], argument, f" of series {key!r}")
    else:
        _check_stamps(index, argument, "")


def common_index(X: Any, index: pd.Index | None) -> pd.Index | None:
    """Return the index that X and y share, the one of y being ``index``; check both.

    Raises
    ------
    ValueError
        If both have one and they differ, naming the first row where they do.
    """
    other = index_of(X)
    if index is not None:
        check_index(index, "y")
    elif other is not None:
        check_index(other, "X")
    if index is None or other is None:
        return other if index is None else index
    if len(index) != len(other):
        raise ValueError(f"X has {len(other)} rows, y has {len(index)}: expected as many")
    if not index.equals(other):
        first = int(np.argmax(np.asarray(index != other)))
        raise ValueError(
            f"X.index differs from y.index, first at row {first}: {other[first]} in X, "
            f"{index[first]} in y; align them, for example X = X.loc[y.index]"
        )
    return index


def panel_rows(index: pd.MultiIndex) -> list[tuple[Any, np.ndarray]]:
    """List ``(key, positions of its rows)`` of a panel, in the order of first appearance."""
    keys = index.get_level_values(0)
    codes, unique = pd.factorize(keys)
    if (codes < 0).any():
        raise ValueError(f"the level {index.names[0]!r} of the index has missing series names")
    order = np.argsort(codes, kind="stable")
    bounds = np.searchsorted(codes[order], np.arange(len(unique) + 1))
    return [(key, order[a:b]) for key, a, b in zip(unique, bounds[:-1], bounds[1:], strict=True)]


def groups_of(index: pd.Index | None, n: int) -> list[tuple[Hashable, np.ndarray]]:
    """List ``(key, positions of its rows)`` of n rows: one series has the key None."""
    return panel_rows(index) if isinstance(index, pd.MultiIndex) else [(None, np.arange(n))]


@overload
def stamps_of(index: pd.Index, rows: np.ndarray) -> pd.Index: ...
@overload
def stamps_of(index: None, rows: np.ndarray) -> None: ...
def stamps_of(index: pd.Index | None, rows: np.ndarray) -> pd.Index | None:
    """Return the time stamps of some rows, the time level for a panel."""
    if index is None:
        return None
    if isinstance(index, pd.MultiIndex):
        return index.get_level_values(1)[rows]
    return index if len(rows) == len(index) else index[rows]  # all rows: its freq survives


def _float_column(column: pd.Series) -> np.ndarray:
    label = "y" if column.name is None else f"y (column {column.name!r})"
    _check_numeric(column.dtype, label)
    if pd.api.types.is_integer_dtype(column.dtype):
        _warn_if_inexact(column.dropna().to_numpy())
    return column.to_numpy(dtype=np.float64, na_value=np.nan)


def _check_numeric(dtype: Any, label: str) -> None:
    if pd.api.types.is_bool_dtype(dtype):
        raise TypeError(f"{label} is bool: use astype(float) if 0/1 is meant")
    if pd.api.types.is_object_dtype(dtype):
        raise TypeError(
            f"Unknown label type: {label} has dtype object: expected numbers; y.astype(float)"
        )
    if pd.api.types.is_complex_dtype(dtype):
        raise ValueError(f"Complex data not supported: {label} is {dtype}")
    if not pd.api.types.is_numeric_dtype(dtype):
        raise TypeError(
            f"{label} is {dtype}: expected numbers; convert it, it is not cast silently"
        )


def _warn_if_inexact(values: np.ndarray) -> None:
    if values.size and np.issubdtype(values.dtype, np.integer):
        largest = max(abs(int(values.max())), abs(int(values.min())))
        if largest > EXACT_INTEGERS:
            warnings.warn(
                f"y holds integers up to {largest}: float64 keeps 53 bits, larger ones are rounded",
                UserWarning,
                stacklevel=4,
            )


def _check_stamps(index: pd.Index, argument: str, of: str) -> None:
    """Check the index of one series, which ``of`` names in a panel."""
    time = isinstance(index, pd.DatetimeIndex | pd.PeriodIndex | pd.TimedeltaIndex)
    if not time and (index.dtype == bool or index.dtype.kind not in "iuf"):
        raise TypeError(
            f"{argument}.index{of} is {index.dtype}: expected time stamps or numbers; for dates "
            f"held as text or objects: {argument}.index = pd.to_datetime({argument}.index)"
        )
    absent = np.asarray(index.isna())
    if index.dtype.kind == "f":
        absent = absent | np.isinf(index.to_numpy(dtype=np.float64, na_value=np.nan))
    if absent.any():
        raise ValueError(
            f"{argument}.index{of} has {np.sum(absent)} missing time stamps, "
            f"first at row {np.argmax(absent)}: drop those rows"
        )
    if index.has_duplicates:
        raise ValueError(f"{argument}.index{of} has {_describe_duplicates(index, argument, of)}")
    if not index.is_monotonic_increasing:
        first = int(np.argmax(index[1:] < index[:-1])) + 1
        raise ValueError(
            f"{argument}.index{of} is not increasing, first at row {first}: "
            f"sort it, {argument}.sort_index(); if a splitter shuffled the rows, cut them by time "
            "with ExpandingWindowSplit"
        )


def _describe_duplicates(index: pd.Index, argument: str, of: str) -> str:
    twice = index[index.duplicated()]
    count = "1 duplicate" if len(twice) == 1 else f"{len(twice)} duplicates"
    levels = "[0, 1]" if of else "0"
    message = (
        f"{count}: {_show(twice[0])}; aggregate first, for example "
        f"{argument}.groupby(level={levels}).mean()"
    )
    if _looks_like_autumn(index, twice):
        message += (
            "; this looks like a daylight-saving change: "
            f"{argument}.tz_localize(zone, ambiguous='infer')"
        )
    return message


def _is_torch(data: Any) -> bool:
    return type(data).__module__.split(".")[0] == "torch"


def _show(stamp: Any) -> str:
    """Write a stamp shortly: the date alone at midnight."""
    if isinstance(stamp, pd.Timestamp) and stamp == stamp.normalize():
        return str(stamp.date())
    return str(stamp)


def _looks_like_autumn(index: pd.Index, twice: pd.Index) -> bool:
    """Tell whether an hour or part of it comes twice, from 0 to 4 o'clock, in a naive clock."""
    return (
        isinstance(index, pd.DatetimeIndex)
        and isinstance(twice, pd.DatetimeIndex)
        and index.tz is None
        and bool((twice.hour < 4).all())
        and index.normalize().nunique() < len(index.unique())
        and len(twice) <= 60
    )
