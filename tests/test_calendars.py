from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tsrnn import GRUForecaster
from tsrnn.calendars import (
    BusinessDays,
    EqualSteps,
    IrregularSteps,
    Months,
    OffsetSteps,
    Sessions,
    calendar_of,
    observed_season,
)

# pandas' own date_range is the reference: every freq in every zone it is used in.
CLOCK = ["s", "10s", "min", "15min", "30min", "h", "6h", "250ms"]
DATES = ["D", "2D", "W", "W-WED", "2W", "B", "MS", "ME", "BMS", "BME", "2MS", "QS", "QE", "QE-NOV"]
YEARS = ["YS", "YE", "YE-JUN", "BQE", "6ME"]
ZONES = [None, "UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"]
# Around the changes of the clocks of 2024: spring and autumn in Berlin, New York and Lord Howe.
STARTS = ["2024-03-05 00:00", "2024-03-30 20:00", "2024-10-26 20:00"]
ALL = CLOCK + DATES + YEARS


def stamps(freq, zone=None, start="2024-03-05", n=60):
    if freq in ("h", "6h", "30min", "15min") and n == 60:
        n = 120  # a clock change lies inside
    return pd.date_range(start, periods=n, freq=freq, tz=zone)


def bare(index):
    """The same stamps without their freq."""
    return pd.DatetimeIndex(list(index)).as_unit(index.unit)


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("freq", ALL)
def test_stamps_that_follow_are_those_of_date_range(freq, zone, start):
    whole = stamps(freq, zone, start)
    for known in (whole[:40], bare(whole[:40])):
        calendar = calendar_of(known)
        future = calendar.after(known[-1:], len(whole) - 40)
        assert future.equals(whole[40:])
        assert future.dtype == whole.dtype
        assert (calendar.increments(whole) == 1).all()


@pytest.mark.parametrize("zone", [None, "Europe/Berlin"])
@pytest.mark.parametrize("freq", ALL)
def test_missing_rows_are_counted(freq, zone):
    whole = bare(stamps(freq, zone, "2024-03-25"))
    kept = np.sort(np.random.default_rng(0).permutation(len(whole))[: int(0.85 * len(whole))])
    calendar = calendar_of(whole[kept])
    np.testing.assert_array_equal(calendar.increments(whole[kept]), np.diff(kept))


@pytest.mark.parametrize("freq", ["h", "D", "W", "B", "MS", "ME", "QE", "YE"])
def test_a_short_index_with_a_freq_is_as_good_as_a_long_one(freq):
    whole = stamps(freq, n=20)
    for n in (1, 2, 3):
        assert calendar_of(whole[:n]).after(whole[n - 1 : n], 20 - n).equals(whole[n:])


@pytest.mark.parametrize(
    ("freq", "kind"),
    [
        ("h", EqualSteps),
        ("D", EqualSteps),
        ("W", EqualSteps),
        ("B", BusinessDays),
        ("MS", Months),
        ("QE", Months),
        ("YE", Months),
    ],
)
def test_kind_of_calendar(freq, kind):
    assert isinstance(calendar_of(bare(stamps(freq))), kind)


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("later", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("freq", ["h", "D", "B", "MS"])
def test_a_later_index_may_be_held_in_another_unit(freq, unit, later):
    whole = stamps(freq)
    calendar = calendar_of(whole[:40].as_unit(unit))
    assert (calendar.increments(whole.as_unit(later)) == 1).all()
    future = calendar.after(whole[39:40].as_unit(later), 20)
    assert future.equals(whole[40:60]) and future.unit == later


def test_irregular_stamps_in_nanoseconds_are_exact():
    start = pd.Timestamp("2024-01-01 09:30:00.000000001").as_unit("ns")
    index = start + pd.to_timedelta(np.cumsum([0, 1, 4, 3, 9, 3, 7, 3, 2, 8]), unit="s").as_unit(
        "ns"
    )
    future = calendar_of(index).after(index[-1:], 2)
    assert (future - index[-1]).tolist() == [pd.Timedelta("3s"), pd.Timedelta("6s")]


def test_names_survive():
    for freq in ("h", "B", "MS"):
        index = stamps(freq).rename("date")
        assert calendar_of(index).after(index[-1:], 2).name == "date"
    months = pd.period_range("2024-01", periods=5, freq="M", name="month")
    assert calendar_of(months).after(months[-1:], 1).name == "month"


# business days and sessions --------------------------------------------------------------------


def test_an_exchange_holiday_is_one_missing_business_day():
    days = pd.bdate_range("2024-06-24", "2024-07-12").drop("2024-07-04")
    calendar = calendar_of(days)
    at = days.get_loc("2024-07-05")
    increments = calendar.increments(days)
    assert increments[at - 1] == 2 and np.delete(increments, at - 1).max() == 1
    assert calendar.after(days[-1:], 2).strftime("%a %d").tolist() == ["Mon 15", "Tue 16"]


def test_a_week_of_daily_rows_is_daily():
    days = pd.DatetimeIndex(["2024-07-01", "2024-07-02", "2024-07-03", "2024-07-04", "2024-07-05"])
    assert calendar_of(days).after(days[-1:], 1)[0] == pd.Timestamp("2024-07-06")


def test_closing_times_keep_their_hour_when_the_clocks_change():
    days = pd.bdate_range("2024-02-26", "2024-03-08", tz="America/New_York") + pd.Timedelta("16h")
    future = calendar_of(days).after(days[-1:], 2)
    assert [str(stamp) for stamp in future] == [
        "2024-03-11 16:00:00-04:00",
        "2024-03-12 16:00:00-04:00",
    ]


EXCHANGE = [f"{hour:02}:30" for hour in range(9, 16)]
FLOOR = [f"{hour:02}:00" for hour in range(9, 17)]
SHOP = [f"{hour:02}:00" for hour in range(8, 21)]
FIVE_MINUTES = pd.timedelta_range("9h30min", "15h55min", freq="5min")
NIGHT_SHIFT = ["00:00", "01:00", "02:00", "03:00", "22:00", "23:00"]
SIX_DAYS = "Mon Tue Wed Thu Fri Sat"
WEEK = "Mon Tue Wed Thu Fri Sat Sun"
SESSIONS = {
    "hours from half past": ("Mon Tue Wed Thu Fri", EXCHANGE),
    "hours": ("Mon Tue Wed Thu Fri", FLOOR),
    "five minutes": ("Mon Tue Wed Thu Fri", FIVE_MINUTES),
    "six days": (SIX_DAYS, FLOOR),
    "shop": (WEEK, SHOP),
    "from Sunday": ("Sun Mon Tue Wed Thu", FLOOR),
    "two a day": ("Mon Tue Wed Thu Fri", ["11:30", "17:35"]),
    "lunch": ("Mon Tue Wed Thu Fri", ["09:00", "10:00", "11:00", "13:00", "14:00"]),
    "night shift": (WEEK, NIGHT_SHIFT),
}


def bars_of(days, times):
    """Bars at some times of some days."""
    times = [pd.Timedelta(f"{time}:00") if isinstance(time, str) else time for time in times]
    return pd.DatetimeIndex([day + time for day in days for time in times]).as_unit("us")


def session_bars(name, start="2024-02-05", days=40, zone=None):
    weekmask, times = SESSIONS[name]
    naive = bars_of(pd.bdate_range(start, periods=days, freq="C", weekmask=weekmask), times)
    # The clocks of spring leave out hours of a night; no zone has those bars.
    return naive.tz_localize(zone, nonexistent="NaT", ambiguous=np.ones(len(naive), bool)).dropna()


@pytest.mark.parametrize("zone", [None, "America/New_York"])
@pytest.mark.parametrize("start", ["2024-02-05", "2024-10-07"])  # the clocks change on the way
@pytest.mark.parametrize("name", SESSIONS)
def test_bars_of_sessions_go_on_with_those_of_the_next_days(name, start, zone):
    whole = session_bars(name, start, zone=zone).rename("bar")
    n = 12 * len(SESSIONS[name][1]) + 1
    calendar = calendar_of(whole[:n])
    assert isinstance(calendar, Sessions)
    future = calendar.after(whole[n - 1 : n], len(whole) - n)
    assert future.equals(whole[n:])
    assert (future.dtype, future.name) == (whole.dtype, "bar")
    assert (calendar.increments(whole) == 1).all()


@pytest.mark.parametrize("zone", [None, "America/New_York"])
@pytest.mark.parametrize("name", SESSIONS)
def test_bars_missing_from_sessions_are_counted(name, zone):
    whole = session_bars(name, zone=zone)
    kept = np.sort(np.random.default_rng(0).permutation(len(whole))[: int(0.9 * len(whole))])
    calendar = calendar_of(whole[kept])
    np.testing.assert_array_equal(calendar.increments(whole[kept]), np.diff(kept))
    far = np.array([0, 3, len(whole) - 1])
    np.testing.assert_array_equal(calendar.increments(whole[far]), np.diff(far))


def test_a_holiday_is_one_session_of_missing_steps():
    days = pd.bdate_range("2024-06-24", "2024-07-12")
    calendar = calendar_of(bars_of(days.drop("2024-07-04"), EXCHANGE))
    assert calendar.weekmask == "1111100"
    over = pd.DatetimeIndex(["2024-07-03 15:30", "2024-07-05 09:30", "2024-07-08 09:30"])
    assert calendar.increments(over).tolist() == [8, 7]


def test_a_half_day_is_missing_its_afternoon():
    bars = session_bars("hours from half past")
    afternoon = (bars.normalize() == "2024-02-14") & (bars.hour >= 13)
    increments = calendar_of(bars[~afternoon]).increments(bars[~afternoon])
    assert np.sort(increments)[-2:].tolist() == [1, 1 + afternoon.sum()]


def test_a_stamp_beside_the_slots_is_one_step_and_the_next_slot_another():
    bars = session_bars("hours from half past")
    odd = bars.append(pd.DatetimeIndex(["2024-02-14 10:47", "2024-02-17 12:00"])).sort_values()
    calendar = calendar_of(odd)
    assert calendar == calendar_of(bars)
    assert (calendar.increments(odd) == 1).all()
    saturday = pd.DatetimeIndex(["2024-02-17 12:00"])
    assert calendar.after(saturday, 1)[0] == pd.Timestamp("2024-02-19 09:30")


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("later", ["s", "ms", "us", "ns"])
def test_later_bars_may_be_held_in_another_unit(unit, later):
    bars = session_bars("hours")
    calendar = calendar_of(bars[:200].as_unit(unit))
    assert (calendar.increments(bars.as_unit(later)) == 1).all()
    future = calendar.after(bars[199:200].as_unit(later), len(bars) - 200)
    assert future.equals(bars[200:]) and future.unit == later


def test_a_year_of_bars_held_in_utc_has_the_slots_of_summer_and_winter():
    local = session_bars("hours from half past", "2024-01-01", 260, "America/New_York")
    bars = local.tz_convert("UTC")
    calendar = calendar_of(bars)
    assert len(calendar.slots) == len(EXCHANGE) + 1
    # One of the eight is missing each day, and none stands beside them.
    assert np.bincount(calendar.increments(bars))[1:].sum() == len(bars) - 1
    assert calendar.increments(bars).sum() == 8 * 259 + 7 - 1


def test_one_week_of_bars_ends_with_a_weekend_and_a_monday_missed_once_is_open():
    week = bars_of(pd.bdate_range("2024-03-04", periods=5), EXCHANGE)
    assert calendar_of(week).after(week[-1:], 1)[0] == pd.Timestamp("2024-03-11 09:30")
    days = pd.bdate_range("2024-05-22", "2024-05-29").drop("2024-05-27")  # Memorial Day
    assert calendar_of(bars_of(days, EXCHANGE)).weekmask == "1111100"


def test_a_weekday_open_once_in_many_weeks_stays_closed():
    bars = session_bars("hours from half past")
    special = bars.union(bars_of([pd.Timestamp("2024-03-02")], EXCHANGE))
    assert calendar_of(special).weekmask == "1111100"


@pytest.mark.parametrize(
    ("name", "days", "seasons"),
    [
        ("hours", 9, (8,)),
        ("hours", 10, (8, 40)),
        ("six days", 12, (8, 48)),
        ("shop", 13, (13,)),
        ("shop", 14, (13, 91)),
        ("five minutes", 40, (78, 390)),
    ],
)
def test_seasons_of_sessions_are_a_day_and_with_two_weeks_a_week(name, days, seasons):
    bars = session_bars(name, days=days)
    assert calendar_of(bars).seasons == seasons
    assert observed_season(bars) == seasons[0]


@pytest.mark.parametrize("share", [0.55, 0.7, 0.85])
@pytest.mark.parametrize("days", [5, 6, 8, 14, 60])
@pytest.mark.parametrize("freq", ["h", "30min", "6h"])
def test_gaps_in_steps_round_the_clock_make_no_sessions(freq, days, share):
    whole = pd.date_range("2024-03-04", periods=days * 24, freq="h").to_series().resample(freq)
    whole = pd.DatetimeIndex(whole.first().index)
    for seed in range(10):
        kept = np.random.default_rng(seed).random(len(whole)) < share
        assert not isinstance(calendar_of(bare(whole[kept])), Sessions)


def test_steps_round_the_clock_with_a_break_or_without_weekends_stay_equal_steps():
    hours = pd.date_range("2024-03-04", periods=24 * 28, freq="h")
    assert isinstance(calendar_of(bare(hours[hours.hour != 17])), EqualSteps)
    assert isinstance(calendar_of(bare(hours[hours.day_of_week < 5])), EqualSteps)
    missing = hours[(hours < "2024-03-08") | (hours >= "2024-03-11")][: 24 * 8]
    assert isinstance(calendar_of(bare(missing)), EqualSteps)


@pytest.mark.parametrize(
    "index",
    [
        session_bars("hours", days=4),
        bars_of(pd.date_range("2024-03-04", periods=30), ["09:00"]),
        pd.DatetimeIndex(
            pd.Timestamp("2024-03-04") + pd.to_timedelta(np.cumsum(np.arange(200) % 7 + 1), "h")
        ),
        pd.date_range("2024-03-04", periods=90, freq="36h"),
    ],
    ids=["four days", "one bar a day", "times that roam", "36 hours"],
)
def test_what_is_not_clearly_sessions_is_none(index):
    assert not isinstance(calendar_of(bare(index)), Sessions)


def test_few_days_of_bars_are_irregular_with_a_season_of_a_day():
    bars = session_bars("hours from half past", days=4)
    calendar = calendar_of(bars)
    assert isinstance(calendar, IrregularSteps)
    assert (calendar.increments(bars) == 1).all()
    assert calendar.seasons == (7,)
    assert observed_season(bars) == 7
    assert calendar.after(bars[-1:], 1)[0] - bars[-1] == pd.Timedelta("1h")


@pytest.mark.parametrize("zone", [None, "America/New_York"])
def test_a_forecaster_goes_on_with_bars_of_sessions(zone):
    whole = session_bars("hours", days=40, zone=zone)
    bars, later = whole[:200], whole[200:]
    y = pd.Series(np.sin(np.arange(200) * 2 * np.pi / 8), bars, name="price")
    X = pd.DataFrame({"volume": np.cos(np.arange(len(whole)))}, whole)
    forecaster = GRUForecaster(horizon=10, hidden_size=4, max_epochs=1, random_state=0)
    alone = forecaster.fit(None, y).predict()
    assert alone.index.equals(later[:10]) and np.isfinite(alone).all()
    # The record ends on a Friday; the Monday after it is a holiday.
    open_again = later[8:18]
    assert calendar_of(bars).increments(bars[-1:].append(open_again[:1])) == 9
    after = forecaster.fit(X.loc[bars], y).predict(X.loc[open_again])
    assert after.index.equals(open_again) and np.isfinite(after).all()


def test_irregular_stamps_count_rows_and_go_on_at_the_median_step():
    index = pd.DatetimeIndex(["2024-01-01", "2024-01-02", "2024-01-05", "2024-01-09", "2024-01-20"])
    calendar = calendar_of(index)
    assert calendar.increments(index).tolist() == [1, 1, 1, 1]
    assert calendar.after(index[-1:], 2).tolist() == [
        pd.Timestamp("2024-01-23 12:00"),
        pd.Timestamp("2024-01-27"),
    ]
    far = pd.DatetimeIndex(["2024-01-20", "2024-02-24"])  # 35 days, at 3.5 days a step
    assert calendar.increments(far).tolist() == [10]


def test_a_gap_of_five_days_in_daily_rows_is_five_missing_steps():
    index = pd.date_range("2024-01-01", periods=30).delete(range(10, 15))
    calendar = calendar_of(index)
    assert calendar.increments(index).max() == 6
    assert calendar.after(index[-1:], 1)[0] == pd.Timestamp("2024-01-31")


# months ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("day", [10, 29, 30])
def test_a_day_of_the_month_is_cut_at_the_end_of_short_months(day):
    first = pd.date_range("2023-01-01", periods=14, freq="MS")
    index = pd.DatetimeIndex([m.replace(day=min(day, m.days_in_month)) for m in first])
    assert calendar_of(index[:12]).after(index[11:12], 2).equals(index[12:])


def test_two_months_are_enough_and_two_days_across_a_month_end_are_days():
    months = pd.DatetimeIndex(["2024-01-31", "2024-02-29"])
    assert calendar_of(months).after(months[-1:], 1)[0] == pd.Timestamp("2024-03-31")
    days = pd.DatetimeIndex(["2024-01-31", "2024-02-01"])
    assert calendar_of(days).after(days[-1:], 1)[0] == pd.Timestamp("2024-02-02")
    hours = pd.DatetimeIndex(["2024-01-31 23:00", "2024-02-01 00:00"])
    assert calendar_of(hours).after(hours[-1:], 1)[0] == pd.Timestamp("2024-02-01 01:00")


def test_a_missing_month_is_counted():
    index = pd.date_range("2023-01-31", periods=12, freq="ME").delete(5)
    assert calendar_of(index).increments(index).tolist() == [1, 1, 1, 1, 2, 1, 1, 1, 1, 1]


# other indexes ---------------------------------------------------------------------------------


@pytest.mark.parametrize("freq", ["M", "Q", "Y", "D", "h", "W", "2M"])
def test_periods_go_on(freq):
    whole = pd.period_range("2020-01", periods=30, freq=freq)
    calendar = calendar_of(whole[:20])
    future = calendar.after(whole[19:20], 10)
    assert future.equals(whole[20:]) and future.dtype == whole.dtype
    assert calendar.increments(whole[[0, 1, 4]]).tolist() == [1, 3]


@pytest.mark.parametrize(
    "whole",
    [
        pd.RangeIndex(30),
        pd.RangeIndex(7, 67, 2),
        pd.Index(np.arange(30, dtype=np.int32)),
        pd.Index(np.arange(30) * 0.1),
        pd.Index(1e9 + np.arange(30) * 0.25),
        pd.timedelta_range("0s", periods=30, freq="250ms"),
        pd.Index(np.arange(5, 35, dtype=np.uint64)),
    ],
    ids=["default", "step 2", "int32", "tenths", "large floats", "elapsed time", "unsigned"],
)
def test_numbers_and_elapsed_time_go_on(whole):
    calendar = calendar_of(whole[:20])
    future = calendar.after(whole[19:20], 10)
    assert future.dtype == whole.dtype
    if whole.dtype == float:
        np.testing.assert_allclose(future, whole[20:], rtol=1e-14)
    else:
        assert future.equals(pd.Index(whole[20:]))
    assert calendar.increments(whole[[0, 1, 4, 19]]).tolist() == [1, 3, 15]


@pytest.mark.parametrize(
    ("single", "following"),
    [
        (pd.DatetimeIndex(["2024-01-01"]), pd.Timestamp("2024-01-02")),
        (pd.PeriodIndex(["2024-01"], freq="M"), pd.Period("2024-02")),
        (pd.Index([5]), 6),
        (pd.Index([2.5]), 3.5),
        (pd.TimedeltaIndex(["2h"]), pd.Timedelta("1 days 2h")),
    ],
)
def test_a_single_stamp_is_followed_by_the_next_unit(single, following):
    calendar = calendar_of(single)
    assert calendar.after(single, 1)[0] == following
    assert calendar.increments(single).tolist() == []


# seasons ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("freq", "seasons", "m4"),
    [
        ("30min", (48, 336), 48),
        ("h", (24, 168), 24),
        ("6h", (4, 28), 4),
        ("D", (7,), 1),
        ("B", (5,), 1),
        ("W", (52,), 1),
        ("MS", (12,), 12),
        ("ME", (12,), 12),
        ("QE", (4,), 4),
        ("YE", (), 1),
        ("2D", (), 1),
        ("7h", (), 1),
    ],
)
def test_seasons_are_a_day_a_week_and_a_year(freq, seasons, m4):
    for index in (bare(stamps(freq)), bare(stamps(freq, "Europe/Berlin"))):
        expected = (24,) if freq == "7h" else seasons  # 24 times 7 hours are a week
        assert calendar_of(index).seasons == expected
        assert observed_season(index) == (24 if freq == "7h" else m4)


@pytest.mark.parametrize(("freq", "season"), [("M", 12), ("Q", 4), ("h", 24), ("Y", 1), ("D", 1)])
def test_periods_have_the_seasons_of_their_stamps(freq, season):
    assert observed_season(pd.period_range("2020-01", periods=30, freq=freq)) == season


def test_numbers_have_no_season():
    assert calendar_of(pd.RangeIndex(100)).seasons == ()
    assert observed_season(pd.RangeIndex(100)) == 1


# daylight saving -------------------------------------------------------------------------------


def test_hours_across_the_changes_are_all_one_step():
    for start, hours in (("2024-03-31", 23), ("2024-10-27", 25)):
        index = pd.date_range(start, periods=hours + 1, freq="h", tz="Europe/Berlin")
        assert index[-1].hour == 0 and (index[-1] - index[0]) == pd.Timedelta(hours, "h")
        assert (calendar_of(bare(index)).increments(index) == 1).all()


def test_a_naive_clock_in_spring_has_one_missing_hour():
    index = pd.date_range("2024-03-30", periods=60, freq="h").drop("2024-03-31 02:00")
    assert calendar_of(index).increments(index).tolist().count(2) == 1


def test_a_day_at_an_hour_that_does_not_exist_is_shifted_forward():
    index = pd.date_range("2024-03-20 02:30", periods=11, freq="D", tz="Europe/Berlin")
    future = calendar_of(index).after(index[-1:], 2)
    assert [str(s) for s in future] == ["2024-03-31 03:00:00+02:00", "2024-04-01 02:30:00+02:00"]


def test_a_day_at_an_hour_that_comes_twice_takes_the_first():
    index = pd.date_range("2024-10-15 02:30", periods=12, freq="D", tz="Europe/Berlin")
    assert str(calendar_of(index).after(index[-1:], 1)[0]) == "2024-10-27 02:30:00+02:00"


HOLIDAYS = ["2024-03-29", "2024-04-01", "2024-05-01"]  # Good Friday, Easter Monday, May Day
OFFSETS = [
    pd.offsets.CustomBusinessDay(holidays=HOLIDAYS),
    pd.offsets.CustomBusinessDay(weekmask="Sun Mon Tue Wed Thu"),
    pd.offsets.CustomBusinessDay(2, holidays=HOLIDAYS),
    pd.offsets.BusinessHour(),
    pd.offsets.CustomBusinessHour(holidays=HOLIDAYS, start="08:30", end="17:30"),
    pd.offsets.WeekOfMonth(week=2, weekday=4),
    pd.offsets.LastWeekOfMonth(weekday=0),
    pd.offsets.SemiMonthEnd(),
    pd.offsets.CustomBusinessMonthEnd(holidays=HOLIDAYS),
    pd.offsets.Easter(),
    pd.offsets.BusinessDay(2),
    pd.offsets.DateOffset(months=1, days=3),
]


@pytest.mark.parametrize("zone", [None, "Europe/Berlin"])
@pytest.mark.parametrize("offset", OFFSETS, ids=str)
def test_an_offset_in_the_index_is_followed(offset, zone):
    whole = pd.date_range("2024-03-05", periods=60, freq=offset, tz=zone, name="when")
    calendar = calendar_of(whole[:40])
    assert isinstance(calendar, OffsetSteps)
    future = calendar.after(whole[39:40], 20)
    assert future.equals(whole[40:])
    assert (future.dtype, future.name) == (whole.dtype, "when")
    kept = np.sort(np.random.default_rng(0).permutation(60)[:40])
    np.testing.assert_array_equal(calendar.increments(bare(whole)[kept]), np.diff(kept))


def test_a_holiday_of_the_offset_is_no_missing_step():
    days = pd.date_range("2024-03-21", periods=8, freq=OFFSETS[0])  # the 28th, then the 2nd
    assert calendar_of(days).increments(days).tolist() == [1] * 7
    assert calendar_of(bare(days)).increments(days).tolist() == [1, 1, 1, 1, 1, 3, 1]


def test_stamps_off_the_grid_of_an_offset_count_at_least_one_step():
    calendar = OffsetSteps(OFFSETS[0])
    stamps = pd.DatetimeIndex(["2024-03-28", "2024-03-29", "2024-03-30", "2024-04-03"])
    assert calendar.increments(stamps).tolist() == [1, 1, 2]
    assert calendar.after(stamps[1:2], 2).day.tolist() == [2, 3]


@pytest.mark.parametrize("unit", ["s", "ns"])
def test_an_offset_keeps_unit_and_time_of_day(unit):
    close = pd.DatetimeIndex(["2024-03-28 17:30"], name="close").as_unit(unit)
    following = OffsetSteps(OFFSETS[0]).after(close, 2)
    assert following.strftime("%d %H:%M").tolist() == ["02 17:30", "03 17:30"]
    assert following.dtype == close.dtype
    assert following.name == "close"


def test_an_offset_at_an_hour_that_does_not_exist_is_shifted_forward():
    night = pd.DatetimeIndex(["2024-03-28 02:30"], tz="Europe/Berlin")
    days = pd.offsets.CustomBusinessDay(weekmask="Thu Fri Sat Sun Mon")
    following = OffsetSteps(days).after(night, 4)
    assert following.strftime("%d %H:%M").tolist() == [
        "29 02:30",
        "30 02:30",
        "31 03:00",
        "01 02:30",
    ]
    assert calendar_of(night, "D").after(night, 3).equals(following[:3])


@pytest.mark.parametrize(
    ("offset", "seasons"),
    [
        *((OFFSETS[0], (5,)), (OFFSETS[1], (5,)), (OFFSETS[2], ()), (OFFSETS[3], (8,))),
        *((OFFSETS[4], (9,)), (OFFSETS[6], (12,)), (OFFSETS[7], ()), (OFFSETS[9], ())),
        (pd.offsets.CustomBusinessDay(weekmask="Mon Tue Wed Thu Fri Sat"), (6,)),
    ],
)
def test_seasons_of_offsets_are_a_week_a_day_or_a_year(offset, seasons):
    assert OffsetSteps(offset).seasons == seasons


@pytest.mark.parametrize(
    ("freq", "kind"), [("B", BusinessDays), ("C", OffsetSteps), ("QE", Months), ("h", EqualSteps)]
)
def test_a_freq_that_is_given_counts_in_place_of_the_stamps(freq, kind):
    stamps = pd.DatetimeIndex(["2024-01-01", "2024-01-09", "2024-01-10"])
    calendar = calendar_of(stamps, freq)
    assert isinstance(calendar, kind)
    whole = pd.date_range("2024-06-28", periods=4, freq=freq)
    assert calendar.after(whole[:1], 3).equals(whole[1:])


@pytest.mark.parametrize(
    ("index", "freq", "message"),
    [
        (
            pd.DatetimeIndex(["2024-01-01"]),
            "fortnight",
            "freq='fortnight': expected a pandas offset",
        ),
        (pd.RangeIndex(9), "D", "freq='D', but the index is int64: expected dates"),
    ],
)
def test_a_bad_freq_is_refused(index, freq, message):
    with pytest.raises(ValueError, match=message):
        calendar_of(index, freq)


def test_an_outage_between_irregular_stamps_is_a_gap():
    rng = np.random.default_rng(0)
    seconds = np.cumsum(rng.exponential(60, size=300))
    seconds[150:] += 30 * 86_400
    stamps = pd.Timestamp("2024-01-01") + pd.to_timedelta(seconds.round(3), unit="s")
    increments = calendar_of(stamps).increments(stamps)
    assert increments[149] > 10_000
    assert (np.delete(increments, 149) == 1).all()


@pytest.mark.parametrize(("freq", "rows"), [("D", "h"), ("B", "D"), ("MS", "W")])
def test_a_freq_whose_steps_hold_several_rows_is_refused(freq, rows):
    index = pd.date_range("2024-01-05", periods=60, freq=rows)
    with pytest.raises(ValueError, match=rf"freq='{freq}': 60 rows from 2024-01-0. .* lie within"):
        calendar_of(index, freq)
