"""Baselines that need no estimation: the last value, the last season, the last value plus drift.

Intervals are those of normal errors, after Hyndman and Athanasopoulos, Forecasting: Principles and
Practice (3rd edition), section 5.5. Its sigma is that of the change over one step. A change over k
steps, because values between are missing, has k times its variance, and counts by that.

Conventions: T steps on the calendar grid of a series, n steps to forecast, m steps a season, L
levels.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import ndtri

from tsrnn.calendars import Calendar
from tsrnn.checks import check_count, check_rows
from tsrnn.gaps import last_seen, naive_one_step
from tsrnn.local import LocalForecaster


class Naive(LocalForecaster):
    """Forecast the last observed value.

    A series of one observation is enough. In-sample, the steps up to the first observation are
    forecast by that observation. Covariates are accepted and not used. Quantiles are normal with
    standard deviation ``sigma sqrt(h)``, h steps after the last observation, sigma the root mean
    square of the changes; two observations are the least, as one says nothing about changes.

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

    def _quantiles_series(
        self, model: Any, y: np.ndarray, n: int, X: np.ndarray | None, levels: np.ndarray
    ) -> np.ndarray:
        return normal_quantiles(
            self._forecast_series(model, y, n, X), naive_deviations(y, n), levels
        )

    def _in_sample_series(self, model: Any, y: np.ndarray, X: np.ndarray | None) -> np.ndarray:
        return naive_one_step(y)


class SeasonalNaive(LocalForecaster):
    """Forecast the last value observed at the same phase of the season.

    A phase that was never observed is forecast by the last observed value. Covariates are accepted
    and not used. Quantiles are normal with standard deviation ``sigma sqrt(k)``, k seasons after
    the last observation of the phase, sigma the root mean square of the changes over a season (one
    at least must have been seen). For a phase never observed it is the root mean square distance
    of the observed values from the last one.

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
        last_season = _seasons(y, model)[2][-1]
        ahead = np.arange(len(y), len(y) + n) % model
        return np.where(np.isnan(last_season), y[last_seen(y)[-1]], last_season)[ahead]

    def _quantiles_series(
        self, model: int, y: np.ndarray, n: int, X: np.ndarray | None, levels: np.ndarray
    ) -> np.ndarray:
        return normal_quantiles(
            self._forecast_series(model, y, n, X), _seasonal_deviations(y, n, model), levels
        )

    def _in_sample_series(self, model: int, y: np.ndarray, X: np.ndarray | None) -> np.ndarray:
        history = _seasons(y, model)[2]
        before = np.concatenate([np.full((1, model), np.nan), history[:-1]]).ravel()[: len(y)]
        return np.where(np.isnan(before), naive_one_step(y), before)


class Drift(LocalForecaster):
    """Forecast the last value plus the average change per step.

    ``y[T + h] = y[T] + h (y[T] - y[1]) / (T - 1)``, the line through the first and the last
    observation (Hyndman and Athanasopoulos, Forecasting: Principles and Practice, section 5.2).
    A series of one observation has slope zero. Covariates are accepted and not used. Quantiles are
    normal with standard deviation ``sigma sqrt(h (1 + h / (T - 1)))``, h steps after the last
    observation, sigma that of the changes around their mean: three observations are the least.

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

    def _quantiles_series(
        self, model: Any, y: np.ndarray, n: int, X: np.ndarray | None, levels: np.ndarray
    ) -> np.ndarray:
        return normal_quantiles(
            self._forecast_series(model, y, n, X), _drift_deviations(y, n), levels
        )

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


def normal_quantiles(
    forecast: np.ndarray, deviations: np.ndarray, levels: np.ndarray
) -> np.ndarray:
    """Return the quantiles of normal distributions around forecasts.

    Parameters
    ----------
    forecast : array of shape (n,)
    deviations : array of shape (n,)
        Standard deviations.
    levels : array of shape (L,)
        Probabilities between 0 and 1, without the ends.

    Returns
    -------
    array of shape (n, L)
        Exactly ``forecast`` at level 0.5 and where the deviation is zero.

    Examples
    --------
    >>> import numpy as np
    >>> normal_quantiles(np.array([5.0]), np.array([2.0]), np.array([0.1, 0.5, 0.9])).round(2)
    array([[2.44, 5.  , 7.56]])
    """
    return forecast[:, None] + deviations[:, None] * ndtri(levels)


def naive_deviations(y: np.ndarray, n: int) -> np.ndarray:
    """Return the standard deviations of the errors of forecasting the last observed value.

    Parameters
    ----------
    y : array of shape (T,)
        NaN where missing.
    n : int
        Steps to forecast.

    Returns
    -------
    array of shape (n,)
        Zero for a constant series.

    Raises
    ------
    ValueError
        If fewer than two values are observed.

    Examples
    --------
    >>> import numpy as np
    >>> naive_deviations(np.array([0.0, 2.0, np.nan, np.nan]), n=2).round(2)
    array([3.46, 4.  ])
    """
    seen, changes, steps = _changes(y, least=2)
    sigma = np.sqrt(np.mean(changes**2 / steps))
    return sigma * np.sqrt(len(y) - seen[-1] + np.arange(n))


def _seasonal_deviations(y: np.ndarray, n: int, m: int) -> np.ndarray:
    """Return the standard deviations ``(n,)`` of a seasonal naive forecast."""
    grid, known, history = _seasons(y, m)
    changes = grid[1:] - history[:-1]
    seen = np.isfinite(changes)
    if not seen.any():
        raise ValueError(
            f"y has no value one season (m={m}) after another, n_samples={len(y)}: quantiles need "
            f"at least {m + 1} rows; pass more rows, or a smaller seasonality"
        )
    seasons = np.arange(1, len(grid))[:, None] - known[:-1]
    sigma = np.sqrt(np.mean(changes[seen] ** 2 / seasons[seen]))
    cycle, phase = np.divmod(np.arange(len(y), len(y) + n), m)
    unknown = np.sqrt(np.nanmean((y - y[last_seen(y)[-1]]) ** 2))
    since = cycle - known[-1, phase]
    return np.where(known[-1, phase] < 0, unknown, sigma * np.sqrt(since))


def _drift_deviations(y: np.ndarray, n: int) -> np.ndarray:
    """Return the standard deviations ``(n,)`` of a drift forecast: of the walk and of its slope."""
    seen, changes, steps = _changes(y, least=3)
    span, ahead = seen[-1] - seen[0], len(y) - seen[-1] + np.arange(n)
    slope = (y[seen[-1]] - y[seen[0]]) / span
    sigma = np.sqrt(np.sum((changes - slope * steps) ** 2 / steps) / (len(changes) - 1))
    return sigma * np.sqrt(ahead * (1 + ahead / span))


def _changes(y: np.ndarray, least: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return observed positions, the changes between them, and over how many steps."""
    seen = np.flatnonzero(np.isfinite(y))
    check_rows(len(seen), least, "point forecasts need fewer, quantiles need changes to learn from")
    return seen, np.diff(y[seen]), np.diff(seen)


def _seasons(y: np.ndarray, m: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return seasons by phases, which are steps modulo m ``(seasons, m)``, three times.

    The values; the season in which each phase was last seen, -1 for never; the value seen there.
    """
    grid = np.full((-(-len(y) // m), m), np.nan)
    grid.flat[: len(y)] = y
    known = last_seen(grid)
    history = np.take_along_axis(grid, np.maximum(known, 0), axis=0)
    return grid, known, np.where(known < 0, np.nan, history)


def _drift(y: np.ndarray, known: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """Forecast ``steps``, each from the observations up to position ``known``."""
    first = int(np.argmax(np.isfinite(y)))
    last = np.maximum(known, first)
    slope = (y[last] - y[first]) / np.maximum(last - first, 1)
    return y[last] + slope * np.maximum(steps - last, 0)
