"""Rows of the data inside parameters, such as a validation set handed to an estimator.

Conventions: n rows, F columns of X, K of y.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from types import FunctionType, ModuleType
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tsrnn.leakage_sample import Sample, table

DEPTH = 5  # of lists, dicts and objects inside each other
LEAST = 3  # rows: fewer numbers can be equal by chance


@dataclass(frozen=True)
class Held:
    """An array or frame that holds rows of X or y."""

    leaf: Any
    rows: NDArray[np.intp]  # of the sample
    source: str  # "X" or "y"


def held_rows(params: Mapping[str, Any], sample: Sample) -> dict[str, list[Held]]:
    """Return by parameter the arrays in it whose rows are rows of the sample.

    Of nested parameters the innermost counts: "mlp__eval_set", not "mlp".
    """
    seen: set[int] = set()
    found: dict[str, list[Held]] = {}
    for name in sorted(params, key=lambda name: -name.count("__")):
        for leaf in _leaves(params[name], DEPTH, seen):
            held = _find(leaf, sample)
            if held is not None:
                found.setdefault(name, []).append(held)
    return found


def with_other_rows(owner: Any, held: list[Held], sample: Sample) -> Any:
    """Return a deep copy that holds the same rows of another sample; functions stay as they are."""
    memo = {id(part.leaf): _same_rows(part, sample) for part in held}
    return copy.deepcopy(owner, memo)


def _leaves(value: Any, depth: int, seen: set[int]) -> Iterator[Any]:
    """Yield the arrays and frames inside a value, each once."""
    if id(value) in seen or depth < 0:
        return
    seen.add(id(value))
    if isinstance(value, np.ndarray | pd.Series | pd.DataFrame):
        yield value
        return
    for child in _children(value):
        yield from _leaves(child, depth - 1, seen)


def _children(value: Any) -> list[Any]:
    if isinstance(value, Mapping):
        return list(value.values())
    if isinstance(value, list | tuple | set):
        return list(value)
    if isinstance(value, partial):
        return [value.func, value.args, value.keywords]
    if isinstance(value, FunctionType):
        cells = value.__closure__ or ()
        return [cell.cell_contents for cell in cells]
    if isinstance(value, type | ModuleType):
        return []
    return list(getattr(value, "__dict__", {}).values())


def _find(leaf: Any, sample: Sample) -> Held | None:
    """Find the rows of the sample that a leaf holds, all of them or none."""
    if np.ndim(leaf) == 0 or len(leaf) < LEAST:
        return None
    names, values = table(leaf)
    for source, data in (("y", sample.y), ("X", sample.X)):
        known, rows = table(data)
        if isinstance(leaf, pd.DataFrame) and set(names) <= set(known):
            rows = rows[:, [known.index(name) for name in names]]
        if rows.size and values.size and rows.shape[1] == values.shape[1]:
            places = _places(values, rows)
            if places is not None:
                return Held(leaf, places, source)
    return None


def _places(values: NDArray, rows: NDArray) -> NDArray[np.intp] | None:
    """Return where among rows (n, C) the values (m, C) are, the earliest place of equal ones.

    None if a row is not there, or if most have more than one place.
    """
    distinct = [len(np.unique(column[np.isfinite(column)])) for column in rows.T]
    key = int(np.argmax(distinct))
    order = np.argsort(rows[:, key], kind="stable")
    ordered = rows[order, key]
    left = np.searchsorted(ordered, values[:, key])
    right = np.searchsorted(ordered, values[:, key], side="right")
    if not np.isfinite(values[:, key]).all() or (left >= right).any():
        return None
    alone = int((right - left == 1).sum())
    places = order[left]
    equal = np.array_equal(rows[places], values, equal_nan=True)
    return places if equal and alone >= max(LEAST, len(values) / 2) else None


def _same_rows(part: Held, sample: Sample) -> Any:
    """Return a leaf with the values that another sample has in its rows."""
    data = sample.rows(part.rows)[1 if part.source == "y" else 0]
    if isinstance(part.leaf, pd.DataFrame):
        return pd.DataFrame(data)[list(part.leaf.columns)].set_axis(part.leaf.index)
    if isinstance(part.leaf, pd.Series):
        values = np.asarray(data).ravel()
        return pd.Series(values, index=part.leaf.index, name=part.leaf.name)
    return np.asarray(data).reshape(np.shape(part.leaf)).astype(part.leaf.dtype)
