from __future__ import annotations

import inspect
import re
import subprocess
import sys

import pytest

import tsrnn

PUBLIC = [name for name in tsrnn.__all__ if name != "__version__"]
HEAVY = ("torch", "pandas", "statsmodels", "sklearn", "matplotlib")
WITHOUT_TORCH = [
    *("base", "metrics", "model_selection", "backtesting", "backtest_result", "plotting"),
    *("baselines", "ets", "theta", "arima", "windows", "datasets", "public_data"),
    *("decomposition", "window_forecaster", "leakage", "report", "diagnostic_plots"),
    *("asof", "panels", "folds", "calendar_features", "transforms", "preparation"),
]


def modules_after(statement: str) -> set[str]:
    """Packages that a fresh interpreter has loaded after a statement."""
    code = f"{statement}\nimport sys\nprint(*{{name.split('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_import_tsrnn_loads_nothing_heavy():
    assert not modules_after("import tsrnn; dir(tsrnn); tsrnn.__version__") & set(HEAVY)


def test_everything_but_the_networks_works_without_torch():
    loaded = modules_after("; ".join(f"import tsrnn.{name}" for name in WITHOUT_TORCH))
    assert "torch" not in loaded
    assert "matplotlib" not in loaded
    assert "tsrnn" in loaded


def test_names_are_found_at_first_use_and_kept():
    assert "Naive" in dir(tsrnn)
    assert tsrnn.Naive is vars(tsrnn)["Naive"]


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'tsrnn' has no attribute 'Prophet'"):
        _ = tsrnn.Prophet


@pytest.mark.parametrize("name", PUBLIC)
def test_public_names_are_defined_in_tsrnn_under_that_name(name):
    thing = getattr(tsrnn, name)
    assert thing.__name__ == name
    assert thing.__module__.startswith("tsrnn.")


@pytest.mark.parametrize("name", PUBLIC)
def test_public_names_have_a_docstring_with_an_example(name):
    docstring = getattr(tsrnn, name).__doc__ or ""  # inherited ones do not count
    assert "Examples\n" in docstring
    assert ">>> " in docstring.split("Examples\n")[1]


def forecasters() -> list[type]:
    from tsrnn.base import Forecaster

    things = [getattr(tsrnn, name) for name in PUBLIC]
    return [t for t in things if inspect.isclass(t) and issubclass(t, Forecaster)]


def test_parameters_are_described_by_name():
    assert len(forecasters()) >= 9
    for cls in forecasters():
        described = cls.__doc__ or ""
        if "parameters are those of" in described:
            described = tsrnn.LSTMForecaster.__doc__ or ""
        for parameter in cls._get_param_names():
            assert re.search(rf"\b{parameter}\b.* : ", described), f"{cls.__name__}: {parameter}"
