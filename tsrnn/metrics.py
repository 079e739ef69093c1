"""All that measures forecasts, in one place, and the table of metrics that are known by name.

Point forecasts: ``point_metrics``; quantiles, intervals and samples: ``probabilistic``; tests
between models: ``comparison``. The functions of scikit-learn serve for the absolute and the squared
error. A metric ``(y_true, y_pred) -> float`` becomes a scorer by ``make_scorer``.
"""

from __future__ import annotations

from collections.abc import Callable
from difflib import get_close_matches

from numpy.typing import ArrayLike
from sklearn.metrics import (
    explained_variance_score,
    max_error,
    mean_absolute_error,
    mean_pinball_loss,
    mean_squared_error,
    median_absolute_error,
    r2_score,
    root_mean_squared_error,
)

from tsrnn.comparison import DieboldMariano, diebold_mariano, model_confidence_set
from tsrnn.point_metrics import (
    divide_by_scale,
    mean_absolute_percentage_error,
    mean_absolute_scaled_error,
    mean_directional_accuracy,
    overall_weighted_average,
    root_mean_squared_scaled_error,
    seasonal_naive_error,
    skill_score,
    symmetric_mean_absolute_percentage_error,
    weighted_absolute_percentage_error,
)
from tsrnn.probabilistic import (
    continuous_ranked_probability_score,
    crps_ensemble,
    interval_coverage,
    mean_interval_score,
    mean_quantile_loss,
    mean_scaled_interval_score,
    probability_integral_transform,
    weighted_quantile_loss,
)

__all__ = [
    "METRICS",
    "DieboldMariano",
    "continuous_ranked_probability_score",
    "crps_ensemble",
    "diebold_mariano",
    "divide_by_scale",
    "explained_variance_score",
    "find_metric",
    "interval_coverage",
    "max_error",
    "mean_absolute_error",
    "mean_absolute_percentage_error",
    "mean_absolute_scaled_error",
    "mean_directional_accuracy",
    "mean_interval_score",
    "mean_pinball_loss",
    "mean_quantile_loss",
    "mean_scaled_interval_score",
    "mean_squared_error",
    "median_absolute_error",
    "model_confidence_set",
    "overall_weighted_average",
    "probability_integral_transform",
    "r2_score",
    "root_mean_squared_error",
    "root_mean_squared_scaled_error",
    "seasonal_naive_error",
    "skill_score",
    "symmetric_mean_absolute_percentage_error",
    "weighted_absolute_percentage_error",
    "weighted_quantile_loss",
]

Metric = Callable[[ArrayLike, ArrayLike], float]

# What `backtest(scoring=...)` knows by name; each is called as `metric(y_true, y_pred)`.
METRICS: dict[str, Metric] = {
    metric.__name__: metric
    for metric in (
        explained_variance_score,
        max_error,
        mean_absolute_error,
        mean_absolute_percentage_error,
        mean_squared_error,
        median_absolute_error,
        r2_score,
        root_mean_squared_error,
        symmetric_mean_absolute_percentage_error,
        weighted_absolute_percentage_error,
    )
}

# What `BacktestResult.summary()` holds without being asked, by the names people ask for.
IN_SUMMARY = {
    **dict.fromkeys(("mase", "mean_absolute_scaled_error"), "MASE"),
    **dict.fromkeys(("rmsse", "root_mean_squared_scaled_error"), "RMSSE"),
    **dict.fromkeys(("wql", "weighted_quantile_loss", "mean_quantile_loss"), "WQL"),
    **dict.fromkeys(
        ("crps", "continuous_ranked_probability_score", "crps_ensemble"), "WQL (a scaled CRPS)"
    ),
    **dict.fromkeys(("coverage", "interval_coverage"), "coverage_80 and coverage_90"),
    **dict.fromkeys(("skill", "skill_score"), "skill_% and skill_seasonal_%"),
}


def find_metric(name: str) -> Metric:
    """Return a metric ``(y_true, y_pred) -> float`` by its name in ``METRICS``.

    Raises
    ------
    ValueError
        If there is none of that name; the message lists the known ones and asks for the nearest, or
        tells where every backtest has it already.

    Examples
    --------
    >>> find_metric("mean_absolute_error")([1.0, 2.0], [1.0, 4.0])
    1.0
    """
    if name in METRICS:
        return METRICS[name]
    known = f"expected one of {', '.join(map(repr, METRICS))}"
    raise ValueError(f"scoring={name!r}: {known}{_hint(str(name))}")


def _hint(name: str) -> str:
    """Say where a backtest has the metric already, or which known one has a name like it."""
    if column := IN_SUMMARY.get(name.lower().removeprefix("neg_")):
        return f"; the summary() of a backtest has {column} without being asked"
    meant = _near_miss(name)
    return f"; did you mean {meant!r}?" if meant else ""


def _near_miss(name: str) -> str | None:
    """Return a known name that begins so, has these initials, as ``mae`` has, or is alike."""
    asked = name.lower().removeprefix("neg_")
    for known in METRICS:
        if known.startswith(asked) or asked == "".join(word[0] for word in known.split("_")):
            return known
    return next(iter(get_close_matches(asked, METRICS, n=1)), None)
