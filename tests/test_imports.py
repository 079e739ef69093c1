from __future__ import annotations

import ast
from pathlib import Path

import pytest

import tsrnn

# A module may import only from modules of a lower level: one paragraph a level, the lowest first.
# The names of __init__ come from everywhere, when first used.
LEVELS = """
backtest_verdict calendars cells checks chronology containers css csv_series download drawing
file_formats gaps heads leakage_report memory overlaps peak_memory quantile_names scaling training

backtest_files calendar_features comparison diagnostic_plots differencing encoding fold_pictures
forking lags lengths networks panels plotting point_metrics public_data records report_figures
state_space transforms windows

asof copying datasets defaults fitting probabilistic reduction report_forecasts report_tables
rolling_origin transform_choice

covariates metrics model_selection preparation report

folds leakage_sample placing prediction

asked backtest_frames backtest_settings leakage_filters leakage_held leakage_scaling

backtest_checkpoints backtest_scores base explain leakage_signs

backtest_result backtest_scoring decomposition leakage_splits local recurrent regressors
wrapped

backtest_runs baselines forecasters leakage_trials

arima backtesting leakage_prepare smoothing window_forecaster

ets leakage theta

__init__

cli

__main__
"""
LEVEL = {
    module: level
    for level, modules in enumerate(LEVELS.split("\n\n"))
    for module in modules.split()
}
OPTIONAL = {"matplotlib", "plotly", "polars", "rich", "typer"}
WITH_TORCH = {
    *("cells", "heads", "networks", "training", "fitting", "prediction", "memory"),
    *("regressors", "recurrent"),
}
WITHOUT_PANDAS = {
    *("cells", "heads", "networks", "scaling", "training", "forking", "fitting", "defaults"),
    *("encoding", "prediction", "lags", "overlaps", "point_metrics", "probabilistic", "reduction"),
    *("css", "gaps", "smoothing"),
}

TREES = {
    path.stem: ast.parse(path.read_text(encoding="utf-8"))
    for path in Path(tsrnn.__file__).parent.glob("*.py")
}


def imported(nodes) -> set[str]:
    """Names of imported modules; those of tsrnn with the module, ``tsrnn.base``."""
    found = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"relative import in line {node.lineno}"
            if node.module == "tsrnn":
                found |= {f"tsrnn.{alias.name}" for alias in node.names}
            else:
                found.add(str(node.module))
    return found


def own(module: str) -> set[str]:
    """Modules of tsrnn that a module imports, wherever in it."""
    parts = [name.split(".") for name in imported(ast.walk(TREES[module]))]
    names = {part[1] if len(part) > 1 else "__init__" for part in parts if part[0] == "tsrnn"}
    return {name if name in TREES else "__init__" for name in names}  # a name of the package


def packages(nodes) -> set[str]:
    return {name.split(".")[0] for name in imported(nodes)}


def test_every_module_has_one_level():
    assert sorted(LEVELS.split()) == sorted(TREES)


@pytest.mark.parametrize("module", sorted(TREES))
def test_imports_go_to_lower_levels_only(module):
    upward = {other for other in own(module) if LEVEL[other] >= LEVEL[module]}
    assert not upward, f"{module} (level {LEVEL[module]}) imports {upward}"


@pytest.mark.parametrize("module", sorted(TREES))
def test_only_optional_packages_are_imported_in_functions(module):
    functions = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
    bodies = [node for node in ast.walk(TREES[module]) if isinstance(node, functions)]
    hidden = set().union(*(packages(ast.walk(body)) for body in bodies), set())
    assert hidden <= OPTIONAL


@pytest.mark.parametrize("module", sorted(TREES))
def test_optional_packages_are_not_needed_at_import(module):
    """A function, or a block ``try: ... except ImportError``, must stand around them."""
    top = TREES[module].body
    assert not packages(top) & OPTIONAL


def test_torch_stays_where_networks_are():
    assert {m for m, tree in TREES.items() if "torch" in packages(ast.walk(tree))} == WITH_TORCH


@pytest.mark.parametrize("module", sorted(WITHOUT_PANDAS))
def test_pandas_stays_out_of_the_arithmetic(module):
    assert "pandas" not in packages(ast.walk(TREES[module]))
