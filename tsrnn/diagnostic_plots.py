"""Look into a fit with matplotlib: its training, its residuals, the windows that feed it.

As in ``tsrnn.plotting`` axes come in and go out, and without them a figure is made outside pyplot.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from tsrnn.checks import check_count
from tsrnn.drawing import (
    COLOURS,
    as_stamps,
    check_one_series,
    finish_axes,
    new_axes,
    new_figure,
    tidy_axes,
)

RESIDUALS_SIZE = (11.0, 6.0)  # inches
LOG_RANGE = 10.0  # largest over smallest loss from which on the axis is logarithmic
FEW = 60  # residuals that are marked one by one
BAND = 1.96  # standard errors of an autocorrelation that is none, two-sided 5 %
# What a window is made of: first and last stamp, label and colour, the longest first.
PARTS = (
    ("state_first", "origin", "read on the way", "0.85"),
    ("window_first", "origin", "window", COLOURS[0]),
    ("input_first", "input_last", "input", COLOURS[0]),
    ("target_first", "target_last", "target", COLOURS[1]),
)


class Losses(Protocol):
    """What is drawn of a training, as ``tsrnn.training.History`` has it."""

    train_loss: list[float]
    valid_loss: list[float]
    best_epoch: int
    interrupted: bool


def plot_history(history: Losses, *, ax: Any = None, title: str | None = None) -> Any:
    """Draw the losses of a training by epoch, and the epoch whose weights were kept.

    Parameters
    ----------
    history : History
        ``history_`` of a window estimator, or one of ``histories_`` of a forecaster:
        ``train_loss`` and ``valid_loss`` by epoch,
        ``best_epoch`` (from 1; 0 is the network as it started), ``interrupted``.
    ax : matplotlib Axes, optional
        Where to draw; a new figure by default.
    title : str, optional
        Text in place of the best epoch.

    Returns
    -------
    matplotlib Axes
        With a logarithmic axis where the losses are positive and span more than a factor of ten.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    ValueError
        If there is no epoch.

    Examples
    --------
    >>> from tsrnn.training import History
    >>> plot_history(History([3.0, 1.0, 0.5], [2.0, 1.0, 1.5], best_epoch=2)).get_title()
    'best epoch 2 of 3'
    """
    if not history.train_loss:
        raise ValueError("history has no epoch: expected the losses of at least one")
    ax = new_axes(ax)
    epochs = np.arange(1, len(history.train_loss) + 1)
    ax.plot(epochs, history.train_loss, color=COLOURS[0], label="training")
    if history.valid_loss:
        ax.plot(epochs, history.valid_loss, color=COLOURS[1], ls="--", label="validation")
    ax.axvline(history.best_epoch, color="0.4", lw=1.2, ls=":", label="kept")
    losses = np.array([*history.train_loss, *history.valid_loss])
    if losses.min() > 0 and losses.max() > LOG_RANGE * losses.min():
        ax.set_yscale("log")
    tidy_axes(ax)
    ax.xaxis.get_major_locator().set_params(integer=True)
    stopped = ", interrupted" if history.interrupted else ""
    ax.set(xlabel="epoch", ylabel="loss")
    ax.set_title(title or f"best epoch {history.best_epoch} of {len(epochs)}{stopped}")
    ax.legend(frameon=False)
    return ax


def plot_residuals(
    residuals: pd.Series | ArrayLike,
    *,
    max_lag: int | None = None,
    axes: Any = None,
    title: str | None = None,
) -> Any:
    """Draw residuals over time, their distribution and their autocorrelation.

    Residuals of a good forecast scatter around zero without a pattern: the autocorrelations stay
    within the band, in which 95 % of those of independent values lie.

    Parameters
    ----------
    residuals : Series or array of shape (n,)
        Observed minus forecast, in the order of time; missing ones are left out. Of a panel those
        of one series, ``residuals_.loc["a"]``.
    max_lag : int, optional
        Highest lag of the autocorrelation; 10 log10(n) by default.
    axes : sequence of three matplotlib Axes, optional
        Where to draw; a new figure by default.
    title : str, optional
        Text in place of the mean and the deviation.

    Returns
    -------
    array of three matplotlib Axes
        Residuals over time, histogram with the normal density, autocorrelation.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    ValueError
        If fewer than 3 residuals are known, they are all the same or of several series,
        ``max_lag`` is not below their number, or there are not three axes.

    Examples
    --------
    >>> over_time, histogram, correlation = plot_residuals([0.5, -1.0, 1.0, -0.5])
    >>> over_time.get_title()
    '4 residuals: mean 0, standard deviation 0.791'
    """
    check_one_series("residuals", residuals)
    series = pd.Series(residuals).astype(float)
    known = series.dropna().to_numpy()
    if len(known) < 3 or np.ptp(known) == 0:
        raise ValueError(f"residuals has {len(known)} known values: expected 3 that differ")
    most = len(known) - 1
    lags = min(most, int(10 * np.log10(len(known)))) if max_lag is None else max_lag
    check_count("max_lag", lags)
    if lags > most:
        raise ValueError(f"max_lag={lags}: expected at most {most}, one less than the residuals")
    axes = _three_axes(axes)
    _draw_residuals(axes[0], series)
    _draw_distribution(axes[1], known)
    _draw_autocorrelation(axes[2], autocorrelations(series.to_numpy(), lags), len(known))
    words = f"mean {known.mean():.3g}, standard deviation {known.std():.3g}"
    axes[0].set_title(title or f"{len(known)} residuals: {words}")
    return axes


def plot_windows(
    windows: pd.DataFrame,
    *,
    n_windows: int = 12,
    series: Any = None,
    ax: Any = None,
    title: str | None = None,
) -> Any:
    """Draw which time stamps feed the last windows, and which they forecast.

    Parameters
    ----------
    windows : DataFrame
        One row a window, from ``tsrnn.explain_windows`` or ``forecaster.explain_windows``; filter
        it to see other windows than the last, such as those of one fold or role.
    n_windows : int, default=12
        How many of the latest windows are shown.
    series : optional
        Which series of a panel; the first by default.
    ax : matplotlib Axes, optional
        Where to draw; a new figure by default.
    title : str, optional
        Text in place of the number of windows.

    Returns
    -------
    matplotlib Axes
        A line a window, the oldest on top. What the state has read on its way may begin before the
        left edge.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    ValueError
        If ``n_windows`` < 1, there is no such series, or the columns are others.

    Examples
    --------
    >>> from tsrnn import explain_windows
    >>> told = explain_windows(y=pd.Series([1.0, 2.0, 4.0, 3.0, 5.0]), window=2, horizon=2)
    >>> plot_windows(told).get_title()
    'the last 2 of 2 windows'
    """
    check_count("n_windows", n_windows)
    own = _of_series(windows, series)
    parts = [part for part in PARTS if {part[0], part[1]} <= set(own.columns)]
    if not {"target_first"} < {first for first, *_ in parts}:
        raise ValueError(f"windows has {list(own.columns)}: expected columns of explain_windows")
    shown = own.iloc[-n_windows:]
    ax = new_axes(ax)
    for first, last, label, colour in parts:
        _draw_spans(ax, shown[first], shown[last], label, colour)
    ax.set_ylim(len(shown) - 0.5, -0.5)
    ax.set_yticks(range(len(shown)), [str(i) for i in shown.index])
    begin = as_stamps(shown[parts[-2][0]]).min()
    end = as_stamps(shown["target_last"]).max()
    ax.set_xlim(begin - (end - begin) * 0.05, end + (end - begin) * 0.02)
    ax.set_title(title or f"the last {len(shown)} of {len(own)} windows")
    finish_axes(ax, shown["target_last"], "window")
    ax.grid(axis="y", visible=False)
    return ax


def autocorrelations(values: NDArray, max_lag: int) -> NDArray:
    r"""Return the autocorrelations of lags 1 to ``max_lag``; products with a missing value are 0.

    .. math:: r_k = \sum_t (x_t - \bar x)(x_{t+k} - \bar x) \Big/ \sum_t (x_t - \bar x)^2

    Examples
    --------
    >>> autocorrelations(np.array([1.0, -1.0, 1.0, -1.0]), 2)
    array([-0.75,  0.5 ])
    """
    x = np.nan_to_num(values - np.nanmean(values))
    return np.array([x[k:] @ x[: len(x) - k] for k in range(1, max_lag + 1)]) / (x @ x)


def _three_axes(axes: Any) -> NDArray:
    if axes is None:
        figure = new_figure(RESIDUALS_SIZE)
        places = figure.subplot_mosaic([["time", "time"], ["histogram", "correlation"]])
        axes = list(places.values())
    axes = np.ravel(np.asarray(axes, dtype=object))
    if len(axes) != 3:
        raise ValueError(f"axes has {len(axes)} axes: expected 3")
    return axes


def _draw_residuals(ax: Any, series: pd.Series) -> None:
    few = len(series) <= FEW
    ax.axhline(0, color="0.4", lw=0.8)
    ax.plot(as_stamps(series.index), series, color=COLOURS[0], lw=0.9, marker="." if few else None)
    finish_axes(ax, series.index, "residual")


def _draw_distribution(ax: Any, known: NDArray) -> None:
    ax.hist(known, bins="auto", density=True, color=COLOURS[0], alpha=0.5)
    mean, deviation = known.mean(), known.std()
    reach = max(4 * deviation, np.abs(known - mean).max())
    x = np.linspace(mean - reach, mean + reach, 200)
    density = np.exp(-0.5 * ((x - mean) / deviation) ** 2) / (deviation * np.sqrt(2 * np.pi))
    ax.plot(x, density, color=COLOURS[1], lw=1.3, label="normal")
    ax.set(xlabel="residual", ylabel="density")
    tidy_axes(ax)
    ax.legend(frameon=False)


def _draw_autocorrelation(ax: Any, correlations: NDArray, n: int) -> None:
    lags = np.arange(1, len(correlations) + 1)
    ax.axhspan(-BAND / np.sqrt(n), BAND / np.sqrt(n), color="0.9", label="95 % band")
    ax.axhline(0, color="0.4", lw=0.8)
    ax.vlines(lags, 0, correlations, color=COLOURS[0], lw=1.3)
    ax.plot(lags, correlations, "o", ms=3, color=COLOURS[0])
    ax.set(xlabel="lag", ylabel="autocorrelation")
    tidy_axes(ax)
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.legend(frameon=False)


def _of_series(windows: pd.DataFrame, series: Any) -> pd.DataFrame:
    if "series" not in windows.columns:
        if series is not None:
            raise ValueError(f"series={series!r}: expected None, as windows has no such column")
        return windows
    known = list(dict.fromkeys(windows["series"]))
    series = known[0] if series is None else series
    if series not in known:
        raise ValueError(f"series={series!r}: expected one of {known[:10]}")
    return windows[windows["series"] == series]


def _draw_spans(ax: Any, first: pd.Series, last: pd.Series, label: str, colour: str) -> None:
    """Draw a line a row from its first to its last stamp; a single stamp is a square."""
    style = {"color": colour, "lw": 5, "marker": "s", "ms": 5, "mew": 0, "solid_capstyle": "butt"}
    spans = zip(as_stamps(first), as_stamps(last), strict=True)
    for row, ends in enumerate(spans):
        ax.plot(list(ends), [row, row], label=label if row == 0 else None, **style)
