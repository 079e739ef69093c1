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
    "AutoETS": "ets",
    "BacktestResult": "backtest_result",
    "Drift": "baselines",
    "ETS": "ets",
    "ExpandingWindowSplit": "model_selection",
    "GRUForecaster": "forecasters",
    "GRURegressor": "regressors",
    "LSTMForecaster": "forecasters",
    "LSTMRegressor": "regressors",
    "LeakageReport": "leakage_report",
    "Naive": "baselines",
    "RNNForecaster": "forecasters",
    "RNNRegressor": "regressors",
    "STLForecaster": "decomposition",
    "SeasonalNaive": "baselines",
    "SlidingWindow": "windows",
    "SlidingWindowSplit": "model_selection",
    "Theta": "theta",
    "WindowForecaster": "window_forecaster",
    "audit_leakage": "leakage",
    "backtest": "backtesting",
    "detect_copies": "copying",
    "explain_windows": "windows",
    "first_unchronological_fold": "model_selection",
    "from_long": "panels",
    "make_windows": "windows",
    "plot_forecast": "plotting",
    "plot_history": "diagnostic_plots",
    "plot_residuals": "diagnostic_plots",
    "plot_windows": "diagnostic_plots",
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
