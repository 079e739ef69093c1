"""A small backtest as the frames that a report is made from; the errors are drawn, not forecast."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import norm

LEVELS = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)
SPREADS = {"good": 0.5, "naive": 1.0, "poor": 2.0}  # of a model's errors


def report_parts(
    *,
    times: Any = None,
    n_folds: int = 8,
    horizon: int = 4,
    series: tuple[Any, ...] = ("y",),
    levels: tuple[float, ...] = LEVELS,
    names: tuple[Any, ...] = tuple(SPREADS),
    seed: int = 0,
) -> dict[str, Any]:
    """Return the arguments of ``render_report``: models of known error spreads, the best first."""
    times = pd.date_range("2024-01-01", periods=120) if times is None else times
    rng = np.random.default_rng(seed)
    history = pd.concat(
        pd.DataFrame({"series": s, "time": times, "y": 50 + rng.normal(size=len(times)).cumsum()})
        for s in series
    )
    rows, references = [], []
    for s in series:
        y = history.loc[history["series"] == s, "y"].to_numpy()
        for fold in range(n_folds):
            o = len(times) - 1 - (n_folds - fold) * horizon
            for step in range(1, horizon + 1):
                place = {"series": s, "fold": fold, "step": step, "time": times[o + step]}
                references.append(place | {"naive": y[o]})
                for name, spread in zip(names, SPREADS.values(), strict=True):
                    y_pred = y[o] if spread == 1 else y[o + step] + spread * rng.normal()
                    quantiles = {f"q{p}": y_pred + spread * norm.ppf(p) for p in levels}
                    more = {"model": name, "origin": times[o], "y_true": y[o + step]}
                    rows.append(place | more | {"y_pred": y_pred} | quantiles)
    forecasts, naive = pd.DataFrame(rows), pd.DataFrame(references)
    folds = forecasts[["fold", "series", "origin"]].drop_duplicates().assign(scale=2.0)
    errors = forecasts.merge(naive, on=["series", "fold", "step", "time"])
    errors["MAE"] = (errors["y_true"] - errors["y_pred"]).abs()
    errors["naive_MAE"] = (errors["y_true"] - errors["naive"]).abs()
    scores = {key: _scores(errors, ["model", key]).reset_index() for key in ("step", "series")}
    summary = _scores(errors, ["model"]).sort_values("MASE")
    return {
        "summary": summary.assign(dm_p=[0.0001, 0.25, np.nan], folds=n_folds),
        "scores": scores,
        "forecasts": forecasts,
        "history": history,
        "folds": folds,
        "references": naive,
        "comparison": _comparison(list(summary.index)),
        "settings": {
            **{"horizon": horizon, "step": horizon, "n_folds": n_folds, "refit": "cold"},
            "models": {name: f"Model({i})" for i, name in enumerate(names)},
            "versions": {"tsrnn": "0.1.0"},
        },
        "verdict": "good beats the naive forecast.",
    }


def _scores(errors: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    mean = errors.groupby(by, sort=False)[["MAE", "naive_MAE"]].mean()
    skill = 100 * (1 - mean["MAE"] / mean["naive_MAE"])
    return pd.DataFrame({"MASE": mean["MAE"] / 2.0, "MAE": mean["MAE"], "skill_%": skill})


def _comparison(ranked: list[Any]) -> pd.DataFrame:
    pairs = [(0, 1, -2.5, 0.012), (0, 2, -9.0, 1e-6), (2, 1, 1.1, 0.3)]
    rows = [(ranked[a], ranked[b], statistic, p) for a, b, statistic, p in pairs]
    return pd.DataFrame(rows, columns=["model", "other", "statistic", "p_value"])


def table_cells(table: str) -> list[list[str]]:
    """Return the text of the cells of an HTML table by row."""
    rows = re.findall(r"<tr>(.*?)</tr>", table, re.DOTALL)
    found = [re.findall(r"<t[hd].*?</t[hd]>", row) for row in rows]
    return [[unescape(re.sub(r"<.*?>", "", cell)) for cell in row] for row in found]
