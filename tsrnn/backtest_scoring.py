"""Read what ``backtest(scoring=...)`` is given, and try it before the hours of fitting."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tsrnn.backtest_scores import KEYS, Metric, score_columns
from tsrnn.metrics import METRICS, find_metric


def read_scoring(scoring: Any) -> dict[str, Metric]:
    """Return metrics by name.

    Parameters
    ----------
    scoring : None, str, callable, list of these, or dict of name -> callable or str
        Text is the name of one of ``tsrnn.metrics.METRICS``, a callable ``(y_true, y_pred) ->
        float``.

    Raises
    ------
    TypeError, ValueError
        For anything else, a scikit-learn scorer, or a name that a backtest uses itself.

    Examples
    --------
    >>> list(read_scoring(["max_error", max]))
    ['max_error', 'max']
    """
    if scoring is None:
        return {}
    if isinstance(scoring, Mapping):
        named = {str(name): _metric(metric) for name, metric in scoring.items()}
    else:
        several = list(scoring) if isinstance(scoring, list | tuple) else [scoring]
        named = {_name(metric): _metric(metric) for metric in several}
    if taken := [name for name in named if name in ("model", *KEYS, *score_columns())]:
        raise ValueError(f"scoring: {taken[0]!r} is a column of every backtest; name it otherwise")
    return named


def check_scoring(metrics: Mapping[str, Metric], tested: NDArray) -> None:
    """Refuse a metric that fails on the targets of the test rows ``(n,)``, shifted by one row."""
    for name, metric in metrics.items():
        try:
            float(metric(tested, np.roll(tested, 1)))
        except Exception as error:  # any: a metric may be the user's own
            raise ValueError(
                f"scoring: {name!r} fails on the test rows of y ({type(error).__name__}: {error})"
            ) from error


def names_of_ours(metrics: Mapping[str, Metric]) -> list[str] | None:
    """Return the names if all metrics are those of ``METRICS``, which can be found again."""
    ours = all(METRICS.get(name) is metric for name, metric in metrics.items())
    return list(metrics) if metrics and ours else None


def _name(metric: Any) -> str:
    return metric if isinstance(metric, str) else str(getattr(metric, "__name__", "score"))


def _metric(metric: Any) -> Metric:
    if isinstance(metric, str):
        return find_metric(metric)
    if hasattr(metric, "_score_func"):
        raise TypeError(
            f"scoring={metric!r} is a scorer, called with an estimator: pass its metric, a "
            "function of (y_true, y_pred)"
        )
    if not callable(metric):
        raise TypeError(
            f"scoring={metric!r}: expected names of tsrnn.metrics.METRICS or functions of "
            "(y_true, y_pred)"
        )
    return metric
