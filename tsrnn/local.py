"""Forecasters that fit one univariate model a series.

Conventions: T steps, F covariates, n steps to forecast, L levels.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np

from tsrnn.base import Forecaster
from tsrnn.records import Record, Request


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
    def _quantiles_series(
        self, model: Any, y: np.ndarray, n: int, X: np.ndarray | None, levels: np.ndarray
    ) -> np.ndarray:
        """Forecast quantiles ``(n, L)`` at increasing levels ``(L,)``, X ``(n, F)`` finite."""

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
        self._neutral = column_means(np.concatenate(covariates)) if covariates else None
        self.models_ = {key: self._fit_record(record) for key, record in records.items()}

    def _fit_record(self, record: Record) -> Any:
        try:
            return self._fit_series(record.y[:, 0], self._filled(record.X))
        except ValueError as error:
            if record.key is None:
                raise
            raise ValueError(f"series {record.key!r}: {error}") from error

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

    def _quantiles(self, requests: Sequence[Request], levels: np.ndarray) -> list[np.ndarray]:
        return [
            self._quantiles_series(
                self.models_[request.record.key],
                request.record.y[:, 0],
                request.n,
                self._filled(request.X),
                levels,
            )[:, None, :]
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


def column_means(X: np.ndarray) -> np.ndarray:
    """Return the means ``(F,)`` of the observed values of X ``(T, F)``, zero where there are none.

    Examples
    --------
    >>> import numpy as np
    >>> column_means(np.array([[1.0, np.nan], [3.0, np.nan]]))
    array([2., 0.])
    """
    seen = np.isfinite(X)
    return np.where(seen, X, 0.0).sum(axis=0) / np.maximum(1, seen.sum(axis=0))
