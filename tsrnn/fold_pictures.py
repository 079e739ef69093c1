"""Pictures of the folds of a splitter, as text and with matplotlib, from a plain frame.

The frame has one row a part of a fold, as ``ExpandingWindowSplit.describe`` gives it: ``fold``,
``part``, ``first`` and ``last`` stamp, ``start`` and ``end`` position and number of ``series``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from tsrnn.drawing import COLOURS, as_stamps, finish_axes, new_axes

SYMBOLS = {"train": "=", "purge": "x", "gap": ".", "test": "#"}
# Okabe and Ito (2008), with grey for what is neither trained on nor tested.
PART_COLOURS = {"train": COLOURS[0], "purge": COLOURS[4], "gap": "0.75", "test": COLOURS[1]}
WIDTH = 60  # characters of a line of text
MOST_LINES = 20  # folds shown as text
LEAST_ROOM = 4  # folds for which a plot has room
SKETCHED = 3  # folds in a sketch
SKETCH = {"train": 6, "purge": 2, "gap": 2, "test": 4}  # characters


def sketch_folds(n_splits: int | None, parts: Sequence[str], *, sliding: bool, step: float) -> str:
    """Draw the last folds of a splitter without rows, not to scale.

    Parameters
    ----------
    n_splits : int, optional
        Number of folds, None where it depends on the rows.
    parts : sequence of str
        Which of "train", "purge", "gap" and "test" the folds have.
    sliding : bool
        Whether training starts later in each fold.
    step : float
        Distance of the folds in horizons.

    Examples
    --------
    >>> print(sketch_folds(None, ["train", "gap", "test"], sliding=True, step=0.5))
        :
        ======..####
          ======..####
            ======..####    = train  . gap  # test
    """
    shift = int(np.clip(round(step * SKETCH["test"]), 1, 2 * SKETCH["test"]))
    shown = SKETCHED if n_splits is None else min(n_splits, SKETCHED)
    ahead = "".join(SYMBOLS[part] * SKETCH[part] for part in parts if part != "train")
    trained = SYMBOLS["train"] * SKETCH["train"]
    lines = [] if shown == n_splits else [":"]
    for moved in range(0, shown * shift, shift):
        lines.append((" " if sliding else SYMBOLS["train"]) * moved + trained + ahead)
    legend = "  ".join(f"{SYMBOLS[part]} {part}" for part in parts)
    return "\n".join(f"    {line}" for line in lines) + f"    {legend}"


def draw_folds(parts: pd.DataFrame) -> str:
    """Draw folds as text, the stamps from left to right; of many folds the last ones.

    Examples
    --------
    >>> parts = pd.DataFrame({"fold": 0, "part": ["train", "test"], "first": [0, 3],
    ...                       "last": [2, 4], "start": [0, 3], "end": [3, 5], "series": 1})
    >>> print(draw_folds(parts))
    fold  0 .. 4  test
       0  ===##   3 .. 4
    """
    start = int(parts["start"].min())
    n = int(parts["end"].max()) - start
    width = min(n, WIDTH)
    span = _range(parts["first"].min(), parts["last"].max())
    column = max(width, len(span))
    lines = [f"fold  {span:{column}}  test"]
    n_folds = int(parts["fold"].max()) + 1
    if n_folds > MOST_LINES:
        lines.append(f"{':':>4}  {n_folds - MOST_LINES} folds before")
    for fold, own in list(parts.groupby("fold"))[-MOST_LINES:]:
        test = own.iloc[-1]
        series = f"  {test['series']} series" if (parts["series"] > 1).any() else ""
        bar = _bar(own["part"], own[["start", "end"]] - start, width / n)
        lines.append(f"{fold:>4}  {bar:{column}}  {_range(test['first'], test['last'])}{series}")
    return "\n".join(lines)


def plot_folds(parts: pd.DataFrame, *, ax: Any = None, title: str | None = None) -> Any:
    """Draw folds with matplotlib: a bar a fold along the time axis.

    Parameters
    ----------
    parts : DataFrame
        One row a part of a fold.
    ax : matplotlib Axes, optional
        Where to draw; a new figure by default.
    title : str, optional
        Text in place of the number of folds.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    """
    ax = new_axes(ax)
    n_folds = int(parts["fold"].max()) + 1
    left, right = _edges(parts)
    for part, colour in PART_COLOURS.items():
        own = (parts["part"] == part).to_numpy()
        if own.any():
            ax.barh(
                parts["fold"][own], (right - left)[own], left=left[own], color=colour, label=part
            )
    ax.set_yticks(*_fold_labels(parts, n_folds))
    ax.set_ylim(max(n_folds, LEAST_ROOM) - 0.5, -0.5)  # the oldest fold on top
    ax.set_title(title or f"{n_folds} fold{'s' if n_folds > 1 else ''}")
    times = pd.Index(parts["first"])
    if isinstance(as_stamps(times), pd.DatetimeIndex):
        ax.xaxis_date(tz=as_stamps(times).tz)
    else:
        from matplotlib.ticker import MaxNLocator

        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    finish_axes(ax, times, "fold")
    ax.grid(axis="y", visible=False)
    return ax


def _bar(parts: pd.Series, places: pd.DataFrame, scale: float) -> str:
    """Draw one fold; its test part gets one character at least."""
    bar = " " * round(places["start"].iloc[0] * scale)
    for part, end in zip(parts, places["end"], strict=True):
        least = 1 if part == "test" else 0
        bar += SYMBOLS[part] * max(least, round(end * scale) - len(bar))
    return bar


def _edges(parts: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Return where the bars start and end on the axis: each up to the start of the next part."""
    first, last = (_axis_numbers(parts[name]) for name in ("first", "last"))
    steps = (parts["end"] - parts["start"] - 1).to_numpy()
    stamp = np.median(((last - first) / np.maximum(1, steps))[steps > 0]) if steps.any() else 1.0
    right = last + stamp
    followed = (parts["fold"].to_numpy()[1:] == parts["fold"].to_numpy()[:-1]).nonzero()[0]
    right[followed] = first[followed + 1]
    return first, right


def _axis_numbers(times: Any) -> np.ndarray:
    """Return stamps as numbers of the axis: days for dates."""
    ticks = as_stamps(times)
    if isinstance(ticks, pd.DatetimeIndex):
        from matplotlib.dates import date2num

        return np.asarray(date2num(pd.to_datetime(ticks, utc=True).tz_convert(None).to_numpy()))
    return ticks.to_numpy(dtype=np.float64)


def _fold_labels(parts: pd.DataFrame, n_folds: int) -> tuple[list[int], list[str]]:
    """Label about ten folds by number, in a panel with how many series are tested."""
    tested = parts[parts["part"] == "test"].set_index("fold")["series"]
    shown = list(range(0, n_folds, max(1, n_folds // 10)))
    if (tested <= 1).all():
        return shown, [str(fold) for fold in shown]
    return shown, [f"{fold} ({tested[fold]} series)" for fold in shown]


def _range(first: Any, last: Any) -> str:
    return f"{_short(first)} .. {_short(last)}"


def _short(stamp: Any) -> str:
    """Write a stamp shortly: the date alone at midnight."""
    text = str(stamp)
    return text.removesuffix(" 00:00:00") if isinstance(stamp, pd.Timestamp) else text
