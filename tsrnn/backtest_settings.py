"""Write down how a backtest was made, in values that JSON can hold."""

from __future__ import annotations

import os
import platform
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from numbers import Integral
from typing import Any

import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

from tsrnn.folds import Data, Fold, overlapping
from tsrnn.lengths import Length

PACKAGES = (
    *("tsrnn", "numpy", "pandas", "scikit-learn", "scipy", "statsmodels"),
    *("torch", "joblib"),
)


def describe(
    named: dict[str, Any], folds: list[Fold], data: Data, levels: NDArray, arguments: dict[str, Any]
) -> dict[str, Any]:
    """Describe a backtest in plain values: what is needed to run it again.

    Parameters
    ----------
    named : dict of name -> estimator
    folds, data
        As they were run.
    levels : array of shape (L,)
        Of the quantiles.
    arguments : dict
        The other arguments, as plain values.
    """
    return {
        **arguments,
        "n_folds": len(folds),
        "overlap": overlapping(folds, data),
        "levels": levels.tolist(),
        "models": {name: _written(model) for name, model in named.items()},
        "imports": sorted({"from tsrnn import backtest"}.union(*map(_imports, named.values()))),
        "versions": {"python": platform.python_version()} | installed_versions(),
        "machine": f"{platform.platform()}, {os.cpu_count()} cores",
    }


def plain_length(length: Length | None) -> int | str | None:
    """Write a length so that JSON can hold it, and ``read_length`` read it."""
    if length is None or isinstance(length, str):
        return length
    if isinstance(length, Integral):
        return int(length)
    if isinstance(length, pd.offsets.BaseOffset):
        return length.freqstr
    return f"{pd.Timedelta(length) // pd.Timedelta(microseconds=1)} us"


def _imports(model: Any) -> set[str]:
    """Return the import statements that the repr of a model needs."""
    parameters = model.get_params().values() if hasattr(model, "get_params") else ()
    used = [model, *(value for value in parameters if hasattr(value, "get_params"))]
    found = set()
    for kind in map(type, used):
        # The public home of sklearn.linear_model._ridge.Ridge is sklearn.linear_model, ours tsrnn.
        parts = [part for part in kind.__module__.split(".") if not part.startswith("_")]
        if parts:  # else it was defined in a script, __main__
            home = "tsrnn" if parts[0] == "tsrnn" else ".".join(parts)
            found.add(f"from {home} import {kind.__name__}")
    return found


def installed_versions() -> dict[str, str]:
    """Return the versions of installed packages: tsrnn may run from a checkout."""
    found = {}
    for package in PACKAGES:
        with suppress(PackageNotFoundError):
            found[package] = version(package)
    return found


def _written(model: Any) -> str:
    """Write an estimator down in full: scikit-learn shortens what is longer than 700 characters."""
    return model.__repr__(N_CHAR_MAX=100_000) if isinstance(model, BaseEstimator) else repr(model)
