"""Forking sequences: what one pass along a series shows a network, and what it must forecast.

A pass visits the origins t of one series, ``segment`` steps apart. At each origin the network sees
the last segment and the seasonal forecasts, relative to the level and scale known at t, and it
answers with corrections of the anchor: the value one season (or one step) before each future step.
Forking sequences: Wen, Torkkola, Narayanaswamy and Madeka 2017; segments: Lin et al. 2023 (SegRNN).

Conventions: B passes, N origins a pass, S steps a segment, H horizon, K targets, F covariates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from tsrnn.scaling import Scaled, scaled, seasonal_profile, working_values

OUTSIDE = 2**62  # a step beyond every series


@dataclass(frozen=True)
class Layout:
    """What is read at an origin; the same for training and forecasting."""

    horizon: int
    segment: int
    window: int  # last steps that are read at each origin, at least the segment
    span: int  # steps behind the running level and scale
    seasons: tuple[int, ...]  # seasonal forecasts that are shown, in steps
    multiplicative: bool
    shows_missing: bool  # missing values were seen in fit: their mask is an input

    def size(self, targets: int, covariates: int) -> int:
        """Return the number of inputs at an origin."""
        per_step = targets * (2 + self.shows_missing) + covariates
        per_season = self.horizon * targets
        return (
            self.window * per_step
            + targets * (1 + self.shows_missing)
            + len(self._long_seasons()) * per_season
        )

    def _long_seasons(self) -> tuple[int, ...]:
        """Seasons whose last values do not all lie in the window."""
        return tuple(m for m in self.seasons if m > self.window)


class Anchor(NamedTuple):
    """The forecast that a network corrects: what repeats, and whether around the level.

    ``season`` 1 repeats the last value, m the last season; ``rate`` None repeats the values
    themselves, else the smoothed profile around the level (see ``seasonal_profile``). ``season`` 0
    is the level alone.
    """

    season: int
    rate: float | None = None

    def pattern(self, filled: np.ndarray, level: np.ndarray) -> np.ndarray:
        """Return what is repeated, (T, K)."""
        if self.season == 0:
            return np.zeros_like(filled)
        if self.rate is None:
            return filled
        return seasonal_profile(filled - level, self.season, self.rate)

    def surprises(self, filled: np.ndarray, level: np.ndarray) -> np.ndarray:
        """Return by how much values missed the anchor's forecast from the step before, (T, K)."""
        lag = max(1, self.season)
        forecast = self.pattern(filled, level)[:-lag]
        if self.around_level:
            forecast = forecast + level[lag - 1 : -1]
        return np.concatenate([np.zeros_like(filled[:lag]), filled[lag:] - forecast])

    @property
    def around_level(self) -> bool:
        return self.season == 0 or self.rate is not None


class Known(NamedTuple):
    """What fit keeps of one series, to which all that is seen and said of it refers."""

    origin: np.ndarray  # (K,), where the working values are 0
    deviation: np.ndarray  # (K,), their usual distance from the level
    effect: np.ndarray  # (F, K), linear effect of the covariates, taken off the working values
    anchor: Anchor


class Covariates(NamedTuple):
    """Covariates of one series, standardised and finite, flags of missing values included.

    Columns of X come in two parts: the first ``n_known`` are known in advance, the others are not.
    """

    X: np.ndarray  # (T', F), T' >= T: those known in advance may reach further than the target
    n_known: int
    ahead: np.ndarray | None = None  # (T, H, n_known), those of step t + h as known at step t


class Line(NamedTuple):
    """One series ready to be read: values (T, K)."""

    scaled: Scaled
    filled: np.ndarray  # w with missing values replaced by the seasonal, else the last value
    pattern: np.ndarray  # what the anchor repeats
    surprise: np.ndarray  # by how much it missed, one step ahead
    unseen: np.ndarray  # log(1 + steps since the last observed value)
    covariates: Covariates | None
    static: np.ndarray | None  # (E,), what is constant within the series
    known: Known


def make_line(
    y: np.ndarray,
    known: Known,
    layout: Layout,
    covariates: Covariates | None = None,
    static: np.ndarray | None = None,
) -> Line:
    """Read one series, y (T, K) in its own units."""
    w = working_values(y, known.origin, layout.multiplicative)
    if covariates is not None:
        w = w - covariates.X[: len(w), : covariates.n_known] @ known.effect
    return line_of(w, known, layout, covariates, static)


def line_of(
    w: np.ndarray,
    known: Known,
    layout: Layout,
    covariates: Covariates | None = None,
    static: np.ndarray | None = None,
) -> Line:
    """Read working values (T, K) that are free of the linear effect of covariates."""
    values = scaled(w, known.deviation, layout.span)
    filled = fill(w, max(1, known.anchor.season))
    pattern = known.anchor.pattern(filled, values.level)
    surprise = known.anchor.surprises(filled, values.level)
    unseen = np.log1p(steps_since(np.isfinite(w)))
    return Line(values, filled, pattern, surprise, unseen, covariates, static, known)


def steps_since(observed: np.ndarray) -> np.ndarray:
    """Count the steps since the last observed one, or since the start: bool (T, K) -> (T, K)."""
    steps = np.arange(len(observed))[:, None]
    return steps - np.maximum.accumulate(np.where(observed, steps, 0), axis=0)


def fill(w: np.ndarray, season: int) -> np.ndarray:
    """Replace missing values by the one a season earlier, at the start by the first observed."""
    filled = w.copy()
    for t, k in np.argwhere(np.isnan(w)):
        source = t - season if t >= season else t - 1
        filled[t, k] = filled[source, k] if t else np.nan
    first = np.array([c[np.isfinite(c)][0] if np.isfinite(c).any() else 0.0 for c in filled.T])
    return np.where(np.isnan(filled), first, filled)


class Batch(NamedTuple):
    """Arrays of B passes; targets and corrections are in units of the scale."""

    x: np.ndarray  # (B, N, inputs)
    known: np.ndarray | None  # (B, N, H, 2 n_known), at the future step and at its anchor
    static: np.ndarray | None  # (B, E)
    target: np.ndarray  # (B, N, H, K), 0 where missing
    step: np.ndarray  # (B, N, H), the time step of each target
    observed: np.ndarray  # (B, N, H, K) bool
    base: np.ndarray  # (B, N, H, K), the anchor's forecast in working values
    scale: np.ndarray  # (B, N, K)
    effect: np.ndarray | float  # (B, N, H, K), linear effect of the covariates


class Corpus:
    """Many lines laid end to end, so that a batch of passes is gathered by a few indexings.

    ``truth`` are the lines whose values are the targets, where these are not the ones shown.
    """

    def __init__(self, lines: list[Line], layout: Layout, truth: list[Line] | None = None) -> None:
        self.lines, self.layout = lines, layout
        self.length = np.array([len(line.scaled.w) for line in lines])
        self.start = np.concatenate([[0], np.cumsum(self.length)[:-1]])
        self.w = np.concatenate([line.scaled.w for line in lines])
        self.level = np.concatenate([line.scaled.level for line in lines])
        self.scale = np.concatenate([line.scaled.scale for line in lines])
        self.filled = np.concatenate([line.filled for line in lines])
        self.pattern = np.concatenate([line.pattern for line in lines])
        self.surprise = np.concatenate([line.surprise for line in lines])
        self.unseen = np.concatenate([line.unseen for line in lines])
        self.true_w = self.w if truth is None else np.concatenate([t.scaled.w for t in truth])
        self.season = np.array([max(1, line.known.anchor.season) for line in lines])
        self.around_level = np.array([line.known.anchor.around_level for line in lines])
        self.static = None if lines[0].static is None else np.array([li.static for li in lines])
        self.X: np.ndarray | None = None
        self.ahead: np.ndarray | None = None
        covariates = [line.covariates for line in lines if line.covariates is not None]
        if covariates:
            self.n_known = covariates[0].n_known
            self.X_length = np.array([len(c.X) for c in covariates])
            self.X_start = np.concatenate([[0], np.cumsum(self.X_length)[:-1]])
            self.X = np.concatenate([c.X for c in covariates])
            self.effect = np.array([line.known.effect for line in lines])  # (n, n_known, K)
            vintages = [c.ahead for c in covariates if c.ahead is not None]
            if vintages:
                self.ahead_length = np.array([len(v) for v in vintages])
                self.ahead_start = np.concatenate([[0], np.cumsum(self.ahead_length)[:-1]])
                self.ahead = np.concatenate(vintages)

    def batch(self, series: np.ndarray, origins: np.ndarray) -> Batch:
        """Gather passes: series (B,), origins (B, N); origins outside a series yield no target."""
        layout = self.layout
        steps = np.arange(1, layout.horizon + 1)
        t = np.clip(origins, 0, self.length[series][:, None] - 1)
        now = self.start[series][:, None] + t  # (B, N)
        level, scale = self.level[now], self.scale[now]  # (B, N, K)
        base = self.pattern[self._repeated(series, t, self.season[series])]
        base = base + np.where(self.around_level[series, None, None, None], level[:, :, None], 0.0)
        future, exists = self._at(series, t[:, :, None] + steps)
        inside = (origins == t)[:, :, None] & exists
        observed = inside[..., None] & np.isfinite(self.true_w[future])
        due = self.true_w[future] - base  # (B, N, H, K)
        known, effect = None, 0.0
        if self.X is not None and self.n_known:
            own = self._covariates(series, t[:, :, None] + steps)[..., : self.n_known]
            ahead = own if self.ahead is None else self._as_known_at(series, t, own)
            anchors = t[:, :, None] + self._lags(self.season[series])[:, None, :]
            past = self._covariates(series, anchors)[..., : self.n_known]
            known = np.concatenate([ahead, past], axis=-1)
            effect = np.einsum("bnhf,bfk->bnhk", ahead, self.effect[series])
        target = np.where(observed, due / scale[:, :, None], 0.0)
        static = None if self.static is None else self.static[series]
        x = self.inputs(series, origins)
        step = t[:, :, None] + steps
        return Batch(x, known, static, target, step, observed, base, scale, effect)

    def inputs(self, series: np.ndarray, origins: np.ndarray) -> np.ndarray:
        """Return what is seen at origins (B, N), relative to their level and scale, (B, N, I)."""
        layout = self.layout
        t = np.clip(origins, 0, self.length[series][:, None] - 1)
        now = self.start[series][:, None] + t
        level, scale = self.level[now], self.scale[now]  # (B, N, K)
        last = t[:, :, None] + np.arange(1 - layout.window, 1)  # (B, N, W)

        def relative(values: np.ndarray) -> np.ndarray:
            return (values - level[:, :, None]) / scale[:, :, None]

        past, exists = self._at(series, last)
        seen = exists[..., None] & np.isfinite(self.w[past])
        # A missing value is shown as the one that fills it, lest it look like a fall to the level.
        parts = [np.where(exists[..., None], relative(self.filled[past]), 0.0)]
        parts.append(np.where(seen, self.surprise[past] / scale[:, :, None], 0.0))
        if layout.shows_missing:
            parts += [~seen, self.unseen[now]]
        before, _ = self._at(series, t - layout.segment)
        parts.append(((level - self.level[before]) / scale)[:, :, None])
        for season in layout._long_seasons():
            places = self._repeated(series, t, np.full(len(series), season))
            parts.append(relative(self.filled[places]))
        if self.X is not None:
            parts.append(self._covariates(series, last))
        return np.concatenate([part.reshape(*t.shape, -1) for part in parts], axis=-1)

    def _as_known_at(self, series: np.ndarray, t: np.ndarray, own: np.ndarray) -> np.ndarray:
        """Covariates (B, N, H, n_known) of the steps after t as known at t.

        From the last step with a vintage of its own on, ``own`` is what is known.
        """
        assert self.ahead is not None
        length = self.ahead_length[series][:, None]
        place = self.ahead_start[series][:, None] + np.minimum(t, length - 1)
        return np.where((t < length - 1)[..., None, None], self.ahead[place], own)

    def _lags(self, seasons: np.ndarray) -> np.ndarray:
        """Return steps from the origin to the value that a season repeats: (B,) -> (B, H)."""
        ahead = np.arange(1, self.layout.horizon + 1)
        return ahead - seasons[:, None] * -(-ahead // seasons[:, None])

    def _repeated(self, series: np.ndarray, t: np.ndarray, seasons: np.ndarray) -> np.ndarray:
        """Return flat positions (B, N, H) of what seasons repeat; the origin before one season."""
        places = t[:, :, None] + self._lags(seasons)[:, None, :]
        places = np.where(places < 0, t[:, :, None], places)
        return self._at(series, places)[0]

    def _at(self, series: np.ndarray, steps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return flat positions of steps (B, N, ...), clipped into the series, and which exist."""
        shape = (-1,) + (1,) * (steps.ndim - 1)
        length, start = self.length[series].reshape(shape), self.start[series].reshape(shape)
        inside = np.clip(steps, 0, length - 1)
        return start + inside, inside == steps

    def _covariates(self, series: np.ndarray, steps: np.ndarray) -> np.ndarray:
        """Covariates (B, N, ..., F) at steps; all 0 outside what is known."""
        assert self.X is not None
        shape = (-1,) + (1,) * (steps.ndim - 1)
        length, start = self.X_length[series].reshape(shape), self.X_start[series].reshape(shape)
        inside = np.clip(steps, 0, length - 1)
        return np.where((inside == steps)[..., None], self.X[start + inside], 0.0)


class Pass(NamedTuple):
    """The origins that one pass along a series visits, ``segment`` steps apart."""

    series: int
    origins: np.ndarray  # (N,)


def draw_passes(
    lengths: np.ndarray, segment: int, most: int, phases: int, rng: np.random.Generator
) -> list[Pass]:
    """Lay passes over series so that each step is read ``phases`` times, at random offsets.

    Parameters
    ----------
    lengths : (n,) int
        Steps of each series that may be read or forecast.
    segment, most
        Steps between origins, and origins in a pass at most.
    phases : int
        Offsets drawn for each series, at most ``segment``.
    """
    drawn = []
    for series, length in enumerate(lengths):
        first = min(segment, length - 1) - 1
        offsets = min(segment, length - 1 - first) if length > 1 else 0
        for phase in rng.permutation(offsets)[:phases]:
            origins = np.arange(first + phase, length - 1, segment)
            start = rng.integers(most) if len(origins) > most else len(origins)
            cuts = np.arange(start, len(origins), most)
            drawn += [Pass(series, part) for part in np.split(origins, cuts) if len(part)]
    return drawn


def last_passes(lengths: np.ndarray, segment: int, most: int, back: int = 0) -> list[Pass]:
    """One pass a series whose last origin lies ``back`` steps before the end."""
    return [
        Pass(series, pass_ending_at(length - 1 - back, segment, most))
        for series, length in enumerate(lengths)
        if length > back
    ]


def pass_ending_at(end: int, segment: int, most: int) -> np.ndarray:
    """Origins up to ``end`` that have a whole segment behind them; ``end`` itself in any case."""
    count = min(most, 1 + max(0, end - segment + 1) // segment)
    return end - segment * np.arange(count)[::-1]


def stacked(passes: Sequence[Pass]) -> tuple[np.ndarray, np.ndarray]:
    """Stack passes into series (B,) and origins (B, N); places behind a shorter one are outside."""
    longest = max(len(p.origins) for p in passes)
    origins = [
        np.pad(p.origins, (0, longest - len(p.origins)), constant_values=OUTSIDE) for p in passes
    ]
    return np.array([p.series for p in passes]), np.array(origins)
