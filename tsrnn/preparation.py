"""What fit learns about the series before any network: how a record becomes a line, and back.

A record holds values in the user's units on its calendar grid. A series holds the same values
transformed, with calendar features and covariates standardised; a line, made of it, is what a
network reads. All of it is learnt from the rows given to fit (an unseen series: to update).

Conventions: T steps, K targets, F covariates, n steps to forecast, L levels.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from tsrnn import defaults
from tsrnn.calendar_features import calendar_columns
from tsrnn.calendars import Calendar
from tsrnn.encoding import CovariateScaling, StaticEncoding
from tsrnn.forking import Covariates, Known, Layout, Line, make_line
from tsrnn.records import Record, Request
from tsrnn.scaling import (
    linear_effect,
    origin_of,
    original_values,
    usual_deviation,
    working_values,
)
from tsrnn.transforms import fitted, is_pointwise, one_step_inverse, standing_after

# Of the values of a series that has not moved yet: the unit in which a network speaks of it.
LEAST_DEVIATION = 1e-6


@dataclass(frozen=True)
class Series:
    """One record transformed: y (T, K) with NaN where missing, what drives it, and what it is."""

    key: Hashable
    y: np.ndarray
    covariates: Covariates | None
    static: np.ndarray | None  # (E,)

    def __len__(self) -> int:
        return len(self.y)

    def cut(self, start: int, end: int) -> Series:
        """Keep the values from ``start`` up to ``end``, and the covariates from ``start`` on."""
        covariates = self.covariates
        if covariates is not None:
            ahead = None if covariates.ahead is None else covariates.ahead[start:]
            covariates = covariates._replace(X=covariates.X[start:], ahead=ahead)
        return replace(self, y=self.y[start:end], covariates=covariates)

    def with_covariates_standing(self, steps: int) -> Series:
        """Let the covariates go on at their last values for some steps."""
        if self.covariates is None:
            return self
        X = np.pad(self.covariates.X, [(0, steps), (0, 0)], mode="edge")
        return replace(self, covariates=self.covariates._replace(X=X))

    def followed_by(self, y: np.ndarray) -> Series:
        """Append values (n, K) as if they had been observed."""
        return replace(self, y=np.concatenate([self.y, y]))


@dataclass(frozen=True)
class Preparation:
    """How records are read; see the module."""

    calendar: Calendar
    features: tuple[str, ...]  # calendar features that join the covariates known in advance
    columns: CovariateScaling | None
    statics: StaticEncoding | None
    transform: Any = None  # not fitted
    transforms: dict[Hashable, Any] = field(default_factory=dict)  # fitted, by series
    max_gap: int | None = None
    laid_out: Layout | None = None
    known: dict[Hashable, Known] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        records: Sequence[Record],
        calendar: Calendar,
        *,
        features: tuple[str, ...],
        past_only: np.ndarray,
        static_names: Sequence[Hashable],
        transform: Any,
        max_gap: int | None,
    ) -> Preparation:
        """Learn columns, categories and transforms from all records."""
        empty = cls(calendar, features, None, None, transform, max_gap=max_gap)
        columns, statics = None, None
        if features or records[0].X is not None:
            raw = [empty._columns(record.X, empty._index(record)) for record in records]
            extra = raw[0].shape[1] - len(past_only)
            columns = CovariateScaling.of(raw, np.append(np.zeros(extra, dtype=bool), past_only))
        if static_names:
            statics = StaticEncoding.of([record.static for record in records], static_names)
        return replace(empty, columns=columns, statics=statics).with_transforms(records)

    def with_transforms(self, records: Iterable[Record]) -> Preparation:
        """Fit a transform of its own for each record."""
        if self.transform is None:
            return self
        own = {record.key: self._transform_of(record) for record in records}
        return replace(self, transforms=self.transforms | own)

    def with_layout(self, layout: Layout) -> Preparation:
        return replace(self, laid_out=layout)

    @property
    def layout(self) -> Layout:
        """What is read at an origin, once it has been chosen."""
        assert self.laid_out is not None
        return self.laid_out

    def with_known(self, series: Iterable[Series]) -> Preparation:
        """Learn to what every forecast of a series refers."""
        return replace(self, known=self.known | {s.key: self._known_of(s) for s in series})

    def series(self, record: Record, request: Request | None = None, start: int = 0) -> Series:
        """Transform a record from step ``start`` on; a request has the covariates that follow."""
        static = None if self.statics is None else self.statics.encode(record.static)
        covariates = self._covariates(record, request, start)
        return Series(record.key, self.transformed(record, start), covariates, static)

    def transformed(self, record: Record, start: int = 0) -> np.ndarray:
        """Transform the values of a record, from step ``start`` on, (T - start, K)."""
        transform = self.transforms.get(record.key)
        if transform is None:
            return record.y[start:]
        # A copy: a transform may write into what it is given.
        return transform.transform(record.y.copy(), record.index(self.calendar))[start:]

    def pieces(self, series: Series) -> list[tuple[Series, int]]:
        """Cut a series wherever more than ``max_gap`` steps in a row are missing.

        Returns each piece with the step at which it starts.
        """
        seen = np.flatnonzero(np.isfinite(series.y).any(axis=1))
        if self.max_gap is None or not len(seen):
            return [(series, 0)]
        breaks = np.flatnonzero(np.diff(seen) - 1 > self.max_gap)
        starts = np.append(seen[0] if seen[0] > self.max_gap else 0, seen[breaks + 1])
        after = len(series) - 1 - seen[-1]
        ends = np.append(seen[breaks] + 1, seen[-1] + 1 if after > self.max_gap else len(series))
        return [(series.cut(a, b), int(a)) for a, b in zip(starts, ends, strict=True)]

    def line(self, series: Series) -> Line:
        known = self.known[series.key]
        return make_line(series.y, known, self.layout, series.covariates, series.static)

    def working(
        self, series: Series, multiplicative: bool
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return working values free of the linear effect of covariates, origin and effect."""
        origin = origin_of(series.y)
        w = working_values(series.y, origin, multiplicative)
        covariates = series.covariates
        if covariates is None:
            return w, origin, np.zeros((0, w.shape[1]))
        own = covariates.X[: len(w), : covariates.n_known]
        if covariates.ahead is not None:
            # A value known later is no more than a hint: taking its effect off the past would add
            # the error of the hint to every forecast. The network learns what it is worth.
            return w, origin, np.zeros((own.shape[1], w.shape[1]))
        effect = linear_effect(w, own)
        return w - own @ effect, origin, effect

    def values_of(self, key: Hashable, w: np.ndarray) -> np.ndarray:
        """Turn working values (..., K) into values of the (transformed) series."""
        return original_values(w, self.known[key].origin, self.layout.multiplicative)

    def working_values_of(self, key: Hashable, y: np.ndarray) -> np.ndarray:
        """Turn values (..., K) of the (transformed) series into working values."""
        return working_values(y, self.known[key].origin, self.layout.multiplicative)

    def back(
        self,
        record: Record,
        end: int,
        index: pd.Index,
        point: np.ndarray,
        quantiles: np.ndarray | None = None,
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """Invert the transform for forecasts of the steps after ``end``, the last those of index.

        ``end`` counts the steps of the record known when the forecast was made; point (n, K) and
        quantiles (n, K, L) begin there. Where the inverse adds steps up, quantiles are as far from
        the forecast as independent errors of the steps would be: their squares are added.
        """
        transform = self.transforms.get(record.key)
        if transform is None:
            return point, quantiles
        past = record.index(self.calendar)
        steps = past[end:].append(index)
        standing = standing_after(transform, record.y[:end], past[:end])

        def invert(values: np.ndarray) -> np.ndarray:
            return self._finite(standing.inverse_transform(values.copy(), steps), steps)

        middle = invert(point)
        if quantiles is None:
            return middle, None
        levels = [quantiles[..., i] for i in range(quantiles.shape[-1])]
        if is_pointwise(transform):
            return middle, np.sort(np.stack([invert(v) for v in levels], axis=-1), axis=-1)
        far = [_added_up(invert, point, values - point) for values in levels]
        return middle, np.sort(middle[..., None] + np.stack(far, axis=-1), axis=-1)

    def one_step_back(self, record: Record, y: np.ndarray) -> np.ndarray:
        """Invert the transform for one-step forecasts (T, K) of a record's own steps."""
        transform = self.transforms.get(record.key)
        if transform is None:
            return y
        index = record.index(self.calendar)
        return self._finite(one_step_inverse(transform, y.copy(), record.y.copy(), index), index)

    def _finite(self, values: np.ndarray, index: pd.Index) -> np.ndarray:
        """Refuse forecasts that a transform maps to something else than numbers."""
        gone = ~np.isfinite(values).all(axis=1)
        if gone.any():
            raise ValueError(
                f"transform={self.transform!r}: the inverse of a forecast is not finite, first at "
                f"{index[int(np.argmax(gone))]}: let inverse_transform map every number to one"
            )
        return values

    def _known_of(self, series: Series) -> Known:
        layout = self.layout
        w, origin, effect = self.working(series, layout.multiplicative)
        size = np.ones_like(origin) if layout.multiplicative else np.abs(origin)
        anchor = defaults.find_anchor(w, layout.seasons, layout.span, layout.horizon)
        deviation = usual_deviation(w, layout.span, size)
        if not layout.multiplicative:  # logs have a unit of their own
            deviation = np.where(deviation > 0, deviation, LEAST_DEVIATION * size)
        return Known(origin, deviation, effect, anchor)

    def _index(self, record: Record, start: int = 0) -> pd.Index | None:
        """Stamps of the steps from ``start`` on, where calendar features need them."""
        return record.index(self.calendar)[start:] if self.features else None

    def _transform_of(self, record: Record) -> Any:
        """Fit the transform to one series; say of which it is that it cannot be fitted."""
        index = record.index(self.calendar)
        of = "" if record.key is None else f" of series {record.key!r}"
        try:
            transform = fitted(self.transform, record.y.copy(), index)
            self._check_transform(transform, record.y, index)
        except ValueError as error:
            if record.key is None:
                raise
            said = str(error)
            named = said.replace("y has", f"y{of} has", 1) if "y has" in said else f"y{of}: {said}"
            raise ValueError(named) from error
        return transform

    def _check_transform(self, transform: Any, y: np.ndarray, index: pd.Index) -> None:
        """Refuse what does not map (T, K) to (T, K), loses values, or cannot be inverted."""
        w, name = transform.transform(y.copy(), index), f"transform={self.transform!r}"
        if not isinstance(w, np.ndarray) or w.shape != y.shape:
            raise ValueError(
                f"{name} gave {type(w).__name__} of shape {np.shape(w)}: expected an array of "
                f"shape {y.shape}, as it was given"
            )
        if not np.isfinite(w).any(axis=0).all():
            raise ValueError(
                f"{name} leaves no value to learn from: missing values lie beside all the others; "
                "fill them, or use no difference"
            )
        if not is_pointwise(transform):
            return
        lost = np.isfinite(y) & ~np.isfinite(w)
        if lost.any():
            first = index[int(np.argmax(lost.any(axis=1)))]
            raise ValueError(f"{name} is not finite for {lost.sum()} values, first at {first}")
        back, seen = transform.inverse_transform(w.copy(), index), np.isfinite(y)
        if not np.allclose(back[seen], y[seen], rtol=1e-6, atol=1e-6 * np.abs(y[seen]).max()):
            raise ValueError(f"{name}: inverse_transform does not give y back")

    def _columns(self, X: np.ndarray | None, index: pd.Index | None) -> np.ndarray:
        """Put calendar features before the covariates given, (T, F)."""
        parts = [] if X is None else [X]
        if index is not None:
            parts.insert(0, calendar_columns(index, self.features))
        return np.concatenate(parts, axis=1)

    def _covariates(self, record: Record, request: Request | None, start: int) -> Covariates | None:
        if self.columns is None:
            return None
        index, n_known = self._index(record, start), self.columns.n_known
        given = None if record.X is None else record.X[start:]
        X = self.columns.apply(self._columns(given, index))
        if request is not None:
            following = request.index if self.features else None
            later = self.columns.apply(self._columns(request.X, following))
            later[:, n_known:] = X[-1, n_known:]  # not known: the last value seen goes on
            X = np.concatenate([X, later])
        ahead = None if record.ahead is None else self._ahead(record.ahead[start:], index)
        return Covariates(X, n_known, ahead)

    def _ahead(self, values: np.ndarray, index: pd.Index | None) -> np.ndarray:
        """Columns known in advance of step t + h as known at step t: (T, H, F) -> (T, H, n)."""
        assert self.columns is not None
        if index is not None:
            steps, horizon = values.shape[:2]
            own = calendar_columns(
                index.append(self.calendar.after(index[-1:], horizon)), self.features
            )
            place = np.arange(steps)[:, None] + np.arange(1, horizon + 1)
            values = np.concatenate([own[place], values], axis=-1)
        return self.columns.apply(values)[..., : self.columns.n_known]


def _added_up(
    invert: Callable[[np.ndarray], np.ndarray], point: np.ndarray, far: np.ndarray
) -> np.ndarray:
    """Move one step of a forecast (n, K) after the other by ``far`` (n, K); add the squares."""
    middle, squares = invert(point), np.zeros_like(point)
    for step in range(len(point)):
        moved = point.copy()
        moved[step] += far[step]
        squares += (invert(moved) - middle) ** 2
    return np.copysign(np.sqrt(squares), far)


def seen_length(y: np.ndarray) -> int:
    """Count the steps of y (T, K) up to its last observed value; looks from the end backwards."""
    end, size = len(y), 64
    while end:
        seen = np.isfinite(y[max(0, end - size) : end]).any(axis=1)
        if seen.any():
            return end - int(np.argmax(seen[::-1]))
        end, size = max(0, end - size), 2 * size
    return 0


def first_of_last(y: np.ndarray, count: int) -> int:
    """Return the step from which on ``count`` steps of y (T, K) are observed, 0 if there are fewer.

    Looks from the end backwards, over no more than twice the steps needed.
    """
    size = 2 * count
    while size < len(y):
        seen = np.flatnonzero(np.isfinite(y[-size:]).any(axis=1))
        if len(seen) >= count:
            return len(y) - size + int(seen[-count])
        size *= 2
    seen = np.flatnonzero(np.isfinite(y).any(axis=1))
    return int(seen[-count]) if len(seen) > count else 0
