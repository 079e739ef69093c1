"""Calendar features: pandas' own numbers, continuity round the clock, what "auto" chooses."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tsrnn.calendar_features import (
    CALENDAR_FEATURES,
    calendar_columns,
    explain_calendar,
    find_calendar,
)

HOURS = pd.date_range("2023-12-20 00:30", periods=24 * 420, freq="h")
# The quantity whose harmonics or indicators each feature holds, as a share of its cycle.
PHASES = {
    "minute": lambda t: t.minute / 60,
    "hour": lambda t: (t.hour + t.minute / 60) / 24,
    "yearday": lambda t: (t.day_of_year - 1 + t.hour / 24 + t.minute / 1440) / days_in_year(t),
    "week": lambda t: (t.day_of_year - 1 + t.hour / 24 + t.minute / 1440) / days_in_year(t),
    "monthday": lambda t: (t.day - 1 + t.hour / 24 + t.minute / 1440) / t.days_in_month,
}
NUMBERS = {
    "weekday": lambda t: t.day_of_week,
    "month": lambda t: t.month - 1,
    "quarter": lambda t: t.quarter - 1,
}


def days_in_year(t):
    return np.where(t.is_leap_year, 366, 365)


@pytest.mark.parametrize("name", PHASES)
def test_harmonics_are_sines_and_cosines_of_the_phase(name):
    columns = calendar_columns(HOURS, [name])
    n = columns.shape[1] // 2
    angles = 2 * np.pi * np.outer(PHASES[name](HOURS), np.arange(1, n + 1))
    np.testing.assert_allclose(columns[:, :n], np.sin(angles), atol=1e-12)
    np.testing.assert_allclose(columns[:, n:], np.cos(angles), atol=1e-12)


@pytest.mark.parametrize("name", NUMBERS)
def test_indicators_mark_one_number_each(name):
    columns = calendar_columns(HOURS, [name])
    np.testing.assert_array_equal(columns.argmax(axis=1), NUMBERS[name](HOURS))
    np.testing.assert_array_equal(columns.sum(axis=1), 1)
    assert set(np.unique(columns)) == {0.0, 1.0}


def test_weekend_is_saturday_and_sunday():
    weekend = calendar_columns(HOURS, ["weekend"])[:, 0] == 1
    assert set(HOURS[weekend].day_name()) == {"Saturday", "Sunday"}
    assert set(HOURS[~weekend].day_name()).isdisjoint({"Saturday", "Sunday"})


def test_month_end_starts_at_the_last_business_day():
    days = pd.date_range("2024-01-01", "2025-12-31")
    marked = days[calendar_columns(days, ["month_end"])[:, 0] == 1]
    last = pd.date_range("2024-01-01", "2025-12-31", freq="BME")
    weekdays = marked[marked.day_of_week < 5]
    assert weekdays.equals(pd.DatetimeIndex(last, freq=None))
    assert "2024-06-29" in marked.strftime("%Y-%m-%d")  # the Saturday after Friday the 28th


def test_midnight_and_new_year_make_no_jump():
    steps = np.abs(np.diff(calendar_columns(HOURS, ["hour", "yearday", "week"]), axis=0))
    assert steps.max() < 2 * np.sin(2 * np.pi * 2 / 48) + 1e-12  # an hour in the 2nd harmonic


@pytest.mark.parametrize("name", CALENDAR_FEATURES)
def test_columns_do_not_depend_on_the_other_stamps(name):
    whole = calendar_columns(HOURS, [name])
    assert whole.dtype == np.float64
    for part in (slice(3, 4), slice(5000, 5100)):
        np.testing.assert_array_equal(calendar_columns(HOURS[part], [name]), whole[part])


def test_names_stand_side_by_side_in_their_order():
    both = calendar_columns(HOURS, ["weekday", "hour"])
    expected = [calendar_columns(HOURS, [name]) for name in ("weekday", "hour")]
    np.testing.assert_array_equal(both, np.hstack(expected))
    assert calendar_columns(HOURS, []).shape == (len(HOURS), 0)


def test_the_clock_on_the_wall_counts():
    berlin = pd.date_range("2024-03-30", periods=48, freq="h", tz="Europe/Berlin")
    wall = berlin.tz_localize(None)
    names = list(CALENDAR_FEATURES)
    np.testing.assert_array_equal(calendar_columns(berlin, names), calendar_columns(wall, names))
    utc = calendar_columns(berlin.tz_convert("UTC"), ["hour"])
    assert np.abs(utc - calendar_columns(berlin, ["hour"])).max() > 0.2


def test_periods_count_from_their_start():
    months = pd.period_range("2024-01", periods=30, freq="M")
    starts = months.to_timestamp()
    names = ["month", "quarter", "yearday"]
    np.testing.assert_array_equal(calendar_columns(months, names), calendar_columns(starts, names))
    assert find_calendar(months, "auto") == ("month",)


@pytest.mark.parametrize(
    ("freq", "n", "names"),
    [
        ("h", 24 * 30, ("hour", "weekday")),
        ("h", 40, ()),
        ("h", 48, ("hour",)),
        ("h", 24 * 731, ("hour", "weekday", "yearday")),
        ("15min", 96 * 20, ("hour", "weekday")),
        ("D", 13, ()),
        ("D", 100, ("weekday",)),
        ("D", 731, ("weekday", "yearday")),
        ("B", 30, ("weekday",)),
        ("B", 60, ("weekday", "month_end")),
        ("B", 1000, ("weekday", "month_end")),
        ("W", 60, ()),
        ("W", 104, ("week",)),
        ("MS", 24, ("month",)),
        ("ME", 23, ()),
        ("QS", 8, ("quarter",)),
        ("YS", 40, ()),
    ],
)
@pytest.mark.parametrize("zone", [None, "America/New_York"])
def test_auto_takes_what_the_step_has_room_for_and_the_span_repeats(freq, n, names, zone):
    index = pd.date_range("2021-01-01", periods=n, freq=freq, tz=zone)
    assert find_calendar(index, "auto") == names


def test_auto_sees_business_days_in_a_market_with_holidays():
    days = pd.date_range("2024-01-01", periods=200, freq="B").delete([3, 50, 51, 120])
    assert find_calendar(days, "auto") == ("weekday", "month_end")


@pytest.mark.parametrize("index", [pd.RangeIndex(900), pd.timedelta_range("1h", periods=900)])
def test_auto_chooses_nothing_without_dates(index):
    assert find_calendar(index, "auto") == ()


def test_none_means_none_and_a_list_is_kept():
    assert find_calendar(HOURS, None) == ()
    assert find_calendar(HOURS[:1], "auto") == ()
    assert find_calendar(HOURS, ["weekend", "hour"]) == ("weekend", "hour")
    assert find_calendar(HOURS, []) == ()


def test_each_choice_says_what_it_is():
    assert explain_calendar(["hour", "weekday"]) == (
        "hour: time of day, 2 harmonics; weekday: 7 indicators"
    )
    assert explain_calendar([]) == "no calendar feature repeats twice in the index"


@pytest.mark.parametrize(
    ("index", "calendar", "message"),
    [
        (HOURS, "hour", "calendar='hour': expected one of 'auto', None"),
        (HOURS, ["hours"], "calendar='hours': expected one of 'minute', 'hour', 'weekday'"),
        (HOURS, ["hour", "hour"], "'hour' is named twice"),
        (pd.RangeIndex(9), ["hour"], r"calendar=\['hour'\]: the index is int64, it has no dates"),
    ],
)
def test_bad_calendars_are_refused(index, calendar, message):
    with pytest.raises(ValueError, match=message):
        find_calendar(index, calendar)
