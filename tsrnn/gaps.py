"""One series before estimation: its gaps, whether it varies, and its last digits.

Conventions: y ``(T,)`` with NaN where missing, at least one value observed; m steps a season.
"""

from __future__ import annotations

import numpy as np

FLOAT_EPS = np.finfo(np.float64).eps


def last_seen(y: np.ndarray) -> np.ndarray:
    """Return the position of the last observed value up to each step, -1 before the first.

    Parameters
    ----------
    y : array of shape (T,) or (T, columns)

    Returns
    -------
    array of int, of the shape of y

    Examples
    --------
    >>> import numpy as np
    >>> last_seen(np.array([np.nan, 5.0, np.nan, 7.0]))
    array([-1,  1,  1,  3])
    """
    steps = np.arange(len(y)).reshape(-1, *[1] * (y.ndim - 1))
    return np.maximum.accumulate(np.where(np.isfinite(y), steps, -1), axis=0)


def naive_one_step(y: np.ndarray) -> np.ndarray:
    """Forecast each step by the last value observed before it; at first by the first one observed.

    Parameters
    ----------
    y : array of shape (T,)

    Returns
    -------
    array of shape (T,)
        Finite. Up to the first observation nothing is known, and that observation stands in.

    Examples
    --------
    >>> import numpy as np
    >>> naive_one_step(np.array([np.nan, 5.0, np.nan, 7.0, 8.0]))
    array([5., 5., 5., 5., 7.])
    """
    before = np.concatenate([[-1], last_seen(y)[:-1]])
    first = int(np.argmax(np.isfinite(y)))
    return y[np.maximum(before, first)]


def bridge(y: np.ndarray, m: int = 1) -> np.ndarray:
    """Fill gaps by the seasonal profile plus a straight line between the neighbours.

    Needed where a method takes complete series only. The profile is the mean at each phase; what is
    interpolated is the distance from it, so that a gap over a night looks like a night.

    Parameters
    ----------
    y : array of shape (T,)
    m : int
        Season length in steps, 1 for none.

    Returns
    -------
    array of shape (T,)
        Observed values unchanged.

    Examples
    --------
    >>> import numpy as np
    >>> bridge(np.array([0.0, 5.0, np.nan, 5.0, 0.0, 5.0]), m=2)
    array([0., 5., 0., 5., 0., 5.])
    """
    seen = np.isfinite(y)
    if seen.all():
        return y
    steps = np.arange(len(y))
    phase = steps % m
    counts = np.bincount(phase[seen], minlength=m)
    sums = np.bincount(phase[seen], y[seen], minlength=m)
    means = sums / np.maximum(counts, 1)
    if not counts.all():
        known = np.flatnonzero(counts)
        means = np.interp(np.arange(m), known, means[known], period=m)
    distance = y - means[phase]
    filled = means[phase] + np.interp(steps, steps[seen], distance[seen])
    return np.where(seen, y, filled)


def is_constant(y: np.ndarray) -> bool:
    """Tell whether the observed values differ by no more than their own rounding."""
    return bool(np.nanmax(y) - np.nanmin(y) <= 4 * FLOAT_EPS * np.nanmax(np.abs(y)))


def snap(y: np.ndarray) -> np.ndarray:
    """Round values of a size near one to 9 decimals.

    Iterative estimates amplify the last bits. Without them, a series in other units becomes the
    same numbers once it is scaled, and gives the same estimates.

    Examples
    --------
    >>> import numpy as np
    >>> snap(np.array([0.1 + 0.2])) == snap(np.array([0.3]))
    array([ True])
    """
    return np.round(y, 9)
