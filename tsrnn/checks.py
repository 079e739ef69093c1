"""Checks of parameters at the door: which argument, what came, what was expected."""

from __future__ import annotations

import numbers
from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.utils import check_random_state


def check_count(name: str, value: Any, least: int = 1, also: Sequence[Any] = ()) -> None:
    """Refuse a value that is neither an integer of at least ``least`` nor one of ``also``."""
    if any(value is other or (isinstance(value, str) and value == other) for other in also):
        return
    whole = isinstance(value, numbers.Integral) and not isinstance(value, bool | np.bool_)
    if not whole or value < least:
        choices = "".join(f" or {other!r}" for other in also)
        raise ValueError(f"{name}={value!r}: expected an integer >= {least}{choices}")


def check_choice(name: str, value: Any, known: Sequence[Any]) -> None:
    """Refuse a value that is not among the known ones, listing them."""
    if value not in known:
        raise ValueError(f"{name}={value!r}: expected one of {', '.join(map(repr, known))}")


def check_share(name: str, value: Any) -> None:
    """Refuse a value that is not a number in [0, 1)."""
    if not is_number(value) or not 0 <= value < 1:
        raise ValueError(f"{name}={value!r}: expected a number in [0, 1)")


def check_probability(name: str, value: Any, also: str = "") -> None:
    """Refuse a value that is not a number above 0 and below 1; ``also`` names other choices."""
    if not is_number(value) or not 0 < value < 1:
        raise ValueError(f"{name}={value!r}: expected a number above 0 and below 1{also}")


def check_positive(name: str, value: Any) -> None:
    """Refuse a value that is not a finite number above 0."""
    if not is_number(value) or not 0 < value < np.inf:
        raise ValueError(f"{name}={value!r}: expected a number > 0")


def check_seed(name: str, value: Any) -> None:
    """Refuse a value that ``sklearn.utils.check_random_state`` makes no generator of."""
    try:
        check_random_state(value)
    except ValueError as error:
        raise ValueError(
            f"{name}={value!r}: expected an integer, a numpy RandomState or None; integers from 0 "
            "to 2**32 - 1"
        ) from error


def check_flag(name: str, value: Any) -> None:
    """Refuse a value that is neither True nor False."""
    if not isinstance(value, bool | np.bool_):
        raise ValueError(f"{name}={value!r}: expected True or False")


def check_rows(got: int, needed: int, remedy: str) -> None:
    """Refuse a series that is too short, saying how to need fewer rows."""
    if got < needed:
        raise ValueError(
            f"y has too few observed rows, n_samples={got}: at least {needed} are needed; {remedy}"
        )


def is_number(value: Any) -> bool:
    """Tell whether a value is a real number and no truth value."""
    return isinstance(value, numbers.Real) and not isinstance(value, bool | np.bool_)


def read_levels(levels: Any) -> np.ndarray:
    """Return levels of quantiles, each once and increasing; all must lie between 0 and 1."""
    given = list(levels) if np.iterable(levels) and not isinstance(levels, str) else [levels]
    if not given or not all(is_number(level) and 0 < level < 1 for level in given):
        raise ValueError(f"levels={levels!r}: expected numbers above 0 and below 1, such as 0.9")
    return np.unique(np.array(given, dtype=np.float64))
