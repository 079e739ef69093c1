"""The Forecaster interface: rows are time steps, ``fit(X, y)`` and ``predict(X)``.

This module decides which rows a call means (DESIGN, one rule for all): everything is placed on the
calendar seen in fit, a step without a row is a missing step, and only then a model is asked.

Conventions: T steps on the calendar grid of a series, K targets, F covariates, n steps to forecast.
"""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.metrics import r2_score
from sklearn.utils import check_array
from sklearn.utils.validation import check_is_fitted, validate_data

from tsrnn.asof import AsOf
from tsrnn.calendars import Calendar, calendar_of
from tsrnn.checks import check_choice, check_count, is_number
from tsrnn.containers import (
    check_index,
    check_numeric_columns,
    common_index,
    groups_of,
    index_of,
    is_empty_frame,
    is_positional,
    read_target,
    stamps_of,
    warn_column_vector,
)
from tsrnn.covariates import (
    Columns,
    Covariates,
    align,
    as_pandas,
    changing_part,
    check_same_static,
    static_values,
)
from tsrnn.records import Growing, Record, Request, grid_index, spread

MISSING = ("mask", "raise")


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


class Forecaster(RegressorMixin, BaseEstimator, ABC):
    """Interface of all forecasters: a row is one time step.

    ``fit(y=series).predict()`` forecasts the next steps; ``fit(X, y).predict(X_future)`` uses
    covariates known in advance. A leaf class fills four slots that speak of records and steps only.
    """

    missing: str
    _records: dict[Hashable, Record]

    @abstractmethod
    def _fit(self, records: dict[Hashable, Record]) -> None:
        """Learn from the records."""

    @abstractmethod
    def _forecast(self, requests: Sequence[Request]) -> list[np.ndarray]:
        """Forecast the steps after the end of each record, finite ``(n, K)`` each."""

    @abstractmethod
    def _quantiles(self, requests: Sequence[Request], levels: np.ndarray) -> list[np.ndarray]:
        """Forecast quantiles at levels ``(L,)``, finite and increasing ``(n, K, L)`` each."""

    @abstractmethod
    def _in_sample(self, record: Record) -> np.ndarray:
        """One-step forecasts ``(T, K)`` of a record's own steps, each from the steps before it."""

    @abstractmethod
    def _update(self, records: dict[Hashable, Record], new_steps: dict[Hashable, int]) -> None:
        """Take note of records that have grown by ``new_steps`` (or are new)."""

    def fit(self, X: Any = None, y: Any = None) -> Self:
        """Learn from a series, or from many.

        Parameters
        ----------
        X : frame, AsOf or array of shape (n, C), or None
            Covariates. A frame without columns is the same as None.
        y : Series, frame or array of shape (n,) or (n, K)
            The target; with a MultiIndex ``(series, time)`` a panel. NaN means missing.

        Returns
        -------
        self
        """
        self._read_rows(X, y)
        self._fit(self._records)
        return self

    def predict(self, X: Any = None, horizon: int | None = None) -> Any:
        """Forecast the rows of X, or the next ``horizon`` steps.

        Parameters
        ----------
        X : frame, AsOf or array of shape (n, C), or None
            Covariates of the rows to forecast. Its index says which rows are meant: after the
            fitted range they are forecasts (across a gap of a few steps too), inside it one-step
            in-sample forecasts; arrays and a default index mean the next n rows. Columns of frames
            are matched by name. Past-only and static columns may be left out.
        horizon : int, optional
            Number of steps when X is None or an AsOf; default: the fitted horizon (for an AsOf:
            the rows of its index).

        Returns
        -------
        Series, frame or array of the kind of y, float64, in the units of y
            On the index of X, or on the stamps that follow the fitted ones.
        """
        asked = self._asked(X, horizon)
        values = np.full((asked.n, self._n_targets()), np.nan)
        for record, places, steps in asked.inside:
            values[places] = self._in_sample(record)[steps]
        forecasts = self._forecast(asked.requests) if asked.after else []
        for (_, places, steps), forecast in zip(asked.after, forecasts, strict=True):
            values[places] = forecast[steps]
        return self._form.give_back(values, asked.index)

    def predict_quantiles(self, levels: Any, X: Any = None, horizon: int | None = None) -> Any:
        """Forecast quantiles of the rows of X, or of the next ``horizon`` steps.

        Parameters
        ----------
        levels : float or sequence of float
            Probabilities between 0 and 1: the target lies below the quantile with each of them.
        X : frame, AsOf or array of shape (n, C), or None
            As in :meth:`predict`, but rows must come after the fitted range.
        horizon : int, optional
            As in :meth:`predict`.

        Returns
        -------
        frame or array, float64, in the units of y
            A column for each level, in increasing order and each level once. For a Series the
            columns are the levels, for a frame (target, level), for polars their names; for an
            array of shape (T,) an array (n, L), of shape (T, K) one of (n, K, L).

        Raises
        ------
        ValueError
            If a level is not between 0 and 1, or a row lies inside the fitted range.

        Examples
        --------
        >>> import pandas as pd
        >>> from tsrnn import Naive
        >>> y = pd.Series([1.0, 3.0, 2.0, 4.0], index=pd.period_range("2024", periods=4, freq="Y"))
        >>> Naive().fit(y=y).predict_quantiles([0.9, 0.5], horizon=2).columns.tolist()
        [0.5, 0.9]
        """
        ascending = _check_levels(levels)
        values, index = self._quantiles_asked(ascending, X, horizon)
        return self._form.give_back_several(values, index, ascending.tolist())

    def predict_interval(
        self, coverage: float = 0.9, X: Any = None, horizon: int | None = None
    ) -> Any:
        """Forecast an interval for each row of X, or for the next ``horizon`` steps.

        Parameters
        ----------
        coverage : float
            Probability between 0 and 1 that the target lies in the interval; as much of the rest
            lies below it as above.
        X, horizon
            As in :meth:`predict_quantiles`.

        Returns
        -------
        frame or array, float64, in the units of y
            The columns "lower" and "upper", for a frame (target, "lower"), (target, "upper"); for
            an array of shape (T,) an array (n, 2), of shape (T, K) one of (n, K, 2).

        Raises
        ------
        ValueError
            If coverage is not between 0 and 1, or a row lies inside the fitted range.

        Examples
        --------
        >>> import pandas as pd
        >>> from tsrnn import Naive
        >>> y = pd.Series([1.0, 3.0, 2.0, 4.0], index=pd.period_range("2024", periods=4, freq="Y"))
        >>> Naive().fit(y=y).predict_interval(0.8).columns.tolist()
        ['lower', 'upper']
        """
        if not (is_number(coverage) and 0 < coverage < 1):
            raise ValueError(f"coverage={coverage!r}: expected a number above 0 and below 1")
        levels = np.array([(1 - coverage) / 2, (1 + coverage) / 2])
        values, index = self._quantiles_asked(levels, X, horizon)
        return self._form.give_back_several(values, index, ["lower", "upper"])

    def predict_in_sample(self) -> Any:
        """Forecast every known row from the rows before it.

        Returns
        -------
        Series, frame or array of the kind of y, float64, in the units of y
            One-step forecasts of the rows given to ``fit`` and ``update``, in their order.

        Examples
        --------
        >>> import pandas as pd
        >>> from tsrnn import Naive
        >>> y = pd.Series([1.0, 3.0, 2.0], index=pd.period_range("2024", periods=3, freq="Y"))
        >>> model = Naive().fit(y=y)
        >>> model.predict_in_sample().tolist()
        [1.0, 1.0, 3.0]
        >>> model.residuals_.tolist()
        [0.0, 2.0, -1.0]
        """
        check_is_fitted(self)
        return self._form.give_back(*self._of_known_rows(self._in_sample))

    @property
    def residuals_(self) -> Any:
        """Known rows minus their one-step forecasts, NaN where y is missing; computed on demand."""
        check_is_fitted(self)
        values, index = self._of_known_rows(lambda record: record.y - self._in_sample(record))
        return self._form.give_back(values, index)

    def update(self, X: Any = None, y: Any = None) -> Self:
        """Take in new rows without a refit: the next forecasts start after them.

        Parameters
        ----------
        X, y
            New rows, of the kinds given to ``fit``; they must come after the known ones. Steps
            missing in between are masked (``missing="raise"``: an error).

        Returns
        -------
        self
        """
        check_is_fitted(self)
        values, index, _ = self._read_y(X, y)
        covariates = self._read_covariates(X, index, reset=False)
        index = common_index(X, index)
        self._check_missing(values, index)
        self._check_missing_covariates(covariates.values, index, covariates.given)
        _check_as_many(covariates, values)
        stamps = None if is_positional(index) else index
        groups = self._call_groups(stamps, len(values))
        grown: dict[Hashable, Record] = {}
        for key, rows in groups:
            new = stamps_of(stamps, rows)
            if key in self._records:
                known = self._records[key]
                grown[key] = self._extend(known, new, values[rows], covariates, rows)
            elif new is not None:
                grown[key] = self._start(key, new, values[rows], covariates, rows, self.calendar_)
        new_steps = {
            key: len(record) - (len(self._records[key]) if key in self._records else 0)
            for key, record in grown.items()
        }
        self._update(grown, new_steps)
        self._records = self._records | grown
        self._remember_order(groups)
        return self

    def score(self, X: Any = None, y: Any = None, sample_weight: Any = None) -> float:
        """Return R2 of the forecasts of the rows of X (or y) over the observed targets.

        Which rows those are follows the index, as in ``predict``: arrays and a default index
        starting at 0 mean the rows after the fitted ones, never the fitted ones.
        """
        values, index, form = read_target(y, owner=type(self).__name__)
        if X is None and form.kind in ("series", "frame"):
            X = pd.DataFrame(index=index)
        forecast = self.predict(X) if X is not None else self.predict(horizon=len(values))
        forecast = np.asarray(forecast, dtype=np.float64).reshape(values.shape)
        seen = np.isfinite(values).all(axis=1)
        weight = None if sample_weight is None else np.asarray(sample_weight)[seen]
        return float(r2_score(values[seen], forecast[seen], sample_weight=weight))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        tags.input_tags.allow_nan = self.missing == "mask"
        return tags

    def _steps_ahead(self) -> int:
        """Return for how many steps ahead records hold covariates in vintages, 0 for none."""
        return 0

    def _read_rows(self, X: Any, y: Any) -> None:
        """Check the rows of fit and place them on their calendar."""
        values, index, form = self._read_y(X, y)
        covariates = self._read_covariates(X, index, reset=True)
        _check_as_many(covariates, values)
        index = common_index(X, index)
        check_count("horizon", self._usual_horizon())
        check_choice("missing", self.missing, MISSING)
        self._check_missing(values, index)
        self._check_missing_covariates(covariates.values, index)
        stamps = index if index is not None else pd.RangeIndex(len(values))
        groups = groups_of(stamps, len(values))
        longest = max((rows for _, rows in groups), key=len)
        calendar = calendar_of(stamps_of(stamps, longest), getattr(self, "freq", None))
        records = {
            key: self._start(key, stamps_of(stamps, rows), values[rows], covariates, rows, calendar)
            for key, rows in groups
        }
        _check_same_steps(records)
        self.calendar_, self._records, self._form = calendar, records, form
        self._panel_names = stamps.names if isinstance(stamps, pd.MultiIndex) else None
        self._order = np.empty(0, dtype=np.int64)
        self._order_room: Growing | None = None
        self._remember_order(groups)

    def _usual_horizon(self) -> int:
        """Return the steps that ``predict()`` gives without being asked for a number."""
        return getattr(self, "horizon", 1)

    def _read_y(self, X: Any, y: Any) -> tuple[np.ndarray, pd.Index | None, Any]:
        values, index, form = read_target(y, owner=f"This {type(self).__name__} estimator")
        if not self.__sklearn_tags__().target_tags.multi_output:
            warn_column_vector(form, values)
            if values.shape[1] > 1:
                names = list(form.names) or list(range(values.shape[1]))
                raise ValueError(
                    f"y has {values.shape[1]} columns {names}: {type(self).__name__} forecasts one "
                    "series; fit one model a column, or stack them into a panel (series, time)"
                )
        return values, index, form

    def _read_covariates(self, X: Any, index: pd.Index | None, *, reset: bool) -> Covariates:
        """Read the covariates of a call, whose rows are those of ``index`` if X is an AsOf."""
        X = as_pandas(X)
        if X is None or is_empty_frame(X):
            return self._read_none(reset)
        if reset:
            self._learn_columns(X)
        else:
            self._check_fitted_with_covariates(X)
        if isinstance(X, AsOf):
            return self._read_vintages(X, index, reset)
        aligned, given = align(X, self._columns)
        checks: dict[str, Any] = {"dtype": np.float64, "ensure_all_finite": "allow-nan"}
        if not self._static_names:
            check_numeric_columns(aligned, self._static_remedy())
            values = validate_data(self, aligned, reset=reset, **checks)
            return Covariates(values, given, None)
        validate_data(self, aligned, reset=reset, skip_check_array=True)
        part = changing_part(aligned, self._columns)
        check_numeric_columns(part, self._static_remedy())
        values = check_array(part, input_name="X", **checks) if part.shape[1] else None
        return Covariates(values, given, static_values(aligned, self._columns))

    def _check_fitted_with_covariates(self, X: Any) -> None:
        if not self.n_features_in_:
            raise ValueError(
                f"X has {np.shape(X)[1] if np.ndim(X) > 1 else 1} columns, but "
                f"{type(self).__name__} was fitted without covariates: pass X to fit too, "
                "or a frame without columns, X[[]]"
            )

    def _learn_columns(self, X: Any) -> None:
        """Learn what the columns of X are."""
        roles = getattr(self, "past_only", None), getattr(self, "static", None)
        self._columns = Columns.of(X, *roles)
        self._past_only = self._columns.is_past_only
        self._static_names = list(self._columns.static)

    def _read_none(self, reset: bool) -> Covariates:
        """Read a call without covariates."""
        if reset:
            self.n_features_in_ = 0
            self.__dict__.pop("feature_names_in_", None)
            self._learn_columns(None)
        elif self._columns.known:
            raise ValueError(f"{self._fitted_with()}; got no covariates for these rows")
        return Covariates(None, np.zeros(len(self._columns.changing), dtype=bool), None)

    def _read_vintages(self, X: AsOf, index: pd.Index | None, reset: bool) -> Covariates:
        """Read what each row's own time knew about it."""
        if index is None or is_positional(index):
            raise ValueError("y has no time index, but X is an AsOf: pass y with its time stamps")
        if reset:
            if self._static_names:
                raise ValueError(
                    f"static={self._static_names}: columns of an AsOf change with time"
                )
            self.n_features_in_ = len(self._columns.names)
            self.feature_names_in_ = np.array(self._columns.names, dtype=object)
        values = X.values(index, index.get_level_values(-1))[:, self._places(X)]
        return Covariates(values, np.ones(values.shape[1], dtype=bool), None, X)

    def _places(self, X: AsOf) -> list[int]:
        """Return where the columns of fit are in X."""
        if set(X.columns) != set(self._columns.changing):
            names = list(self._columns.changing)
            raise ValueError(f"X is an AsOf with the columns {X.columns}: fitted with {names}")
        return [X.columns.index(name) for name in self._columns.changing]

    def _static_remedy(self) -> str:
        if not hasattr(self, "static"):
            return ""
        return "; a column that is constant within each series may be named in static=[...]"

    def _fitted_with(self) -> str:
        return f"fitted with X columns {list(self._columns.known)}"

    def _start(
        self,
        key: Hashable,
        stamps: pd.Index,
        y: np.ndarray,
        covariates: Covariates,
        rows: np.ndarray,
        calendar: Calendar,
    ) -> Record:
        """Place the first rows of a series, whose covariates are some rows of the call's."""
        static = covariates.static_of(rows, self._columns, key)
        exog = covariates.of(rows)
        if exog is None and self._columns.changing:
            exog = np.full((len(rows), len(self._columns.changing)), np.nan)
        record = Record.start(key, stamps, y, exog, calendar, static)
        if covariates.vintages is None:
            return record
        X, ahead = self._vintages(covariates.vintages, record.index(calendar), key, calendar)
        return replace(record, X=X, ahead=ahead)

    def _vintages(
        self, X: AsOf, grid: pd.Index, key: Hashable, calendar: Calendar
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """Return what each of T steps knew of itself (T, F) and of the H steps ahead (T, H, F)."""
        own = X.values(grid, grid, key)[:, self._places(X)]
        H = self._steps_ahead()
        if not H:
            return own, None
        longer = grid.append(calendar.after(grid[-1:], H))
        targets = np.arange(len(grid))[:, None] + np.arange(1, H + 1)  # (T, H)
        ahead = X.values(longer.take(targets.ravel()), grid.repeat(H), key)[:, self._places(X)]
        ahead[:, self._past_only] = np.nan
        return own, ahead.reshape(len(grid), H, -1)

    def _check_missing(self, values: np.ndarray, index: pd.Index | None) -> None:
        """Refuse missing targets where the user asked for that, naming the first."""
        if self.missing == "mask":
            return
        stamps = index if index is not None else pd.RangeIndex(len(values))
        gone = np.isnan(values).any(axis=1)
        if gone.any():
            where = f"first at {stamps[int(np.argmax(gone))]}"
            if gone[-1]:
                seen = np.flatnonzero(~gone)
                last = (
                    f"the last valid one is at {stamps[seen[-1]]}" if len(seen) else "none is valid"
                )
                where = f"the end is missing, {last}"
            raise ValueError(
                f"y has {int(gone.sum())} missing values (NaN), {where}; fill or drop them, "
                "or set missing='mask'"
            )

    def _check_missing_covariates(
        self, exog: np.ndarray | None, index: pd.Index | None, needed: np.ndarray | None = None
    ) -> None:
        """Refuse missing covariates where the user asked for that, naming column and row.

        Only the columns ``needed`` (F,) count, all by default.
        """
        if self.missing == "mask" or exog is None:
            return
        stamps = index if index is not None else pd.RangeIndex(len(exog))
        missing = np.isnan(exog) & (True if needed is None else needed)
        holes = missing.sum(axis=0)
        if holes.any():
            column = int(np.argmax(holes > 0))
            row = int(np.argmax(missing[:, column]))
            name = self._columns.changing[column]
            raise ValueError(
                f"X has {int(holes[column])} missing values (NaN) in column {name!r}, "
                f"first at {stamps[row]}; fill or drop them, or set missing='mask'"
            )

    def _extend(
        self,
        record: Record,
        stamps: pd.Index | None,
        y: np.ndarray,
        covariates: Covariates,
        rows: np.ndarray,
    ) -> Record:
        """Append rows to a record, or say why they cannot come next."""
        if stamps is None:
            stamps = self.calendar_.after(record.last, len(y))
        stamps = self._same_kind(record.last, stamps)
        if stamps[0] <= record.last[0]:
            raise ValueError(
                f"update got rows from {stamps[0]}, but rows up to {record.last[0]} are known: "
                "pass only the rows after it"
            )
        increments = self.calendar_.increments(record.last.append(stamps))
        if self.missing == "raise" and increments.max() > 1:
            expected, got, _ = self._first_gap(record, stamps, increments, 0)
            raise ValueError(
                f"update expected a row at {expected}, got {got}: pass the rows in between, "
                "or set missing='mask'"
            )
        static = covariates.static_of(rows, self._columns, record.key)
        record = self._with_static(record, static)
        longer = record.extended(stamps, y, covariates.of(rows), self.calendar_)
        if covariates.vintages is not None:
            steps = longer.positions[-len(stamps) - 1 :]
            grid = grid_index(record.last.append(stamps), steps, self.calendar_)[1:]
            X, ahead = self._vintages(covariates.vintages, grid, record.key, self.calendar_)
            assert longer.X is not None
            longer.X[len(record) :] = X  # in place: nobody else has seen these steps
            if longer.ahead is not None:
                longer.ahead[len(record) :] = ahead
        elif record.ahead is not None:
            raise ValueError("fitted with an AsOf: expected one as X of update too")
        return longer

    def _with_static(self, record: Record, given: tuple[Any, ...]) -> Record:
        """Fill static values unknown so far; refuse others than those known."""
        known = tuple(
            new if old is None else old for old, new in zip(record.static, given, strict=True)
        )
        check_same_static(known, given, self._columns, record.key)
        return record if known == record.static else replace(record, static=known)

    def _first_gap(
        self, record: Record, stamps: pd.Index, increments: np.ndarray, allowed: int
    ) -> tuple[Any, Any, int]:
        """Return expected stamp, stamp that came and steps missing at the first gap too long."""
        at = int(np.argmax(increments - 1 > allowed))
        before = record.last.append(stamps)[at : at + 1]
        return self.calendar_.after(before, 1)[0], stamps[at], int(increments[at]) - 1

    def _same_kind(self, known: pd.Index, stamps: pd.Index) -> pd.Index:
        """Return stamps in the time zone of the known ones; refuse what cannot be compared."""
        try:
            _ = stamps[0] <= known[-1]
        except TypeError as error:
            raise ValueError(
                f"the index of the call is {stamps.dtype}, that of fit was {known.dtype}: "
                "expected the same kind of time stamps"
            ) from error
        if isinstance(known, pd.DatetimeIndex) and known.tz is not None:
            return pd.DatetimeIndex(stamps).tz_convert(known.tz)
        return stamps

    def _asked(self, X: Any, horizon: int | None) -> Asked:
        """Say which rows a call of predict means."""
        check_is_fitted(self)
        if horizon is not None:
            check_count("horizon", horizon)
        if X is None or (isinstance(X, AsOf) and horizon is not None):
            return self._next_steps(self._usual_horizon() if horizon is None else horizon, X)
        return self._rows_of(X, horizon)

    def _next_steps(self, n: int, X: AsOf | None) -> Asked:
        """Ask for the next n steps of every series."""
        if X is not None:
            self._check_fitted_with_covariates(X)
        elif self._columns.known:
            raise ValueError(f"{self._fitted_with()}; predict needs them for {n} rows")
        steps = np.arange(n)
        after = [
            (self._request(record, None, steps + 1, None, X), i * n + steps, steps)
            for i, record in enumerate(self._records.values())
        ]
        index = self._future_index([request for request, _, _ in after])
        return Asked(len(after) * n, index, [], after)

    def _request(
        self,
        record: Record,
        stamps: pd.Index | None,
        steps: np.ndarray,
        exog: np.ndarray | None,
        vintages: AsOf | None,
    ) -> Request:
        """Ask for some steps after a record, counted from 1, with the covariates of those rows."""
        n = int(steps[-1])
        if stamps is None:
            index = self.calendar_.after(record.last, n)
        else:
            longer = record.last.append(stamps)
            whole = grid_index(longer, np.concatenate([[0], steps]), self.calendar_)
            index = stamps if n == len(stamps) else whole[1:]
        if vintages is not None:
            future = self._issued_by_now(vintages, record, index, steps)
        elif exog is not None:
            future = spread(exog, steps - 1)
        elif record.X is not None:
            future = np.full((n, record.X.shape[1]), np.nan)
        else:
            return Request(record, n, None, index)
        future[:, self._past_only] = np.nan
        return Request(record, n, future, index)

    def _issued_by_now(
        self, X: AsOf, record: Record, index: pd.Index, steps: np.ndarray
    ) -> np.ndarray:
        """Return what the end of a record knows of the steps after it (n, F)."""
        future = X.values(index, record.last.repeat(len(index)), record.key)[:, self._places(X)]
        asked, known = future[steps - 1], ~self._past_only
        if np.isnan(asked[:, known]).all() and known.any():
            of = "" if record.key is None else f" of series {record.key!r}"
            raise ValueError(
                f"X has no vintage{of} issued by {record.last[0]} about any of the steps asked "
                f"for, first {index[steps[0] - 1]}: expected covariates known at the end of y"
            )
        self._check_missing_covariates(asked, index[steps - 1], known)
        return future

    def _future_index(self, requests: Sequence[Request]) -> pd.Index | None:
        indices = [request.index for request in requests]
        if self._panel_names is None:
            return indices[0]
        keys = [request.record.key for request in requests for _ in range(request.n)]
        times = indices[0].append(indices[1:])
        return pd.MultiIndex.from_arrays([keys, times], names=self._panel_names)

    def _rows_of(self, X: Any, horizon: int | None) -> Asked:
        """Ask for the rows of X."""
        index = X.index if isinstance(X, AsOf) else index_of(X)
        covariates = self._read_covariates(X, index, reset=False)
        n = len(X) if covariates.values is None else len(covariates.values)
        if not n:
            raise ValueError("X has 0 rows: expected at least one row to forecast")
        if index is not None and not is_positional(index):
            check_index(index, "X")
        if covariates.vintages is None:
            needed = covariates.given & ~self._past_only
            self._check_missing_covariates(covariates.values, index, needed)
        stamps = None if is_positional(index) else index
        groups = self._call_groups(stamps, n)
        self._check_groups(groups, horizon)
        asked = Asked(n, index, [], [])
        for key, rows in groups:
            self._ask(asked, self._records[key], stamps_of(stamps, rows), rows, covariates)
        self._warn_about_past_only(asked, covariates)
        if stamps is None:
            return replace(asked, index=self._future_index(asked.requests))
        return asked

    def _check_groups(
        self, groups: Sequence[tuple[Hashable, np.ndarray]], horizon: int | None
    ) -> None:
        """Refuse another number of rows than the horizon, and series without a history."""
        if horizon is not None and any(len(rows) != horizon for _, rows in groups):
            raise ValueError(
                f"horizon={horizon}, but X has {len(groups[0][1])} rows: pass one of the two, "
                "or as many rows as the horizon"
            )
        unseen = [key for key, _ in groups if key not in self._records]
        if unseen:
            raise ValueError(
                f"series {unseen[:5]} {'was' if len(unseen) == 1 else 'were'} not seen in fit: "
                "call update(X, y) with the history first; if these rows come from a splitter by "
                "row (TimeSeriesSplit, KFold), cut the panel by time with ExpandingWindowSplit"
            )

    def _ask(
        self,
        asked: Asked,
        record: Record,
        stamps: pd.Index | None,
        rows: np.ndarray,
        covariates: Covariates,
    ) -> None:
        """Add the rows of one series to those asked for."""
        static = covariates.static_of(rows, self._columns, record.key)
        check_same_static(record.static, static, self._columns, record.key)
        if stamps is not None:
            stamps = self._same_kind(record.last, stamps)
        part = covariates.of(rows)
        steps, inside = self._steps(record, stamps, len(rows))
        if inside.any():
            seen, at = record, steps[inside]
            if part is not None and record.X is not None:
                known = np.where(covariates.given, part[inside], record.X[at])
                seen = record.with_covariates(at, known)
            asked.inside.append((seen, rows[inside], at))
        if not inside.all():
            request = self._request(
                record,
                None if stamps is None else stamps[~inside],
                steps[~inside],
                None if part is None else part[~inside],
                covariates.vintages,
            )
            asked.after.append((request, rows[~inside], steps[~inside] - 1))

    def _warn_about_past_only(self, asked: Asked, covariates: Covariates) -> None:
        """Say that values of past-only columns after the fitted range are not used."""
        if covariates.values is None or covariates.vintages is not None:
            return
        for request, places, _ in asked.after:
            given = np.isfinite(covariates.values[places]).any(axis=0) & self._past_only
            if given.any():
                names = [self._columns.changing[i] for i in np.flatnonzero(given)]
                warnings.warn(
                    f"X has values of the past-only columns {names} for rows after "
                    f"{request.record.last[0]}: they are not used",
                    UserWarning,
                    stacklevel=5,
                )
                return

    def _quantiles_asked(
        self, levels: np.ndarray, X: Any, horizon: int | None
    ) -> tuple[np.ndarray, pd.Index | None]:
        """Forecast quantiles (n, K, L) of the rows that a call means, and return their index."""
        asked = self._asked(X, horizon)
        if asked.inside:
            record, _, steps = asked.inside[0]
            raise ValueError(
                f"X has {sum(len(places) for _, places, _ in asked.inside)} rows inside the fitted "
                f"range, which ends at {record.last[0]}: only rows after it have quantiles"
            )
        values = np.empty((asked.n, self._n_targets(), len(levels)))
        quantiles = self._quantiles(asked.requests, levels)
        for (_, places, steps), forecast in zip(asked.after, quantiles, strict=True):
            values[places] = forecast[steps]
        return values, asked.index

    def _of_known_rows(
        self, compute: Callable[[Record], np.ndarray]
    ) -> tuple[np.ndarray, pd.Index | None]:
        """Compute something (T, K) for each record: values of the known rows, and their index."""
        records = list(self._records.values())
        values = np.concatenate([compute(record)[record.positions] for record in records])
        if self._panel_names is None:
            return values, records[0].stamps
        codes = self._order  # (n,) the series of each row, as given
        places = np.argsort(np.argsort(codes, kind="stable"), kind="stable")
        times = records[0].stamps.append([record.stamps for record in records[1:]])
        keys = pd.Index([record.key for record in records])[codes]
        index = pd.MultiIndex.from_arrays([keys, times[places]], names=self._panel_names)
        return values[places], index

    def _remember_order(self, groups: Sequence[tuple[Hashable, np.ndarray]]) -> None:
        """Note to which series the rows of a call belong, for a panel."""
        if self._panel_names is None:
            return
        numbers = {key: i for i, key in enumerate(self._records)}
        codes = np.empty(sum(len(rows) for _, rows in groups), dtype=np.int64)
        for key, rows in groups:
            codes[rows] = numbers[key]
        self._order_room = Growing.behind(self._order, self._order_room)
        self._order = self._order_room.append(codes)

    def _n_targets(self) -> int:
        return next(iter(self._records.values())).y.shape[1]

    def _call_groups(self, stamps: pd.Index | None, n: int) -> list[tuple[Hashable, np.ndarray]]:
        """List the rows of a call by series."""
        panel = self._panel_names is not None
        if stamps is None and panel and len(self._records) > 1:
            raise ValueError(
                f"fitted on a panel of {len(self._records)} series: expected an index "
                f"({', '.join(map(str, self._panel_names or ()))}), got rows without one"
            )
        if stamps is None:
            return [(next(iter(self._records)), np.arange(n))]
        if isinstance(stamps, pd.MultiIndex) != panel:
            kinds = ("a panel (series, time)", "one series")
            raise ValueError(
                f"fitted on {kinds[not panel]}, but the index of the call is that of {kinds[panel]}"
            )
        return groups_of(stamps, n)

    def _steps(
        self, record: Record, stamps: pd.Index | None, n: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return grid steps and which rows lie inside the fitted range.

        Inside it they count from its start, after it from its end (1, 2, ...).
        """
        if stamps is None:
            return np.arange(1, n + 1), np.zeros(n, dtype=bool)
        first, last = record.chunks[0][0], record.last[0]
        if stamps[0] < first:
            raise ValueError(
                f"X starts at {stamps[0]}, before the fitted range {first} .. {last}: nothing is "
                "known there; fit on earlier rows"
            )
        inside = np.asarray(stamps <= last)
        steps = np.empty(n, dtype=np.int64)
        if inside.any():
            steps[inside] = record.locate(stamps[inside], self.calendar_)
        if not inside.all():
            increments = self.calendar_.increments(record.last.append(stamps[~inside]))
            allowed = max(self._usual_horizon(), n)
            if increments.max() - 1 > allowed:
                allowed = max(allowed, record.longest_gap)
            if increments.max() - 1 > allowed:
                expected, got, missing = self._first_gap(
                    record, stamps[~inside], increments, allowed
                )
                raise ValueError(
                    f"X: expected rows from {expected}, got {got}: {missing} missing steps are "
                    f"more than the horizon or any gap seen in fit ({allowed}); call "
                    "update(X, y) with the rows in between first"
                )
            steps[~inside] = np.cumsum(increments)
        return steps, inside


def _check_same_steps(records: dict[Hashable, Record]) -> None:
    """Refuse a panel in which a series has rows at every k-th step only, k >= 2."""
    for key, record in records.items():
        steps = np.diff(record.positions)
        if len(steps) >= 3 and np.median(steps) >= 2:
            raise ValueError(
                f"series {key!r} has a row at every {int(np.median(steps))}th step only of the "
                "calendar that the longest series follows: fit series of another frequency apart"
            )


def _check_as_many(covariates: Covariates, values: np.ndarray) -> None:
    for part in (covariates.values, covariates.static):
        if part is not None and len(part) != len(values):
            raise ValueError(f"X has {len(part)} rows, y has {len(values)}: expected as many")


def _check_levels(levels: Any) -> np.ndarray:
    """Return the levels of quantiles, each once and increasing."""
    given = list(levels) if np.iterable(levels) and not isinstance(levels, str) else [levels]
    if not given or not all(is_number(level) and 0 < level < 1 for level in given):
        raise ValueError(f"levels={levels!r}: expected numbers above 0 and below 1, such as 0.9")
    return np.unique(np.array(given, dtype=np.float64))
