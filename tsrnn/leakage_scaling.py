"""Signs of statistics taken over all rows: scalers fitted, and gaps filled, before the split.

Such identities hold for the rows that the statistic was taken over, to rounding, and for no others.
Conventions: values (n,) of a column, all its rows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tsrnn.leakage_sample import FEW

LEAST_ROWS = 20  # below, identities can be chance
DISTINCT = 0.5  # least share of different values
ROUNDING = 1e-6  # of float32
MOST_PARTS = 500  # denominator of a share
MOST_ENDS = 2  # times that the least and the greatest value stand in a scaled column
MOST_END = 10  # of a range that a scaler was asked for
NORMAL_END = 5.199337582  # quantile of 1 - 1e-7, where scikit-learn cuts a normal distribution
STANDARDISED = "standardised (mean 0, deviation 1)"


class Filling(NamedTuple):
    """A value that stands in the gaps of a column."""

    value: float
    times: int
    statistic: str  # a key of STATISTICS


def scaling_of(values: NDArray) -> str | None:
    """Name the scaling that values show, None without any."""
    seen = values[np.isfinite(values)]
    distinct = len(np.unique(seen))
    if len(seen) < LEAST_ROWS or distinct <= FEW:
        return None
    if _is_standardised(seen):
        return STANDARDISED
    # Rounded measurements may have any of the rest by chance, such as a share from 0.00 to 1.00.
    if distinct < DISTINCT * len(seen) or _is_rounded(seen):
        return None
    name = next((name for name, is_so in SCALINGS.items() if is_so(seen)), None)
    if name in LEAST and (len(seen) < LEAST[name] or _are_ratios_of_counts(seen)):
        return None
    return name


def shows(values: NDArray, scaling: str) -> bool:
    """Tell whether values, be they few, are what a scaler leaves that is fitted on them alone."""
    seen = values[np.isfinite(values)]
    return bool(len(seen)) and SCALINGS[scaling](seen)


def filling_of(values: NDArray) -> Filling | None:
    """Tell with which statistic of all others some values are filled, None if they are not.

    A median of an odd number is a value itself, so that no gap is told from it.
    """
    seen = values[np.isfinite(values)]
    distinct, counts = np.unique(seen, return_counts=True)
    if len(seen) < LEAST_ROWS or len(distinct) <= FEW or counts.max() < 2 or _is_rounded(distinct):
        return None
    often, times = distinct[np.argmax(counts)], int(counts.max())
    others = len(seen) - times
    if len(distinct) - 1 < 0.9 * others:
        return None
    ways = [Filling(float(often), times, statistic) for statistic in STATISTICS]
    # An expanding median repeats itself, so beside a median no other value may be there twice.
    told = ways if len(distinct) - 1 == others else ways[:1]
    return next((filling for filling in told if fills(seen, filling)), None)


def fills(values: NDArray, filling: Filling) -> bool:
    """Tell whether the statistic of values, but for the gaps, is what a filling has."""
    rest = values[np.isfinite(values) & (values != filling.value)]
    if not len(rest):
        return False
    return bool(abs(STATISTICS[filling.statistic](rest) - filling.value) < 1e-9 * rest.std())


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
    """Tell whether values have few digits, or come from a converter of 10 bits."""
    decimal, binary = np.round(values, 4), np.round(values * 1024) / 1024
    return any(np.allclose(values, some, rtol=0, atol=1e-9) for some in (decimal, binary))


def _is_between(low: float, high: float) -> Callable[[NDArray], bool]:
    def shows(values: NDArray) -> bool:
        ends = values.min(), values.max()
        times = [np.sum(values == end) for end in ends]
        rare = max(times) <= MOST_ENDS  # a price in cents may have its highest twice
        return bool(rare and np.allclose(ends, (low, high), rtol=0, atol=ROUNDING))

    return shows


def _has_whole_ends(values: NDArray) -> bool:
    low, high = np.round(values.min()), np.round(values.max())
    fits = np.allclose((values.min(), values.max()), (low, high), rtol=0, atol=1e-9)
    return bool(fits) and max(-low, high) <= MOST_END and _is_between(low, high)(values)


def _has_unit_deviation(values: NDArray) -> bool:
    n = len(values)
    squares = np.sum((values - values.mean()) ** 2)
    return bool(min(abs(squares - n), abs(squares - n + 1)) < 1e-9 * n)


def _is_robust(values: NDArray) -> bool:
    quartiles = np.percentile(values, [25, 50, 75])
    spread = quartiles[2] - quartiles[0]
    return bool(abs(quartiles[1]) < ROUNDING and abs(spread - 1) < ROUNDING)


def _is_relative(values: NDArray) -> bool:
    size = np.abs(values)
    return bool(abs(size.max() - 1) < 1e-12 and np.sum(size == size.max()) == 1)


def _are_ratios_of_counts(values: NDArray) -> bool:
    """Tell whether most values are fractions of small numbers: such shares may be 0 or 1."""
    parts = values[:MOST_PARTS, None] * np.arange(1, MOST_PARTS)
    whole = np.abs(parts - np.round(parts)).min(axis=1) < 1e-9
    return bool(whole.mean() > 0.5)


def _is_centred(values: NDArray) -> bool:
    distinct = len(np.unique(values)) > 0.9 * len(values)
    return distinct and bool(abs(values.sum()) < 1e-12 * np.abs(values).sum())


SCALINGS: dict[str, Callable[[NDArray], bool]] = {
    STANDARDISED: _is_standardised,
    "scaled to 0 .. 1": _is_between(0.0, 1.0),
    "scaled to -1 .. 1": _is_between(-1.0, 1.0),
    "scaled to a median of 0 and an interquartile range of 1": _is_robust,
    "divided by its largest absolute value": _is_relative,
    "centred (mean 0)": _is_centred,
    "divided by its deviation": _has_unit_deviation,
    "made normal by its quantiles": _is_between(-NORMAL_END, NORMAL_END),
    "scaled to whole numbers at both ends": _has_whole_ends,
}

# Rows from which on shares, correlations and places in a range come more than once to their limits.
LEAST = {
    "scaled to 0 .. 1": 50,
    "scaled to -1 .. 1": 50,
    "divided by its largest absolute value": 100,
    "scaled to whole numbers at both ends": 50,
}

STATISTICS: dict[str, Callable[[NDArray], np.floating]] = {"mean": np.mean, "median": np.median}
