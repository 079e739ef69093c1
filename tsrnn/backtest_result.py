"""The outcome of a backtest: tidy frames, scores against the naive forecast, a verdict in words."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from tsrnn.metrics import diebold_mariano, divide_by_scale
from tsrnn.plotting import plot_backtest

Metric = Callable[[Any, Any], float]

FORECAST_COLUMNS = ["model", "series", "fold", "origin", "step", "time", "y_true", "y_pred"]


@dataclass(frozen=True)
class BacktestResult:
    """What :func:`backtest` found, as tidy frames.

    Attributes
    ----------
    forecasts : DataFrame
        One row a model, fold, series and step: ``model, series, fold, origin, step, time, y_true,
        y_pred``. ``origin`` is the last training stamp, ``step`` counts the stamps after it,
        ``series`` is the name of the target or, in a panel, of the series. ``y_true`` is NaN where
        nothing was observed.
    folds : DataFrame
        One row a fold and series: ``fold, series, origin, train_rows, last_value`` (the naive
        forecast) and ``scale`` (the seasonal-naive error of the training rows, by which MASE is
        scaled).
    scores : DataFrame
        One row a model and fold: ``MASE, RMSE, MAE, skill_%`` and what ``scoring`` asked for.
    timings : DataFrame
        One row a model and fold: ``action`` ("fit" or "update"), ``fit_seconds``,
        ``predict_seconds``.
    errors : DataFrame
        One row a failure: ``model, fold, origin, error, traceback``.
    history : DataFrame
        The series that was split: ``series, time, y``.
    horizon, step, gap, seasonality : int
        As used, defaults resolved.
    refit : str or int
        As given.

    Examples
    --------
    >>> from tsrnn import Drift, Naive, backtest
    >>> y = [1.0, 2.0, 4.0, 3.0, 5.0, 6.0, 8.0, 7.0]
    >>> result = backtest({"drift": Drift(), "naive": Naive()}, y=y, horizon=2, n_folds=2)
    >>> result.forecasts[["model", "fold", "step", "y_true", "y_pred"]].head(2)
       model  fold  step  y_true    y_pred
    0  drift     0     1     5.0  3.666667
    1  drift     0     2     6.0  4.333333
    """

    forecasts: pd.DataFrame
    folds: pd.DataFrame
    scores: pd.DataFrame
    timings: pd.DataFrame
    errors: pd.DataFrame
    history: pd.DataFrame
    horizon: int
    step: int
    gap: int
    seasonality: int
    refit: str | int

    def summary(self) -> pd.DataFrame:
        r"""Return one row a model, the best MASE first.

        Returns
        -------
        DataFrame
            Index ``model``; every observed target of every fold counts the same in

            - ``MASE``: mean absolute error, each scaled by the in-sample seasonal-naive error of
              its fold's training rows; ``RMSE`` and ``MAE`` in the units of the target;
            - ``skill_%``: 100 (1 - MAE / MAE of the last-value forecast of the same folds);
            - ``dm_p``: Diebold-Mariano test against that last-value forecast. A fold's steps
              share their shocks, so a fold gives one number, the difference of its mean absolute
              errors (the path-wise loss of Quaedvlieg 2021, "Multi-horizon forecast comparison");
              folds whose spans overlap are allowed for up to lag
              ``ceil((gap + horizon) / step) - 1``, with Harvey's correction. NaN for too few folds.
            - ``fit_s`` (mean seconds of a fit, updates left out), ``predict_ms`` (mean of calls);
            - ``folds``: number of folds scored, fewer than asked for where a model failed;
            - the mean over folds of each metric of ``scoring``.
        """
        errors = _with_errors(self.forecasts, self.folds)
        summary = _scores(errors, ["model"])
        summary["dm_p"] = [self._p_value(errors, model) for model in summary.index]
        fits = self.timings[self.timings["action"] == "fit"].groupby("model")["fit_seconds"]
        summary["fit_s"] = fits.mean()
        summary["predict_ms"] = 1e3 * self.timings.groupby("model")["predict_seconds"].mean()
        by_model = self.scores.groupby("model")
        summary["folds"] = by_model.size()
        extra = [name for name in self.scores.columns if name not in summary.columns]
        for name in (name for name in extra if name not in ("model", "fold")):
            summary[name] = by_model[name].mean()
        return summary.sort_values("MASE", kind="stable")

    def verdict(self, alpha: float = 0.05) -> str:
        """Say in words which models beat the naive (last-value) forecast by more than luck.

        Several models are tried, so their p-values are corrected (Holm 1979) before they are
        held against ``alpha``. A model with the forecasts of the naive one does not count as tried.

        Parameters
        ----------
        alpha : float, default=0.05
            Chance of a false claim that is accepted.
        """
        return _verdict(self.summary(), alpha)

    def plot(self, *, n_folds: int = 3, series: Any = None, ax: Any = None) -> Any:
        """Draw the forecasts of the last folds over the series; returns the matplotlib axes.

        Parameters
        ----------
        n_folds : int, default=3
            How many of the latest folds are shown.
        series : optional
            Which series; the first by default.
        ax : matplotlib Axes, optional
            Drawn on when given, else a new figure is made (``ax.figure.savefig("folds.png")``).
        """
        return plot_backtest(self.forecasts, self.history, n_folds=n_folds, series=series, ax=ax)

    def __repr__(self) -> str:
        origins = self.folds["origin"]
        n_models, n_folds = self.timings["model"].nunique(), self.folds["fold"].nunique()
        refit = f"every {self.refit} folds" if isinstance(self.refit, int) else self.refit
        return (
            f"BacktestResult: {n_models} models, {n_folds} folds of {self.horizon} steps, origins "
            f"{origins.iloc[0]} to {origins.iloc[-1]}, refit {refit}, {len(self.errors)} failures\n"
            f"{self.summary().to_string(float_format='{:.4g}'.format)}\n{self.verdict()}"
        )

    def _p_value(self, errors: pd.DataFrame, model: str) -> float:
        folds = errors[errors["model"] == model].groupby("fold")[["error", "naive_error"]].mean()
        overlap = math.ceil((self.gap + self.horizon) / self.step)
        if len(folds) <= max(overlap, 1):
            return float("nan")
        return diebold_mariano(folds["error"], folds["naive_error"], horizon=overlap).p_value


def score_folds(
    forecasts: pd.DataFrame, folds: pd.DataFrame, metrics: dict[str, Metric]
) -> pd.DataFrame:
    """Score each model in each fold: MASE, RMSE, MAE, skill over the last value, and more metrics.

    Parameters
    ----------
    forecasts, folds : DataFrame
        As in :class:`BacktestResult`.
    metrics : dict of name -> function
        Each is called with the observed targets of a fold and their forecasts.
    """
    errors = _with_errors(forecasts, folds)
    scores = _scores(errors, ["model", "fold"])
    groups = errors.groupby(["model", "fold"], sort=False)
    for name, metric in metrics.items():
        values = [float(metric(rows["y_true"], rows["y_pred"])) for _, rows in groups]
        scores[name] = values
    return scores.reset_index()


def _with_errors(forecasts: pd.DataFrame, folds: pd.DataFrame) -> pd.DataFrame:
    """Attach absolute, scaled and naive errors to the rows whose target was observed."""
    references = folds[["fold", "series", "last_value", "scale"]]
    rows = forecasts.dropna(subset=["y_true"]).merge(references, on=["fold", "series"], how="left")
    rows["error"] = (rows["y_true"] - rows["y_pred"]).abs()
    rows["naive_error"] = (rows["y_true"] - rows["last_value"]).abs()
    rows["squared_error"] = rows["error"] ** 2
    rows["scaled_error"] = divide_by_scale(rows["error"], rows["scale"])
    return rows


def _scores(errors: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    columns = ["scaled_error", "squared_error", "error", "naive_error"]
    mean = errors.groupby(by, sort=False)[columns].mean()
    skill = 100 * (1 - divide_by_scale(mean["error"], mean["naive_error"]))
    return pd.DataFrame(
        {
            "MASE": mean["scaled_error"],
            "RMSE": np.sqrt(mean["squared_error"]),
            "MAE": mean["error"],
            "skill_%": np.where(mean["error"] == mean["naive_error"], 0.0, skill),
        }
    )


def _verdict(summary: pd.DataFrame, alpha: float) -> str:
    same = (summary["skill_%"] == 0) & (summary["dm_p"] == 1)
    tried = summary[~same]
    if tried.empty:
        return "No model differs from the naive forecast."
    if tried["dm_p"].isna().all():
        return (
            f"{int(tried['folds'].max())} fold(s) cannot tell skill from luck: "
            "no model is said to beat the naive forecast."
        )
    raw = tried["dm_p"].dropna()
    p_values = _holm(raw)
    skill = tried["skill_%"].loc[raw.index]
    better = skill[(skill > 0) & (p_values <= alpha)].sort_values(ascending=False)
    if better.empty:
        return _nobody_wins(raw.to_dict(), p_values.to_dict(), skill.to_dict(), alpha)
    verbs = ["beats the naive forecast by", *["by"] * (len(better) - 1)]
    wins = [
        f"{name} {verb} {percent:.1f} % ({_p_text(p_value)})"
        for name, verb, percent, p_value in zip(
            better.index, verbs, better, p_values[better.index], strict=True
        )
    ]
    corrected = f"; p-values corrected for {len(raw)} models" if len(raw) > 1 else ""
    return ", ".join(wins) + corrected + "."


def _nobody_wins(
    raw: dict[Any, float], p_values: dict[Any, float], skill: dict[Any, float], alpha: float
) -> str:
    ahead = [name for name in skill if skill[name] > 0]
    if not ahead:
        best = max(skill, key=skill.__getitem__)
        return (
            f"No model beats the naive forecast; the closest, {best}, "
            f"is worse by {-skill[best]:.1f} %."
        )
    name = min(ahead, key=raw.__getitem__)
    text = f"smallest p-value {raw[name]:.2g}, {name}"
    if raw[name] <= alpha:
        text += f", which is {p_values[name]:.2g} after correction for {len(raw)} models"
    return f"No model beats the naive forecast by more than luck ({text})."


def _holm(p_values: pd.Series) -> pd.Series:
    """Correct p-values for their number, step by step from the smallest (Holm 1979)."""
    ordered = p_values.sort_values()
    factors = np.arange(len(ordered), 0, -1)
    corrected = np.minimum(1.0, np.maximum.accumulate(factors * ordered.to_numpy()))
    return pd.Series(corrected, index=ordered.index).reindex(p_values.index)


def _p_text(p_value: float) -> str:
    return "p < 0.001" if p_value < 0.001 else f"p = {p_value:.3f}"
