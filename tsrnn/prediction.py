"""Forecasting with trained networks: from the end of series, and from every step of them.

Conventions: B passes, N origins of a pass, H horizon, K targets, L levels, n steps to forecast.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch

from tsrnn.fitting import ORIGINS_AT_ONCE, as_tensor
from tsrnn.forking import Corpus, Layout, Pass, last_passes, pass_ending_at, stacked
from tsrnn.heads import Head, ProbabilisticHead
from tsrnn.memory import in_batches
from tsrnn.networks import LEAST_ROWS, ForkingNetwork, Seq2SeqNetwork
from tsrnn.preparation import Preparation, Series, seen_length

CUTS_AT_ONCE = 512  # histories that are forecast together in-sample
GRID = np.arange(1, 200) / 200  # levels at which quantiles of errors are kept


class Reading(NamedTuple):
    """What networks say from the origins of one pass, in working values."""

    point: np.ndarray  # (N, H, K)
    far: np.ndarray | None  # (N, H, K, L), quantiles less the point, if the head knows them
    scale: np.ndarray  # (N, K)


class Path(NamedTuple):
    """A forecast of n steps in the units of the (transformed) series."""

    point: np.ndarray  # (n, K)
    quantiles: np.ndarray | None  # (n, K, L)


@dataclass(frozen=True)
class Predictor:
    """Networks whose median is the forecast, and how they are read."""

    networks: Sequence[ForkingNetwork | Seq2SeqNetwork]
    head: Head
    preparation: Preparation
    origins: int  # of a pass
    context: int | None  # steps before an origin that count, where the user fixed them
    errors: np.ndarray | None  # quantiles (len(GRID), steps, K) in units of the scale; None: head

    def ahead(
        self, series: Sequence[Series], wanted: Sequence[int], levels: np.ndarray | None = None
    ) -> list[Path]:
        """Forecast the next steps of each series: H at a time, fed back as if observed.

        Beyond the horizon quantiles are as far from the point forecast as errors that add up to
        those before independently: the squares of the distances are added.
        """
        H = self._layout.horizon
        grown, carried = list(series), [0.0] * len(series)
        found: list[list[Path]] = [[] for _ in series]
        scales: list[np.ndarray] = []
        for start in range(0, max(wanted), H):
            readings = self.from_ends(grown, levels)
            scales = scales or [reading.scale[-1] for reading in readings]
            for i, reading in enumerate(readings):
                key, w, quantiles = grown[i].key, reading.point[-1], None
                y = self.preparation.values_of(key, w)
                if levels is not None:
                    far, middle = self._far(reading, start, scales[i], levels)  # (H, K, L)
                    wide = np.copysign(np.hypot(far - middle, carried[i]), levels - 0.5)
                    if (start + H) % self._steps_known == 0:
                        carried[i] = np.abs(wide[-1])
                    w = np.moveaxis(w[..., None] + middle + wide, -1, -2)  # (H, L, K)
                    quantiles = np.moveaxis(self.preparation.values_of(key, w), -2, -1)
                grown[i] = grown[i].followed_by(y)
                found[i].append(Path(y, quantiles))
        return [_joined(paths, n) for paths, n in zip(found, wanted, strict=True)]

    def in_sample(self, series: Series) -> np.ndarray:
        """One-step forecasts of a series' own steps, (T, K); no piece knows of the one before."""
        known = self.preparation.known[series.key].origin  # nothing else is known before
        forecasts, end = [], 0
        for piece, start in self.preparation.pieces(series):
            forecasts += [self._standing(known, start - end), self._within(piece, known)]
            end = start + len(piece)
            seen = piece.y[np.isfinite(piece.y).all(axis=1)]
            known = seen[-1] if len(seen) else known
        return np.concatenate([*forecasts, self._standing(known, len(series) - end)])

    def from_ends(
        self, series: Sequence[Series], levels: np.ndarray | None = None
    ) -> list[Reading]:
        """Read from the end of each series; the last origin is it."""
        corpus = Corpus([self.preparation.line(s) for s in series], self._layout)
        passes = last_passes(corpus.length, self._layout.segment, self.origins)
        return self.read(corpus, passes, levels, last=True)

    def read(
        self,
        corpus: Corpus,
        passes: Sequence[Pass],
        levels: np.ndarray | None = None,
        last: bool = False,
    ) -> list[Reading]:
        """Read from each origin of each pass, or only from its last one."""

        def answer(part: slice, size: int) -> list[Reading]:
            some = list(passes[part])
            added = some[:1] * (min(LEAST_ROWS, size) - len(some))
            return self._read_together(corpus, some + added, levels, last)[: len(some)]

        longest = max(len(p.origins) for p in passes)
        states = longest + self.networks[0].decoded * (1 if last else longest)  # of a pass
        parts = in_batches(answer, len(passes), max(LEAST_ROWS, ORIGINS_AT_ONCE // states))
        return [reading for part in parts for reading in part]

    def _read_together(
        self, corpus: Corpus, passes: list[Pass], levels: np.ndarray | None, last: bool
    ) -> list[Reading]:
        """Read passes as one batch."""
        like = self.networks[0].linear.weight
        series, origins = stacked(passes)
        x = as_tensor(corpus.inputs(series, origins), like)
        ends, at = [len(p.origins) for p in passes], None
        if last:
            at = torch.tensor(ends, device=like.device) - 1
            origins, ends = np.array([p.origins[-1:] for p in passes]), [1] * len(passes)
        batch = corpus.batch(series, origins)
        known, static = as_tensor(batch.known, like), as_tensor(batch.static, like)
        point, far = self._said(x, known, static, at, levels)
        scale = batch.scale[:, :, None]
        w = batch.base + batch.effect + scale * point  # (B, N, H, K)
        wide = None if far is None else scale[..., None] * far
        return [
            Reading(w[i, :n], None if wide is None else wide[i, :n], batch.scale[i, :n])
            for i, n in enumerate(ends)
        ]

    @property
    def _layout(self) -> Layout:
        return self.preparation.layout

    @property
    def _steps_known(self) -> int:
        """Steps after which quantiles are no longer known by themselves."""
        return self._layout.horizon if self.errors is None else self.errors.shape[1]

    def _far(
        self, reading: Reading, start: int, scale: np.ndarray, levels: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Distances of quantiles (H, K, L) and of the median (H, K, 1) from the point forecast.

        In working values. A head that does not know how sure it is has those of the errors seen in
        fit, in units of the scale at the origin.
        """
        if self.errors is None and reading.far is not None:
            return reading.far[-1], np.zeros(1)  # the median is the point
        steps = start % self._steps_known + np.arange(self._layout.horizon)
        errors = scale[:, None] * self._errors_at(np.append(levels, 0.5))[steps]
        return errors[..., :-1], errors[..., -1:]

    def _said(
        self,
        x: torch.Tensor,
        known: torch.Tensor | None,
        static: torch.Tensor | None,
        at: torch.Tensor | None,
        levels: np.ndarray | None,
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """Median over networks of the point (B, N, H, K), and of the distances of quantiles."""
        points, quantiles = [], []
        with torch.inference_mode():
            for network in self.networks:
                raw = network(x, known, static, None, at).double()
                points.append(self.head.point(raw).cpu().numpy())
                if levels is not None and isinstance(self.head, ProbabilisticHead):
                    quantiles.append(self.head.quantiles(raw, levels).cpu().numpy())
        point = np.median(points, axis=0)
        if quantiles:
            return point, np.median(quantiles, axis=0) - point[..., None]
        return point, None

    def _errors_at(self, levels: np.ndarray) -> np.ndarray:
        """Quantiles of the errors at each step forecast, (steps, K, L)."""
        assert self.errors is not None
        place = np.interp(levels, GRID, np.arange(len(GRID)))
        low = np.floor(place).astype(int)
        high = np.minimum(low + 1, len(GRID) - 1)
        between = self.errors[low] + (place - low)[:, None, None] * (
            self.errors[high] - self.errors[low]
        )
        return np.moveaxis(between, 0, -1)

    def _standing(self, value: np.ndarray, steps: int) -> np.ndarray:
        return np.broadcast_to(value, (steps, len(value)))

    def _within(self, piece: Series, first: np.ndarray) -> np.ndarray:
        """One-step forecasts (T, K) of one piece, the first of them given."""
        length, segment = len(piece), self._layout.segment
        forecast = np.empty_like(piece.y)
        forecast[0] = first

        def say(places: np.ndarray, w: np.ndarray) -> None:
            forecast[places] = self.preparation.values_of(piece.key, w)

        if self.context is not None and self.context < length:
            cuts = [cut_to(piece, end, self.context) for end in range(1, length)]
            for start in range(0, len(cuts), CUTS_AT_ONCE):
                some = cuts[start : start + CUTS_AT_ONCE]
                places = 1 + start + np.arange(len(some))
                say(places, np.array([r.point[-1, 0] for r in self.from_ends(some)]))
            return forecast
        corpus = Corpus([self.preparation.line(piece)], self._layout)
        if length <= segment * self.origins:
            # One pass an offset visits every origin: the state reaches back to the start anyway.
            ends = range(max(0, length - 1 - segment), length - 1)
            passes = [Pass(0, pass_ending_at(end, segment, self.origins)) for end in ends]
            passes += [Pass(0, np.array([t])) for t in range(min(segment - 1, length - 1))]
            if passes:
                for part, reading in zip(passes, self.read(corpus, passes), strict=True):
                    say(part.origins + 1, reading.point[:, 0])
        else:
            ends = range(length - 1)
            passes = [Pass(0, pass_ending_at(end, segment, self.origins)) for end in ends]
            say(np.arange(1, length), np.array([r.point[-1, 0] for r in self.read(corpus, passes)]))
        return forecast


def cut_to(series: Series, end: int, rows: int | None) -> Series:
    """Keep the last ``rows`` steps before ``end`` (None: all), and at least one value seen."""
    rows = end if rows is None else rows
    return series.cut(max(0, min(end - rows, seen_length(series.y[:end]) - 1)), end)


def quantiles_of_errors(errors: np.ndarray) -> np.ndarray:
    """Quantiles at GRID of errors (m, H, K), NaN where missing: (len(GRID), H, K).

    The i-th of m errors is the quantile at i / (m + 1) (Weibull 1939), which counts the next error
    as one more of the sample. A step without any error has those of the nearest one with some.
    """
    table = np.zeros((len(GRID), *errors.shape[1:]))
    steps = np.arange(errors.shape[1])
    for k in range(errors.shape[2]):
        seen = np.flatnonzero(np.isfinite(errors[:, :, k]).any(axis=0))
        if len(seen):
            found = np.nanquantile(errors[:, seen, k], GRID, axis=0, method="weibull")
            nearest = np.abs(steps[:, None] - seen).argmin(axis=1)
            table[:, :, k] = found[:, nearest]
    return table


def _joined(paths: list[Path], n: int) -> Path:
    point = np.concatenate([path.point for path in paths])[:n]
    quantiles = [path.quantiles for path in paths if path.quantiles is not None]
    return Path(point, np.concatenate(quantiles)[:n] if quantiles else None)
