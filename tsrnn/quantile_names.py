"""Names of the columns that hold quantiles, and the central intervals that levels form."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pandas as pd


def quantile_column(level: float) -> str:
    """Name the column of a quantile.

    Examples
    --------
    >>> quantile_column(0.05)
    'q0.05'
    """
    return f"q{level:g}"


def quantile_columns(forecasts: pd.DataFrame) -> dict[float, str]:
    """Return the columns of quantiles that hold any, by level, the lowest first.

    Examples
    --------
    >>> quantile_columns(pd.DataFrame({"q0.9": [3.0], "q0.1": [1.0], "y_pred": [2.0]}))
    {0.1: 'q0.1', 0.9: 'q0.9'}
    """
    levels = {name: re.fullmatch(r"q(0\.\d+)", str(name)) for name in forecasts.columns}
    found = {float(level[1]): name for name, level in levels.items() if level}
    return {level: found[level] for level in sorted(found) if forecasts[found[level]].notna().any()}


def central_intervals(levels: Sequence[float]) -> list[tuple[float, float, float]]:
    """Return (coverage, lower, upper) of each central interval, the narrowest first.

    Examples
    --------
    >>> central_intervals([0.05, 0.1, 0.5, 0.9])
    [(0.8, 0.1, 0.9)]
    """
    upper = {round(1 - level, 9): level for level in levels if level > 0.5}
    pairs = [(low, upper[round(low, 9)]) for low in levels if round(low, 9) in upper]
    return sorted((round(high - low, 9), low, high) for low, high in pairs)
