"""Look through pipelines and searches at the estimator within."""

from __future__ import annotations

from typing import Any

from sklearn.pipeline import Pipeline

from tsrnn.base import Forecaster


def innermost(estimator: Any) -> Any:
    """Return the estimator at the heart of pipelines and searches."""
    while True:
        if isinstance(estimator, Pipeline):
            estimator = estimator.steps[-1][1]
        elif hasattr(estimator, "estimator") and not isinstance(estimator, Forecaster):
            estimator = estimator.estimator
        else:
            return estimator


def is_forecaster(estimator: Any) -> bool:
    """Tell whether rows are time steps that follow those of fit, also in a pipeline or search."""
    return isinstance(innermost(estimator), Forecaster)


def chosen_by_search(model: Any) -> Any:
    """Return the model that a fitted search has chosen, any other model itself."""
    return getattr(model, "best_estimator_", model)
