"""Baselines that need no estimation: the last value, the last season, the last value plus drift.

Conventions: T steps on the calendar grid of a series, n steps to forecast, m steps a season.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tsrnn.base import LocalForecaster
from tsrnn.calendars import Calendar
from tsrnn.checks import check_count
from tsrnn.gaps import last_seen, naive_one_step


class Naive(LocalForecaster):
    """Forecast the last observed value.

    A series of one observation is enough. In-sample, the steps up to the first observation are
    forecast by that observation. Covariates are accepted and not used.

    Parameters
    ----------
    missing : {"mask", "raise"}
        ``"mask"``: missing values are skipped; ``"raise"``: they are an error.

    Examples
    --------
    >>> import pandas as pd
    >>> y = pd.Series([1.0, 2.0, 4.0], index=pd.period_range("2024-01", periods=3, freq="M"))
    >>> Naive().fit(y=y).predict(horizon=2).tolist()
    [4.0, 4.0]
    """

    def __init__(self, missing: str = "mask"):
        self.missing = missing

    def _fit_series(self, y: np.ndarray, X: np.ndarray | None) -> Any:
        return None

    def _forecast_series(
        self, model: Any, y: np.ndarray, n: int, X: np.ndarray | None
    ) -> np.ndarray:
        return np.full(n, y[last_seen(y)[-1]])

    def _in_sample_series(self, model: Any, y: np.ndarray, X: np.ndarray | None) -> np.ndarray:
        return naive_one_step(y)


class SeasonalNaive(LocalForecaster):
    """Forecast the last value observed at the same phase of the season.

    A phase that was never observed is forecast by the last observed value. Covariates are accepted
    and not used.

    Parameters
    ----------
    seasonality : "auto" or int
        Steps in a season. ``"auto"``: the shortest season of the calendar (hours 24, days 7,
        business days 5, weeks 52, months 12, quarters 4), or 1, which is the naive forecast, where
        the calendar has none or where less than one season was seen.
    missing : {"mask", "raise"}
        ``"mask"``: missing values are skipped; ``"raise"``: they are an error.

    Attributes
    ----------
    seasonality_ : int
        The season used; in a panel the longest one that a series uses (the short ones may use 1).

    Examples
    --------
    >>> import pandas as pd
    >>> y = pd.Series([1.0, 2.0, 3.0, 4.0, 5.0],
    ...               index=pd.period_range("2024Q1", periods=5, freq="Q"))
    >>> SeasonalNaive().fit(y=y).predict(horizon=4).tolist()
    [2.0, 3.0, 4.0, 5.0]
    """

    def __init__(self, seasonality: str | int = "auto", missing: str = "mask"):
        self.seasonality = seasonality
        self.missing = missing

    @property
    def seasonality_(self) -> int:
        return max(self.models_.values())

    def _fit_series(self, y: np.ndarray, X: np.ndarray | None) -> int:
        return season_length(self.seasonality, self.calendar_, len(y))

    def _forecast_series(
        self, model: int, y: np.ndarray, n: int, X: np.ndarray | None
    ) -> np.ndarray:
        last_season = _seasonal_history(y, model)[-1]
        ahead = np.arange(len(y), len(y) + n) % model
        return np.where(np.isnan(last_season), y[last_seen(y)[-1]], last_season)[ahead]

    def _in_sample_series(self, model: int, y: np.ndarray, X: np.ndarray | None) -> np.ndarray:
        history = _seasonal_history(y, model)
        before = np.concatenate([np.full((1, model), np.nan), history[:-1]]).ravel()[: len(y)]
        return np.where(np.isnan(before), naive_one_step(y), before)


class Drift(LocalForecaster):
    """Forecast the last value plus the average change per step.

    ``y[T + h] = y[T] + h (y[T] - y[1]) / (T - 1)``, the line through the first and the last
    observation (Hyndman and Athanasopoulos, Forecasting: Principles and Practice, section 5.2).
    A series of one observation has slope zero. Covariates are accepted and not used.

    Parameters
    ----------
    missing : {"mask", "raise"}
        ``"mask"``: missing values are skipped; ``"raise"``: they are an error.

    Examples
    --------
    >>> import pandas as pd
    >>> y = pd.Series([1.0, 0.0, 5.0], index=pd.period_range("2024-01", periods=3, freq="M"))
    >>> Drift().fit(y=y).predict(horizon=2).tolist()
    [7.0, 9.0]
    """

    def __init__(self, missing: str = "mask"):
        self.missing = missing

    def _fit_series(self, y: np.ndarray, X: np.ndarray | None) -> Any:
        return None

    def _forecast_series(
        self, model: Any, y: np.ndarray, n: int, X: np.ndarray | None
    ) -> np.ndarray:
        return _drift(y, np.full(n, last_seen(y)[-1]), np.arange(len(y), len(y) + n))

    def _in_sample_series(self, model: Any, y: np.ndarray, X: np.ndarray | None) -> np.ndarray:
        known = np.concatenate([[-1], last_seen(y)[:-1]])
        return _drift(y, known, np.arange(len(y)))


def season_length(seasonality: str | int, calendar: Calendar, rows: int, seasons: int = 1) -> int:
    """Return the steps in a season: as asked for, or the calendar's shortest.

    Parameters
    ----------
    seasonality : "auto" or int
    calendar : Calendar
    rows : int
        Steps seen.
    seasons : int
        Seasons that must have been seen; with fewer, ``"auto"`` gives 1.

    Raises
    ------
    ValueError
        If seasonality is neither ``"auto"`` nor an integer of at least 1.
    """
    if not isinstance(seasonality, str):
        check_count("seasonality", seasonality)
        return int(seasonality)
    if seasonality != "auto":
        raise ValueError(f"seasonality={seasonality!r}: expected 'auto' or an integer >= 1")
    shortest = calendar.seasons[0] if calendar.seasons else 1
    return shortest if rows >= seasons * shortest else 1


def _seasonal_history(y: np.ndarray, m: int) -> np.ndarray:
    """Return the last value seen at each phase up to each season, phases as steps modulo m."""
    cycles = -(-len(y) // m)
    grid = np.full((cycles, m), np.nan)
    grid.flat[: len(y)] = y
    known = last_seen(grid)
    return np.where(known < 0, np.nan, np.take_along_axis(grid, np.maximum(known, 0), axis=0))


def _drift(y: np.ndarray, known: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """Forecast ``steps``, each from the observations up to position ``known``."""
    first = int(np.argmax(np.isfinite(y)))
    last = np.maximum(known, first)
    slope = (y[last] - y[first]) / np.maximum(last - first, 1)
    return y[last] + slope * np.maximum(steps - last, 0)
