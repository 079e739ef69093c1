from __future__ import annotations

import ast
from pathlib import Path

import pytest

import tsrnn

# A module may import only from modules of a lower level: one line a level, the lowest first.
LEVELS = [
    ["checks", "calendars", "cells", "heads", "scaling", "gaps", "css", "metrics"],
    [
        "training",
        "memory",
        "plotting",
        "download",
        "file_formats",
        "calendar_features",
        "transforms",
    ],
    [
        "transform_choice",
        "containers",
        "records",
        "networks",
        "forking",
        "public_data",
        "backtest_result",
        "encoding",
    ],
    ["panels", "defaults", "fitting", "datasets"],
    ["asof", "preparation"],
    ["covariates", "model_selection", "prediction", "windows"],
    ["placing"],
    ["asked"],
    ["base", "folds"],
    ["explain"],
    ["local", "regressors", "recurrent", "backtesting"],
    ["baselines", "forecasters"],
    ["statistical", "arima"],
    ["__init__"],  # its names come from everywhere, when first used
    ["cli"],
    ["__main__"],
]
LEVEL = {module: level for level, modules in enumerate(LEVELS) for module in modules}
OPTIONAL = {"matplotlib", "polars", "rich", "typer"}
WITH_TORCH = {
    *("cells", "heads", "networks", "training", "fitting", "prediction", "memory"),
    *("regressors", "recurrent"),
}
WITHOUT_PANDAS = {
    *("cells", "heads", "networks", "scaling", "training", "forking", "fitting", "defaults"),
    *("encoding", "prediction"),
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
    listed = [module for modules in LEVELS for module in modules]
    assert sorted(listed) == sorted(TREES)


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
