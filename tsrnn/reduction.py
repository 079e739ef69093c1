"""Forecasting reduced to regression on lag windows: samples, strategies and feeding back.

Conventions: T steps of a series, w window, F covariates, H horizon, B origins, n steps to forecast.
A block is what is forecast before forecasts are fed back: one step for strategy="recursive", else
H. Values are in the units of their series.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import clone

from tsrnn.gaps import bridge
from tsrnn.lags import Batch, Lags

STRATEGIES = ("recursive", "direct", "multi_output")
MOST_ORIGINS = 1_000  # of all series together, from which errors are learnt


@dataclass(frozen=True)
class Series:
    """One series to learn from, with its covariates, which zero is neutral for."""

    lags: Lags
    X: np.ndarray | None = None  # (T, F)
    ahead: np.ndarray | None = None  # (T, h, F) covariates of step t + h as known at step t
    lagged: int = 0  # steps k up to the origin whose covariates are read too
    past_only: np.ndarray | None = None  # (F,) columns without a known future, neutral there

    def __len__(self) -> int:
        return len(self.lags.z)

    def batch(self, origins: np.ndarray) -> Batch:
        """Return what is known at some origins."""
        past = None
        if self.X is not None:
            padded = np.concatenate([np.zeros((self.lagged, self.X.shape[1])), self.X])
            past = padded[origins[:, None] + 1 + np.arange(self.lagged)]
        lags = self.lags
        return Batch(lags.windows(origins), lags.levels(origins), past, lags.relative)

    def covariates(self, origins: np.ndarray, n: int) -> np.ndarray | None:
        """Return the covariates ``(B, n, F)`` of the n steps after each origin."""
        if self.X is None:
            return None
        standing = np.concatenate([self.X, np.zeros((n, self.X.shape[1]))])
        found = standing[origins[:, None] + 1 + np.arange(n)]
        if self.ahead is not None:
            known = min(n, self.ahead.shape[1])
            found[:, :known] = self.ahead[origins, :known]
        if self.past_only is not None:
            found[:, :, self.past_only] = 0.0
        return found

    def targets(self, origins: np.ndarray, n: int, until: int) -> np.ndarray:
        """Return the n values after each origin, ``(B, n)``: NaN where missing or not before."""
        standing = np.concatenate([self.lags.z[:until], np.full(n, np.nan)])
        return standing[origins[:, None] + 1 + np.arange(n)]

    def without_gaps(self, until: int) -> Series:
        """Return the series with the gaps among its first steps bridged, to be used as targets."""
        z = self.lags.z.copy()
        part = slice(self.lags.first, until)
        z[part] = bridge(z[part])
        return Series(Lags(z, self.lags.window, self.lags.bridged, self.lags.relative))


@dataclass(frozen=True)
class Reduction:
    """Fitted regressors and the strategy that they serve."""

    strategy: str
    horizon: int
    regressors: tuple[Any, ...]  # one for each step, or one for all steps

    @property
    def block(self) -> int:
        """Steps forecast before any is fed back."""
        return 1 if self.strategy == "recursive" else self.horizon

    @classmethod
    def fitted(
        cls, regressor: Any, strategy: str, horizon: int, series: Sequence[Series], until: list[int]
    ) -> Reduction | None:
        """Fit clones of a regressor to the steps before ``until``; None without any sample."""
        block = 1 if strategy == "recursive" else horizon
        if strategy == "multi_output":
            samples = [_joint_samples(series, until, block)]
        else:
            samples = [_samples(series, until, step) for step in range(block)]
        if any(len(targets) == 0 for _, targets in samples):
            return None
        regressors = tuple(
            clone(regressor).fit(_without_empty_columns(rows), targets) for rows, targets in samples
        )
        return cls(strategy, horizon, regressors)

    def ahead(self, batch: Batch, X: np.ndarray | None, n: int) -> np.ndarray:
        """Forecast ``(B, n)`` with covariates ``(B, n, F)``, feeding back block by block."""
        parts = []
        for start in range(0, n, self.block):
            steps = min(self.block, n - start)
            known = None if X is None else X[:, start : start + steps]
            z = batch.levels[:, None] + self._block(batch, known, steps)
            if not np.isfinite(z).all():
                raise ValueError(
                    f"{type(self.regressors[0]).__name__} predicted {(~np.isfinite(z)).sum()} of "
                    f"{z.size} values as NaN or infinite: expected finite ones; choose another "
                    "regressor or other parameters"
                )
            parts.append(z)
            batch = batch.followed_by(z, known)
        return np.concatenate(parts, axis=1)

    def errors(self, series: Sequence[Series], first: Sequence[int], n: int) -> np.ndarray:
        """Forecast the steps of each series from ``first`` on, as of every origin there or of some.

        Returns the errors ``(B, n)`` up to n steps ahead, NaN where nothing was observed.
        """
        share, parts = max(1, MOST_ORIGINS // len(series)), []
        for s, start in zip(series, first, strict=True):
            origins = np.arange(max(start - 1, s.lags.first), len(s) - 1)
            parts.append((s, origins[:: max(1, -(-len(origins) // share))]))
        X = [s.covariates(origins, n) for s, origins in parts]
        targets = [s.targets(origins, n, len(s)) for s, origins in parts]
        batch = Batch.joined([s.batch(origins) for s, origins in parts])
        if not len(batch.levels):
            return np.full((1, n), np.nan)
        known = np.concatenate([x for x in X if x is not None]) if X[0] is not None else None
        return np.concatenate(targets) - self.ahead(batch, known, n)

    def _block(self, batch: Batch, X: np.ndarray | None, steps: int) -> np.ndarray:
        """Forecast the next steps relative to the level, ``(B, steps)``."""
        if self.strategy != "multi_output":
            regressors = enumerate(self.regressors[:steps])
            columns = [r.predict(batch.rows(None if X is None else X[:, i])) for i, r in regressors]
            return np.column_stack(columns)
        if X is None:
            return self._all_steps(batch.rows())[:, :steps]
        # A step sees the covariates of the steps up to its own; zero is neutral for the others.
        seen, columns = np.zeros((len(X), self.horizon, X.shape[2])), []
        for step in range(steps):
            seen[:, step] = X[:, step]
            columns.append(self._all_steps(batch.rows(seen))[:, step])
        return np.column_stack(columns)

    def _all_steps(self, rows: np.ndarray) -> np.ndarray:
        return np.reshape(self.regressors[0].predict(rows), (len(rows), self.horizon))


def _samples(
    series: Sequence[Series], until: list[int], step: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return rows and targets of the step at position ``step`` after all origins."""
    rows, targets = [], []
    for s, end in zip(series, until, strict=True):
        origins = np.arange(s.lags.complete_from, max(s.lags.complete_from, end - 1))
        target = s.targets(origins, step + 1, end)[:, step]
        seen = np.isfinite(target)
        batch, X = s.batch(origins[seen]), s.covariates(origins[seen], step + 1)
        rows.append(batch.rows(None if X is None else X[:, step]))
        targets.append(target[seen] - batch.levels)
    return np.concatenate(rows), np.concatenate(targets)


def _joint_samples(
    series: Sequence[Series], until: list[int], block: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return rows and targets ``(samples, H)``; missing ones are bridged where some are there."""
    rows, targets = [], []
    for s, end in zip(series, until, strict=True):
        origins = np.arange(s.lags.complete_from, max(s.lags.complete_from, end - block))
        origins = origins[np.isfinite(s.targets(origins, block, end)).any(axis=1)]
        if len(origins):
            batch = s.batch(origins)
            rows.append(batch.rows(s.covariates(origins, block)))
            target = s.without_gaps(end).targets(origins, block, end)
            targets.append(target - batch.levels[:, None])
    if not rows:
        return np.empty((0, 0)), np.empty((0, block))
    return np.concatenate(rows), np.concatenate(targets)


def _without_empty_columns(rows: np.ndarray) -> np.ndarray:
    """Let a column without any value be constant, for scikit-learn's trees fail on it."""
    return np.where(np.isnan(rows).all(axis=0), 0.0, rows)
