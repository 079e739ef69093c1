"""Covariates as networks take them: standardised, finite, and encoded.

Conventions: T steps, F columns given, S static numbers, C static categories.
"""

from __future__ import annotations

import numbers
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tsrnn.scaling import ROUNDING


@dataclass(frozen=True)
class CovariateScaling:
    """Standardise columns; missing values become 0, with a flag where fit saw missing ones.

    The columns known in advance and their flags come first, then those of the past only.
    """

    mean: np.ndarray  # (F,)
    deviation: np.ndarray  # (F,)
    known: np.ndarray  # columns known in advance
    past: np.ndarray  # columns of the past only
    known_flags: np.ndarray  # columns among them that fit saw missing
    past_flags: np.ndarray

    @classmethod
    def of(cls, covariates: Sequence[np.ndarray], past_only: np.ndarray) -> CovariateScaling:
        """Learn from arrays (T, F) of all series; past_only (F,) bool."""
        X = np.concatenate(covariates)
        missing = np.isnan(X)
        count = np.maximum(1, (~missing).sum(axis=0))
        mean = np.where(missing, 0.0, X).sum(axis=0) / count
        deviation = np.sqrt((np.where(missing, 0.0, X - mean) ** 2).sum(axis=0) / count)
        constant = deviation <= ROUNDING * np.abs(mean)
        flagged = missing.any(axis=0)
        return cls(
            mean,
            np.where(constant, 1.0, deviation),
            np.flatnonzero(~past_only),
            np.flatnonzero(past_only),
            np.flatnonzero(~past_only & flagged),
            np.flatnonzero(past_only & flagged),
        )

    def apply(self, X: np.ndarray) -> np.ndarray:
        """Standardise (..., F) to (..., columns and flags)."""
        missing = np.isnan(X)
        values = np.where(missing, 0.0, (X - self.mean) / self.deviation)
        parts = [
            values[..., self.known],
            missing[..., self.known_flags],
            values[..., self.past],
            missing[..., self.past_flags],
        ]
        return np.concatenate(parts, axis=-1)

    @property
    def n_known(self) -> int:
        """Columns of the result that are known in advance."""
        return len(self.known) + len(self.known_flags)


@dataclass(frozen=True)
class StaticEncoding:
    """Turn what is constant within a series into numbers: standardised ones, then category codes.

    Numbers are missing as 0; categories are counted from 1, 0 is unknown.
    """

    names: tuple[Hashable, ...]
    moments: dict[int, tuple[float, float]]  # by place: mean and deviation
    categories: dict[int, dict[Any, int]]  # by place: code of each category

    @classmethod
    def of(cls, statics: Sequence[tuple[Any, ...]], names: Sequence[Hashable]) -> StaticEncoding:
        """Learn from the static values of all series, in the order of ``names``."""
        moments, categories = {}, {}
        for place, column in enumerate(zip(*statics, strict=True)):
            seen = [value for value in column if not is_missing(value)]
            if all(_is_number(value) for value in seen):
                values = np.array(seen or [0.0], dtype=np.float64)
                moments[place] = float(values.mean()), float(values.std()) or 1.0
            else:
                ordered = sorted(set(seen), key=str)
                categories[place] = {value: code for code, value in enumerate(ordered, start=1)}
        return cls(tuple(names), moments, categories)

    @property
    def shape(self) -> tuple[int, tuple[int, ...]]:
        """Number of numbers, and of the categories of each categorical column."""
        return len(self.moments), tuple(len(codes) for codes in self.categories.values())

    def encode(self, static: tuple[Any, ...]) -> np.ndarray:
        """Encode one series as (S + C,)."""
        amounts = [
            0.0 if is_missing(static[place]) else (float(static[place]) - mean) / deviation
            for place, (mean, deviation) in self.moments.items()
        ]
        codes = [self._code(place, static[place]) for place in self.categories]
        return np.array([*amounts, *codes], dtype=np.float64)

    def _code(self, place: int, value: Any) -> int:
        codes = self.categories[place]
        if is_missing(value):
            return 0
        if value not in codes:
            raise ValueError(
                f"static column {self.names[place]!r} has the category {value!r}, which fit did "
                f"not see: expected one of {list(codes)}, or a missing value for unknown"
            )
        return codes[value]


def is_missing(value: Any) -> bool:
    """Tell whether a static value is None, NaN or pandas' NA."""
    return value is None or type(value).__name__ in ("NAType", "NaTType") or value != value


def _is_number(value: Any) -> bool:
    return isinstance(value, numbers.Real) and not isinstance(value, bool | np.bool_)
