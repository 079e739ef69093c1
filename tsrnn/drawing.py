"""What the pictures share: colours, axes, stamps on an axis, intervals from quantile columns."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import pandas as pd

FIGURE_SIZE = (11.0, 4.8)  # inches
# Okabe and Ito (2008), distinguishable with colour-vision deficiency; the series itself is black.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8C564B")
LINE_STYLES = ("-", "--", ":", "-.")
MARKED = 12  # steps up to which each forecast is marked by a dot


def new_axes(ax: Any) -> Any:
    """Return the axes given, or those of a new figure outside pyplot."""
    return new_figure(FIGURE_SIZE).subplots() if ax is None else ax


def new_figure(size: tuple[float, float]) -> Any:
    """Return an empty figure that arranges its axes; say what to install without matplotlib."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError("plotting needs matplotlib: pip install tsrnn[plot]") from error
    return Figure(figsize=size, layout="constrained")


def finish_axes(ax: Any, times: Any, ylabel: str) -> Any:
    """Label axes over time, write dates shortly, put the legend outside of the data."""
    index = as_stamps(times)
    if isinstance(index, pd.DatetimeIndex):
        from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

        locator = AutoDateLocator(tz=index.tz, minticks=4, maxticks=10)
        ax.xaxis.set_major_locator(locator)
        ax.xaxis.set_major_formatter(ConciseDateFormatter(locator, tz=index.tz))
    ax.set_xlabel(f"time ({index.tz})" if getattr(index, "tz", None) else "time")
    ax.set_ylabel(ylabel)
    tidy_axes(ax)
    ax.margins(x=0.01)
    if ax.get_legend_handles_labels()[0]:
        ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False)
    return ax


def tidy_axes(ax: Any) -> None:
    """Leave out the frame's upper and right side; draw faint lines behind the data."""
    ax.set_axisbelow(True)
    ax.grid(axis="y", color="0.92")
    ax.spines[["top", "right"]].set_visible(False)


def as_stamps(times: Any) -> Any:
    """Return stamps as matplotlib takes them: periods by their start."""
    index = pd.Index(times)
    return index.to_timestamp() if isinstance(index, pd.PeriodIndex) else index


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


def forecast_paths(rows: pd.DataFrame) -> list[pd.DataFrame]:
    """Return what is drawn as one line each: a fold; of forecasts of one step, all folds."""
    if rows["step"].max() == rows["step"].min():
        return [rows]
    return [fold for _, fold in rows.groupby("fold")]
