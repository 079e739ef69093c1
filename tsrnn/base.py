"""The Forecaster interface: rows are time steps, ``fit(X, y)`` and ``predict(X)``.

This module decides which rows a call means (DESIGN, one rule for all): everything is placed on the
calendar seen in fit, a step without a row is a missing step, and only then a model is asked.

Conventions: T steps on the calendar grid of a series, K targets, F covariates, n steps to forecast.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable, Sequence
from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.metrics import r2_score
from sklearn.utils.validation import check_is_fitted, validate_data

from tsrnn.calendars import calendar_of
from tsrnn.checks import check_choice, check_count
from tsrnn.containers import (
    check_index,
    check_numeric_columns,
    common_index,
    index_of,
    is_empty_frame,
    is_positional,
    panel_rows,
    read_target,
    stamps_of,
    warn_column_vector,
)
from tsrnn.records import Record, Request, spread

MISSING = ("mask", "raise")


class Forecaster(RegressorMixin, BaseEstimator, ABC):
    """Interface of all forecasters: a row is one time step.

    ``fit(y=series).predict()`` forecasts the next steps; ``fit(X, y).predict(X_future)`` uses
    covariates known in advance. A leaf class fills four slots that speak of records and steps only.
    """

    missing: str

    @abstractmethod
    def _fit(self, records: dict[Hashable, Record]) -> None:
        """Learn from the records."""

    @abstractmethod
    def _forecast(self, requests: Sequence[Request]) -> list[np.ndarray]:
        """Forecast the steps after the end of each record, finite ``(n, K)`` each."""

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
        X : frame or array of shape (n, F), or None
            Covariates known at each row's time. A frame without columns is the same as None.
        y : Series, frame or array of shape (n,) or (n, K)
            The target; with a MultiIndex ``(series, time)`` a panel. NaN means missing.

        Returns
        -------
        self
        """
        values, index, form = self._read_y(X, y)
        exog = self._read_X(X, reset=True)
        if exog is not None and len(exog) != len(values):
            raise ValueError(f"X has {len(exog)} rows, y has {len(values)}: expected as many")
        index = common_index(X, index)
        check_count("horizon", self._usual_horizon())
        check_choice("missing", self.missing, MISSING)
        self._check_missing(values, index)
        self._check_missing_covariates(exog, index)
        stamps = index if index is not None else pd.RangeIndex(len(values))
        groups, times = _groups(stamps), stamps.get_level_values(-1)
        calendar = calendar_of(times[max((rows for _, rows in groups), key=len)])
        records = {
            key: Record.start(key, times[rows], values[rows], _take(exog, rows), calendar)
            for key, rows in groups
        }
        _check_same_steps(records)
        self.calendar_, self._records, self._form = calendar, records, form
        self._panel_names = stamps.names if isinstance(stamps, pd.MultiIndex) else None
        self._fit(self._records)
        return self

    def predict(self, X: Any = None, horizon: int | None = None) -> Any:
        """Forecast the rows of X, or the next ``horizon`` steps.

        Parameters
        ----------
        X : frame or array of shape (n, F), or None
            Covariates of the rows to forecast. Its index says which rows are meant: after the
            fitted range they are forecasts (across a gap of a few steps too), inside it one-step
            in-sample forecasts; arrays and a default index mean the next n rows.
        horizon : int, optional
            Number of steps when X is None; default: the fitted horizon.

        Returns
        -------
        Series, frame or array of the kind of y, float64, in the units of y
            On the index of X, or on the stamps that follow the fitted ones.
        """
        check_is_fitted(self)
        if horizon is not None:
            check_count("horizon", horizon)
        if X is None:
            values, index = self._predict_next(
                self._usual_horizon() if horizon is None else horizon
            )
        else:
            values, index = self._predict_rows(X, horizon)
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
        exog = self._read_X(X, reset=False)
        index = common_index(X, index)
        self._check_missing(values, index)
        self._check_missing_covariates(exog, index)
        if exog is not None and len(exog) != len(values):
            raise ValueError(f"X has {len(exog)} rows, y has {len(values)}: expected as many")
        stamps = None if is_positional(index) else index
        grown: dict[Hashable, Record] = {}
        for key, rows in self._call_groups(stamps, len(values)):
            new, part = stamps_of(stamps, rows), (values[rows], _take(exog, rows))
            if key in self._records:
                grown[key] = self._extend(self._records[key], new, *part)
            elif new is not None:
                grown[key] = Record.start(key, new, *part, self.calendar_)
        new_steps = {
            key: len(record) - (len(self._records[key]) if key in self._records else 0)
            for key, record in grown.items()
        }
        self._update(grown, new_steps)
        self._records = self._records | grown
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

    def _read_X(self, X: Any, *, reset: bool) -> np.ndarray | None:
        """Read covariates into float64 ``(n, F)``; None and a frame without columns mean none."""
        if X is None or is_empty_frame(X):
            if reset:
                self.n_features_in_ = 0
                self.__dict__.pop("feature_names_in_", None)
            elif self.n_features_in_:
                raise ValueError(f"{self._fitted_with()}; got no covariates for these rows")
            return None
        check_numeric_columns(X)
        if not reset and self.n_features_in_ == 0:
            raise ValueError(
                f"X has {np.shape(X)[1] if np.ndim(X) > 1 else 1} columns, but "
                f"{type(self).__name__} was fitted without covariates: pass X to fit too, "
                "or a frame without columns, X[[]]"
            )
        if not reset and isinstance(X, pd.DataFrame) and hasattr(self, "feature_names_in_"):
            unknown = set(self.feature_names_in_) - set(X.columns)
            if not unknown and len(X.columns) == self.n_features_in_:
                X = X[list(self.feature_names_in_)]  # aligned by name, whatever the order
        return validate_data(self, X, reset=reset, dtype=np.float64, ensure_all_finite="allow-nan")

    def _fitted_with(self) -> str:
        names = list(getattr(self, "feature_names_in_", range(self.n_features_in_)))
        return f"fitted with X columns {names}"

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

    def _check_missing_covariates(self, exog: np.ndarray | None, index: pd.Index | None) -> None:
        """Refuse missing covariates where the user asked for that, naming column and row."""
        if self.missing == "mask" or exog is None:
            return
        stamps = index if index is not None else pd.RangeIndex(len(exog))
        holes = np.isnan(exog).sum(axis=0)
        if holes.any():
            column = int(np.argmax(holes > 0))
            names = getattr(self, "feature_names_in_", range(len(holes)))
            row = int(np.argmax(np.isnan(exog)[:, column]))
            raise ValueError(
                f"X has {int(holes[column])} missing values (NaN) in column {names[column]!r}, "
                f"first at {stamps[row]}; fill or drop them, or set missing='mask'"
            )

    def _extend(
        self, record: Record, stamps: pd.Index | None, y: np.ndarray, X: np.ndarray | None
    ) -> Record:
        """Append rows to a record, or say why they cannot come next."""
        if stamps is None:
            stamps = self.calendar_.after(record.stamps[-1:], len(y))
        self._check_same_kind(record.stamps, stamps)
        if stamps[0] <= record.stamps[-1]:
            raise ValueError(
                f"update got rows from {stamps[0]}, but rows up to {record.stamps[-1]} are known: "
                "pass only the rows after it"
            )
        increments = self.calendar_.increments(record.stamps[-1:].append(stamps))
        if self.missing == "raise" and increments.max() > 1:
            expected, got, _ = self._first_gap(record, stamps, increments, 0)
            raise ValueError(
                f"update expected a row at {expected}, got {got}: pass the rows in between, "
                "or set missing='mask'"
            )
        return record.extended(stamps, y, X, self.calendar_)

    def _first_gap(
        self, record: Record, stamps: pd.Index, increments: np.ndarray, allowed: int
    ) -> tuple[Any, Any, int]:
        """Return expected stamp, stamp that came and steps missing at the first gap too long."""
        at = int(np.argmax(increments - 1 > allowed))
        before = record.stamps[-1:].append(stamps)[at : at + 1]
        return self.calendar_.after(before, 1)[0], stamps[at], int(increments[at]) - 1

    def _check_same_kind(self, known: pd.Index, stamps: pd.Index) -> None:
        try:
            _ = stamps[0] <= known[-1]
        except TypeError as error:
            raise ValueError(
                f"the index of the call is {stamps.dtype}, that of fit was {known.dtype}: "
                "expected the same kind of time stamps"
            ) from error

    def _predict_next(self, n: int) -> tuple[np.ndarray, pd.Index | None]:
        if self.n_features_in_:
            raise ValueError(f"{self._fitted_with()}; predict needs them for {n} rows")
        requests = [Request(record, n, None) for record in self._records.values()]
        values = np.concatenate(self._forecast(requests))
        return values, self._future_index([(r.record, r.n) for r in requests])

    def _future_index(self, parts: list[tuple[Record, int]]) -> pd.Index | None:
        indices = [self.calendar_.after(record.stamps[-1:], n) for record, n in parts]
        if self._panel_names is None:
            return indices[0]
        keys = [record.key for (record, n) in parts for _ in range(n)]
        times = indices[0].append(indices[1:])
        return pd.MultiIndex.from_arrays([keys, times], names=self._panel_names)

    def _predict_rows(self, X: Any, horizon: int | None) -> tuple[np.ndarray, pd.Index | None]:
        exog = self._read_X(X, reset=False)
        n = len(X) if exog is None else len(exog)
        if not n:
            raise ValueError("X has 0 rows: expected at least one row to forecast")
        index = index_of(X)
        if index is not None and not is_positional(index):
            check_index(index, "X")
        self._check_missing_covariates(exog, index)
        stamps = None if is_positional(index) else index
        groups = self._call_groups(stamps, n)
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
        values = np.full((n, next(iter(self._records.values())).y.shape[1]), np.nan)
        requests, places = [], []
        for key, rows in groups:
            record, part = self._records[key], _take(exog, rows)
            steps, inside = self._steps(record, stamps_of(stamps, rows), len(rows))
            if inside.any():
                seen = record
                if part is not None:
                    seen = record.with_covariates(steps[inside], part[inside])
                values[rows[inside]] = self._in_sample(seen)[steps[inside]]
            if not inside.all():
                ahead = steps[~inside]
                length = int(ahead[-1])
                future = None if part is None else spread(part[~inside], ahead - 1)
                requests.append(Request(record, length, future))
                places.append((rows[~inside], ahead - 1))
        if requests:
            for (rows, ahead), forecast in zip(places, self._forecast(requests), strict=True):
                values[rows] = forecast[ahead]
        if stamps is None:
            index = self._future_index([(self._records[groups[0][0]], n)])
        return values, index

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
        return _groups(stamps)

    def _steps(
        self, record: Record, stamps: pd.Index | None, n: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return grid steps and which rows lie inside the fitted range.

        Inside it they count from its start, after it from its end (1, 2, ...).
        """
        if stamps is None:
            return np.arange(1, n + 1), np.zeros(n, dtype=bool)
        self._check_same_kind(record.stamps, stamps)
        first, last = record.stamps[0], record.stamps[-1]
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
            increments = self.calendar_.increments(record.stamps[-1:].append(stamps[~inside]))
            allowed = max(self._usual_horizon(), n, record.longest_gap)
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


class LocalForecaster(Forecaster):
    """Interface of forecasters that fit one univariate model a series.

    A leaf says how one series is fitted, forecast and updated. Missing covariates are replaced by
    the mean of their column in fit, the neutral value for a linear term.
    """

    @abstractmethod
    def _fit_series(self, y: np.ndarray, X: np.ndarray | None) -> Any:
        """Fit the model of one series: y ``(T,)`` with NaN where missing, X ``(T, F)`` finite."""

    @abstractmethod
    def _forecast_series(
        self, model: Any, y: np.ndarray, n: int, X: np.ndarray | None
    ) -> np.ndarray:
        """Forecast ``(n,)`` after the end of y, the history up to now; X ``(n, F)`` finite."""

    @abstractmethod
    def _in_sample_series(self, model: Any, y: np.ndarray, X: np.ndarray | None) -> np.ndarray:
        """One-step forecasts ``(T,)`` of y, each from the steps before it."""

    def _update_series(
        self, model: Any, y: np.ndarray, new_steps: int, X: np.ndarray | None
    ) -> Any:
        """Return the model for a history whose last ``new_steps`` are new; here: unchanged."""
        return model

    def _fit(self, records: dict[Hashable, Record]) -> None:
        covariates = [record.X for record in records.values() if record.X is not None]
        self._neutral = _column_means(np.concatenate(covariates)) if covariates else None
        self.models_ = {
            key: self._fit_series(record.y[:, 0], self._filled(record.X))
            for key, record in records.items()
        }

    def _forecast(self, requests: Sequence[Request]) -> list[np.ndarray]:
        return [
            self._forecast_series(
                self.models_[request.record.key],
                request.record.y[:, 0],
                request.n,
                self._filled(request.X),
            )[:, None]
            for request in requests
        ]

    def _in_sample(self, record: Record) -> np.ndarray:
        return self._in_sample_series(
            self.models_[record.key], record.y[:, 0], self._filled(record.X)
        )[:, None]

    def _update(self, records: dict[Hashable, Record], new_steps: dict[Hashable, int]) -> None:
        unseen = [key for key in records if key not in self.models_]
        if unseen:
            raise ValueError(
                f"series {unseen[:5]} not seen in fit: {type(self).__name__} fits one model a "
                "series; fit again with them"
            )
        self.models_ = self.models_ | {
            key: self._update_series(
                self.models_[key], record.y[:, 0], new_steps[key], self._filled(record.X)
            )
            for key, record in records.items()
        }

    def _filled(self, X: np.ndarray | None) -> np.ndarray | None:
        return X if X is None or self._neutral is None else np.where(np.isnan(X), self._neutral, X)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.regressor_tags.poor_score = True
        return tags


def _groups(stamps: pd.Index) -> list[tuple[Hashable, np.ndarray]]:
    if isinstance(stamps, pd.MultiIndex):
        return panel_rows(stamps)
    return [(None, np.arange(len(stamps)))]


def _check_same_steps(records: dict[Hashable, Record]) -> None:
    """Refuse a panel in which a series has rows at every k-th step only, k >= 2."""
    for key, record in records.items():
        steps = np.diff(record.positions)
        if len(steps) >= 3 and np.median(steps) >= 2:
            raise ValueError(
                f"series {key!r} has a row at every {int(np.median(steps))}th step only of the "
                "calendar that the longest series follows: fit series of another frequency apart"
            )


def _take(values: np.ndarray | None, rows: np.ndarray) -> np.ndarray | None:
    return None if values is None else values[rows]


def _column_means(X: np.ndarray) -> np.ndarray:
    seen = np.isfinite(X)
    return np.where(seen, X, 0.0).sum(axis=0) / np.maximum(1, seen.sum(axis=0))
