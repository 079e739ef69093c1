"""Calendar features: columns such as the hour of the day, made from the time stamps of the steps.

A cyclic quantity with many values (the time of day, the day of the year) becomes sines and cosines
of its ``k`` lowest harmonics, so that 23:00 lies beside 00:00; one with few (the weekday, the
month) becomes an indicator a value. The wall clock counts where the stamps have a time zone.
A feature has the same columns whatever the stamps, so that fit and predict agree.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tsrnn.checks import check_choice

DAY = 86_400.0  # seconds
# Steps in days from which data count as daily, weekly, monthly, quarterly, yearly.
DAILY, WEEKLY, MONTHLY, QUARTERLY, YEARLY = 1.0, 6.0, 27.0, 88.0, 360.0
SEEN = 2  # periods of a feature that the data must span, as for a season
YEAR = 360.0  # days that count as a year: four of the shortest quarters


class Feature(NamedTuple):
    """A feature of the calendar."""

    columns: Callable[[pd.DatetimeIndex], NDArray[Any]]  # stamps of the wall clock -> (n, columns)
    period: float  # days after which it repeats
    meaning: str


def find_calendar(index: pd.Index, calendar: str | Sequence[str] | None) -> tuple[str, ...]:
    """Return the names of the calendar features to use.

    Parameters
    ----------
    index : pandas.Index of length n
        The stamps of a series, the longest of a panel.
    calendar : None, "auto" or list of str
        None: no feature. "auto": those that the step of the index has room for and that repeat at
        least twice within it: below a day the hour, the weekday and the day of the year; for days
        the weekday and the day of the year; for business days the weekday and the end of the
        month; for weeks the week; for months the month; for quarters the quarter. A list: these.

    Returns
    -------
    tuple of str
        Names of ``CALENDAR_FEATURES``; with "auto" none for an index without dates.

    Raises
    ------
    ValueError
        For unknown or repeated names, and for names where the index has no dates.

    Examples
    --------
    >>> import pandas as pd
    >>> hours = pd.date_range("2024-01-01", periods=24 * 30, freq="h")
    >>> find_calendar(hours, "auto")
    ('hour', 'weekday')
    """
    dated = isinstance(index, pd.DatetimeIndex | pd.PeriodIndex)
    if calendar is None:
        return ()
    if isinstance(calendar, str):
        check_choice("calendar", calendar, ["auto", None, "a list of names"])
        return _automatic(_wall(index)) if dated else ()
    names = tuple(calendar)
    for name in names:
        check_choice("calendar", name, list(CALENDAR_FEATURES))
        if names.count(name) > 1:
            raise ValueError(f"calendar={list(names)}: {name!r} is named twice")
    if names and not dated:
        raise ValueError(
            f"calendar={list(names)}: the index is {index.dtype}, it has no dates; give y a "
            "DatetimeIndex or a PeriodIndex, or set calendar=None"
        )
    return names


def calendar_columns(index: pd.Index, names: Sequence[str]) -> NDArray[np.float64]:
    """Compute the columns of calendar features.

    Parameters
    ----------
    index : pandas.DatetimeIndex or PeriodIndex of length n
        Periods count from their start.
    names : sequence of str
        Keys of ``CALENDAR_FEATURES``.

    Returns
    -------
    array of shape (n, columns)
        Indicators 0 or 1, sines and cosines; the columns of each name side by side.

    Examples
    --------
    >>> import pandas as pd
    >>> quarters = pd.date_range("2024-01-01", periods=3, freq="QS")
    >>> calendar_columns(quarters, ["quarter"])
    array([[1., 0., 0., 0.],
           [0., 1., 0., 0.],
           [0., 0., 1., 0.]])
    """
    if not names:
        return np.empty((len(index), 0))
    wall = _wall(index)
    return np.column_stack([CALENDAR_FEATURES[name].columns(wall) for name in names]).astype(float)


def explain_calendar(names: Sequence[str]) -> str:
    """Say in words what the features are, as a reason to be kept beside them."""
    meanings = [f"{name}: {CALENDAR_FEATURES[name].meaning}" for name in names]
    return "; ".join(meanings) or "no calendar feature repeats twice in the index"


def _automatic(wall: pd.DatetimeIndex) -> tuple[str, ...]:
    """Choose by the median step, then keep what repeats often enough within the span."""
    if len(wall) < 2:
        return ()
    stamps = wall.as_unit("s").asi8
    step = float(np.median(np.diff(stamps))) / DAY
    span = (stamps[-1] - stamps[0]) / DAY + step
    return tuple(n for n in _candidates(wall, step) if SEEN * CALENDAR_FEATURES[n].period <= span)


def _candidates(wall: pd.DatetimeIndex, step: float) -> tuple[str, ...]:
    """Name the features for a step of so many days."""
    if step < DAILY:
        return ("hour", "weekday", "yearday")
    if step < WEEKLY:
        business = bool((wall.day_of_week < 5).all()) and step < 2 * DAILY
        return ("weekday", "month_end") if business else ("weekday", "yearday")
    if step < MONTHLY:
        return ("week",)
    if step < QUARTERLY:
        return ("month",)
    return ("quarter",) if step < YEARLY else ()


def _wall(index: pd.Index) -> pd.DatetimeIndex:
    """Return the stamps as the clock on the wall shows them."""
    stamps = index.to_timestamp() if isinstance(index, pd.PeriodIndex) else pd.DatetimeIndex(index)
    return stamps.tz_localize(None) if stamps.tz is not None else stamps


def _harmonics(phase: Any, n: int) -> NDArray[np.float64]:
    """Sines and cosines of a phase in turns, ``(n_stamps, 2 n)``."""
    angles = 2 * np.pi * np.outer(np.asarray(phase, dtype=np.float64), np.arange(1, n + 1))
    return np.column_stack([np.sin(angles), np.cos(angles)])


def _indicators(numbers: Any, n: int) -> NDArray[np.float64]:
    """One column for each of the numbers 0 .. n - 1."""
    return np.asarray(numbers)[:, None] == np.arange(n)


def _hours(wall: pd.DatetimeIndex) -> NDArray[np.float64]:
    """Time of day in hours."""
    return np.asarray(wall.hour + wall.minute / 60 + wall.second / 3600, dtype=np.float64)


def _year_phase(wall: pd.DatetimeIndex) -> NDArray[np.float64]:
    days = np.where(wall.is_leap_year, 366, 365)
    return (np.asarray(wall.day_of_year) - 1 + _hours(wall) / 24) / days


def _month_phase(wall: pd.DatetimeIndex) -> NDArray[np.float64]:
    return (np.asarray(wall.day) - 1 + _hours(wall) / 24) / np.asarray(wall.days_in_month)


def _at_month_end(wall: pd.DatetimeIndex) -> NDArray[np.bool_]:
    """Tell the last Monday to Friday of a month, and what comes after it in the month."""
    months = wall.to_numpy().astype("datetime64[M]")
    last = np.busday_offset((months + 1).astype("datetime64[D]"), -1, roll="forward")
    return (wall.to_numpy().astype("datetime64[D]") >= last)[:, None]


CALENDAR_FEATURES = {
    "minute": Feature(
        lambda wall: _harmonics((wall.minute + wall.second / 60) / 60, 2),
        1 / 24,
        "minute of the hour, 2 harmonics",
    ),
    "hour": Feature(lambda wall: _harmonics(_hours(wall) / 24, 2), 1.0, "time of day, 2 harmonics"),
    "weekday": Feature(lambda wall: _indicators(wall.day_of_week, 7), 7.0, "7 indicators"),
    "weekend": Feature(
        lambda wall: (np.asarray(wall.day_of_week) > 4)[:, None], 7.0, "Saturday and Sunday"
    ),
    "monthday": Feature(
        lambda wall: _harmonics(_month_phase(wall), 2), 30.5, "day of the month, 2 harmonics"
    ),
    "month_end": Feature(_at_month_end, 30.5, "from the last Monday to Friday of a month"),
    "yearday": Feature(
        lambda wall: _harmonics(_year_phase(wall), 2), YEAR, "day of the year, 2 harmonics"
    ),
    "week": Feature(
        lambda wall: _harmonics(_year_phase(wall), 4), YEAR, "place in the year, 4 harmonics"
    ),
    "month": Feature(lambda wall: _indicators(wall.month - 1, 12), YEAR, "12 indicators"),
    "quarter": Feature(lambda wall: _indicators(wall.quarter - 1, 4), YEAR, "4 indicators"),
}
