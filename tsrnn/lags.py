"""Lag windows of one series, relative to what was known at their end.

Conventions: T steps of a series, w window, F covariates, n origins, B rows of a batch. An origin is
the last step known; its window holds the steps origin - w + 1 to origin, oldest first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from tsrnn.gaps import last_seen, snap


class Units(NamedTuple):
    """Shift and scale of one series, fixed in fit."""

    centre: float
    scale: float

    @classmethod
    def of(cls, y: np.ndarray) -> Units:
        """Take the first value and the size of a change of y ``(T,)``, which is not constant."""
        seen = y[np.isfinite(y)]
        return cls(float(seen[0]), float(np.sqrt(np.mean(np.diff(seen) ** 2))))

    def shrink(self, y: np.ndarray) -> np.ndarray:
        """Bring values of the series into these units."""
        return y if self == UNCHANGED else snap((y - self.centre) / self.scale)

    def grow(self, z: np.ndarray) -> np.ndarray:
        """Bring values back into the units of the series."""
        return self.centre + self.scale * z


UNCHANGED = Units(0.0, 1.0)


@dataclass(frozen=True)
class Lags:
    """One series cut into windows.

    Where missing values are bridged, each is the last value seen before it, and so are those before
    the start of the series: its first value, the only one known there.
    """

    z: np.ndarray  # (T,) NaN where missing
    window: int
    bridged: bool  # else missing values stay NaN in the windows
    relative: bool  # to the last value seen

    @cached_property
    def first(self) -> int:
        """The first step observed."""
        return int(np.argmax(np.isfinite(self.z)))

    @cached_property
    def filled(self) -> np.ndarray:
        """Each step's last value seen, ``(T,)``; the first one before it."""
        return self.z[np.maximum(last_seen(self.z), self.first)]

    @cached_property
    def complete_from(self) -> int:
        """The first origin worth learning from."""
        return self.first + (self.window - 1 if self.bridged else 0)

    def windows(self, origins: np.ndarray) -> np.ndarray:
        """Return the windows ``(n, w)`` that end at some steps."""
        values = self.filled if self.bridged else self.z
        before = np.full(self.window - 1, values[self.first] if self.bridged else np.nan)
        return sliding_window_view(np.concatenate([before, values]), self.window)[origins]

    def levels(self, origins: np.ndarray) -> np.ndarray:
        """Return what windows and targets are relative to, ``(n,)``."""
        return self.filled[origins] if self.relative else np.zeros(len(origins))


class Batch(NamedTuple):
    """Windows to forecast from, what they are relative to, and the covariates of their end."""

    windows: np.ndarray  # (B, w)
    levels: np.ndarray  # (B,)
    past: np.ndarray | None  # (B, k, F) covariates of the last k steps up to the origin
    relative: bool

    @classmethod
    def joined(cls, parts: Sequence[Batch]) -> Batch:
        """Put the windows of several series together."""
        windows = np.concatenate([part.windows for part in parts])
        levels = np.concatenate([part.levels for part in parts])
        pasts = [part.past for part in parts if part.past is not None]
        return cls(windows, levels, np.concatenate(pasts) if pasts else None, parts[0].relative)

    def rows(self, X: np.ndarray | None = None) -> np.ndarray:
        """Return what a regressor reads: windows relative to their levels, then covariates."""
        lagged = self.windows - self.levels[:, None]
        covariates = [part.reshape(len(lagged), -1) for part in (self.past, X) if part is not None]
        return np.concatenate([lagged, *covariates], axis=1)

    def followed_by(self, z: np.ndarray, X: np.ndarray | None) -> Batch:
        """Move on over forecasts ``(B, steps)`` and their covariates ``(B, steps, F)``."""
        steps = z.shape[1]
        windows = np.concatenate([self.windows, z], axis=1)[:, steps:]
        levels = z[:, -1] if self.relative else self.levels
        past = self.past
        if past is not None and X is not None:
            past = np.concatenate([past, X], axis=1)[:, steps:]
        return Batch(windows, levels, past, self.relative)


class Errors(NamedTuple):
    """How far forecasts were off: the shape of the errors, and their size by step.

    Errors count with both signs: those of a fit that has not seen the latest rows may all lie on
    one side, where those of the next fit need not.
    """

    shape: np.ndarray  # (m,) errors in units of the size of their step, increasing
    sizes: np.ndarray  # (M,) by steps ahead, not decreasing

    @classmethod
    def of(cls, errors: np.ndarray) -> Errors:
        """Learn from errors ``(origins, M)``, NaN where missing."""
        seen = np.isfinite(errors)
        steps = np.flatnonzero(seen.any(axis=0))
        if not len(steps):
            return cls(np.zeros(1), np.zeros(1))
        errors = errors[:, : steps[-1] + 1]
        squares = np.where(np.isfinite(errors), errors, 0.0) ** 2
        counts = np.isfinite(errors).sum(axis=0)
        sizes = np.maximum.accumulate(np.sqrt(squares.sum(axis=0) / np.maximum(1, counts)))
        shape = errors / np.where(sizes > 0, sizes, 1.0)
        shape = shape[np.isfinite(shape)]
        return cls(np.sort(np.concatenate([shape, -shape])), sizes)

    def quantiles(self, steps: np.ndarray, levels: np.ndarray) -> np.ndarray:
        """Return quantiles of the errors of some steps ahead, counted from 1, ``(n, L)``.

        The i-th of m errors is the quantile at i / (m + 1) (Weibull 1939). Beyond the last step
        measured they grow as those of a random walk, with the root of the steps.
        """
        most = len(self.sizes)
        sizes = self.sizes[np.minimum(steps, most) - 1] * np.sqrt(np.maximum(1.0, steps / most))
        return sizes[:, None] * np.quantile(self.shape, levels, method="weibull")
