"""What the pictures share: colours, axes, stamps on an axis."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

FIGURE_SIZE = (11.0, 4.8)  # inches
# Okabe and Ito (2008), distinguishable with colour-vision deficiency; the series itself is black.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8C564B")
LINE_STYLES = ("-", "--", ":", "-.")
MARKED = 12  # steps up to which each forecast is marked by a dot
DURATIONS = {"days": 86_400.0, "h": 3_600.0, "min": 60.0, "s": 1.0}  # units in seconds
TICKS = 8  # at most, on an axis of durations
HOUR_STEPS, STEPS = (1, 2, 3, 6, 10), (1, 2, 5, 10)  # between ticks, times a power of ten


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
    ax.set_xlabel(f"time ({index.tz})" if getattr(index, "tz", None) else "time")
    if isinstance(pd.Index(times), pd.TimedeltaIndex):
        _count_durations(ax)
    if isinstance(index, pd.DatetimeIndex):
        from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

        locator = AutoDateLocator(tz=index.tz, minticks=4, maxticks=10)
        ax.xaxis.set_major_locator(locator)
        ax.xaxis.set_major_formatter(ConciseDateFormatter(locator, tz=index.tz))
    ax.set_ylabel(ylabel)
    tidy_axes(ax)
    ax.margins(x=0.01)
    if ax.get_legend_handles_labels()[0]:
        ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False)
    return ax


def _count_durations(ax: Any) -> None:
    """Write an axis of seconds in the unit that suits its span."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator, MultipleLocator

    low, high = ax.dataLim.intervalx
    unit = duration_unit(high - low)
    size, steps = DURATIONS[unit], HOUR_STEPS if unit == "h" else STEPS
    ticks = MaxNLocator(TICKS, steps=steps).tick_values(0, (high - low) / size)
    ax.xaxis.set_major_locator(MultipleLocator((ticks[1] - ticks[0]) * size))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda seconds, _: f"{seconds / size:g}"))
    ax.set_xlabel(f"time ({unit})")


def duration_unit(span: float) -> str:
    """Return the largest unit of which a span in seconds has two, else seconds.

    Examples
    --------
    >>> duration_unit(7200.0), duration_unit(7199.0), duration_unit(0.1)
    ('h', 'min', 's')
    """
    return next((unit for unit, size in DURATIONS.items() if span >= 2 * size), "s")


def tidy_axes(ax: Any) -> None:
    """Leave out the frame's upper and right side; draw faint lines behind the data."""
    ax.set_axisbelow(True)
    ax.grid(axis="y", color="0.92")
    ax.spines[["top", "right"]].set_visible(False)


def as_stamps(times: Any) -> Any:
    """Return stamps as matplotlib takes them: periods by their start, durations in seconds.

    Examples
    --------
    >>> as_stamps(pd.to_timedelta(["1min", "2min"])).tolist()
    [60.0, 120.0]
    """
    index = pd.Index(times)
    if isinstance(index, pd.TimedeltaIndex):
        return index.total_seconds()
    return index.to_timestamp() if isinstance(index, pd.PeriodIndex) else index


def check_one_series(argument: str, values: Any) -> None:
    """Refuse the values of several series, saying how to take one."""
    index = getattr(values, "index", None)
    if isinstance(index, pd.MultiIndex):
        first = index[0][0] if len(index) else "a"
        raise ValueError(
            f"{argument} holds the series of a panel: expected one of them, such as "
            f"{argument}.loc[{first!r}]"
        )
    if np.ndim(values) != 1:
        named = isinstance(values, pd.DataFrame) and len(values.columns)
        one = f"[{values.columns[0]!r}]" if named else "[:, 0]"
        raise ValueError(
            f"{argument} has the shape {np.shape(values)}: expected one series, such as "
            f"{argument}{one}"
        )


def forecast_paths(rows: pd.DataFrame) -> list[pd.DataFrame]:
    """Return what is drawn as one line each: a fold; of forecasts of one step, all folds."""
    if rows["step"].max() == rows["step"].min():
        return [rows]
    return [fold for _, fold in rows.groupby("fold")]
