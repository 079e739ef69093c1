"""Tables of the report as HTML: the ranking of the models and their tests against each other."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tsrnn.report_figures import INFINITE, colour


class Column(NamedTuple):
    """How a column of the ranking is headed, written and explained."""

    head: str
    form: str
    meaning: str
    best: str = ""  # "min" or "max" where one end is the better one


COLUMNS = {
    "MASE": Column(
        "MASE",
        ".3f",
        "mean absolute error over that of the seasonal naive forecast in the training rows; "
        f"{INFINITE} where a series repeated itself exactly in training and differs later",
        "min",
    ),
    "RMSSE": Column("RMSSE", ".3f", "root of the same with squared errors", "min"),
    "MAE": Column("MAE", "4 digits", "mean absolute error, in units of the target", "min"),
    "RMSE": Column("RMSE", "4 digits", "root mean squared error, in units of the target", "min"),
    "sMAPE": Column("sMAPE", "3 digits", "symmetric mean absolute percentage error", "min"),
    "WQL": Column("WQL", ".4f", "weighted quantile loss over the levels forecast", "min"),
    "skill_%": Column(
        "Skill %", "+.1f", "mean absolute error saved against repeating the last value", "max"
    ),
    "skill_seasonal_%": Column(
        "Seasonal skill %", "+.1f", "the same against repeating the last season", "max"
    ),
    "dm_p": Column(
        "DM p", "p", "p-value of the Diebold-Mariano test against the better naive forecast"
    ),
    "mcs_p": Column("MCS p", "p", "p-value of belonging to the model confidence set"),
    "fit_s": Column("Fit s", "3 digits", "mean seconds of a fit"),
    "predict_ms": Column("Predict ms", "3 digits", "mean milliseconds of a forecast"),
    "peak_mb": Column("Peak MB", ",.0f", "highest rise of resident memory, in megabytes"),
    "folds": Column(
        "Folds",
        ",.0f",
        "folds scored; where a model failed in some, nothing of it is marked as the best",
    ),
}
MISSING = "\N{EN DASH}"
SIDES = {-1: "better", 0: "equal", 1: "worse"}  # by the sign of a difference in loss
SIGNS = {
    "better": "\N{BLACK UP-POINTING TRIANGLE}",
    "equal": "=",
    "worse": "\N{BLACK DOWN-POINTING TRIANGLE}",
}
SHADES = 60  # per cent of colour in a cell of the comparison with p = 0


def ranking_table(summary: pd.DataFrame, models: Sequence[Any], n_folds: int | None = None) -> str:
    """Return the rows of the summary as a table, the best values marked.

    With fewer than ``n_folds`` folds a model failed in some, which is said beside its name: its
    values, those of the other folds, may not be compared.
    """
    columns = {name: _column(str(name)) for name in summary.columns}
    heads = "".join(
        f'<th scope="col" title="{escape(c.meaning)}"><button type="button">{escape(c.head)}'
        "</button></th>"
        for c in columns.values()
    )
    failures = _told_failures(summary, n_folds)
    complete = np.array([not told for told in failures], dtype=bool)
    rows = "".join(
        f'<tr><th scope="row">{_chip(models.index(model))}{escape(str(model))}{failures[i]}</th>'
        + "".join(_cell(summary[name], i, column, complete) for name, column in columns.items())
        + "</tr>\n"
        for i, model in enumerate(summary.index)
    )
    first = '<th scope="col"><button type="button">Model</button></th>'
    return f"<thead><tr>{first}{heads}</tr></thead>\n<tbody>{rows}</tbody>"


def _column(name: str) -> Column:
    """Say how a column is written; ``coverage_80`` and its like are those of intervals."""
    if interval := re.fullmatch(r"coverage_(.+)", name):
        percent = f"{interval[1]} %"
        return Column(
            f"In {percent}", "%", f"share of the observations inside the {percent} interval"
        )
    return COLUMNS.get(name, Column(name, "4 digits", ""))


def _told_failures(summary: pd.DataFrame, n_folds: int | None) -> list[str]:
    """Say of each model in how many folds it failed, and nothing of the others."""
    if n_folds is None or "folds" not in summary:
        return [""] * len(summary)
    return [_failed_folds(int(folds), n_folds) for folds in summary["folds"]]


def _failed_folds(scored: int, n_folds: int) -> str:
    if scored and scored >= n_folds:
        return ""
    words = f"{n_folds - scored} of {n_folds} folds" if scored else "every fold"
    return f' <small class="failed">failed in {words}</small>'


def _cell(values: pd.Series, row: int, column: Column, complete: NDArray) -> str:
    """Write a value; it is marked where it is the best of the models that failed in no fold."""
    value, rivals = float(values.iloc[row]), values[complete]
    best = (
        column.best
        and complete[row]
        and rivals.max() > rivals.min()
        and value == getattr(rivals, column.best)()
    )
    mark = ' class="best"' if best else ""
    sort = "" if np.isnan(value) else repr(value).replace("inf", "Infinity")  # of JavaScript
    return f'<td{mark} data-sort="{sort}">{escape(number(value, column.form))}</td>'


def number(value: float, form: str) -> str:
    """Write a number; ``form`` is a format, or a word for one that Python has not.

    Examples
    --------
    >>> number(12345.6, "4 digits"), number(2.67, "4 digits"), number(80.3, "%").split()
    ('12,346', '2.670', ['80.3', '%'])
    >>> number(0.0002, "p"), number(-1.26, "+.1f"), number(float("nan"), ".3f")
    ('<0.001', '−1.3', '–')
    """
    if np.isnan(value):
        return MISSING
    if np.isinf(value):
        return INFINITE if value > 0 else f"\N{MINUS SIGN}{INFINITE}"
    if form == "p":
        return "<0.001" if value < 0.001 else f"{value:.3f}"
    if form == "%":
        return f"{value:.1f}\N{NO-BREAK SPACE}%"
    if form.endswith("digits"):
        digits = int(form[0])
        form = ",.0f" if abs(value) >= 10 ** (digits - 1) else f"#.{digits}g"
    return format(value, form).replace("-", "\N{MINUS SIGN}").rstrip(".")


def _chip(i: int) -> str:
    return f'<span class="chip" style="background:{colour(i)}"></span>'


def column_meanings(summary: pd.DataFrame) -> dict[str, str]:
    """Explain the columns of the ranking, by heading."""
    columns = [_column(str(name)) for name in summary.columns]
    return {column.head: column.meaning for column in columns if column.meaning}


def comparison_table(comparison: pd.DataFrame, models: Sequence[Any]) -> str:
    """Return the matrix of tests, each cell tinted by who is better and how surely."""
    tests = {}
    for model, other, statistic, p_value in comparison[
        ["model", "other", "statistic", "p_value"]
    ].itertuples(index=False):
        tests[model, other] = (statistic, p_value)
        tests.setdefault((other, model), (-statistic, p_value))
    heads = "".join(f'<th scope="col">{escape(str(model))}</th>' for model in models)
    rows = "".join(
        f'<tr><th scope="row">{escape(str(model))}</th>'
        + "".join(_test(*tests.get((model, other), (np.nan, np.nan))) for other in models)
        + "</tr>\n"
        for model in models
    )
    first = '<th scope="col">row against column</th>'
    return f"<thead><tr>{first}{heads}</tr></thead>\n<tbody>{rows}</tbody>"


def _test(statistic: float, p_value: float) -> str:
    """Return a cell: the row's model is better where the statistic is negative."""
    if np.isnan(p_value):
        return f'<td class="none">{MISSING}</td>'
    side = SIDES[int(np.sign(statistic))]
    strength = SHADES * max(0.0, 1 - p_value / 0.5) ** 2
    return (
        f'<td class="{side}" style="--strength:{strength:.0f}%"><span aria-hidden="true">'
        f"{SIGNS[side]}</span> {escape(number(p_value, 'p'))}"
        f'<span class="unseen"> {side}</span></td>'
    )
