"""Lay out what a backtest found as tidy frames.

Conventions: n rows, K targets (1 but for a wide frame), whose values follow each other (order "F").
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tsrnn.containers import panel_rows
from tsrnn.folds import Data, Fold, Outcome
from tsrnn.metrics import seasonal_naive_error
from tsrnn.quantile_names import quantile_column

FORECAST_COLUMNS = ["model", "series", "fold", "origin", "step", "time", "y_true", "y_pred"]


def forecasts_frame(outcomes: Sequence[Outcome], data: Data, levels: NDArray) -> pd.DataFrame:
    """One row a model, fold, series and step; quantiles are NaN where a model has none."""
    done = [(o, o.y_pred) for o in outcomes if o.y_pred is not None]
    folds = [outcome.fold for outcome, _ in done]
    frame = _rows_of(folds, data)
    models = np.array([outcome.model for outcome, _ in done], dtype=object)
    frame.insert(0, "model", np.repeat(models, _sizes(folds, data)))
    frame["y_true"] = np.concatenate([data.values[f.test].ravel(order="F") for f in folds])
    frame["y_pred"] = np.concatenate([y_pred.ravel(order="F") for _, y_pred in done])
    for i, level in enumerate(levels):
        known = [
            np.full(y_pred.size, np.nan)
            if outcome.quantiles is None
            else outcome.quantiles[:, :, i].ravel(order="F")
            for outcome, y_pred in done
        ]
        frame[quantile_column(level)] = np.concatenate(known)
    return _plain_labels(frame)


def references_frame(folds: Sequence[Fold], data: Data, season: int) -> pd.DataFrame:
    """One row a fold, series and step: the naive and the seasonal naive forecast."""
    frame = _rows_of(folds, data)[["fold", "series", "step", "time"]]
    members = _members(data)
    naive, seasonal = (
        np.concatenate([_last_of_phase(f, data, members, m).ravel(order="F") for f in folds])
        for m in (1, season)
    )
    frame["naive"] = naive
    frame["seasonal_naive"] = np.where(np.isnan(seasonal), naive, seasonal)
    return _plain_labels(frame)


def folds_frame(folds: Sequence[Fold], data: Data, season: int) -> pd.DataFrame:
    """One row a fold and series: its training rows, what is known at the origin, the scales."""
    members = _members(data)
    found = []
    for fold in folds:
        in_train, origin = _marked(fold.train, data), data.origin(fold)
        for rows in members:
            train = rows[in_train[rows]]
            for k in range(data.values.shape[1] if len(train) else 0):
                values = data.values[train, k]
                observed = values[~np.isnan(values)]
                found.append(
                    {
                        "fold": fold.number,
                        "series": data.labels[train[0], k],
                        "origin": origin,
                        "train_rows": len(train),
                        "last_value": observed[-1] if len(observed) else np.nan,
                        "scale": _scale(values, season, power=1),
                        "squared_scale": _scale(values, season, power=2),
                    }
                )
    return _plain_labels(pd.DataFrame(found))


def timings_frame(outcomes: Sequence[Outcome]) -> pd.DataFrame:
    """One row a model and fold: seconds and the peak of memory."""
    names = ["fit_seconds", "predict_seconds", "peak_mb"]
    columns: dict[str, list[Any]] = {"model": [outcome.model for outcome in outcomes]}
    columns["fold"] = [outcome.fold.number for outcome in outcomes]
    columns["action"] = [outcome.action for outcome in outcomes]
    columns |= {name: [getattr(outcome, name) for outcome in outcomes] for name in names}
    return pd.DataFrame(columns)


def errors_frame(outcomes: Sequence[Outcome], data: Data) -> pd.DataFrame:
    """One row a failure."""
    failed = [outcome for outcome in outcomes if outcome.error]
    names = ["stage", "error", "traceback"]
    columns: dict[str, list[Any]] = {"model": [outcome.model for outcome in failed]}
    columns["fold"] = [outcome.fold.number for outcome in failed]
    columns["origin"] = [data.origin(outcome.fold) for outcome in failed]
    columns |= {name: [getattr(outcome, name) for outcome in failed] for name in names}
    return pd.DataFrame(columns)


def history_frame(data: Data) -> pd.DataFrame:
    """One row a series and time: the series that were split."""
    n, n_targets = data.values.shape
    return _plain_labels(
        pd.DataFrame(
            {
                "series": data.labels.ravel(order="F"),
                "time": data.times[np.tile(np.arange(n), n_targets)],
                "y": data.values.ravel(order="F"),
            }
        )
    )


def _rows_of(folds: Sequence[Fold], data: Data) -> pd.DataFrame:
    """Say which rows the folds test, the targets of a fold one after the other."""
    n_targets, sizes = data.values.shape[1], _sizes(folds, data)
    tested = np.concatenate([np.tile(fold.test, n_targets) for fold in folds])
    last = np.repeat([fold.last for fold in folds], sizes)
    _, first_of = np.unique(data.stamps, return_index=True)  # a row of each stamp
    return pd.DataFrame(
        {
            "series": np.concatenate([data.labels[f.test].ravel(order="F") for f in folds]),
            "fold": np.repeat([fold.number for fold in folds], sizes),
            "origin": data.times[first_of[last]],
            "step": data.stamps[tested] - last,
            "time": data.times[tested],
        }
    )


def _sizes(folds: Sequence[Fold], data: Data) -> list[int]:
    return [len(fold.test) * data.values.shape[1] for fold in folds]


def _marked(rows: NDArray, data: Data) -> NDArray:
    """Tell of all rows (n,) whether they are among some."""
    marked = np.zeros(len(data.values), dtype=bool)
    marked[rows] = True
    return marked


def _members(data: Data) -> list[NDArray]:
    """Return the rows of each series of a panel, else all rows."""
    if isinstance(data.index, pd.MultiIndex):
        return [rows for _, rows in panel_rows(data.index)]
    return [np.arange(len(data.values))]


def _last_of_phase(fold: Fold, data: Data, members: list[NDArray], season: int) -> NDArray:
    """Return for each test row ``(rows, K)`` the last training value of its phase, NaN for none."""
    in_train = _marked(fold.train, data)
    in_test = _marked(fold.test, data)
    found = np.full(data.values.shape, np.nan)
    for rows in members:
        train, test = rows[in_train[rows]], rows[in_test[rows]]
        train = train[np.argsort(data.stamps[train])]
        for k in range(data.values.shape[1]):
            seen = train[~np.isnan(data.values[train, k])]
            latest = np.full(season, np.nan)
            latest[data.stamps[seen] % season] = data.values[seen, k]  # the last one stays
            found[test, k] = latest[data.stamps[test] % season]
    return found[fold.test]


def _scale(values: NDArray, season: int, power: int) -> float:
    """Return the scale of MASE or RMSSE, NaN where no two training values lie a season apart."""
    try:
        return float(seasonal_naive_error(values, season, power=power)[0])
    except ValueError:
        return float("nan")


def _plain_labels(frame: pd.DataFrame) -> pd.DataFrame:
    """Give the column of series labels, collected as objects, the dtype that they share."""
    return frame.assign(series=frame["series"].infer_objects())
