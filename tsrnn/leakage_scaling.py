"""Signs of statistics taken over all rows: scalers fitted, and gaps filled, before the split.

Such identities hold for the rows that the statistic was taken over, to rounding, and for no others.
Conventions: values (n,) of a column, all its rows.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from tsrnn.leakage_sample import FEW

LEAST_ROWS = 20  # below, identities can be chance
DISTINCT = 0.5  # least share of different values
ROUNDING = 1e-6  # of float32


def scaling_of(values: NDArray) -> str | None:
    """Name the scaling that values show, None without any."""
    seen = values[np.isfinite(values)]
    distinct = len(np.unique(seen))
    if len(seen) < LEAST_ROWS or distinct <= FEW:
        return None
    if _is_standardised(seen):
        return "standardised (mean 0, deviation 1)"
    # Rounded measurements may have any of the rest by chance, such as a share from 0.00 to 1.00.
    if distinct < DISTINCT * len(seen) or _is_rounded(seen):
        return None
    return next((name for name, shows in SCALINGS.items() if shows(seen)), None)


def filled_with_mean(values: NDArray) -> int:
    """Return how many values repeat the mean of all others, 0 if none does."""
    seen = values[np.isfinite(values)]
    distinct, counts = np.unique(seen, return_counts=True)
    if len(seen) < LEAST_ROWS or len(distinct) <= FEW or counts.max() < 2 or _is_rounded(distinct):
        return 0
    often = distinct[np.argmax(counts)]
    rest = seen[seen != often]
    if len(distinct) - 1 < 0.9 * len(rest):
        return 0
    return int(counts.max()) if abs(rest.mean() - often) < 1e-9 * rest.std() else 0


def _is_standardised(values: NDArray) -> bool:
    """Tell whether the mean is 0 and the deviation 1, also if one row was left out since.

    The row left out, as by a lag, is known from the sum; the squares must then fit too.
    """
    n, total, squares = len(values), values.sum(), np.sum(values**2)
    whole = abs(total) < ROUNDING * n and squares
    with_lost = squares + total**2
    fits = [whole and abs(squares - k) < ROUNDING * n for k in (n, n - 1)]
    fits += [abs(with_lost - k) < ROUNDING * n and abs(total) < n / 4 for k in (n + 1, n)]
    return bool(any(fits))


def _is_rounded(values: NDArray) -> bool:
    return bool(np.allclose(values, np.round(values, 4), rtol=0, atol=1e-9))


def _is_between(low: float, high: float) -> Callable[[NDArray], bool]:
    def shows(values: NDArray) -> bool:
        ends = values.min(), values.max()
        once = np.sum(values == ends[0]) == 1 == np.sum(values == ends[1])
        return bool(once) and bool(np.allclose(ends, (low, high), rtol=0, atol=ROUNDING))

    return shows


def _is_robust(values: NDArray) -> bool:
    quartiles = np.percentile(values, [25, 50, 75])
    spread = quartiles[2] - quartiles[0]
    return bool(abs(quartiles[1]) < ROUNDING and abs(spread - 1) < ROUNDING)


def _is_relative(values: NDArray) -> bool:
    size = np.abs(values)
    return bool(abs(size.max() - 1) < 1e-12 and np.sum(size == size.max()) == 1)


def _is_centred(values: NDArray) -> bool:
    distinct = len(np.unique(values)) > 0.9 * len(values)
    return distinct and bool(abs(values.sum()) < 1e-12 * np.abs(values).sum())


SCALINGS: dict[str, Callable[[NDArray], bool]] = {
    "scaled to 0 .. 1": _is_between(0.0, 1.0),
    "scaled to -1 .. 1": _is_between(-1.0, 1.0),
    "scaled to a median of 0 and an interquartile range of 1": _is_robust,
    "divided by its largest absolute value": _is_relative,
    "centred (mean 0)": _is_centred,
}
