"""Causal scaling: each series relative to a level and a scale known at the time.

What a network sees at step t, and what it says at t, are relative to a running mean and a running
mean deviation of the steps up to t, in logs where the series is multiplicative. A network trained
on one part of a series that drifts therefore works on the next, and series of all sizes mix freely.
Everything is float64 here; networks get the small relative numbers as float32.

Conventions: T steps, K targets; w are the working values, ``log(y / origin)`` or ``y - origin``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

# The running deviation of a stretch is floored at this share of the deviation seen in fit, so that
# a flat stretch does not turn rounding errors into signals.
FLOOR = 0.1
# The deviation is averaged over so many times the steps of the level: it changes more slowly, and
# its own sampling error would multiply every forecast.
SPREAD = 8
LARGEST_LOG = 300.0  # covariates far outside those of fit must not overflow float64
# Deviations below this share of the values are rounding errors of float64.
ROUNDING = 1e-14


@dataclass(frozen=True)
class Scaled:
    """One series in working values, with the level and scale known at each step: all (T, K)."""

    w: np.ndarray  # NaN where missing
    level: np.ndarray
    scale: np.ndarray


def origin_of(y: np.ndarray) -> np.ndarray:
    """Return the first observed value of each target: y (T, K) -> (K,)."""
    return np.array([column[np.isfinite(column)][0] for column in y.T])


def usual_deviation(w: np.ndarray, span: int, size: np.ndarray) -> np.ndarray:
    """Mean distance of w (T, K) from its level, 0 where it is only rounding of values of a size."""
    observed = np.isfinite(w)
    distance = np.where(observed, np.abs(w - causal_mean(w, span)), 0.0)
    deviation = distance.sum(axis=0) / np.maximum(1, observed.sum(axis=0))
    return np.where(deviation > ROUNDING * size, deviation, 0.0)


def scaled(w: np.ndarray, usual: np.ndarray, span: int) -> Scaled:
    """Express w (T, K) relative to its own past; ``usual`` is its deviation in fit, (K,)."""
    level = causal_mean(w, span)
    spread = causal_mean(np.abs(w - level), SPREAD * span)
    return Scaled(w, level, np.maximum(spread, FLOOR * np.where(usual > 0, usual, 1.0)))


def working_values(y: np.ndarray, origin: np.ndarray, multiplicative: bool) -> np.ndarray:
    """Return y (T, K) relative to its origin (K,): logs of the ratio, or differences."""
    return np.log(y / origin) if multiplicative else y - origin


def original_values(w: np.ndarray, origin: np.ndarray, multiplicative: bool) -> np.ndarray:
    """Invert ``working_values``."""
    return origin * np.exp(np.clip(w, -LARGEST_LOG, LARGEST_LOG)) if multiplicative else origin + w


def causal_mean(values: np.ndarray, span: int) -> np.ndarray:
    """Mean of the observed values among the last ``span`` steps: (T, K) -> (T, K).

    Where none of them is observed the last mean goes on; before the first observed value it is 0.
    """
    observed = np.isfinite(values)
    total = np.cumsum(np.where(observed, values, 0.0), axis=0)
    count = np.cumsum(observed, axis=0).astype(np.float64)
    if len(values) > span:
        total[span:] -= total[:-span].copy()
        count[span:] -= count[:-span].copy()
    mean = np.divide(total, count, out=np.zeros_like(total), where=count > 0)
    return carried_forward(mean, count > 0)


def carried_forward(values: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Replace what is not known by the last known value of the column; the start stays."""
    steps = np.arange(len(values))[:, None]
    last = np.maximum.accumulate(np.where(known, steps, -1), axis=0)
    return np.take_along_axis(values, np.where(last < 0, steps, last), axis=0)


def seasonal_profile(deviation: np.ndarray, season: int, rate: float) -> np.ndarray:
    r"""Smooth deviations from the level phase by phase: (T, K) -> (T, K), causal.

    .. math:: p_t = p_{t-m} + a_k (d_t - p_{t-m}), \qquad a_k = \max(a, 1 / k)

    for the k-th value seen at its phase: a mean at first, exponential smoothing later, as the
    seasonal component of Holt and Winters (1960). A missing value leaves the profile as it is.
    """
    length = len(deviation)
    rows = -(-length // season)
    padded = np.full((rows * season, deviation.shape[1]), np.nan)
    padded[:length] = deviation
    d = padded.reshape(rows, season, -1)
    profile, value, seen = np.empty_like(d), np.zeros(d.shape[1:]), np.zeros(d.shape[1:])
    for row in range(rows):
        observed = np.isfinite(d[row])
        seen += observed
        step = np.maximum(rate, 1 / np.maximum(seen, 1))
        value = np.where(observed, value + step * (d[row] - value), value)
        profile[row] = value
    return profile.reshape(rows * season, -1)[:length]


def linear_effect(w: np.ndarray, X: np.ndarray, span: int = 16) -> np.ndarray:
    r"""Regress the distances of w from its level on those of standardised covariates: (F, K).

    Least squares with a constant on w (T, K) and X (T, F), both relative to their means over
    ``span`` steps. A coefficient within two standard errors of 0 is dropped, and the others are
    estimated again without it. Where rest and covariate both wander, with autocorrelations r and s,
    n steps are worth :math:`n (1 - r s) / (1 + r s)` (Bartlett 1935): the errors are larger.
    """
    effect = np.zeros((X.shape[1], w.shape[1]))
    first = span if len(w) > 3 * span else 0  # the first means are of a few steps only
    moved = (X - causal_mean(X, span))[first:]
    for k, distance in enumerate((w - causal_mean(w, span))[first:].T):
        seen = np.isfinite(distance)
        use = moved[seen].std(axis=0) > 1e-9
        if seen.sum() < 3 * (use.sum() + 2):
            continue
        coefficient, error = _least_squares(moved[seen][:, use], distance[seen])
        use[use] = np.abs(coefficient) > 2 * error
        effect[use, k] = _least_squares(moved[seen][:, use], distance[seen])[0]
    return effect


def _least_squares(A: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients of the columns of A beside a constant, and their standard errors."""
    A = A - A.mean(axis=0)
    inverse = np.linalg.pinv(A.T @ A)
    coefficient = inverse @ A.T @ (b - b.mean())
    rest = b - b.mean() - A @ coefficient
    both = np.clip(_autocorrelation(rest[:, None]) * _autocorrelation(A), 0.0, 0.98)
    variance = (rest @ rest) / max(1, len(b) - A.shape[1] - 1) * (1 + both) / (1 - both)
    # Rounding leaves variances a little below 0 where columns are collinear.
    return coefficient, np.sqrt(np.maximum(0.0, np.diag(inverse)) * variance)


def _autocorrelation(values: np.ndarray) -> np.ndarray:
    """Autocorrelation of centred columns at lag 1: (n, F) -> (F,)."""
    square = (values**2).sum(axis=0)
    product = (values[1:] * values[:-1]).sum(axis=0)
    return np.divide(product, square, out=np.zeros_like(square), where=square > 0)


def growth_of_changes(y: np.ndarray, span: int) -> tuple[float, float] | None:
    """Regress log(mean change) on log(mean level) over stretches of y (T,).

    Returns the slope and its standard error. The slope is 0 for an additive series and 1 for a
    multiplicative one (Guerrero 1993). None where the level hardly varies or too few stretches of
    ``span`` steps are there to tell.
    """
    seen = y[np.isfinite(y)]
    stretches = seen[: len(seen) // span * span].reshape(-1, span)
    change = np.abs(np.diff(stretches, axis=1)).mean(axis=1)
    use = change > 0
    if use.sum() < 4:
        return None
    level, change = np.log(stretches[use].mean(axis=1)), np.log(change[use])
    if np.ptp(level) < np.log(1.1):
        return None
    moved = level - level.mean()
    slope = (moved @ change) / (moved @ moved)
    rest = change - change.mean() - slope * moved
    return float(slope), float(np.sqrt((rest @ rest) / (len(rest) - 2) / (moved @ moved)))


def evenly(series: Sequence[np.ndarray], most: int) -> Sequence[np.ndarray]:
    """Take at most so many series, evenly spaced: neighbours are often of one kind."""
    return series[:: max(1, -(-len(series) // most))]
