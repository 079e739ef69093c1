"""Figures of the report as plain dicts for plotly.js: ``{"data": [...], "layout": {...}}``.

Colours written as ``var(--ink)`` are those of the page's style sheet and follow its light or dark
looks; the models keep their colours, those of ``tsrnn.drawing``. plotly reads names as a small
HTML, so names are escaped. Numbers are rounded to what a screen can show.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tsrnn.drawing import COLOURS, MARKED
from tsrnn.quantile_names import central_intervals, quantile_columns

DASHES = ("solid", "dash", "dot", "dashdot")  # in the order of drawing.LINE_STYLES
ALONE = 10  # size of a marker that no line leads to
ECDF_POINTS = 200
MOST_DECIMALS = 15  # that a float can be rounded to
INFINITE = "\N{INFINITY}"
INK = "var(--ink)"
LEVEL = {
    **{"type": "line", "xref": "paper", "x0": 0, "x1": 1},
    "line": {"color": INK, "width": 1},
}

Figure = dict[str, Any]


def colour(i: int) -> str:
    """Return the colour of the i-th model."""
    return COLOURS[i % len(COLOURS)]


def skill_figure(scores: pd.DataFrame, models: Sequence[Any]) -> Figure:
    """Draw the skill over the naive forecast against the horizon step."""
    last = int(scores["step"].max())
    lines = [
        model_line(i, model, rows["step"].tolist(), rounded(rows["skill_%"], 2), "lines+markers")
        | {
            "hovertemplate": "%{y:+.1f} %",
            "marker": {"size": 5 if last > 1 else ALONE},
        }
        for i, model, rows in by_model(scores.sort_values("step"), models)
    ]
    layout = {
        "xaxis": {
            "title": {"text": "steps after the origin"},
            "unifiedhovertitle": {"text": "step %{x}"},
            "type": "linear" if last > 1 else "category",
            "tickformat": "d",
            "dtick": 1 if last <= MARKED else None,  # no marks at halves
        },
        "yaxis": {"title": {"text": "skill over naive, %"}, "zeroline": False},
        "shapes": [LEVEL | {"y0": 0, "y1": 0}],
        "hovermode": "x unified",
    }
    return {"data": lines, "layout": layout}


def saved_figure(
    forecasts: pd.DataFrame, references: pd.DataFrame, folds: pd.DataFrame, models: Sequence[Any]
) -> Figure:
    """Draw the absolute error saved over the naive forecast, summed up from the first fold on.

    A line that rises in one place only owes its skill to that place (the picture of Goyal and Welch
    2008, "A comprehensive look at the empirical performance of equity premium prediction").
    """
    naive = references[["fold", "series", "step", "naive"]]
    rows, unit = _errors(forecasts.merge(naive, on=["fold", "series", "step"]), folds)
    saved = rows["naive_error"].abs() - rows["error"].abs()
    by_fold = saved.groupby([rows["model"], rows["fold"]]).sum().groupby("model").cumsum()
    origins = forecasts.groupby("fold")["origin"].min()
    single = len(origins) == 1  # a point, to which plotly would find a span of milliseconds
    mode = "lines+markers" if single else "lines"
    lines = [
        model_line(i, model, axis_values(origins[own["fold"]]), rounded(own["saved"]), mode)
        | {"hovertemplate": "%{y:+.4~g}", "marker": {"size": ALONE}}
        for i, model, own in by_model(by_fold.rename("saved").reset_index(), models)
    ]
    layout = {
        "xaxis": {
            "title": {"text": "origin"},
            "type": "category" if single else axis_type(origins),
        },
        "yaxis": {"title": {"text": f"error saved so far{unit}"}, "zeroline": False},
        "shapes": [LEVEL | {"y0": 0, "y1": 0}],
        "hovermode": "x unified",
    }
    return {"data": lines, "layout": layout}


def error_figures(
    forecasts: pd.DataFrame, folds: pd.DataFrame, models: Sequence[Any]
) -> dict[str, Figure]:
    """Draw how the errors spread (boxes) and how large they are (cumulated shares)."""
    rows, unit = _errors(forecasts, folds)
    boxes, shares = [], []
    for i, model, own in by_model(rows, models):
        boxes.append(_box(i, model, own["error"]))
        levels = np.linspace(0, 1, max(2, min(ECDF_POINTS, len(own))))
        sizes = rounded(own["error"].abs().quantile(levels))
        line = model_line(i, model, sizes, rounded(100 * levels, 2))
        shares.append(line | {"hovertemplate": "%{y:.0f} % within %{x:.4~g}"})
    spread = {
        "xaxis": {"title": {"text": f"forecast minus observed{unit}"}, "zerolinecolor": INK},
        "yaxis": {"autorange": "reversed", "automargin": True},
        "showlegend": False,
    }
    size = {
        "xaxis": {"title": {"text": f"absolute error{unit}"}, "rangemode": "tozero"},
        "yaxis": {"title": {"text": "share of forecasts, %"}, "range": [0, 101]},
        "hovermode": "closest",
    }
    return {
        "spread": {"data": boxes, "layout": spread},
        "size": {"data": shares, "layout": size},
    }


def pit_figure(forecasts: pd.DataFrame, models: Sequence[Any]) -> Figure:
    """Draw the probability integral transform between the levels forecast; 1 is calibrated."""
    traces = []
    for i, model, rows in by_model(forecasts, models):
        edges, density = pit_histogram(rows)
        if len(density):
            trace = model_line(i, model, rounded(edges, 4), rounded([*density, density[-1]], 3))
            trace["line"]["shape"] = "hv"
            traces.append(trace | {"hovertemplate": "%{y:.2f}"})
    layout = {
        "xaxis": {
            "title": {"text": "quantile level"},
            "range": [0, 1],
        },
        "yaxis": {"title": {"text": "density"}, "rangemode": "tozero"},
        "shapes": [LEVEL | {"y0": 1, "y1": 1}],
        "hovermode": "x unified",
    }
    return {"data": traces, "layout": layout}


def pit_histogram(forecasts: pd.DataFrame) -> tuple[NDArray, NDArray]:
    """Return the edges and densities of the probability integral transform of quantile forecasts.

    The edges are 0, the levels and 1. An observation that equals several quantiles is spread evenly
    over the levels between them (Czado, Gneiting and Held 2009, "Predictive model assessment for
    count data", equation 2).

    Parameters
    ----------
    forecasts : DataFrame
        ``y_true`` and columns of quantiles.

    Returns
    -------
    edges, densities : arrays of shape (k + 2,) and (k + 1,)
        For k levels; both empty where no row has an observation and its quantiles.

    Examples
    --------
    >>> edges, density = pit_histogram(pd.DataFrame({"y_true": [1.0, 5.0, 6.0], "q0.5": 2.0}))
    >>> edges.tolist(), density.round(2).tolist()
    ([0.0, 0.5, 1.0], [0.67, 1.33])
    """
    columns = quantile_columns(forecasts)
    rows = forecasts.dropna(subset=["y_true", *columns.values()])
    if not columns or rows.empty:
        return np.zeros(0), np.zeros(0)
    edges = np.array([0.0, *columns, 1.0])
    quantiles = rows[list(columns.values())].to_numpy()
    y_true = rows[["y_true"]].to_numpy()
    low = edges[(quantiles < y_true).sum(axis=1)][:, np.newaxis]
    high = edges[(quantiles <= y_true).sum(axis=1) + 1][:, np.newaxis]
    below = np.clip((edges - low) / (high - low), 0, 1).mean(axis=0)  # at each edge
    return edges, np.diff(below) / np.diff(edges)


def coverage_figure(forecasts: pd.DataFrame, models: Sequence[Any]) -> Figure:
    """Draw the observed against the nominal coverage of the central intervals."""
    columns = quantile_columns(forecasts)
    traces = []
    for i, model, rows in by_model(forecasts, models):
        points = []
        for nominal, low, high in central_intervals(list(columns)):
            ends = rows[["y_true", columns[low], columns[high]]].dropna().to_numpy().T
            if ends.size:
                inside = (ends[1] <= ends[0]) & (ends[0] <= ends[2])
                points.append((100 * nominal, 100 * inside.mean()))
        if points:
            x, y = map(list, zip(*points, strict=True))
            line = model_line(i, model, rounded(x, 2), rounded(y, 2), mode="lines+markers")
            traces.append(line | {"hovertemplate": "%{y:.1f} %"})
    layout = {
        "xaxis": {"title": {"text": "nominal coverage, %"}, "range": [0, 101]},
        "yaxis": {"title": {"text": "observed coverage, %"}, "range": [0, 101]},
        "shapes": [LEVEL | {"xref": "x", "x1": 100, "y0": 0, "y1": 100}],
        "hovermode": "x unified",
    }
    return {"data": traces, "layout": layout}


def by_model(frame: pd.DataFrame, models: Sequence[Any]) -> list[tuple[int, Any, pd.DataFrame]]:
    """Return the number, name and rows of each model that has any."""
    groups = dict(list(frame.groupby("model", sort=False)))
    return [(i, model, groups[model]) for i, model in enumerate(models) if model in groups]


def model_line(i: int, model: Any, x: list[Any], y: list[Any], mode: str = "lines") -> Figure:
    """Draw a line in the colour and dashes of the i-th model, toggled with the rest of it."""
    return {
        "type": "scatter",
        "mode": mode,
        "name": escape(str(model), quote=False),
        "legendgroup": str(i),
        "x": x,
        "y": y,
        "line": {"color": colour(i), "dash": DASHES[i % len(DASHES)], "width": 2},
        "marker": {"size": 5},
    }


def _box(i: int, model: Any, errors: pd.Series) -> Figure:
    low, q1, median, q3, high = rounded(errors.quantile([0.05, 0.25, 0.5, 0.75, 0.95]))
    return {
        "type": "box",
        "name": escape(str(model), quote=False),
        "orientation": "h",
        "y0": escape(str(model), quote=False),
        **{"q1": [q1], "median": [median], "q3": [q3], "lowerfence": [low], "upperfence": [high]},
        "marker": {"color": colour(i)},
    }


def _errors(forecasts: pd.DataFrame, folds: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """Add its error to each observed row, and the naive one; of several series, over its scale."""
    rows = forecasts.dropna(subset=["y_true", "y_pred"]).reset_index(drop=True)
    scale, unit = pd.Series(1.0, index=rows.index), ""
    if len(rows["series"].unique()) > 1:
        known = folds[["fold", "series", "scale"]]
        merged = rows[["fold", "series"]].merge(known, how="left", on=["fold", "series"])
        scale, unit = merged["scale"].where(merged["scale"] > 0), ", scaled"
    rows = rows.assign(error=(rows["y_pred"] - rows["y_true"]) / scale)
    if "naive" in rows:
        rows = rows.assign(naive_error=(rows["naive"] - rows["y_true"]) / scale)
    return rows.dropna(subset=["error"]), unit


def axis_values(times: Any) -> list[Any]:
    """Return stamps as plotly takes them: clock times as text, numbers as they are.

    Examples
    --------
    >>> axis_values(pd.period_range("2024-01", periods=2, freq="M"))
    ['2024-01-01', '2024-02-01']
    >>> axis_values(pd.RangeIndex(3))
    [0, 1, 2]
    """
    index = pd.Index(times)
    index = index.to_timestamp() if isinstance(index, pd.PeriodIndex) else index
    if not isinstance(index, pd.DatetimeIndex):
        numeric = pd.api.types.is_numeric_dtype(index)
        return index.tolist() if numeric else [escape(str(x), quote=False) for x in index]
    clock = index.tz_localize(None).to_numpy()
    whole = (unit for unit in ("D", "m", "s") if (clock == clock.astype(f"M8[{unit}]")).all())
    return np.datetime_as_string(clock.astype(f"M8[{next(whole, 'ms')}]")).tolist()


def rounded(values: Any, decimals: int | None = None) -> list[float | None]:
    """Return numbers for JSON, by default to a 100,000th of their range; None for missing ones."""
    array = np.asarray(values, dtype=float)
    finite = array[np.isfinite(array)]
    if decimals is None:
        spread = np.ptp(finite) if len(finite) else 0.0
        decimals = 5 - int(np.floor(np.log10(spread))) if spread > 0 else MOST_DECIMALS
    if decimals <= MOST_DECIMALS:
        array = np.round(array, max(decimals, 0))
    return [value if np.isfinite(value) else None for value in array.tolist()]


def axis_type(times: pd.Series) -> str:
    """Return the kind of plotly axis for stamps."""
    if pd.api.types.is_numeric_dtype(times):
        return "linear"
    clock = isinstance(pd.Index(times), pd.DatetimeIndex | pd.PeriodIndex)
    return "date" if clock else "category"
