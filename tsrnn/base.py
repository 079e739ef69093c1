"""The Forecaster interface: rows are time steps, ``fit(X, y)`` and ``predict(X)``.

A call is read here; ``placing`` puts rows to learn from on the calendar seen in fit, where a step
without a row is a missing step, ``asked`` says which rows are to be forecast, and only then a model
is asked.

Conventions: K targets, F covariates, n rows, L levels.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.metrics import r2_score
from sklearn.utils.validation import check_is_fitted

from tsrnn.asked import Asked, next_steps, rows_asked, warn_about_other_series, warn_about_past_only
from tsrnn.asof import AsOf
from tsrnn.calendars import calendar_of
from tsrnn.checks import check_choice, check_count, check_probability, read_levels
from tsrnn.containers import (
    Form,
    align_targets,
    check_observed,
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
    as_pandas,
    check_none_missing,
    no_covariates,
    read_columns,
    read_vintages,
)
from tsrnn.placing import (
    Known,
    check_same_steps,
    extend_record,
    in_given_order,
    series_numbers,
    start_record,
)
from tsrnn.records import Growing, Record, Request

MISSING = ("mask", "raise")


@contextmanager
def undone_on_failure(estimator: BaseEstimator) -> Iterator[None]:
    """Put an estimator's attributes back if the block raises, by Ctrl-C too.

    What the attributes hold is not copied: the block must replace it, not change it.
    """
    before = dict(vars(estimator))
    try:
        yield
    except BaseException:
        vars(estimator).clear()
        vars(estimator).update(before)
        raise


class Forecaster(RegressorMixin, BaseEstimator, ABC):
    """Interface of all forecasters: a row is one time step.

    ``fit(y=series).predict()`` forecasts the next steps; ``fit(X, y).predict(X_future)`` uses
    covariates known in advance. A leaf class fills slots that speak of records and steps only.
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
            The target; with a MultiIndex ``(series, time)`` a panel. NaN means missing. Irregular
            stamps are continued at their median step, unless the index of X in ``predict`` says
            otherwise. Local time without a zone has a gap or an hour twice where clocks change:
            put it on its zone with ``y.tz_localize`` first.

        Returns
        -------
        self

        Notes
        -----
        If ``fit`` fails or is interrupted, the estimator stays as it was before.
        """
        with undone_on_failure(self):
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
        ascending = read_levels(levels)
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
        check_probability("coverage", coverage)
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
            missing in between are masked (``missing="raise"``: an error). Targets of a frame are
            matched by name.

        Returns
        -------
        self
            If a call fails, as it was before.
        """
        check_is_fitted(self)
        values, index = self._read_targets(y)
        covariates = self._read_covariates(X, index, reset=False)
        index = common_index(X, index)
        self._check_missing(values, index, covariates)
        covariates.check_rows(len(values))
        stamps, known = None if is_positional(index) else index, self._known
        groups = known.groups(stamps, len(values))
        grown: dict[Hashable, Record] = {}
        for key, rows in groups:
            new, record = stamps_of(stamps, rows), known.records.get(key)
            if record is not None:
                grown[key] = extend_record(known, record, new, values[rows], covariates, rows)
            elif new is not None:
                grown[key] = start_record(known, key, new, values[rows], covariates, rows)
        new_steps = {
            key: len(record) - len(known.records.get(key, ())) for key, record in grown.items()
        }
        with undone_on_failure(self):
            self._update(grown, new_steps)
            self._records = self._records | grown
            self._remember_order(groups)
        return self

    def score(self, X: Any = None, y: Any = None, sample_weight: Any = None) -> float:
        """Return R2 of the forecasts of the rows of X (or y) over the observed targets.

        Which rows those are follows the index, as in ``predict``: arrays and a default index
        starting at 0 mean the rows after the fitted ones, never the fitted ones. Targets of a frame
        are matched by name.
        """
        check_is_fitted(self)
        values, index = self._read_targets(y)
        if X is None and index is not None:
            X = pd.DataFrame(index=index)
        warn_about_other_series(self._known, index if index_of(X) is None else index_of(X))
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
        values, index, form = self._read_y(y)
        covariates = self._read_covariates(X, index, reset=True)
        covariates.check_rows(len(values))
        index = common_index(X, index)
        check_count("horizon", self._usual_horizon())
        check_choice("missing", self.missing, MISSING)
        self._check_missing(values, index, covariates)
        stamps = index if index is not None else pd.RangeIndex(len(values))
        groups = groups_of(stamps, len(values))
        longest = max((rows for _, rows in groups), key=len)
        self.calendar_ = calendar_of(stamps_of(stamps, longest), getattr(self, "freq", None))
        self._form, self._records = form, {}
        self._panel_names = stamps.names if isinstance(stamps, pd.MultiIndex) else None
        known = self._known
        self._records = {
            key: start_record(known, key, stamps_of(stamps, rows), values[rows], covariates, rows)
            for key, rows in groups
        }
        check_same_steps(self._records)
        self._order = np.empty(0, dtype=np.int64)
        self._order_room: Growing | None = None
        self._remember_order(groups)

    @property
    def _known(self) -> Known:
        """What is known when a call comes."""
        return Known(
            records=self._records,
            calendar=self.calendar_,
            columns=self._columns,
            panel_names=self._panel_names,
            missing=self.missing,
            horizon=self._usual_horizon(),
            steps_ahead=self._steps_ahead(),
        )

    def _usual_horizon(self) -> int:
        """Return the steps that ``predict()`` gives without being asked for a number."""
        return getattr(self, "horizon", 1)

    def _read_y(self, y: Any) -> tuple[np.ndarray, pd.Index | None, Form]:
        """Read the target of fit."""
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

    def _read_targets(self, y: Any) -> tuple[np.ndarray, pd.Index | None]:
        """Read the targets of a later call, in the order of fit."""
        values, index, form = read_target(y, owner=f"This {type(self).__name__} estimator")
        return align_targets(values, form, self._form, self._n_targets()), index

    def _read_covariates(self, X: Any, index: pd.Index | None, *, reset: bool) -> Covariates:
        """Read the covariates of a call, whose rows are those of ``index`` if X is an AsOf."""
        X = as_pandas(X)
        if X is None or is_empty_frame(X):
            return self._read_none(reset)
        if reset:
            self._learn_columns(X)
        else:
            self._columns.check_some(X, type(self).__name__)
        if isinstance(X, AsOf):
            if reset:
                self.n_features_in_ = len(self._columns.names)
                self.feature_names_in_ = np.array(self._columns.names, dtype=object)
            return read_vintages(X, index, self._columns)
        return read_columns(self, X, self._columns, reset=reset)

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
        else:
            self._columns.check_none_needed("got no covariates for these rows")
        return no_covariates(self._columns)

    def _check_missing(
        self, values: np.ndarray, index: pd.Index | None, covariates: Covariates
    ) -> None:
        """Refuse missing targets and covariates where the user asked for that."""
        if self.missing == "raise":
            check_observed(values, index)
            check_none_missing(covariates.values, index, self._columns, covariates.given)

    def _asked(self, X: Any, horizon: int | None) -> Asked:
        """Say which rows a call of predict means."""
        check_is_fitted(self)
        if horizon is not None:
            check_count("horizon", horizon)
        if X is not None and not (isinstance(X, AsOf) and horizon is not None):
            return self._rows_of(X, horizon)
        n = self._usual_horizon() if horizon is None else horizon
        if X is not None:
            self._columns.check_some(X, type(self).__name__)
        else:
            self._columns.check_none_needed(f"predict needs them for {n} rows")
        return next_steps(self._known, n, X)

    def _rows_of(self, X: Any, horizon: int | None) -> Asked:
        """Ask for the rows of X."""
        index = X.index if isinstance(X, AsOf) else index_of(X)
        covariates = self._read_covariates(X, index, reset=False)
        n = len(X) if covariates.values is None else len(covariates.values)
        if not n:
            raise ValueError("X has 0 rows: expected at least one row to forecast")
        if self.missing == "raise" and covariates.vintages is None:
            needed = covariates.given & ~self._past_only
            check_none_missing(covariates.values, index, self._columns, needed)
        known = self._known
        asked = rows_asked(known, index, n, covariates, horizon)
        warn_about_past_only(asked, known, covariates)
        return asked

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
        values = [compute(record)[record.positions] for record in self._records.values()]
        return in_given_order(self._known, values, self._order)

    def _remember_order(self, groups: Sequence[tuple[Hashable, np.ndarray]]) -> None:
        """Note to which series the rows of a call belong, for a panel."""
        if self._panel_names is not None:
            self._order_room = Growing.behind(self._order, self._order_room)
            self._order = self._order_room.append(series_numbers(self._records, groups))

    def _n_targets(self) -> int:
        return next(iter(self._records.values())).y.shape[1]
