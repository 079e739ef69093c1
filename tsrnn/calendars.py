"""Calendars: how many steps lie between two time stamps, and which stamps come next.

A calendar is learnt from the index seen in ``fit``; a regular ``freq`` is never demanded. Five
kinds cover what people have: equal steps (also wall-clock days across daylight-saving changes),
business days, months (and quarters, years), bars of daily sessions, and irregular stamps, for which
rows are steps. A sixth follows any pandas offset, where the index names one that the five cannot
express, such as the days of an exchange with its holidays.

Conventions: ``increments[i]`` is the number of steps from stamp ``i`` to stamp ``i + 1``, at least
1; an increment of ``k + 1`` means that ``k`` steps are missing in between.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol

import numpy as np
import pandas as pd

DAY = 86_400.0  # seconds
WEEK = 7 * DAY
UNIT_SECONDS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}
# Shares of the increments between rows below which stamps count as irregular.
USUAL_STEP_SHARE = 0.5
PRESENT_SHARE = 0.5
# What makes stamps the bars of sessions. A time of day that one weekday in the week has counts, and
# so do both openings of a session whose stamps are held in UTC all year.
LEAST_DAYS = 5
LEAST_TIMES = 3  # days on which a time of day must have come ...
SLOT_SHARE = 1 / 8  # ... and the share of all days
ON_SLOTS_SHARE = 0.9  # of all stamps
FILLED_SHARE = 0.8  # of the bars of all days that have any
CLOSED_SHARE = 0.25  # of the day without bars: fewer equal steps missing are gaps, not a night
EVERY_DAY = "1111111"
CROWDED = 1.2  # rows a step from which on a frequency given is not that of the rows
OUTAGE = 5  # times the third longest distance between irregular stamps: from there on a gap
SHOWN_BY_FREQ = 28  # stamps that show what a freq means: some ends of quarters lie on weekends
TWO_WEEKS = pd.date_range("2024-01-01", periods=14)  # two of each weekday, to count hours a day
MONTHLY = (
    pd.offsets.WeekOfMonth,
    pd.offsets.LastWeekOfMonth,
    pd.offsets.CustomBusinessMonthBegin,
    pd.offsets.CustomBusinessMonthEnd,
)
# Offsets that no other calendar can express, though some weeks of them may look so.
SPECIAL = (
    *MONTHLY,
    pd.offsets.CustomBusinessDay,
    pd.offsets.BusinessHour,
    pd.offsets.SemiMonthBegin,
    pd.offsets.SemiMonthEnd,
    pd.offsets.FY5253,
    pd.offsets.FY5253Quarter,
    pd.offsets.Easter,
)


class Calendar(Protocol):
    """What the index of a series says about its steps."""

    def increments(self, stamps: pd.Index) -> np.ndarray:
        """Count the steps between successive increasing stamps: ``(n,) -> (n - 1,)``, each >= 1."""

    def after(self, last: pd.Index, n: int) -> pd.Index:
        """Return the ``n`` stamps that follow ``last``, an index of length one."""

    @property
    def seasons(self) -> tuple[int, ...]:
        """Season lengths in steps that people live by: a day, a week, a year; shortest first."""


def calendar_of(index: pd.Index, freq: Any = None) -> Calendar:
    """Learn the calendar of an increasing index.

    Parameters
    ----------
    index : pandas.Index of length n >= 1
        Datetime (with or without time zone), period, timedelta, integer or float stamps. Where it
        has a ``freq``, that one counts.
    freq : str or pandas offset, optional
        What the steps are, in place of what the stamps show; for datetime stamps only.

    Returns
    -------
    Calendar

    Raises
    ------
    ValueError
        If ``freq`` is no pandas frequency, or the stamps are no datetimes.

    Examples
    --------
    >>> import pandas as pd
    >>> days = pd.DatetimeIndex(["2024-01-04", "2024-01-05", "2024-01-08", "2024-01-10"])
    >>> calendar = calendar_of(days)              # no weekend: business days, the 9th is missing
    >>> calendar.increments(days)
    array([1, 1, 2])
    >>> calendar.after(days[-1:], 3).strftime("%a %d").tolist()
    ['Thu 11', 'Fri 12', 'Mon 15']
    """
    if freq is not None:
        calendar = _of_freq(freq, index)
        _check_steps_apart(calendar, freq, index)
        return calendar
    if isinstance(index, pd.DatetimeIndex) and index.freq is not None:
        return _of_freq(index.freq, index)
    return _of_stamps(index)


def _check_steps_apart(calendar: Calendar, freq: Any, index: pd.Index) -> None:
    """Refuse a frequency of which many rows share a step."""
    if len(index) < 2:
        return
    steps, rows = int(calendar.increments(index[[0, -1]])[0]), len(index) - 1
    if rows > CROWDED * steps + 1:
        raise ValueError(
            f"freq={freq!r}: {rows + 1} rows from {index[0]} to {index[-1]} lie within {steps + 1} "
            "of its steps; give the frequency of the rows, resample y, or leave freq=None"
        )


def _of_stamps(index: pd.Index) -> Calendar:
    """Learn the calendar from what the stamps show."""
    if isinstance(index, pd.DatetimeIndex):
        months = _months_of(index)
        if months is not None:
            return months
        if _are_business_days(index):
            return BusinessDays()
        if index.tz is not None:
            by_wall = _equal_or_irregular(index, wall=True)
            day = DAY / UNIT_SECONDS[index.unit]
            if isinstance(by_wall, EqualSteps) and by_wall.step >= day:
                return by_wall
        steps = _equal_or_irregular(index, wall=False)
        sessions = _sessions_of(index)
        return steps if sessions is None or _round_the_clock(steps, sessions) else sessions
    return _equal_or_irregular(index, wall=False)


def _of_freq(freq: Any, index: pd.Index) -> Calendar:
    """Choose the calendar that goes on as a frequency does, from the first stamp of an index."""
    if not isinstance(index, pd.DatetimeIndex):
        raise ValueError(
            f"freq={freq!r}, but the index is {index.dtype}: expected dates, or freq=None"
        )
    try:
        offset = pd.tseries.frequencies.to_offset(freq)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"freq={freq!r}: expected a pandas offset or its alias, such as 'B' or 'h'"
        ) from error
    if isinstance(offset, SPECIAL):
        return OffsetSteps(offset)
    # On the clock on the wall: no zone can lack one of these stamps, or have it twice.
    shown = pd.date_range(_wall(index[:1])[0], periods=SHOWN_BY_FREQ, freq=offset, unit=index.unit)
    learnt = _of_stamps(shown)
    if not learnt.after(shown[:1], len(shown) - 1).equals(shown[1:]):
        return OffsetSteps(offset)
    if isinstance(learnt, EqualSteps) and index.tz is not None:
        return replace(learnt, wall=learnt.step >= DAY / UNIT_SECONDS[index.unit])
    return learnt


@dataclass(frozen=True)
class EqualSteps:
    """Stamps ``step`` apart, some possibly missing.

    ``step`` counts the units of the index (nanoseconds, microseconds, ..., periods, integers);
    ``unit`` names those of time, as a later index may be held in another.
    With ``wall=True`` the wall clock counts, so that days stay days when the clocks change.
    """

    step: float
    unit: str = ""
    seasons: tuple[int, ...] = ()
    wall: bool = False

    def increments(self, stamps: pd.Index) -> np.ndarray:
        """Count the steps between successive stamps."""
        distance = np.diff(_numbers(_in_unit(stamps, self.unit), self.wall)) / self.step
        return np.maximum(1, np.rint(distance)).astype(np.int64)

    def after(self, last: pd.Index, n: int) -> pd.Index:
        """Return the ``n`` stamps that follow ``last``."""
        known = _in_unit(last, self.unit)
        numbers = _numbers(known, self.wall)[-1] + self.step * np.arange(1, n + 1)
        return _in_unit(_from_numbers(numbers, known, self.wall), _unit(last))


@dataclass(frozen=True)
class IrregularSteps:
    """Stamps without a regular step: rows are steps, and the median step leads into the future.

    A distance up to ``longest`` is one step, a longer one counts as many median steps as it holds:
    the longest of fit, unless one or two distances stand out as gaps.
    """

    step: float
    longest: float
    unit: str = ""
    seasons: tuple[int, ...] = ()

    def increments(self, stamps: pd.Index) -> np.ndarray:
        """Count the steps between successive stamps."""
        distance = np.diff(_numbers(_in_unit(stamps, self.unit), wall=False))
        steps = np.where(distance <= self.longest, 1.0, np.rint(distance / self.step))
        return np.maximum(1, steps).astype(np.int64)

    def after(self, last: pd.Index, n: int) -> pd.Index:
        """Return the ``n`` stamps that follow ``last``."""
        return EqualSteps(self.step, self.unit).after(last, n)


@dataclass(frozen=True)
class BusinessDays:
    """Monday to Friday at one time of day; a holiday is a missing step."""

    def increments(self, stamps: pd.Index) -> np.ndarray:
        """Count the steps between successive stamps."""
        days = _dates(stamps)
        return np.maximum(1, np.busday_count(days[:-1], days[1:])).astype(np.int64)

    def after(self, last: pd.Index, n: int) -> pd.Index:
        """Return the ``n`` stamps that follow ``last``."""
        moment = _wall(last)
        days = moment.normalize().to_numpy().astype("datetime64[D]")
        future = np.busday_offset(days[-1], np.arange(1, n + 1), roll="backward")
        return _localize(pd.DatetimeIndex(future), moment, last)

    @property
    def seasons(self) -> tuple[int, ...]:
        """Name the season lengths in steps, shortest first."""
        return (5,)


@dataclass(frozen=True)
class Sessions:
    """The same bars on each open day: of an exchange, a shop; nights and closed days have no steps.

    ``slots`` are the times of day on the wall clock, ascending, counted in ``unit`` from midnight;
    ``weekmask`` has a "1" for each weekday with a session, Monday first. A day without a session,
    such as a holiday, is as many missing steps as it would have had bars. A stamp beside the slots
    counts one step, and so does the way from it to the next slot.

    Examples
    --------
    >>> import pandas as pd
    >>> days = pd.bdate_range("2024-03-04", periods=10)
    >>> bars = pd.DatetimeIndex([day + pd.Timedelta(hours=h) for day in days for h in (9, 12, 15)])
    >>> calendar = calendar_of(bars)
    >>> calendar.after(bars[-2:-1], 3).strftime("%a %Hh").tolist()
    ['Fri 15h', 'Mon 09h', 'Mon 12h']
    >>> calendar.seasons
    (3, 15)
    """

    slots: tuple[int, ...]
    unit: str
    weekmask: str = EVERY_DAY
    seasons: tuple[int, ...] = ()

    def increments(self, stamps: pd.Index) -> np.ndarray:
        """Count the steps between successive stamps."""
        days = _dates(stamps)
        passed = np.arange(days[0], days[-1] + 1)
        bars = self._bars(passed[np.is_busday(passed, weekmask=self.weekmask)], stamps)
        return np.maximum(1, np.diff(bars.searchsorted(stamps, side="right"))).astype(np.int64)

    def after(self, last: pd.Index, n: int) -> pd.Index:
        """Return the ``n`` stamps that follow ``last``."""
        # One day for the session under way, one for bars in an hour that the clocks leave out.
        ahead = np.arange(n // len(self.slots) + 3)
        days = np.busday_offset(_dates(last)[-1], ahead, "backward", weekmask=self.weekmask)
        bars = self._bars(days, last)
        return bars[bars > last[-1]][:n]

    def _bars(self, days: np.ndarray, like: pd.Index) -> pd.Index:
        """Return the bars of some dates, in the zone, unit and name of ``like``."""
        times = np.array(self.slots, dtype=f"timedelta64[{self.unit}]")
        bars = pd.DatetimeIndex((days[:, None] + times).ravel())
        return _localize(bars, bars[:0], like, nonexistent="NaT").dropna()


@dataclass(frozen=True)
class Months:
    """One stamp every ``step`` months (3: quarters, 12: years), at a fixed place in the month."""

    step: int
    place: str | int  # "start", "end", "business start", "business end" or the day of the month

    def increments(self, stamps: pd.Index) -> np.ndarray:
        """Count the steps between successive stamps."""
        distance = np.diff(_month_numbers(_wall(stamps))) / self.step
        return np.maximum(1, np.rint(distance)).astype(np.int64)

    def after(self, last: pd.Index, n: int) -> pd.Index:
        """Return the ``n`` stamps that follow ``last``."""
        moment = _wall(last)
        months = moment[-1:].to_period("M").take([0] * n) + self.step * np.arange(1, n + 1)
        return _localize(_place_in_month(months, self.place), moment, last)

    @property
    def seasons(self) -> tuple[int, ...]:
        """Name the season lengths in steps, shortest first."""
        return (12 // self.step,) if 12 % self.step == 0 and self.step < 12 else ()


@dataclass(frozen=True)
class OffsetSteps:
    """The stamps of a pandas offset: exchange days with holidays, business hours, last Mondays.

    Examples
    --------
    >>> import pandas as pd
    >>> days = pd.offsets.CustomBusinessDay(holidays=["2024-01-15"])
    >>> calendar = OffsetSteps(days)
    >>> calendar.after(pd.DatetimeIndex(["2024-01-12"]), 2).strftime("%a %d").tolist()
    ['Tue 16', 'Wed 17']
    """

    offset: Any

    def increments(self, stamps: pd.Index) -> np.ndarray:
        """Count the stamps of the offset after each stamp up to the next one."""
        moments = _wall(stamps)
        grid = pd.date_range(moments[0], moments[-1], freq=self.offset).as_unit(moments.unit)
        return np.maximum(1, np.diff(grid.searchsorted(moments, side="right"))).astype(np.int64)

    def after(self, last: pd.Index, n: int) -> pd.Index:
        """Return the ``n`` stamps that follow ``last``."""
        moment = _wall(last)[-1]
        grid = pd.date_range(moment, periods=n + 1, freq=self.offset)
        return _localize(grid[grid > moment][:n], grid[:0], last)

    @property
    def seasons(self) -> tuple[int, ...]:
        """Name the season lengths in steps, shortest first."""
        if self.offset.n != 1:
            return ()
        if isinstance(self.offset, pd.offsets.CustomBusinessDay):
            return (int(self.offset.calendar.weekmask.sum()),)
        if isinstance(self.offset, pd.offsets.BusinessHour):
            hours = pd.date_range(TWO_WEEKS[0], TWO_WEEKS[-1], freq=self.offset)
            return _rows_per_day(hours)
        return (12,) if isinstance(self.offset, MONTHLY) else ()


def observed_season(index: pd.Index) -> int:
    """Return the season that the M4 competition attaches to a calendar, 1 for none.

    Hourly 24, monthly 12, quarterly 4, and 1 for yearly, weekly, daily and business-daily data
    (Makridakis, Spiliotis and Assimakopoulos 2020, table 2); other steps below a day: one day.
    """
    calendar = calendar_of(index)
    bars_of_a_day = isinstance(calendar, Sessions | IrregularSteps)
    by_week_or_year = not bars_of_a_day and calendar.seasons in [(5,), (7,), (52,)]
    return calendar.seasons[0] if calendar.seasons and not by_week_or_year else 1


def _equal_or_irregular(index: pd.Index, *, wall: bool) -> EqualSteps | IrregularSteps:
    """Decide between equal and irregular steps by the most frequent distance."""
    distance = np.diff(_numbers(index, wall))
    if not len(distance):
        step = _single_step(index)
        return EqualSteps(step, _unit(index), _clock_seasons(index, step), wall)
    relative = np.round(distance / np.median(distance), 6)  # floats: 0.1 + 0.2 - 0.1 is 0.2
    sizes, counts = np.unique(relative, return_counts=True)
    step = distance[relative == sizes[np.argmax(counts)]][0]
    steps = distance / step
    on_grid = np.allclose(steps, np.rint(steps), rtol=0, atol=1e-6)
    usual = counts.max() >= USUAL_STEP_SHARE * len(distance)
    # Bars of trading sessions lie on a grid, but most of its steps (nights) are never seen.
    present = len(distance) >= PRESENT_SHARE * np.rint(steps).sum()
    if on_grid and usual and present:
        return EqualSteps(step, _unit(index), _clock_seasons(index, step), wall)
    median = np.median(distance)
    if np.issubdtype(distance.dtype, np.integer):  # a float has no room for stamps in nanoseconds
        median = int(median)
    return IrregularSteps(median, _longest(distance), _unit(index), _rows_per_day(index))


def _sessions_of(index: pd.DatetimeIndex) -> Sessions | None:
    """Recognise days with bars at the same times, where it is clear."""
    wall = _wall(index)
    dates = _dates(index)
    times = (wall - wall.normalize()).asi8
    days = np.unique(dates)
    slots, counts = np.unique(times, return_counts=True)
    slots = slots[counts >= max(LEAST_TIMES, SLOT_SHARE * len(days))]
    weekmask = _open_weekdays(days)
    if len(days) < LEAST_DAYS or len(slots) < 2 or "1" not in weekmask:
        return None
    regular = np.isin(times, slots) & np.is_busday(dates, weekmask=weekmask)
    filled = regular.sum() / (len(days) * len(slots))
    if regular.mean() < ON_SLOTS_SHARE or filled < FILLED_SHARE:
        return None
    a_week = len(slots) * weekmask.count("1")
    two_weeks = days[-1] - days[0] >= np.timedelta64(13 - weekmask[::-1].index("1"), "D")
    seasons = (len(slots), a_week) if two_weeks and a_week > len(slots) else (len(slots),)
    return Sessions(tuple(slots.tolist()), wall.unit, weekmask, seasons)


def _open_weekdays(days: np.ndarray) -> str:
    """Return the weekmask of those weekdays that mostly have stamps, given the dates that have.

    Weeks without any stamp say nothing. A Monday to Friday not met, or missed once as on a holiday,
    is taken for open, a Saturday or Sunday for closed.
    """
    passed = np.arange(days[0], days[-1] + 1)
    passed = passed[np.isin(_week(passed), _week(days))]
    seen = np.bincount(_weekday(days), minlength=7)
    met = np.bincount(_weekday(passed), minlength=7)
    unknown = (seen == 0) & (met < 2) & (np.arange(7) < 5)
    mostly = seen >= np.maximum(1, PRESENT_SHARE * met)
    return "".join("1" if is_open else "0" for is_open in mostly | unknown)


def _round_the_clock(steps: EqualSteps | IrregularSteps, sessions: Sessions) -> bool:
    """Tell equal steps, some missing, from sessions with a night between them."""
    if not isinstance(steps, EqualSteps):
        return False
    day = DAY / UNIT_SECONDS[steps.unit]
    return len(sessions.slots) * steps.step > (1 - CLOSED_SHARE) * day


def _longest(distance: np.ndarray) -> Any:
    """Return the longest distance that is no gap: one or two far beyond all the others are."""
    usual = np.sort(distance)[-3:][0]
    return min(distance.max(), OUTAGE * usual)


def _single_step(index: pd.Index) -> float:
    """Return the step of a single stamp without a ``freq``: one day, one period or one."""
    if not isinstance(index, pd.DatetimeIndex | pd.TimedeltaIndex):
        return 1
    return round(DAY / UNIT_SECONDS[index.unit])


def _clock_seasons(index: pd.Index, step: float) -> tuple[int, ...]:
    """Count the steps in a day and a week, in a week or a year for steps of a day or more."""
    if isinstance(index, pd.PeriodIndex):
        return calendar_of(index.to_timestamp()).seasons if len(index) > 1 else ()
    if not isinstance(index, pd.DatetimeIndex | pd.TimedeltaIndex):
        return ()
    seconds = step * UNIT_SECONDS[index.unit]
    if seconds >= DAY:
        return {DAY: (7,), WEEK: (52,)}.get(seconds, ())
    lengths = (DAY / seconds, WEEK / seconds)
    return tuple(int(m) for m in lengths if m == int(m) and m > 1)


def _rows_per_day(index: pd.Index) -> tuple[int, ...]:
    """Bars in a trading session, where most sessions have the same number."""
    if not isinstance(index, pd.DatetimeIndex):
        return ()
    counts = _wall(index).normalize().value_counts()
    usual = int(counts.mode().iloc[0])
    return (usual,) if usual > 1 and (counts == usual).mean() > USUAL_STEP_SHARE else ()


def _wall(stamps: pd.Index) -> pd.DatetimeIndex:
    datetimes = pd.DatetimeIndex(stamps)
    return datetimes.tz_localize(None) if datetimes.tz is not None else datetimes


def _dates(stamps: pd.Index) -> np.ndarray:
    """Return the dates on the wall calendar, ``datetime64[D]``."""
    return _wall(stamps).to_numpy().astype("datetime64[D]")


def _weekday(days: np.ndarray) -> np.ndarray:
    """Return the weekdays of dates, 0 for Monday."""
    return (days.astype(np.int64) + 3) % 7  # 1970-01-01 was a Thursday


def _week(days: np.ndarray) -> np.ndarray:
    """Return the numbers of the weeks of dates, from Monday to Sunday."""
    return (days.astype(np.int64) + 3) // 7


def _unit(index: pd.Index) -> str:
    """Name the unit that stamps are counted in, "" for other than time."""
    return index.unit if isinstance(index, pd.DatetimeIndex | pd.TimedeltaIndex) else ""


def _in_unit(index: pd.Index, unit: Any) -> pd.Index:
    if isinstance(index, pd.DatetimeIndex | pd.TimedeltaIndex) and unit:
        return index.as_unit(unit)
    return index


def _numbers(index: pd.Index, wall: bool) -> np.ndarray:
    """Stamps as numbers in the units of the index."""
    if wall:
        return _wall(index).asi8
    if isinstance(index, pd.DatetimeIndex | pd.PeriodIndex | pd.TimedeltaIndex):
        return index.asi8
    return index.to_numpy()


def _from_numbers(numbers: np.ndarray, last: pd.Index, wall: bool) -> pd.Index:
    """Invert ``_numbers``: an index of the kind, zone, unit and name of ``last``."""
    if isinstance(last, pd.PeriodIndex):
        periods: Any = pd.PeriodIndex  # the stubs lack from_ordinals
        return periods.from_ordinals(numbers, freq=last.freq, name=last.name)
    if isinstance(last, pd.TimedeltaIndex):
        return pd.Index(numbers.astype(f"timedelta64[{last.unit}]"), name=last.name)
    if not isinstance(last, pd.DatetimeIndex):
        return pd.Index(numbers, dtype=last.dtype, name=last.name)
    stamps = pd.DatetimeIndex(numbers.astype(f"datetime64[{last.unit}]"))
    if wall:
        return _localize(stamps, stamps[:0], last)
    if last.tz is not None:
        stamps = stamps.tz_localize("UTC").tz_convert(last.tz)
    return stamps.rename(last.name)


def _localize(
    stamps: pd.DatetimeIndex,
    moment: pd.DatetimeIndex,
    last: pd.Index,
    nonexistent: Literal["shift_forward", "NaT"] = "shift_forward",
) -> pd.Index:
    """Give days the time of day of ``moment`` and the zone, unit and name of ``last``."""
    last = pd.DatetimeIndex(last)
    if len(moment):
        stamps = stamps + (moment[-1] - moment[-1].normalize())
    stamps = stamps.as_unit(last.unit)
    if last.tz is not None:
        first = np.ones(len(stamps), dtype=bool)  # an hour that comes twice: take the first
        stamps = stamps.tz_localize(last.tz, ambiguous=first, nonexistent=nonexistent)
    return stamps.rename(last.name)


def _are_business_days(index: pd.DatetimeIndex) -> bool:
    wall = _wall(index)
    days = wall.normalize()
    distance = np.diff(days.to_numpy().astype("datetime64[D]").astype(np.int64))
    if not len(distance) or (wall.day_of_week > 4).any() or len(set(wall - days)) > 1:
        return False
    # A weekend must have been skipped, and most steps be one business day; weekly stamps are not.
    dates = days.to_numpy().astype("datetime64[D]")
    daily = np.busday_count(dates[:-1], dates[1:])
    return bool((distance == 3).any() and np.mean(daily == 1) >= USUAL_STEP_SHARE)


def _month_numbers(wall: pd.DatetimeIndex) -> np.ndarray:
    return (12 * wall.year + wall.month).to_numpy()


def _months_of(index: pd.DatetimeIndex) -> Months | None:
    """Recognise one stamp per month (or every few months) at the same place in the month."""
    wall = _wall(index)
    distance = np.diff(_month_numbers(wall))
    if not len(distance) or distance.min() < 1:
        return None
    sizes, counts = np.unique(distance, return_counts=True)
    step = int(sizes[np.argmax(counts)])
    months = wall.to_period("M")
    days = wall.normalize()
    places: list[str | int] = [
        "start",
        "end",
        "business start",
        "business end",
        int(wall.day.max()),
    ]
    for place in places:
        if (_place_in_month(months, place) == days).all() and (distance % step == 0).all():
            return Months(step, place)
    return None


def _place_in_month(months: pd.PeriodIndex, place: str | int) -> pd.DatetimeIndex:
    start = months.to_timestamp()
    if isinstance(place, int):
        days = np.minimum(place, months.days_in_month) - 1
        return start + pd.to_timedelta(days, unit="D")
    offset = {
        "start": pd.offsets.MonthBegin(0),
        "end": pd.offsets.MonthEnd(0),
        "business start": pd.offsets.BMonthBegin(0),
        "business end": pd.offsets.BMonthEnd(0),
    }[place]
    return pd.DatetimeIndex(start + offset)
