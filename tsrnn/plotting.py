"""Draw forecasts with matplotlib, from plain frames: axes in and out, no model known.

Without ``ax`` a figure of its own is made, outside pyplot, so that no window system is needed: save
it with ``ax.figure.savefig("name.png")``. In a notebook or script with windows pass
``ax=plt.gca()``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

FIGURE_SIZE = (11.0, 4.8)  # inches
# Okabe and Ito (2008), distinguishable with colour-vision deficiency; the series itself is black.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8C564B")
LINE_STYLES = ("-", "--", ":", "-.")
MARKED = 12  # steps up to which each forecast is marked by a dot
CONTEXT = 1  # spans of the forecasts that are shown of the series before them


def plot_backtest(
    forecasts: pd.DataFrame,
    history: pd.DataFrame,
    *,
    n_folds: int = 3,
    series: Any = None,
    ax: Any = None,
    title: str | None = None,
    ylabel: str | None = None,
) -> Any:
    """Draw the forecasts of the last folds over the series, one colour a model.

    Parameters
    ----------
    forecasts : DataFrame
        Columns ``model, series, fold, time, y_pred`` and ``origin``, as in
        ``BacktestResult.forecasts``.
    history : DataFrame
        Columns ``series, time, y``: the series itself.
    n_folds : int, default=3
        How many of the latest folds are shown.
    series : optional
        Which series; the first by default.
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
        If ``n_folds`` < 1 or there is no such series.

    Examples
    --------
    >>> time = pd.date_range("2024-01-01", periods=6)
    >>> history = pd.DataFrame({"series": "y", "time": time, "y": range(6)})
    >>> forecasts = pd.DataFrame({"model": "naive", "series": "y", "fold": 0, "origin": time[3],
    ...                           "time": time[4:], "y_pred": 3.0})
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
    past = history[history["series"] == series].sort_values("time")
    past = past.iloc[_first_row(past["time"], shown["origin"].min(), shown["time"].max()) :]
    ax = _axes(ax)
    ax.plot(_ticks(past["time"]), past["y"], color="black", lw=1.6, label="observed")
    steps = int(shown.groupby(["model", "fold"]).size().max())
    for i, (model, rows) in enumerate(shown.groupby("model", sort=False)):
        for j, (_, fold) in enumerate(rows.groupby("fold")):
            label = str(model) if j == 0 else None
            ax.plot(_ticks(fold["time"]), fold["y_pred"], label=label, **_style(i, steps))
    for origin in _ticks(shown.drop_duplicates("fold")["origin"]):
        ax.axvline(origin, color="0.7", lw=0.8, ls=":", zorder=0)
    last = "the last" if n_folds == 1 or len(folds) == 1 else f"the last {min(n_folds, len(folds))}"
    ax.set_title(title or f"{series}: {last} of {len(folds)} folds, {steps} steps each")
    return _finish(ax, past["time"], ylabel or str(series))


def plot_forecast(
    history: pd.Series,
    forecast: pd.Series,
    *,
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

    Examples
    --------
    >>> y = pd.Series([1.0, 2.0, 3.0], index=pd.date_range("2024-01-01", periods=3), name="level")
    >>> ahead = pd.Series([4.0, 5.0], index=pd.date_range("2024-01-04", periods=2))
    >>> plot_forecast(y, ahead).get_title()
    'level: forecast of the next 2 steps'
    """
    rows = max(20, 6 * CONTEXT * len(forecast))
    past = history.iloc[-rows:]
    name = "y" if history.name is None else str(history.name)
    ax = _axes(ax)
    observed = past.dropna()
    joined = pd.concat([observed.iloc[-1:], forecast])
    ax.axvline(_ticks(observed.index[-1:])[0], color="0.7", lw=0.8, ls=":", zorder=0)
    ax.plot(_ticks(past.index), past, color="black", lw=1.4, label="observed")
    ax.plot(_ticks(joined.index), joined, color=COLOURS[0], lw=1.6)
    style = _style(0, len(forecast)) | {"lw": 1.6}
    ax.plot(_ticks(forecast.index), forecast, label="forecast", **style)
    ax.set_title(title or f"{name}: forecast of the next {len(forecast)} steps")
    return _finish(ax, past.index.append(forecast.index), ylabel or name)


def _axes(ax: Any) -> Any:
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError("plotting needs matplotlib: pip install tsrnn[plot]") from error
    return Figure(figsize=FIGURE_SIZE, layout="constrained").subplots() if ax is None else ax


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


def _ticks(times: Any) -> Any:
    """Return stamps as matplotlib takes them: periods by their start."""
    index = pd.Index(times)
    return index.to_timestamp() if isinstance(index, pd.PeriodIndex) else index


def _finish(ax: Any, times: Any, ylabel: str) -> Any:
    """Label the axes, write dates shortly, put the legend outside of the data."""
    index = _ticks(times)
    if isinstance(index, pd.DatetimeIndex):
        from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

        locator = AutoDateLocator(tz=index.tz, minticks=4, maxticks=10)
        ax.xaxis.set_major_locator(locator)
        ax.xaxis.set_major_formatter(ConciseDateFormatter(locator, tz=index.tz))
    ax.set_xlabel(f"time ({index.tz})" if getattr(index, "tz", None) else "time")
    ax.set_ylabel(ylabel)
    ax.set_axisbelow(True)
    ax.grid(axis="y", color="0.92")
    ax.spines[["top", "right"]].set_visible(False)
    ax.margins(x=0.01)
    ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False)
    return ax
