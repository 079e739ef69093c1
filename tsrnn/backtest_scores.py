"""Score the forecasts of a backtest, and compare models by tests of equal accuracy.

The errors of all rows are computed once; each table is a mean over groups of rows. The functions of
``tsrnn.metrics`` give the same numbers for one group (a test says so).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tsrnn.comparison import DieboldMariano, diebold_mariano, model_confidence_set
from tsrnn.metrics import divide_by_scale
from tsrnn.quantile_names import central_intervals, quantile_column

Metric = Callable[[Any, Any], float]
Levels = Sequence[float] | NDArray

# Of the symmetric intervals that the quantiles form, the coverage of the widest ones is reported.
INTERVALS = 2
LEAST_FOLDS = 5  # for a test of two models: with fewer, equal differences come by chance
LEAST_BLOCKS = 10  # of folds, for a model confidence set: below, a bootstrap says too much
POINT_SCORES = ("MASE", "RMSSE", "MAE", "RMSE", "sMAPE")
SKILLS = ("skill_%", "skill_seasonal_%")
KEYS = ("fold", "step", "series")
REFERENCES = {"naive": "naive_error", "seasonal naive": "seasonal_error"}


def with_errors(
    forecasts: pd.DataFrame,
    references: pd.DataFrame,
    folds: pd.DataFrame,
    levels: Levels,
) -> pd.DataFrame:
    """Attach the terms of all scores to the rows whose target was observed."""
    rows = forecasts.dropna(subset=["y_true"])
    rows = _attached(rows, references.drop(columns="time"), ["fold", "series", "step"])
    scales = folds[["fold", "series", "scale", "squared_scale"]]
    rows = _attached(rows, scales, ["fold", "series"])
    y, error = rows["y_true"], (rows["y_true"] - rows["y_pred"]).abs()
    rows["error"], rows["squared_error"] = error, error**2
    rows["naive_error"] = (y - rows["naive"]).abs()
    rows["seasonal_error"] = (y - rows["seasonal_naive"]).abs()
    rows["scaled_error"] = divide_by_scale(error, rows["scale"])
    rows["scaled_square"] = divide_by_scale(error**2, rows["squared_scale"])
    # As the metric itself, sMAPE is not said of series that become negative.
    percent = pd.Series(200 * divide_by_scale(error, y.abs() + rows["y_pred"].abs()), rows.index)
    negative = (y < 0).groupby(rows["series"]).transform("any")
    rows["percentage_error"] = percent.where(~negative)
    rows["quantile_loss"] = _quantile_loss(rows, levels)
    rows["size"] = y.abs().where(rows["quantile_loss"].notna())
    for name, (low, high) in intervals(levels).items():
        lower, upper = rows[quantile_column(low)], rows[quantile_column(high)]
        rows[name] = ((lower <= y) & (y <= upper)).astype(float).where(lower.notna())
    return rows


def intervals(levels: Levels) -> dict[str, tuple[float, float]]:
    """Name the widest symmetric intervals, the wider one last: ``coverage_90`` -> (0.05, 0.95)."""
    widest = central_intervals(list(levels))[-INTERVALS:]
    return {f"coverage_{100 * covered:.3g}": (low, high) for covered, low, high in widest}


def score_columns() -> list[str]:
    """Return the names of the columns of every table of scores but its keys."""
    return [*POINT_SCORES, "WQL", *SKILLS]


def score_table(errors: pd.DataFrame, by: list[str], levels: Levels) -> pd.DataFrame:
    """Average the rows by some columns; every observed target counts the same."""
    covered = list(intervals(levels))
    terms = ["scaled_error", "scaled_square", "error", "squared_error", "percentage_error"]
    terms += ["quantile_loss", "size", "naive_error", "seasonal_error", *covered]
    mean = errors.groupby(by, sort=False)[terms].mean()
    points = (
        *(mean["scaled_error"], np.sqrt(mean["scaled_square"])),
        *(mean["error"], np.sqrt(mean["squared_error"]), mean["percentage_error"]),
    )
    table = pd.DataFrame(dict(zip(POINT_SCORES, points, strict=True)))
    if len(levels):
        table["WQL"] = divide_by_scale(mean["quantile_loss"], mean["size"])
        table[covered] = 100 * mean[covered]
        # Where quantiles failed in some folds, the others would not be the same rows.
        without = errors["quantile_loss"].isna().groupby([errors[key] for key in by]).any()
        table.loc[without.reindex(table.index), ["WQL", *covered]] = np.nan
    for name, column in zip(SKILLS, REFERENCES.values(), strict=True):
        table[name] = _skill(mean["error"], mean[column])
    return table


def score_frames(
    errors: pd.DataFrame, levels: Levels, metrics: dict[str, Metric]
) -> dict[str, pd.DataFrame]:
    """Score each model by fold, by step and by series, with further metrics.

    A metric that fails gives NaN and a warning: the forecasts took longer than it.
    """
    frames = {}
    for key in KEYS:
        table = score_table(errors, ["model", key], levels)
        groups = errors.groupby(["model", key], sort=False)
        for name, metric in metrics.items():
            table[name] = [_measured(name, metric, rows) for _, rows in groups]
        frames[key] = table.reset_index()
    return frames


def _attached(rows: pd.DataFrame, facts: pd.DataFrame, on: list[str]) -> pd.DataFrame:
    return rows.merge(facts, on=on, how="left", validate="many_to_one")


def _measured(name: str, metric: Metric, rows: pd.DataFrame) -> float:
    try:
        return float(metric(rows["y_true"], rows["y_pred"]))
    except Exception as error:  # any: a metric may be the user's own
        warnings.warn(
            f"scoring: {name!r} failed and is NaN there ({type(error).__name__}: {error})",
            UserWarning,
            stacklevel=2,
        )
        return float("nan")


def better_reference(errors: pd.DataFrame) -> str:
    """Return the name of the reference with the smaller error; of equals the naive forecast."""
    rows = errors.drop_duplicates(["fold", "series", "step"])
    means = {name: rows[column].mean() for name, column in REFERENCES.items()}
    return min(means, key=means.__getitem__)


def is_reference(rows: pd.DataFrame) -> pd.Series:
    """Tell of each row whether its model forecasts just what a reference does."""
    same = pd.Series(False, index=rows.index)
    for reference in ("naive", "seasonal_naive"):
        equal = rows["y_pred"] == rows[reference]
        same |= equal.groupby(rows["model"]).transform("all")
    return same


def fold_losses(errors: pd.DataFrame) -> pd.DataFrame:
    """Return mean absolute errors: a row a fold, a column a model, NaN where it failed.

    A fold's steps share their shocks, so a fold gives one number a model: the path-wise loss of
    Quaedvlieg (2021), "Multi-horizon forecast comparison".
    """
    losses = errors.pivot_table("error", "fold", "model", aggfunc="mean")
    return losses[list(dict.fromkeys(errors["model"]))]


def reference_losses(errors: pd.DataFrame, reference: str) -> pd.Series:
    """Return the mean absolute errors of a reference by fold."""
    rows = errors.drop_duplicates(["fold", "series", "step"])
    return rows.groupby("fold")[REFERENCES[reference]].mean()


def equal_accuracy(losses: pd.Series, others: pd.Series, overlap: int) -> DieboldMariano:
    """Diebold-Mariano test of two models' losses by fold; NaN for too few folds."""
    both = pd.concat([losses, others], axis=1).dropna()
    if len(both) < max(LEAST_FOLDS, 2 * overlap):
        return DieboldMariano(float("nan"), float("nan"))
    return diebold_mariano(both.iloc[:, 0], both.iloc[:, 1], horizon=overlap)


def compare_all(losses: pd.DataFrame, overlap: int) -> pd.DataFrame:
    """Test every model against every other, a row a pair."""
    rows = [
        (a, b, *equal_accuracy(losses[a], losses[b], overlap))
        for a, b in combinations(losses.columns, 2)
    ]
    return pd.DataFrame(rows, columns=["model", "other", "statistic", "p_value"])


def confidence(losses: pd.DataFrame, overlap: int) -> pd.Series:
    """Return the p-values of the model confidence set, NaN where it says nothing."""
    if losses.shape[1] < 2 or len(losses.dropna()) < LEAST_BLOCKS * overlap:
        return pd.Series(np.nan, index=losses.columns)
    return model_confidence_set(losses, block_length=overlap)["p_value"]


def _skill(error: pd.Series, reference: pd.Series) -> pd.Series:
    skill = 100 * (1 - divide_by_scale(error, reference))
    return pd.Series(np.where(error == reference, 0.0, skill), index=error.index)


def _quantile_loss(rows: pd.DataFrame, levels: Levels) -> Any:
    """Return twice the quantile (pinball) loss of each row, averaged over the levels."""
    if not len(levels):
        return np.nan
    quantiles = rows[[quantile_column(level) for level in levels]].to_numpy()
    above = rows["y_true"].to_numpy()[:, np.newaxis] - quantiles
    tau = np.asarray(levels)
    return 2 * np.maximum(tau * above, (tau - 1) * above).mean(axis=1)
