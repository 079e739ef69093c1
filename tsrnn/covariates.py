"""Covariates at the edge: what their columns are, and reading those of a call.

Conventions: n rows, C columns of X, of which S are static and F = C - S change with time.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd
from sklearn.utils import check_array
from sklearn.utils.validation import validate_data

from tsrnn.asof import AsOf
from tsrnn.containers import check_numeric_columns, is_positional
from tsrnn.panels import read_frame


@dataclass(frozen=True)
class Columns:
    """The columns of X as fit saw them: names, for arrays numbers."""

    names: tuple[Any, ...] = ()
    past_only: tuple[Any, ...] = ()
    static: tuple[Any, ...] = ()

    @classmethod
    def of(cls, X: Any, past_only: Any, static: Any) -> Columns:
        """Read the names, and which of them the user called past-only and static."""
        names = _names(X)
        past, constant = _named("past_only", past_only), _named("static", static)
        for parameter, given in (("past_only", past), ("static", constant)):
            unknown = [name for name in given if name not in names]
            if unknown:
                raise ValueError(f"{parameter}={list(given)!r}: X has the columns {list(names)}")
        both = [name for name in past if name in constant]
        if both:
            raise ValueError(f"past_only and static both name the columns {both}: choose one")
        return cls(
            names, tuple(n for n in names if n in past), tuple(n for n in names if n in constant)
        )

    @property
    def changing(self) -> tuple[Any, ...]:
        """The F columns that change with time."""
        return tuple(name for name in self.names if name not in self.static)

    @property
    def known(self) -> tuple[Any, ...]:
        """The columns whose values a forecast needs: known in advance, and not static."""
        return tuple(name for name in self.changing if name not in self.past_only)

    @property
    def is_past_only(self) -> np.ndarray:
        """Tell for each of the F changing columns whether its future is unknown (F,)."""
        return np.array([name in self.past_only for name in self.changing], dtype=bool)

    def check_some(self, X: Any, owner: str) -> None:
        """Refuse the covariates of a call after a fit without any."""
        if not self.names:
            shape = X.shape if hasattr(X, "shape") else np.shape(X)
            raise ValueError(
                f"X has {shape[1] if len(shape) > 1 else 1} columns, but {owner} was fitted "
                "without covariates: pass X to fit too, or a frame without columns, X[[]]"
            )

    def check_none_needed(self, but: str) -> None:
        """Refuse a call without covariates, if forecasts need some."""
        if self.known:
            raise ValueError(f"fitted with X columns {list(self.known)}; {but}")

    def places(self, X: AsOf) -> list[int]:
        """Return where the changing columns are in X."""
        if set(X.columns) != set(self.changing):
            raise ValueError(
                f"X is an AsOf with the columns {X.columns}: fitted with {list(self.changing)}"
            )
        return [X.columns.index(name) for name in self.changing]


class Covariates(NamedTuple):
    """Covariates of the rows of a call."""

    values: np.ndarray | None  # (n, F), NaN where missing; None without changing columns
    given: np.ndarray  # (F,) whether the call had the column at all
    static: np.ndarray | None  # (n, S) numbers or categories; None without static columns
    vintages: AsOf | None = None  # where the values come from, if they were issued in vintages

    def check_rows(self, n: int) -> None:
        """Refuse another number of rows than y has."""
        for part in (self.values, self.static):
            if part is not None and len(part) != n:
                raise ValueError(f"X has {len(part)} rows, y has {n}: expected as many")

    def of(self, rows: np.ndarray) -> np.ndarray | None:
        """Return the values of some rows."""
        return None if self.values is None else self.values[rows]

    def static_of(self, rows: np.ndarray, columns: Columns, key: Hashable) -> tuple[Any, ...]:
        """Return the one value of each static column that a series has, None where unknown."""
        if self.static is None:
            return (None,) * len(columns.static)
        values = []
        for name, column in zip(columns.static, self.static[rows].T, strict=True):
            seen = pd.unique(column[~pd.isna(column)])
            if len(seen) > 1:
                raise ValueError(
                    f"X has the static column {name!r} with the values {seen[0]!r} and {seen[1]!r}"
                    f"{_of(key)}: expected one value in a series"
                )
            values.append(seen[0] if len(seen) else None)
        return tuple(values)


def as_pandas(X: Any) -> Any:
    """Turn a polars frame into one of pandas, so that its columns are read by name."""
    return read_frame(X, "X") if nw.dependencies.is_polars_dataframe(X) else X


def align(X: Any, columns: Columns) -> tuple[Any, np.ndarray]:
    """Put the columns of X into the order of fit, with NaN for absent ones that a call may omit.

    Returns
    -------
    X : frame or array of shape (n, C)
        Unchanged where its columns cannot be those of fit.
    given : array of shape (F,)
        Whether X has each changing column.
    """
    whole = np.ones(len(columns.changing), dtype=bool)
    optional = {*columns.past_only, *columns.static}
    if isinstance(X, pd.DataFrame) and X.columns.is_unique:
        if set(X.columns) | optional != set(columns.names):
            return X, whole
        given = np.array([name in X.columns for name in columns.changing], dtype=bool)
        return X.reindex(columns=list(columns.names)), given
    array = np.asarray(X)
    if optional and array.ndim == 2 and array.shape[1] == len(columns.known):
        places = [columns.names.index(name) for name in columns.known]
        dtype = object if array.dtype.kind in "OUS" else np.float64
        full = np.full((len(array), len(columns.names)), np.nan, dtype=dtype)
        full[:, places] = array
        return full, ~columns.is_past_only
    return X, whole


def read_columns(estimator: Any, X: Any, columns: Columns, *, reset: bool) -> Covariates:
    """Read a frame or an array, in the order of fit.

    ``reset`` tells the estimator its features, as in scikit-learn; else X is checked against them.
    """
    aligned, given = align(X, columns)
    also = "; a column that is constant within each series may be named in static=[...]"
    also = also if hasattr(estimator, "static") else ""
    checks: dict[str, Any] = {"dtype": np.float64, "ensure_all_finite": "allow-nan"}
    if not columns.static:
        check_numeric_columns(aligned, also)
        values = validate_data(estimator, aligned, reset=reset, **checks)
        return Covariates(values, given, None)
    validate_data(estimator, aligned, reset=reset, skip_check_array=True)
    part = _select(aligned, columns, columns.changing)
    check_numeric_columns(part, also)
    values = check_array(part, input_name="X", **checks) if part.shape[1] else None
    static = np.asarray(_select(aligned, columns, columns.static), dtype=object)
    return Covariates(values, given, static)


def read_vintages(X: AsOf, index: pd.Index | None, columns: Columns) -> Covariates:
    """Read what each row's own time knew about it."""
    if index is None or is_positional(index):
        raise ValueError("y has no time index, but X is an AsOf: pass y with its time stamps")
    if columns.static:
        raise ValueError(f"static={list(columns.static)}: columns of an AsOf change with time")
    values = X.values(index, index.get_level_values(-1))[:, columns.places(X)]
    return Covariates(values, np.ones(values.shape[1], dtype=bool), None, X)


def no_covariates(columns: Columns) -> Covariates:
    """Read a call without covariates."""
    return Covariates(None, np.zeros(len(columns.changing), dtype=bool), None)


def check_same_static(
    known: tuple[Any, ...], given: tuple[Any, ...], columns: Columns, key: Hashable
) -> None:
    """Refuse static values that differ from those the series had."""
    for name, old, new in zip(columns.static, known, given, strict=True):
        if new is not None and new != old:
            raise ValueError(
                f"X has the static column {name!r} with the value {new!r}{_of(key)}, which had "
                f"{old!r}: expected the same, or leave the column out"
            )


def check_none_missing(
    values: np.ndarray | None,
    index: pd.Index | None,
    columns: Columns,
    needed: np.ndarray | None = None,
) -> None:
    """Refuse missing values (n, F), naming column and row.

    Only the columns ``needed`` (F,) count, all by default.
    """
    if values is None:
        return
    missing = np.isnan(values) & (True if needed is None else needed)
    holes = missing.sum(axis=0)
    if holes.any():
        stamps = index if index is not None else pd.RangeIndex(len(values))
        column = int(np.argmax(holes > 0))
        row = int(np.argmax(missing[:, column]))
        raise ValueError(
            f"X has {int(holes[column])} missing values (NaN) in column "
            f"{columns.changing[column]!r}, first at {stamps[row]}; fill or drop them, "
            "or set missing='mask'"
        )


def _select(X: Any, columns: Columns, names: Sequence[Any]) -> Any:
    if isinstance(X, pd.DataFrame):
        return X.iloc[:, [columns.names.index(name) for name in names]]
    return np.asarray(X)[:, [columns.names.index(name) for name in names]]


def _names(X: Any) -> tuple[Any, ...]:
    if X is None:
        return ()
    if isinstance(X, pd.DataFrame | AsOf):
        return tuple(X.columns)
    array = np.asarray(X)
    return tuple(range(array.shape[1])) if array.ndim == 2 else ()


def _named(parameter: str, names: Any) -> tuple[Any, ...]:
    if names is None:
        return ()
    if isinstance(names, str) or not isinstance(names, Sequence | np.ndarray | pd.Index):
        raise ValueError(f"{parameter}={names!r}: expected a list of columns of X, or None")
    return tuple(names)


def _of(key: Hashable) -> str:
    return "" if key is None else f" in series {key!r}"
