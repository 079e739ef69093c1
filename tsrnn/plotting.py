"""Draw forecasts with matplotlib, from plain frames: axes in and out, no model known.

Without ``ax`` a figure of its own is made, outside pyplot, so that no window system is needed: save
it with ``ax.figure.savefig("name.png")``. In a notebook or script with windows pass
``ax=plt.gca()``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from tsrnn.checks import check_probability, is_number
from tsrnn.drawing import (
    COLOURS,
    LINE_STYLES,
    MARKED,
    as_stamps,
    check_one_series,
    finish_axes,
    forecast_paths,
    new_axes,
)
from tsrnn.quantile_names import central_intervals, quantile_columns

CONTEXT = 1  # spans of the forecasts that are shown of the series before them
COVERAGE = 0.8  # of the interval that is shaded where a model has it


def plot_backtest(
    forecasts: pd.DataFrame,
    history: pd.DataFrame,
    *,
    n_folds: int = 3,
    series: Any = None,
    coverage: float | None = COVERAGE,
    ax: Any = None,
    title: str | None = None,
    ylabel: str | None = None,
) -> Any:
    """Draw the forecasts of the last folds over the series, one colour a model.

    Parameters
    ----------
    forecasts : DataFrame
        Columns ``model, series, fold, origin, step, time, y_pred`` and, for intervals, a column a
        quantile such as ``q0.1``, as in ``BacktestResult.forecasts``.
    history : DataFrame
        Columns ``series, time, y``: the series itself.
    n_folds : int, default=3
        How many of the latest folds are shown.
    series : optional
        Which series; the first by default.
    coverage : float or None, default=0.8
        Which interval is shaded, of the first model that has its two quantiles; None for none. The
        default shades nothing where no model has it.
    ax : matplotlib Axes, optional
        Where to draw; a new figure by default.
    title, ylabel : str, optional
        Text in place of the series' name and the number of folds; say the unit in ``ylabel``.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    ValueError
        If ``n_folds`` < 1, there is no such series, or no model has the interval asked for.

    Examples
    --------
    >>> time = pd.date_range("2024-01-01", periods=6)
    >>> history = pd.DataFrame({"series": "y", "time": time, "y": range(6)})
    >>> forecasts = pd.DataFrame({"model": "naive", "series": "y", "fold": 0, "origin": time[3],
    ...                           "step": [1, 2], "time": time[4:], "y_pred": 3.0})
    >>> plot_backtest(forecasts, history).get_title()
    'y: the last of 1 folds, 2 steps each'
    """
    if n_folds < 1:
        raise ValueError(f"n_folds={n_folds!r}: expected an integer >= 1")
    known = list(dict.fromkeys(forecasts["series"]))
    series = known[0] if series is None else series
    if series not in known:
        raise ValueError(f"series={series!r}: expected one of {known[:10]}")
    own = forecasts[forecasts["series"] == series]
    folds = np.sort(own["fold"].unique())
    shown = own[own["fold"].isin(folds[-n_folds:])]
    _check_coverage(coverage, shown)
    past = history[history["series"] == series].sort_values("time")
    past = past.iloc[_first_row(past["time"], shown["origin"].min(), shown["time"].max()) :]
    ax = new_axes(ax)
    ax.plot(as_stamps(past["time"]), past["y"], color="black", lw=1.6, label="observed")
    steps = int(shown.groupby(["model", "fold"]).size().max())
    ends = None  # of an interval: shades of several models on each other would hide all
    for i, (_, rows) in enumerate(shown.groupby("model", sort=False)):
        found = None if coverage is None or ends else _interval(rows, coverage)
        _draw_model(ax, i, rows.sort_values(["fold", "step"]), steps, found)
        ends = ends or found
    for origin in as_stamps(shown.drop_duplicates("fold")["origin"]):
        ax.axvline(origin, color="0.7", lw=0.8, ls=":", zorder=0)
    last = "the last" if n_folds == 1 or len(folds) == 1 else f"the last {min(n_folds, len(folds))}"
    ax.set_title(title or f"{series}: {last} of {len(folds)} folds, {_count(steps)} each")
    return finish_axes(ax, past["time"], ylabel or str(series))


def plot_forecast(
    history: pd.Series,
    forecast: pd.Series,
    *,
    intervals: pd.DataFrame | None = None,
    ax: Any = None,
    title: str | None = None,
    ylabel: str | None = None,
) -> Any:
    """Draw a forecast after the end of its series.

    Parameters
    ----------
    history : Series of n rows
        The series; of a long one the latest part is shown.
    forecast : Series of h rows
        What comes after it, in the same units.
    intervals : frame of h rows, optional
        Shaded around it: ``lower`` and ``upper`` from ``predict_interval``, or the quantiles from
        ``predict_quantiles``, of which each pair of levels p and 1 - p becomes an interval.
    ax : matplotlib Axes, optional
        Where to draw; a new figure by default.
    title, ylabel : str, optional
        Text in place of the series' name; say the unit in ``ylabel``.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    ValueError
        If ``history`` or ``forecast`` is not one series, nothing was observed, or ``intervals``
        has no such columns, or other rows than the forecast.

    Examples
    --------
    >>> y = pd.Series([1.0, 2.0, 3.0], index=pd.date_range("2024-01-01", periods=3), name="level")
    >>> ahead = pd.Series([4.0, 5.0], index=pd.date_range("2024-01-04", periods=2))
    >>> plot_forecast(y, ahead).get_title()
    'level: forecast of the next 2 steps'
    """
    check_one_series("history", history)
    check_one_series("forecast", forecast)
    observed = history.dropna()
    if observed.empty:
        raise ValueError(f"history has no observed value in its {len(history)} rows")
    rows = max(20, 6 * CONTEXT * len(forecast))
    past = history.iloc[-rows:]
    name = "y" if history.name is None else str(history.name)
    ax = new_axes(ax)
    joined = pd.concat([observed.iloc[-1:], forecast])
    ax.axvline(as_stamps(observed.index[-1:])[0], color="0.7", lw=0.8, ls=":", zorder=0)
    ax.plot(as_stamps(past.index), past, color="black", lw=1.4, label="observed")
    if intervals is not None:
        _shade(ax, forecast, intervals)
    ax.plot(as_stamps(joined.index), joined, color=COLOURS[0], lw=1.6)
    style = _style(0, len(forecast)) | {"lw": 1.6}
    ax.plot(as_stamps(forecast.index), forecast, label="forecast", **style)
    ax.set_title(title or f"{name}: forecast of the next {_count(len(forecast))}")
    return finish_axes(ax, past.index.append(forecast.index), ylabel or name)


def _check_coverage(coverage: Any, forecasts: pd.DataFrame) -> None:
    """Refuse a coverage that no model has; the default one need not be there."""
    if coverage is None:
        return
    check_probability("coverage", coverage, also=", or None for no interval")
    if coverage == COVERAGE or _interval(forecasts, coverage) is not None:
        return
    found = [f"{covered:g}" for covered, *_ in central_intervals(list(quantile_columns(forecasts)))]
    there = f"one of {', '.join(found)}, or None" if found else "None, as no model has quantiles"
    raise ValueError(f"coverage={coverage!r}: expected {there}")


def _interval(rows: pd.DataFrame, coverage: float) -> tuple[str, str] | None:
    """Return the columns of a model's central interval, where it has that."""
    columns = quantile_columns(rows)
    ends = [
        (columns[low], columns[high])
        for covered, low, high in central_intervals(list(columns))
        if np.isclose(covered, coverage)
    ]
    return ends[0] if ends else None


def _draw_model(
    ax: Any, i: int, rows: pd.DataFrame, steps: int, ends: tuple[str, str] | None
) -> None:
    """Draw the forecasts of a model: each fold a line, its interval a shade."""
    name = str(rows["model"].iloc[0])
    for j, path in enumerate(forecast_paths(rows)):
        times, first = as_stamps(path["time"]), j == 0
        label = name if first else None
        ax.plot(times, path["y_pred"], label=label, **_style(i, steps))
        if ends is not None:
            shade = ax.fill_between(times, path[ends[0]], path[ends[1]], **_shading(i))
            shade.set_label(f"interval of {name}" if first else None)


def _shade(ax: Any, forecast: pd.Series, intervals: pd.DataFrame) -> None:
    """Shade each interval, the widest the faintest as they lie on each other."""
    if len(intervals) != len(forecast):
        raise ValueError(f"intervals has {len(intervals)} rows: expected {len(forecast)}, as ahead")
    named = {"lower", "upper"} <= set(intervals.columns)
    levels = [float(name) for name in intervals.columns if is_number(name)]
    ends = [(low, high) for _, low, high in central_intervals(levels)]
    if not (named or ends):
        raise ValueError(
            f"intervals has the columns {list(intervals.columns)}: expected lower and upper, or "
            "quantile levels p and 1 - p"
        )
    for low, high in [("lower", "upper")] if named else ends:
        times = as_stamps(forecast.index)
        ax.fill_between(times, intervals[low], intervals[high], **_shading(0))


def _shading(i: int) -> dict[str, Any]:
    return {"color": COLOURS[i % len(COLOURS)], "alpha": 0.15, "lw": 0, "zorder": 1}


def _count(steps: int) -> str:
    return f"{steps} step{'s' if steps != 1 else ''}"


def _style(i: int, steps: int) -> dict[str, Any]:
    return {
        "color": COLOURS[i % len(COLOURS)],
        "ls": LINE_STYLES[i % len(LINE_STYLES)],  # equal forecasts show through each other
        "lw": 1.3,
        "marker": "o" if steps <= MARKED else None,
        "ms": 3,
    }


def _first_row(times: pd.Series, start: Any, end: Any) -> int:
    """Return the row from which the past is drawn: a span of the forecasts before them."""
    first, last = times.searchsorted([start, end])
    return max(0, int(first) - CONTEXT * max(5, int(last) - int(first)))
