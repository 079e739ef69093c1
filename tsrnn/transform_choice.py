"""Which transform of the target: the one that the user named, or one chosen from the data.

Conventions: T steps, K targets, seasons in steps.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import skew
from sklearn.base import clone

from tsrnn.gaps import is_constant
from tsrnn.scaling import evenly, growth_of_changes
from tsrnn.transforms import (
    BoxCox,
    Chain,
    Log,
    SeasonalDifference,
    STLDeseasonalise,
    YeoJohnson,
    decomposed,
    fitted,
    resolved,
)

LARGEST_PANEL, LARGEST_STL_PANEL = 200, 20  # columns looked at
LARGEST_STL = 5000  # last steps looked at for a season
SHORTEST_STRETCH, LONGEST_STRETCH = 4, 24  # steps whose level and changes are compared
LEAST_GROWTH, FULL_GROWTH = 0.25, 0.75  # exponents nearer to 0 and to 1 than to one half
HIGH_SKEWNESS = 1.0  # Bulmer (1979), Principles of Statistics
HIGH_STRENGTH = 0.64  # from which on Hyndman's nsdiffs takes a season for one
CLEARLY_STRONGER = 0.05  # a longer season has more freedom to follow noise
SEASONS_SEEN = 3  # with fewer, the component fitted is mostly the series itself


def find_transform(
    transform: Any, *, values: Sequence[np.ndarray], seasons: Sequence[int] = ()
) -> tuple[Any, str]:
    """Resolve what the user gave for ``transform=``, or choose from the training data.

    ``"auto"`` chooses a power and a season, one choice for all series:

    1. Values all >= 0: the exponent with which changes grow with the level (Guerrero 1993; over the
       shortest season, else up to 24 steps) decides. Within two standard errors of 0 or below 0.25:
       none. From 0.75 on: the logarithm. Between: Box-Cox with one minus the exponent as power,
       which makes the size of changes the same at all levels. With zeros, Yeo-Johnson with the same
       power stands in, the logarithm of 1 + y relative to the mean size.
    2. Some values negative: Yeo-Johnson of maximum likelihood if the values are highly skewed
       (beyond 1 in the median column; Bulmer 1979), else none.
    3. Of the values so transformed, the strength of each season of which every series has three:
       the median of `seasonal_strength` over columns. Above 0.64 (the threshold of ``nsdiffs`` in
       R) the strongest is taken out by STL; a longer one must be stronger by 0.05.

    Parameters
    ----------
    transform : None, str, list or transform
        ``"auto"``, a name of ``TRANSFORMS``, an object, or a list of names and objects, which
        becomes a `Chain`.
    values : list of arrays of shape (T, K)
        The training rows of each series.
    seasons : sequence of int
        Season lengths in question, in steps. Where ``season=None``, the longest one not above half
        of the shortest series is given.

    Returns
    -------
    transform : transform or None
        Not fitted: see `fitted`.
    reason : str
        Why it was taken; "given" if the user said so.

    Raises
    ------
    ValueError
        If a name is unknown or no season is known where one is needed.
    TypeError
        If an object lacks one of the three methods.

    Examples
    --------
    >>> find_transform(["log", "seasonal_difference"], values=[np.ones((48, 1))], seasons=(12,))
    (Chain(transforms=[Log(), SeasonalDifference(season=12)]), 'given')
    >>> growing = np.exp(np.cumsum(np.tile([0.1, -0.08], 100)))[:, None]
    >>> find_transform("auto", values=[growing])
    (Log(), 'changes grow with the level to the power 1.00 +- 0.00')
    """
    if transform is None:
        return None, "given"
    if isinstance(transform, str) and transform == "auto":
        return _automatic(values, seasons)
    return _with_season(resolved(transform), min(len(y) for y in values), seasons), "given"


def _with_season(transform: Any, rows: int, seasons: Sequence[int]) -> Any:
    """Give a season to the transforms that have none yet."""
    if isinstance(transform, Chain):
        return Chain([_with_season(resolved(t), rows, seasons) for t in transform.transforms])
    if not isinstance(transform, SeasonalDifference | STLDeseasonalise):
        return transform
    if transform.season is not None:
        return transform
    short = [season for season in seasons if 1 < season <= rows // 2]
    if not short:
        raise ValueError(
            f"transform={transform!r} needs a season of 2 to {rows // 2} steps (half of the "
            f"{rows} rows), and those known are {list(seasons)}; give seasonality= or more rows"
        )
    return clone(transform).set_params(season=max(short))


def _automatic(values: Sequence[np.ndarray], seasons: Sequence[int]) -> tuple[Any, str]:
    """Choose a power and a season, see `find_transform`."""
    columns = [y[:, k] for y in evenly(values, LARGEST_PANEL) for k in range(y.shape[1])]
    columns = [y for y in columns if np.isfinite(y).sum() > 2 and not is_constant(y)]
    power, reason = _find_power(values, columns, seasons)
    steps = min(len(y) for y in values) // SEASONS_SEEN
    short = sorted(season for season in seasons if 1 < season <= steps)
    seasonal, why = _find_season(
        [_alone(power, y) for y in evenly(columns, LARGEST_STL_PANEL)], short
    )
    found = [part for part in (power, seasonal) if part is not None]
    both = "; ".join(part for part in (reason, why) if part)
    return (Chain(found) if len(found) > 1 else next(iter(found), None)), both


def _find_power(
    values: Sequence[np.ndarray], columns: list[np.ndarray], seasons: Sequence[int]
) -> tuple[Any, str]:
    """Choose a transform under which changes do not grow with the level, or None."""
    if not columns:
        return None, "no series varies"
    least = min(np.nanmin(y, initial=np.inf) for y in values)
    if least < 0:
        size = float(np.median([abs(skew(y[np.isfinite(y)])) for y in columns]))
        reason = f"negative values, skewness {size:.1f}"
        return (YeoJohnson() if size > HIGH_SKEWNESS else None), reason
    growth = _growth(columns, seasons)
    if growth is None:
        return None, "the level hardly varies"
    slope, error = growth
    reason = f"changes grow with the level to the power {slope:.2f} +- {error:.2f}"
    if slope < max(LEAST_GROWTH, 2 * error):
        return None, reason
    power = round(1 - slope, 2) if slope < FULL_GROWTH else 0.0
    if least == 0:
        return YeoJohnson(power=power), f"{reason}; zeros occur"
    return (BoxCox(power=power) if power > 0 else Log()), reason


def _growth(columns: list[np.ndarray], seasons: Sequence[int]) -> tuple[float, float] | None:
    """Return the exponent with which changes grow with the level and its error, over columns."""
    long = sorted(season for season in seasons if season >= SHORTEST_STRETCH)
    found = []
    for y in columns:
        usual = int(np.clip(len(y) // 8, SHORTEST_STRETCH, LONGEST_STRETCH))
        growth = growth_of_changes(y, next(iter(long), usual))
        if growth is not None:
            found.append(growth)
    if not found:
        return None
    slopes, errors = np.array(found).T
    weight = 1 / np.maximum(errors, max(float(np.median(errors)), 1e-6)) ** 2  # none rules all
    return float(np.average(slopes, weights=weight)), float(1 / np.sqrt(weight.sum()))


def _find_season(columns: list[np.ndarray], seasons: Sequence[int]) -> tuple[Any, str]:
    """Choose the season, in ascending order, that STL takes out, or None."""
    best = _Season(0, 0.0)
    for season in seasons:
        strengths = [seasonal_strength(y[-LARGEST_STL:], season) for y in columns]
        strength = float(np.median(strengths)) if strengths else 0.0
        if strength > (best.strength + CLEARLY_STRONGER if best.length else HIGH_STRENGTH):
            best = _Season(season, strength)
    if not best.length:
        return None, "no strong season" if seasons else ""
    return STLDeseasonalise(best.length), f"season {best.length} of strength {best.strength:.2f}"


class _Season(NamedTuple):
    """A season and how strong it is."""

    length: int
    strength: float


def seasonal_strength(y: np.ndarray, season: int) -> float:
    r"""Share of the variance, trend apart, that a season explains (Wang, Smith and Hyndman 2006).

    .. math:: F_s = \max(0, 1 - Var(R) / Var(S + R))

    of STL with a component that is the same in all seasons. One that may change follows noise: four
    seasons of white noise would have a strength of 0.65 in place of 0.3.

    Parameters
    ----------
    y : array of shape (T,)
        At least two seasons; gaps are interpolated.
    season : int

    Returns
    -------
    float
        0 for none to 1.

    Examples
    --------
    >>> bool(seasonal_strength(np.tile([0.0, 1.0, 5.0], 10), season=3) > 0.99)
    True
    """
    if np.isfinite(y).sum() < 2 * season:
        return 0.0
    seasonal, rest = decomposed(y, season)
    whole = np.var(seasonal + rest)
    return max(0.0, float(1 - np.var(rest) / whole)) if whole > 0 else 0.0


def _alone(transform: Any, y: np.ndarray) -> np.ndarray:
    """Transform a single series of which no stamps are needed: (T,) -> (T,)."""
    if transform is None:
        return y
    steps = pd.RangeIndex(len(y))
    return fitted(transform, y[:, None], steps).transform(y[:, None], steps)[:, 0]
