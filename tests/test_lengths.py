"""Lengths: what is read, and where it leads on the calendar."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from tsrnn.lengths import Span, Timeline, read_length

HOUR = 3_600 * 10**9


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (24, 24),
        (np.int64(3), 3),
        ("1 week", Span(days=7)),
        ("2 Days", Span(days=2)),
        ("2D", Span(days=2)),
        ("3 months", Span(months=3)),
        ("1 quarter", Span(months=3)),
        ("1 year 6 months", Span(months=18)),
        ("5 business days", Span(business_days=5)),
        ("5B", Span(business_days=5)),
        ("36h", Span(time=36 * HOUR)),
        ("1 day 12 hours", Span(days=1, time=12 * HOUR)),
        ("90 min", Span(time=3 * HOUR // 2)),
        ("250ms", Span(time=250 * 10**6)),
        (timedelta(hours=2), Span(time=2 * HOUR)),
        (np.timedelta64(2, "h"), Span(time=2 * HOUR)),
        (pd.Timedelta("1 day"), Span(time=24 * HOUR)),
        (pd.offsets.Hour(2), Span(time=2 * HOUR)),
        (pd.offsets.Day(2), Span(days=2)),
        (pd.offsets.Week(2), Span(days=14)),
        (pd.offsets.BusinessDay(3), Span(business_days=3)),
        (2 * pd.DateOffset(years=1, months=1, hours=1), Span(months=26, time=2 * HOUR)),
    ],
)
def test_lengths_are_read(value, expected):
    assert read_length("step", value) == expected


@pytest.mark.parametrize(
    "value",
    [
        *("", "week", "1", "1 fortnight", "1.5 days", "1M", "-2 days", "1 week!", "1 day ago"),
        *(1.5, None, True, 0, [1], np.timedelta64("NaT"), pd.offsets.MonthEnd()),
        *(pd.offsets.Week(weekday=0), pd.DateOffset(), pd.DateOffset(day=31)),
        pd.offsets.CustomBusinessDay(holidays=["2024-12-25"]),
    ],
)
def test_what_is_no_length_is_named_with_examples_of_lengths(value):
    with pytest.raises(
        ValueError, match=r"^step=.*: expected an integer >= 1.* or a length such as"
    ):
        read_length("step", value)


def test_a_length_of_nothing_is_a_gap_but_no_step():
    assert read_length("gap", "0 days", least=0) == Span()
    with pytest.raises(ValueError, match=r"gap=.*: expected a length >= 0"):
        read_length("gap", timedelta(-1), least=0)
    with pytest.raises(ValueError, match="step='0h': expected a length > 0"):
        read_length("step", "0h")


@pytest.mark.parametrize(
    ("moment", "length", "before"),
    [
        ("2024-05-31", "1 month", "2024-04-30"),
        ("2024-05-31", "3 months", "2024-02-29"),
        ("2024-02-29", "1 month", "2024-01-31"),  # the last day stays the last day
        ("2024-02-29 15:00", "1 year", "2023-02-28 15:00"),
        ("2024-03-30", "1 month", "2024-02-29"),
        ("2024-04-15", "1 month 2 weeks", "2024-03-01"),
        ("2024-04-05", "5 business days", "2024-03-29"),  # Friday to Friday
        ("2024-04-07", "5 business days", "2024-03-29"),  # Sunday: from the Friday before
        ("2024-04-01 06:00", "36h", "2024-03-30 18:00"),
    ],
)
def test_moments_before_another(moment, length, before):
    assert read_length("step", length).before(pd.Timestamp(moment)) == pd.Timestamp(before)


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Asia/Tokyo"])
def test_a_day_is_on_the_wall_and_an_hour_is_elapsed(zone):
    for noon in pd.date_range("2024-01-01 12:00", "2024-12-31 12:00", tz=zone)[1:]:
        day = read_length("step", "1 day").before(noon)
        assert (day.hour, (noon.normalize() - day.normalize()).round("D").days) == (12, 1)
        assert noon - read_length("step", "24h").before(noon) == pd.Timedelta(hours=24)


def test_hours_that_the_clocks_leave_out_or_repeat_have_an_answer():
    day = read_length("step", "1 day")
    left_out = pd.Timestamp("2024-04-01 02:30", tz="Europe/Berlin")
    assert day.before(left_out) == pd.Timestamp("2024-03-31 03:00", tz="Europe/Berlin")
    twice = pd.Timestamp("2024-10-28 02:30", tz="Europe/Berlin")
    assert day.before(twice).utcoffset() == timedelta(hours=2)  # the first of the two
    second = pd.Timestamp("2024-10-27 01:30", tz="UTC").tz_convert("Europe/Berlin")
    assert read_length("step", "1h").before(second).hour == 2  # elapsed: the wall is not asked


@pytest.mark.parametrize("length", ["1 month", "1 week", "2 business days", "36h", 3])
@pytest.mark.parametrize("end", ["2024-05-31", "2024-03-30", "2024-06-12"])
def test_boundaries_add_lengths_before_they_move(length, end):
    """Brute force: from the last stamp, k lengths and another one are k + 1 lengths."""
    line = Timeline(400, pd.date_range(end=end, periods=400))
    read = read_length("step", length)
    for k in range(6):
        one_by_one = line.end.before(read, k).before(read)
        assert one_by_one.position == line.end.before(read, k + 1).position
        assert one_by_one.before(read, 0).position == one_by_one.position


def test_an_initial_length_holds_the_stamps_from_the_first_on():
    days = pd.date_range("2024-01-01", periods=60)  # a Monday
    for length, stamps in {"1 week": 7, "1 month": 31, "24h": 1, "5 business days": 7}.items():
        assert Timeline(60, days).first(read_length("initial", length)) == stamps
    assert Timeline(60, days[5:]).first(Span(business_days=5)) == 9  # from Saturday to Sunday
    assert Timeline(60, days).first(12) == 12
    assert Timeline(0, days[:0]).first(Span(days=1)) == 0


@pytest.mark.parametrize("freq", ["BME", "BMS", "ME", "MS"])
def test_one_stamp_a_month_lies_a_month_before_the_next(freq):
    index = pd.date_range("2020-01-01", periods=48, freq=freq)
    line = Timeline(48, index)
    positions = [line.end.before(Span(months=k)).position for k in range(48)]
    assert positions == list(range(48, 0, -1))
