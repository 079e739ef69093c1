"""Lengths along a time index: a number of stamps, or a length on the calendar such as "1 week".

A calendar length counts backwards from a stamp t: it reaches over the stamps in (t - length, t].
So "7 days" of a daily index without gaps are 7 stamps, and fewer where days are missing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from tsrnn.calendars import Months, calendar_of
from tsrnn.checks import check_count

NANOSECONDS = {"h": 3_600 * 10**9, "min": 60 * 10**9, "s": 10**9, "ms": 10**6, "us": 10**3}
UNITS = {
    "year": {"months": 12},
    "quarter": {"months": 3},
    "month": {"months": 1},
    "week": {"days": 7},
    "day": {"days": 1},
    "business day": {"business_days": 1},
    "hour": {"time": NANOSECONDS["h"]},
    "minute": {"time": NANOSECONDS["min"]},
    "second": {"time": NANOSECONDS["s"]},
    "millisecond": {"time": NANOSECONDS["ms"]},
    "microsecond": {"time": NANOSECONDS["us"]},
}
SHORT = {"y": "year", "w": "week", "d": "day", "b": "business day"} | dict(
    zip(NANOSECONDS, list(UNITS)[-5:], strict=True)
)
TERM = re.compile(r"\s*(\d+)\s*([a-z]+(?: days?)?)\s*")
APPROXIMATE_DAYS = {"months": 365.2425 / 12, "days": 1, "business_days": 7 / 5, "time": 1 / 864e11}

Length = int | str | pd.offsets.BaseOffset | timedelta | np.timedelta64


@dataclass(frozen=True)
class Span:
    """A length on the calendar.

    Months, days and business days are counted on the wall clock, ``time`` (nanoseconds) in elapsed
    time: where clocks change, "1 day" is 23 or 25 hours. A month before the last day of a month is
    the last day of the month before, so that no chain of months drifts.
    """

    months: int = 0
    business_days: int = 0
    days: int = 0
    time: int = 0

    def __bool__(self) -> bool:
        return self != Span()

    def __add__(self, other: Span) -> Span:
        return Span(
            *(mine + theirs for mine, theirs in zip(self._parts, other._parts, strict=True))
        )

    def __mul__(self, times: int) -> Span:
        return Span(*(times * part for part in self._parts))

    @property
    def _parts(self) -> tuple[int, int, int, int]:
        return self.months, self.business_days, self.days, self.time

    @property
    def approximate_days(self) -> float:
        """How long it is about, for pictures."""
        return sum(getattr(self, unit) * days for unit, days in APPROXIMATE_DAYS.items())

    def before(self, moment: Any) -> Any:
        """Return the Timestamp (or Timedelta) that lies this length before one."""
        return (self * -1)._moved(moment)

    def after(self, moment: Any) -> Any:
        """Return the Timestamp (or Timedelta) that lies this length after one."""
        return self._moved(moment)

    def _moved(self, moment: Any) -> Any:
        if isinstance(moment, pd.Timedelta):
            return moment + pd.Timedelta(days=self.days) + pd.Timedelta(self.time, unit="ns")
        if replace(self, time=0):
            wall = _business_days_later(moment.tz_localize(None), self.business_days)
            wall = _months_later(wall, self.months) + pd.Timedelta(days=self.days)
            # An hour that comes twice: the first; one that the clocks leave out: the next.
            moment = wall.tz_localize(moment.tz, ambiguous=True, nonexistent="shift_forward")
        return moment + pd.Timedelta(self.time, unit="ns")


def read_length(name: str, value: Any, least: int = 1) -> int | Span:
    """Read a number of stamps or a length on the calendar.

    Parameters
    ----------
    name : str
        The argument, for the error.
    value : int, str, pandas offset or timedelta
        Text is a sum of terms such as "1 week", "2 days", "3 months", "36h", "5 business days".
    least : int, default=1
        Least number of stamps; with 0 a calendar length may be 0 too.

    Raises
    ------
    ValueError
        If the value is none of these, or too short.

    Examples
    --------
    >>> read_length("horizon", "1 year 6 months")
    Span(months=18, business_days=0, days=0, time=0)
    >>> read_length("horizon", 24)
    24
    """
    if not isinstance(value, str | pd.offsets.BaseOffset | timedelta | np.timedelta64):
        _check_stamps(name, value, least)
        return int(value)
    span = _from_text(value) if isinstance(value, str) else _from_offset(value)
    if span is None:
        raise ValueError(
            f"{name}={value!r}: expected an integer >= {least} or a length such as '1 week', "
            "'2 days', '3 months', '1 year', '5 business days' or '36h'"
        )
    if min(span._parts) < 0 or (least > 0 and not span):
        raise ValueError(f"{name}={value!r}: expected a length {'>' if least else '>='} 0")
    return span


def _check_stamps(name: str, value: Any, least: int) -> None:
    """Refuse a number of stamps that is none."""
    try:
        check_count(name, value, least)
    except ValueError as error:
        raise ValueError(f"{error}, or a length such as '1 week' or '36h'") from None


def _from_text(text: str) -> Span | None:
    """Add the terms of a text, None if there is one that is not understood."""
    terms, rest = TERM.findall(text.lower()), TERM.sub("", text.lower())
    units = [UNITS.get(SHORT.get(unit, unit.removesuffix("s"))) for _, unit in terms]
    if rest or not terms or None in units:
        return None
    total = Span()
    for (count, _), unit in zip(terms, units, strict=True):
        total += Span(**(unit or {})) * int(count)
    return total


def _from_offset(offset: Any) -> Span | None:
    """Read a pandas offset or a timedelta, None for offsets that are no lengths."""
    if pd.isna(offset):
        return None
    if isinstance(offset, timedelta | np.timedelta64 | pd.offsets.Tick) and not isinstance(
        offset, pd.offsets.Day
    ):
        return Span(time=pd.Timedelta(offset).as_unit("ns").value)
    if isinstance(offset, pd.offsets.Day):
        return Span(days=offset.n)
    if isinstance(offset, pd.offsets.Week) and getattr(offset, "weekday", None) is None:
        return Span(days=7 * offset.n)
    if type(offset) is pd.offsets.BusinessDay:
        return Span(business_days=offset.n)
    if type(offset) is pd.DateOffset and offset.kwds:
        units = {unit: UNITS.get(unit.removesuffix("s")) for unit in offset.kwds}
        if all(units.values()) and all(unit.endswith("s") for unit in units):
            terms = (Span(**(units[unit] or {})) * n for unit, n in offset.kwds.items())
            return sum(terms, Span()) * offset.n
    return None


def _months_later(moment: pd.Timestamp, months: int) -> pd.Timestamp:
    """Move by months; from the last day of a month to the last day of a month."""
    if not months:
        return moment
    moved = moment + pd.DateOffset(months=months)
    return moved + pd.offsets.MonthEnd(0) if moment.is_month_end else moved


def _business_days_later(moment: pd.Timestamp, n: int) -> pd.Timestamp:
    """Move by Mondays to Fridays; from a weekend, it is left on the other side first."""
    day = pd.offsets.BusinessDay()
    if not n:
        return moment
    return (day.rollforward(moment) if n > 0 else day.rollback(moment)) + n * day


class Timeline:
    """The n increasing stamps on which lengths are measured, None where the rows have none.

    Parameters
    ----------
    n : int
        Number of stamps.
    stamps : pandas.Index of length n, optional
        Dates, periods (which count by their start) or time differences allow lengths on the
        calendar. One stamp a month counts for its month, wherever in it: the last business days of
        months lie no whole months apart.
    """

    def __init__(self, n: int, stamps: pd.Index | None = None) -> None:
        self.n = n
        self.stamps = stamps

    def check_measures(self, name: str, value: Any, length: Span) -> None:
        """Refuse a length on the calendar where the stamps are no dates."""
        kind = "no index" if self.stamps is None else f"an index of {self.stamps.dtype}"
        dated = isinstance(self.stamps, pd.DatetimeIndex | pd.PeriodIndex)
        differences = isinstance(self.stamps, pd.TimedeltaIndex)
        if differences and not (length.months or length.business_days):
            return
        if not dated:
            raise ValueError(
                f"{name}={value!r} is a length on the calendar, but the rows have {kind}: expected "
                "dates (X.index = pd.to_datetime(...)), or an integer number of stamps"
            )

    @cached_property
    def moments(self) -> Any:
        """The stamps as Timestamps or Timedeltas (n,)."""
        stamps = self.stamps
        if isinstance(stamps, pd.DatetimeIndex) and isinstance(calendar_of(stamps), Months):
            stamps = stamps.tz_localize(None).to_period("M")
        return stamps.to_timestamp() if isinstance(stamps, pd.PeriodIndex) else stamps

    @property
    def end(self) -> Boundary:
        """The boundary behind the last stamp."""
        return Boundary(self, self.n)

    def first(self, length: int | Span) -> int:
        """Count the stamps within a length from the first stamp on."""
        if not isinstance(length, Span):
            return length
        if not self.n:
            return 0
        return int(self.moments.searchsorted(length.after(self.moments[0]), side="left"))


@dataclass(frozen=True)
class Boundary:
    """A place between two stamps: behind the stamp before ``anchor``, and a calendar length back.

    Successive calendar lengths are added before they are taken from the stamp, so that one month
    and one month are two months from there, whatever day of the month lies between.
    """

    timeline: Timeline
    anchor: int
    back: Span = Span()

    def before(self, length: int | Span, times: int = 1) -> Boundary:
        """Return the boundary that lies some times a length before this one."""
        if isinstance(length, Span):
            return replace(self, back=self.back + length * times)
        return Boundary(self.timeline, self.position - length * times) if length * times else self

    @property
    def position(self) -> int:
        """The number of stamps before it; negative where it lies before the first stamp."""
        if not self.back or self.anchor < 1:
            return self.anchor
        moments = self.timeline.moments
        return int(moments.searchsorted(self.back.before(moments[self.anchor - 1]), side="right"))
