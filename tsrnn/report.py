"""Write the outcome of a backtest as one HTML page that opens from a file and needs no network.

The page is put together from plain frames; no model is known here. ``report.html`` is its frame,
``report.css`` its looks, and ``report.js`` draws the figures of ``tsrnn.report_figures`` and
``tsrnn.report_forecasts`` with plotly.js, which becomes part of the page (5 MB).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from importlib.resources import files
from string import Template
from typing import Any

import pandas as pd

from tsrnn.drawing import DURATIONS, as_stamps, duration_unit
from tsrnn.quantile_names import quantile_columns
from tsrnn.report_figures import (
    axis_values,
    coverage_figure,
    error_figures,
    pit_figure,
    saved_figure,
    skill_figure,
)
from tsrnn.report_forecasts import forecast_figures
from tsrnn.report_tables import column_meanings, comparison_table, ranking_table

NOT_ARGUMENTS = ("models", "versions", "machine", "imports", "overlap")


def render_report(
    *,
    summary: pd.DataFrame,
    scores: Mapping[str, pd.DataFrame],
    forecasts: pd.DataFrame,
    history: pd.DataFrame,
    folds: pd.DataFrame,
    references: pd.DataFrame,
    settings: Mapping[str, Any],
    verdict: str,
    comparison: pd.DataFrame | None = None,
    warnings: Sequence[str] = (),
    audit: Sequence[str] | None = None,
    errors: pd.DataFrame | None = None,
    title: str | None = None,
) -> str:
    """Return the outcome of a backtest as one self-contained HTML page, to be written in UTF-8.

    Parameters
    ----------
    summary : DataFrame
        Index the models, best first; the columns of ``BacktestResult.summary()``. Columns of other
        names are shown too.
    scores : mapping of str -> DataFrame
        ``scores["step"]`` with the columns ``model, step, skill_%`` and ``scores["series"]`` with
        ``model, series, MASE``.
    forecasts : DataFrame
        ``model, series, fold, origin, step, time, y_true, y_pred`` and, where there are quantiles,
        a column a level, such as ``q0.1``.
    history : DataFrame
        ``series, time, y``: what was split.
    folds : DataFrame
        ``fold, series, origin, scale``.
    references : DataFrame
        ``fold, series, step, naive``.
    settings : mapping
        Arguments of the backtest as plain values; besides, ``models`` maps each name to its
        estimator as written in Python, ``versions`` packages to versions, ``imports`` lists the
        import statements of the models, ``machine`` says where it ran. All may be missing.
    verdict : str
        Who beats the naive forecast, in a sentence.
    comparison : DataFrame, optional
        Diebold-Mariano tests, one row a pair: ``model, other, statistic, p_value``; a statistic
        below 0 says that ``model`` is the better one. One order of each pair is enough.
    warnings : sequence of str
        What the copy detector and the folds have to say.
    audit : sequence of str, optional
        The leaks that an audit found; None when none was made.
    errors : DataFrame, optional
        Failures: ``model, fold, origin, error, traceback``.
    title : str, optional
        Heading of the page; by default it names the series and counts models, folds and steps.

    Returns
    -------
    str

    Raises
    ------
    ImportError
        If plotly is not installed.
    """
    plotly = _plotly_js()
    models = list(dict.fromkeys([*settings.get("models", {}), *forecasts["model"], *summary.index]))
    ranked = list(summary.index)
    plain, past, unit = _without_durations(forecasts, history)
    drawn = forecast_figures(plain, past, models, ranked, scores["series"], unit)
    figures = {
        "step": skill_figure(scores["step"], models),
        "saved": saved_figure(plain, references, folds, models),
        "forecasts": drawn.figures,
        **error_figures(forecasts, folds, models),
        "pit": pit_figure(forecasts, models),
        "coverage": coverage_figure(forecasts, models),
    }
    calibrated = bool(quantile_columns(forecasts))
    comparison = pd.DataFrame() if comparison is None else comparison
    compared = len(comparison) > 0
    return Template(_part("report.html")).substitute(
        title=escape(title or _title(forecasts)),
        facts=escape(_facts(forecasts, len(models))),
        style=_part("report.css"),
        plotly=plotly,
        script=_part("report.js"),
        figures=_json(figures),
        verdict=escape(verdict),
        ranking=ranking_table(summary, models, _scored_folds(forecasts)),
        glossary=_pairs(column_meanings(summary)),
        one_series=_hidden(len(drawn.labels) == 1),
        series=_options(drawn.labels),
        bands=_options(drawn.banded),
        note=escape(drawn.note),
        scaled=", over the scale of MASE" if len(forecasts["series"].unique()) > 1 else "",
        with_quantiles=_hidden(not calibrated),
        without_quantiles=_hidden(calibrated),
        compared=_hidden(not compared),
        not_compared=_hidden(compared),
        comparison=comparison_table(comparison, ranked) if compared else "",
        warnings=_sentences(warnings, "None: no forecast copies the last value, no fold failed."),
        audit=_audit(audit),
        errors=_failures(errors),
        settings=_settings(settings),
        versions=_pairs(settings.get("versions", {})),
        code=escape(reproduction(settings)),
    )


def reproduction(settings: Mapping[str, Any]) -> str:
    """Return Python that repeats a backtest, from its settings.

    Parameters
    ----------
    settings : mapping
        As in :func:`render_report`.

    Examples
    --------
    >>> print(reproduction({"models": {"drift": "Drift()"}, "horizon": 5, "n_folds": 20}))
    from tsrnn import backtest  # and import the classes of the models
    <BLANKLINE>
    models = {
        'drift': Drift(),
    }
    result = backtest(
        models,
        X,
        y,
        horizon=5,
        n_folds=20,
    )
    """
    imports = settings.get("imports") or [
        "from tsrnn import backtest  # and import the classes of the models"
    ]
    models = [f"    {name!r}: {written}," for name, written in settings.get("models", {}).items()]
    given = [f"{k}={v!r}" for k, v in settings.items() if k not in NOT_ARGUMENTS and v is not None]
    arguments = [f"    {argument}," for argument in ["models", "X", "y", *given]]
    return "\n".join(
        [*imports, "", "models = {", *models, "}", "result = backtest(", *arguments, ")"]
    )


def _plotly_js() -> str:
    try:
        from plotly.offline import get_plotlyjs
    except ImportError as error:
        raise ImportError("the report needs plotly: pip install tsrnn[report]") from error
    return get_plotlyjs()


def _part(name: str) -> str:
    return files("tsrnn").joinpath(name).read_text(encoding="utf-8")


def _json(figures: Mapping[str, Any]) -> str:
    """Write figures for a script element, which no name in them can end."""
    text = json.dumps(figures, allow_nan=False, separators=(",", ":"), ensure_ascii=False)
    return text.replace("<", "\\u003c")


def _hidden(hidden: bool) -> str:
    return "hidden" if hidden else ""


def _title(forecasts: pd.DataFrame) -> str:
    names = forecasts["series"].unique()
    what = f"{len(names)} series" if len(names) > 1 else ", ".join(map(str, names))
    return f"Backtest of {what}"


def _without_durations(
    forecasts: pd.DataFrame, history: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame, str]:
    """Return the frames with durations as numbers, as plotly has no axis for them, and the unit."""
    if not isinstance(pd.Index(history["time"]), pd.TimedeltaIndex):
        return forecasts, history, ""
    seconds = as_stamps(history["time"])
    unit = duration_unit(seconds.max() - seconds.min())
    counted = {name: as_stamps(forecasts[name]) / DURATIONS[unit] for name in ("origin", "time")}
    return forecasts.assign(**counted), history.assign(time=seconds / DURATIONS[unit]), unit


def _scored_folds(forecasts: pd.DataFrame) -> int:
    """Count the folds in which there was something to score, of whichever model."""
    return forecasts.dropna(subset=["y_true"])["fold"].nunique()


def _facts(forecasts: pd.DataFrame, n_models: int) -> str:
    """Count models, folds and steps, and say from when to when the origins lie."""
    counts = {
        "model": n_models,
        "fold": forecasts["fold"].nunique(),
        "step": int(forecasts["step"].max()),
    }
    counted = ", ".join(f"{n:,} {what}{'s' if n != 1 else ''}" for what, n in counts.items())
    first, last = axis_values([forecasts["origin"].min(), forecasts["origin"].max()])
    return f"{counted}; " + (f"origin {last}" if first == last else f"origins {first} to {last}")


def _pairs(values: Mapping[str, Any]) -> str:
    return "".join(
        f"<div><dt>{escape(str(name))}</dt><dd>{escape(str(value))}</dd></div>"
        for name, value in values.items()
    )


def _options(labels: Iterable[str]) -> str:
    return "".join(f'<option value="{i}">{escape(str(x))}</option>' for i, x in enumerate(labels))


def _sentences(sentences: Sequence[str], otherwise: str) -> str:
    if not sentences:
        return f'<p class="calm">{escape(otherwise)}</p>'
    return f"<ul>{''.join(f'<li>{escape(sentence)}</li>' for sentence in sentences)}</ul>"


def _audit(audit: Sequence[str] | None) -> str:
    if audit is None:
        return (
            '<p class="calm">Not made. Run <code>tsrnn.audit_leakage</code> and hand over what it '
            "finds: <code>result.to_html(path, audit=...)</code>.</p>"
        )
    return _sentences(audit, "No leak found: nothing after an origin changed a forecast.")


def _failures(errors: pd.DataFrame | None) -> str:
    if errors is None or errors.empty:
        return ""
    items = "".join(
        f"<li><details><summary>{escape(f'{model}, fold {fold}: {error}')}</summary>"
        f"<pre>{escape(str(traceback))}</pre></details></li>"
        for model, fold, error, traceback in errors[
            ["model", "fold", "error", "traceback"]
        ].itertuples(index=False)
    )
    return f"<h3>Failed folds</h3><ul>{items}</ul>"


def _settings(settings: Mapping[str, Any]) -> str:
    plain = {
        name: ", ".join(map(str, value)) if isinstance(value, list | tuple) else value
        for name, value in settings.items()
        if name not in ("models", "versions", "imports") and value is not None
    }
    return _pairs(plain)
