"""The figure of the report that shows forecasts over their series, with intervals and origins.

A page must stay small, so of many series, folds and observed values a part is drawn: series at even
distances in the order of their scores, the latest folds in full, and of the observed values before
them the lowest and the highest of each stretch. A note says what was left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from tsrnn.drawing import MARKED, forecast_paths
from tsrnn.quantile_names import central_intervals, quantile_columns
from tsrnn.report_figures import (
    INFINITE,
    INK,
    Figure,
    axis_type,
    axis_values,
    by_model,
    colour,
    model_line,
    rounded,
)

MAX_SERIES = 20  # that are drawn
MAX_ROWS = 12_000  # forecasts that are drawn, over all models and series
LEAST_FOLDS = 3  # drawn of each series, however many rows they have
MAX_POINTS = 6_000  # observed values drawn of a series before the folds, and as many in them
LATEST = 6  # folds in the first view
SHADES = (0.12, 0.22)  # opacity of the wide and the narrow interval
MARGIN = 0.06  # of the height, above and below the values of a view


class Drawn(NamedTuple):
    """The forecasts as drawn: a figure a series, and what the page says about them."""

    figures: list[Figure]
    labels: list[str]  # of the series
    banded: list[Any]  # models with intervals
    note: str  # what was left out


def forecast_figures(
    forecasts: pd.DataFrame,
    history: pd.DataFrame,
    models: Sequence[Any],
    ranked: Sequence[Any],
    series_scores: pd.DataFrame,
    unit: str = "",
) -> Drawn:
    """Draw each chosen series with the forecasts of its latest folds.

    Parameters
    ----------
    forecasts, history : DataFrame
        As in :func:`tsrnn.report.render_report`.
    models : sequence
        Names in the order of their colours.
    ranked : sequence
        The same, the best first.
    series_scores : DataFrame
        ``model, series, MASE``: the order in which series are chosen.
    unit : str
        Of the time axis, where that is numbers.
    """
    names = list(dict.fromkeys(forecasts["series"]))
    scores = series_scores[series_scores["model"] == ranked[0]].set_index("series")["MASE"]
    scores = scores.reindex(names)
    chosen = _evenly(scores, MAX_SERIES)
    kept = _affordable_folds(forecasts, len(chosen))
    banded = [model for model in ranked if _has_intervals(forecasts[forecasts["model"] == model])]
    figures, thinned = [], False
    for name in chosen:
        own = _latest(forecasts[forecasts["series"] == name], kept)
        past = history[history["series"] == name].sort_values("time")
        drawn = _thinned(past, own["origin"].min())
        thinned |= len(drawn) < len(past)
        figures.append(_figure(own, drawn, models, banded, unit))
    labels = [_label(name, scores[name]) for name in chosen]
    note = _note(len(chosen), len(names), ranked[0], kept, forecasts["fold"].nunique(), thinned)
    return Drawn(figures, labels, banded, note)


def _evenly(scores: pd.Series, most: int) -> list[Any]:
    """Return at most so many series, at even distances from the best score to the worst."""
    if len(scores) <= most:
        return list(scores.index)
    places = np.linspace(0, len(scores) - 1, most).round().astype(int)
    return list(scores.sort_values().index[places])


def _label(name: Any, score: float) -> str:
    return str(name) if np.isnan(score) else f"{name} (MASE {_written(score)})"


def _written(score: float) -> str:
    return INFINITE if np.isinf(score) else f"{score:.3f}"


def _has_intervals(forecasts: pd.DataFrame) -> bool:
    return bool(central_intervals(list(quantile_columns(forecasts))))


def _latest(rows: pd.DataFrame, n_folds: int) -> pd.DataFrame:
    """Return the forecasts of the latest folds of a series."""
    return rows[rows["fold"].isin(np.sort(rows["fold"].unique())[-n_folds:])]


def _affordable_folds(forecasts: pd.DataFrame, n_series: int) -> int:
    """Return how many folds of so many series make at most MAX_ROWS forecasts."""
    rows = forecasts.groupby(["series", "fold"]).size().mean()
    folds = max(LEAST_FOLDS, int(MAX_ROWS / (rows * n_series)))
    return min(folds, forecasts["fold"].nunique())


def _note(drawn: int, n_series: int, leader: Any, kept: int, n_folds: int, thinned: bool) -> str:
    sentences = []
    if drawn < n_series:
        sentences.append(
            f"{drawn} of {n_series} series are drawn, at even distances from the best to the worst."
        )
    if kept < n_folds:
        sentences.append(f"The latest {kept} of {n_folds} folds are drawn.")
    if thinned:
        sentences.append(
            "Of the observed values the lowest and the highest of each stretch are drawn."
        )
    if sentences:
        sentences.append("Tables and scores count everything.")
    if n_series > 1:
        sentences.insert(0, f"The MASE beside a series is that of {leader}.")
    return " ".join(sentences)


def _thinned(past: pd.DataFrame, start: Any) -> pd.DataFrame:
    """Return the rows of a series to draw, thinned before and after the first origin shown."""
    early = past["time"] < start
    return pd.concat([_extremes(past[rows], MAX_POINTS) for rows in (early, ~early)])


def _extremes(rows: pd.DataFrame, most: int) -> pd.DataFrame:
    """Keep the lowest and the highest value of each of ``most / 2`` stretches.

    One row of a stretch without a value is kept, so that neither a peak nor a gap is lost.
    """
    if len(rows) <= most:
        return rows
    stretch = np.arange(len(rows)) * (most // 2) // len(rows)
    y = rows["y"].reset_index(drop=True)
    known = y.dropna().groupby(stretch[y.notna()])
    kept = np.union1d(known.idxmin(), known.idxmax())
    empty = np.setdiff1d(stretch, stretch[y.notna()])
    ends = [0, len(rows) - 1]
    return rows.iloc[np.union1d(np.union1d(kept, np.searchsorted(stretch, empty)), ends)]


def _figure(
    rows: pd.DataFrame,
    past: pd.DataFrame,
    models: Sequence[Any],
    banded: Sequence[Any],
    unit: str,
) -> Figure:
    """Draw one series; a band carries in ``meta`` the number of its model among the banded."""
    origins = rows["origin"].drop_duplicates().sort_values()
    numbered = by_model(rows.sort_values(["fold", "step"]), models)
    bands = [
        band | {"meta": banded.index(model)}
        for i, model, own in numbered
        for band in _bands(own, i)
    ]
    observed = {
        "type": "scatter",
        "mode": "lines",
        "name": "observed",
        "x": axis_values(past["time"]),
        "y": rounded(past["y"]),
        "line": {"color": INK, "width": 1.6},
    }
    lines = [_path(i, model, own) for i, model, own in numbered]
    data = [*bands, _origin_lines(origins), observed, *lines]
    return {
        "data": data,
        "layout": _layout(past["time"], unit),
        "views": _views(rows, past, origins),
    }


def _path(i: int, model: Any, rows: pd.DataFrame) -> Figure:
    """Draw the forecasts of a model, the folds apart from each other; hovering tells intervals."""
    paths = forecast_paths(rows)
    few = rows["step"].max() <= MARKED
    x, y = _broken(paths, "time"), _broken(paths, "y_pred")
    line = model_line(i, model, x, y, mode="lines+markers" if few else "lines")
    line["line"]["width"] = 1.6
    line["marker"]["size"] = 4
    line["cliponaxis"] = False  # the last forecast lies on the edge: its dot would be cut
    wide = central_intervals(list(quantile_columns(rows)))[-1:]
    if not wide:
        return line | {"hovertemplate": "%{y:.5~g}"}
    coverage, low, high = wide[0]
    columns = quantile_columns(rows)
    ends = [_broken(paths, columns[level]) for level in (low, high)]
    text = f"%{{y:.5~g}} ({coverage:.0%}: %{{customdata[0]:.5~g}} to %{{customdata[1]:.5~g}})"
    return line | {"customdata": list(zip(*ends, strict=True)), "hovertemplate": text}


def _broken(paths: list[pd.DataFrame], column: str) -> list[Any]:
    """Return a column of all paths, with None between them."""
    write = axis_values if column == "time" else rounded
    parts = [[*write(path[column]), None] for path in paths]
    return [value for part in parts for value in part][:-1]


def _bands(rows: pd.DataFrame, i: int = 0) -> list[Figure]:
    """Draw the two widest intervals of a model as closed shapes, the widest first."""
    columns = quantile_columns(rows)
    bands = []
    for coverage, low, high in central_intervals(list(columns))[-2:]:
        ends = [columns[low], columns[high]]
        x: list[Any] = []
        y: list[Any] = []
        for path in forecast_paths(rows.dropna(subset=ends)):
            times = axis_values(path["time"])
            x += [*times, *times[::-1], None]
            y += [*rounded(path[ends[0]]), *rounded(path[ends[1]])[::-1], None]
        bands.append((coverage, x, y))
    return [
        {
            "type": "scatter",
            "mode": "lines",
            "name": f"{coverage:.0%}",
            "legendgroup": str(i),
            "showlegend": False,
            "hoverinfo": "skip",
            "fill": "toself",
            "fillcolor": _faded(colour(i), shade),
            "line": {"width": 0},
            "x": x[:-1],
            "y": y[:-1],
        }
        for (coverage, x, y), shade in zip(bands[::-1], SHADES, strict=False)
    ]


def _faded(colour: str, opacity: float) -> str:
    red, green, blue = (int(colour[k : k + 2], 16) for k in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity})"


def _origin_lines(origins: pd.Series) -> Figure:
    """Mark the origins by dotted lines over the whole height, on an axis of their own."""
    stamps = axis_values(origins)
    return {
        "type": "scatter",
        "mode": "lines",
        "name": "origins",
        "x": [x for stamp in stamps for x in (stamp, stamp, None)][:-1],
        "y": ([0, 1, None] * len(stamps))[:-1],
        "yaxis": "y2",
        "hoverinfo": "skip",
        "line": {"color": "var(--muted)", "dash": "dot", "width": 1},
    }


def _layout(times: pd.Series, unit: str) -> Figure:
    of_what = getattr(times.dtype, "tz", None) or unit
    title = f"time ({of_what})" if of_what else ""
    return {
        "xaxis": {"type": axis_type(times), "title": {"text": title}},
        "yaxis": {"title": {"text": ""}},
        "yaxis2": {"overlaying": "y", "range": [0, 1], "visible": False, "fixedrange": True},
        "hovermode": "x unified",
    }


def _views(rows: pd.DataFrame, past: pd.DataFrame, origins: pd.Series) -> list[dict[str, Any]]:
    """Return the ranges of the buttons: the latest folds, all that are drawn, the whole series."""
    times = past["time"].reset_index(drop=True)
    end = max(times.iloc[-1], rows["time"].max())
    starts = {}
    for label, origin in {
        "Latest folds": origins.iloc[-LATEST:].iloc[0],
        "All folds": origins.iloc[0],
    }.items():
        first = int(times.searchsorted(origin))
        before = max(5, (len(times) - first) // 6)
        starts[label] = times.iloc[max(0, first - before)]
    starts["Whole series"] = times.iloc[0]
    views = [
        {"label": label, "x": axis_values([start, end]), "y": _heights(rows, past, start)}
        for label, start in starts.items()
    ]
    return [view for i, view in enumerate(views) if view not in views[:i]]


def _heights(rows: pd.DataFrame, past: pd.DataFrame, start: Any) -> list[float | None]:
    """Return the range of all values and forecasts from a time on, with a margin."""
    ends = central_intervals(list(quantile_columns(rows)))[-1:]
    columns = ["y_pred", *(quantile_columns(rows)[level] for _, *pair in ends for level in pair)]
    late = rows[rows["time"] >= start][columns].to_numpy(dtype=float).ravel()
    values = np.concatenate([past[past["time"] >= start]["y"].to_numpy(dtype=float), late])
    low, high = np.nanmin(values), np.nanmax(values)
    margin = MARGIN * (high - low) or 1.0
    return rounded([low - margin, high + margin])
