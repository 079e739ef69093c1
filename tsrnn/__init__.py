"""Recurrent neural networks for time series as scikit-learn estimators.

Names are loaded when first used (PEP 562), so ``import tsrnn`` costs nothing and imports no torch.
"""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"

_HOME = {
    "ARIMA": "arima",
    "AsOf": "asof",
    "AutoARIMA": "arima",
    "BacktestResult": "backtesting",
    "Drift": "baselines",
    "ETS": "statistical",
    "ExpandingWindowSplit": "model_selection",
    "GRUForecaster": "forecasters",
    "GRURegressor": "regressors",
    "LSTMForecaster": "forecasters",
    "LSTMRegressor": "regressors",
    "Naive": "baselines",
    "RNNForecaster": "forecasters",
    "RNNRegressor": "regressors",
    "SeasonalNaive": "baselines",
    "SlidingWindow": "windows",
    "SlidingWindowSplit": "model_selection",
    "backtest": "backtesting",
    "explain_windows": "windows",
    "from_long": "panels",
    "make_windows": "windows",
    "to_long": "panels",
}

__all__ = ["__version__", *sorted(_HOME)]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'tsrnn' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"tsrnn.{_HOME[name]}"), name)
    globals()[name] = value  # the next access finds it at once
    return value


def __dir__() -> list[str]:
    return __all__
