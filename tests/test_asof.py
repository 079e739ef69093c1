"""Covariates in vintages: against a loop by hand, as scikit-learn slices them, what is refused."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.model_selection import TimeSeriesSplit, cross_val_score
from sklearn.preprocessing import StandardScaler
from sklearn.utils import _safe_indexing, check_consistent_length, indexable

from tsrnn import ARIMA
from tsrnn.asof import AsOf

DAYS = pd.date_range("2024-01-01", periods=30)


def random_vintages(seed, names=("a",), n=150):
    """Vintages about 20 days, issued early, at once or as late revisions, some days without."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "place": rng.choice(list(names), n),
            "day": DAYS[5:25][rng.integers(0, 20, n)],
            "issued": DAYS[rng.integers(0, 30, n)],
            "temperature": rng.normal(size=n),
            "wind": rng.normal(size=n),
        }
    ).drop_duplicates(["place", "day", "issued"])
    return frame[frame["day"] != DAYS[9]]


def by_hand(frame, target, issued_by, place=None):
    """The newest vintage, found by looking at every row."""
    best, answer = None, [np.nan, np.nan]
    for row in frame.itertuples():
        meant = row.day == target and (place is None or row.place == place)
        if meant and row.issued <= issued_by and (best is None or row.issued > best):
            best, answer = row.issued, [row.temperature, row.wind]
    return answer


@pytest.fixture
def frame():
    return random_vintages(0).drop(columns="place")


@pytest.fixture
def weather(frame):
    return AsOf(frame, "day", "issued")


@pytest.mark.parametrize("seed", range(5))
def test_values_equal_a_loop_over_all_vintages(seed):
    frame = random_vintages(seed).drop(columns="place")
    weather = AsOf(frame, "day", "issued")
    rng = np.random.default_rng(seed)
    targets, issued_by = DAYS[rng.integers(0, 30, 300)], DAYS[rng.integers(0, 30, 300)]
    expected = [by_hand(frame, *pair) for pair in zip(targets, issued_by, strict=True)]
    np.testing.assert_array_equal(weather.values(targets, issued_by), expected)
    assert 0.1 < np.isnan(expected).mean() < 0.9


@pytest.mark.parametrize("seed", range(3))
def test_values_of_a_panel_equal_a_loop_over_all_vintages(seed):
    frame = random_vintages(seed, names=["b", "a", "c"], n=300)
    weather = AsOf(frame, "day", "issued", series="place")
    rng = np.random.default_rng(seed)
    places = rng.choice(["a", "b", "c", "nowhere"], 200)
    targets, issued_by = DAYS[rng.integers(0, 30, 200)], DAYS[rng.integers(0, 30, 200)]
    expected = np.array(
        [by_hand(frame, *asked) for asked in zip(targets, issued_by, places, strict=True)]
    )
    rows = pd.MultiIndex.from_arrays([places, targets])
    np.testing.assert_array_equal(weather.values(rows, issued_by), expected)
    of_a = places == "a"
    found = weather.values(targets[of_a], issued_by[of_a], key="a")
    np.testing.assert_array_equal(found, expected[of_a])


@pytest.mark.parametrize(
    "convert",
    [
        lambda times: times.as_unit("s"),
        lambda times: times.tz_localize("Europe/Berlin"),
        lambda times: times.to_period("D"),
        lambda times: times.day_of_year,
        lambda times: times - times[0].normalize() + pd.Timedelta("0D"),
    ],
)  # fmt: skip
def test_any_kind_of_time_gives_the_same_answers(frame, weather, convert):
    days = pd.Index(DAYS)
    told = dict(zip(days, convert(days), strict=True))
    other = frame.assign(day=frame["day"].map(told), issued=frame["issued"].map(told))
    targets, issued_by = days[np.arange(200) % 30], days[np.arange(200) % 29]
    expected = weather.values(targets, issued_by)
    assert np.isfinite(expected).any()
    answers = AsOf(other, "day", "issued").values(convert(targets), convert(issued_by))
    np.testing.assert_array_equal(answers, expected)


def test_time_zones_may_differ_and_instants_count(frame, weather):
    utc = frame.assign(
        day=frame["day"].dt.tz_localize("UTC"),
        issued=frame["issued"].dt.tz_localize("UTC").dt.tz_convert("Asia/Tokyo"),
    )
    asked = DAYS.tz_localize("UTC").tz_convert("America/New_York")
    answers = AsOf(utc, "day", "issued").values(asked, asked)
    np.testing.assert_array_equal(answers, weather.values(DAYS, DAYS))


def test_a_moment_before_the_issue_is_too_early_in_any_unit():
    frame = pd.DataFrame({"day": DAYS[1:2], "issued": DAYS[:1], "x": [1.0]})
    weather = AsOf(frame.astype({"issued": "datetime64[s]"}), "day", "issued")
    before = DAYS[0].as_unit("ns") - pd.Timedelta(1, unit="ns")
    assert np.isnan(weather.values(DAYS[1:2], before)).all()
    assert weather.values(DAYS[1:2], DAYS[0]) == 1.0
    assert np.isnan(weather.values(DAYS[1:2] + pd.Timedelta("1ms"), DAYS[5])).all()


def test_before_the_first_issue_nothing_is_known(frame):
    late = AsOf(frame[frame["issued"] >= DAYS[10]], "day", "issued")
    answers = late.values(DAYS[5:25], DAYS[9])
    assert np.isnan(answers).all()
    assert np.isnan(late.values(DAYS[5:7], pd.DatetimeIndex([pd.NaT, pd.NaT]))).all()


def test_the_units_of_both_times_may_differ():
    noon = pd.Timestamp("2024-01-01 12:00:00.5")
    frame = pd.DataFrame({"day": DAYS[1:2].as_unit("s"), "issued": [noon], "x": [1.0]})
    weather = AsOf(frame, "day", "issued")
    assert weather.values(DAYS[1:2], noon) == 1.0
    assert np.isnan(weather.values(DAYS[1:2], noon.floor("s"))).all()


def test_a_missing_value_of_the_newest_vintage_is_missing(frame, weather):
    newest = frame["issued"] == frame.groupby("day")["issued"].transform("max")
    gone = AsOf(frame.assign(wind=frame["wind"].mask(newest)), "day", "issued")
    answers = gone.values(gone.index, DAYS[-1])
    assert np.isnan(answers[:, 1]).all()
    np.testing.assert_array_equal(answers[:, 0], weather.values(weather.index, DAYS[-1])[:, 0])


def test_the_order_of_the_frame_says_nothing(frame, weather):
    shuffled = AsOf(frame.sample(frac=1, random_state=0), "day", "issued")
    targets, issued_by = DAYS[np.arange(99) % 30], DAYS[np.arange(99) % 29]
    expected = weather.values(targets, issued_by)
    np.testing.assert_array_equal(shuffled.values(targets, issued_by), expected)
    assert shuffled.index.equals(weather.index)


def test_until_knows_what_had_been_issued_and_nothing_later(frame, weather):
    then = weather.until(DAYS[12])
    known = AsOf(frame[frame["issued"] <= DAYS[12]], "day", "issued")
    for issued_by in (DAYS[8], DAYS[12], DAYS[29]):
        answers = then.values(DAYS, issued_by)
        np.testing.assert_array_equal(answers, known.values(DAYS, issued_by))
    assert then.index.equals(weather.index)
    assert np.isnan(weather.until(DAYS[0] - pd.Timedelta("1D")).values(DAYS, DAYS[29])).all()
    assert "issued none" in repr(weather.until(DAYS[0] - pd.Timedelta("1D")))


def test_the_rows_meant_are_all_targets_until_told_otherwise(frame, weather):
    assert weather.index.equals(pd.DatetimeIndex(sorted(set(frame["day"]))).rename("day"))
    assert weather.shape == (len(weather), 2) == (len(set(frame["day"])), 2)
    other = weather.reindex(DAYS[3:8])
    assert other.index.equals(DAYS[3:8])
    assert len(weather) == len(set(frame["day"]))


def test_the_rows_of_a_panel_are_the_pairs_that_occur():
    frame = random_vintages(1, names=["b", "a"], n=40)
    weather = AsOf(frame, "day", "issued", series="place")
    expected = sorted(set(zip(frame["place"], frame["day"], strict=True)))
    assert weather.index.tolist() == expected
    assert weather.index.names == ["place", "day"]
    assert weather.columns == ["temperature", "wind"]


@pytest.mark.parametrize("rows", [[4, 2], slice(3, 9, 2), np.arange(15) % 3 == 0, 5])
def test_scikit_learn_chooses_rows_as_of_a_frame(weather, rows):
    weather = weather.reindex(DAYS[:15])
    labels = pd.Series(range(15), index=DAYS[:15])
    expected = np.atleast_1d(_safe_indexing(labels.to_numpy(), rows))
    assert labels[_safe_indexing(weather, rows).index].tolist() == list(expected)
    assert labels[weather[rows].index].tolist() == list(expected)
    assert len(weather[[]]) == 0


def test_rows_are_chosen_by_position_only(weather):
    with pytest.raises(TypeError, match=r"by position, got .*; for labels use reindex\(index\)"):
        weather["2024-01-05"]
    with pytest.raises(ValueError, match="axis=1: expected 0, rows are taken"):
        weather.take([0], axis=1)
    with pytest.raises(IndexError):
        weather.take([99])


def test_scikit_learn_finds_as_many_rows_as_in_y(weather):
    y = pd.Series(0.0, index=DAYS)
    X, y = indexable(weather.reindex(y.index), y)
    check_consistent_length(X, y)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        check_consistent_length(weather, y)


def test_a_frame_holds_what_each_row_knew_at_its_own_time(frame, weather):
    expected = [by_hand(frame, day, day) for day in weather.index]
    found = weather.to_frame()
    np.testing.assert_array_equal(found, expected)
    assert found.index.equals(weather.index) and found.columns.tolist() == weather.columns


def test_vintages_never_become_an_array_unnoticed(weather):
    """A scaler in a pipeline would read them as known at their own time: a leak."""
    with pytest.raises(TypeError, match=r"an AsOf is no array.*Give it to a forecaster itself"):
        np.asarray(weather)
    with pytest.raises(TypeError, match="an AsOf is no array"):
        StandardScaler().fit(weather)


def test_cross_val_score_takes_vintages_as_X():
    rng = np.random.default_rng(0)
    truth = rng.normal(size=30)
    frame = pd.DataFrame(
        {
            "day": DAYS.repeat(3),
            "issued": DAYS.repeat(3) + pd.to_timedelta(np.tile([-21, -20, 1], 30), unit="D"),
            "x": np.column_stack([truth + rng.normal(size=30), truth, 0 * truth]).ravel(),
        }
    )
    y = pd.Series(3 * truth, index=DAYS)  # as issued 20 days before; revised to 0 a day later
    X = AsOf(frame, "day", "issued").reindex(y.index)
    scores = cross_val_score(ARIMA((0, 0, 0)), X, y, cv=TimeSeriesSplit(3))
    assert (scores > 0.99).all()


@pytest.mark.parametrize(
    "twin", [copy.copy, copy.deepcopy, lambda X: pickle.loads(pickle.dumps(X))]
)
def test_a_copy_answers_the_same(weather, twin):
    answers = twin(weather).values(DAYS, DAYS)
    np.testing.assert_array_equal(answers, weather.values(DAYS, DAYS))


@pytest.mark.parametrize("zone", [None, "Europe/Berlin"])
def test_a_polars_frame_is_read(frame, zone):
    if zone is not None:
        frame = frame.assign(
            day=frame["day"].dt.tz_localize(zone), issued=frame["issued"].dt.tz_localize(zone)
        )
    days = DAYS.tz_localize(zone)
    polars = pl.DataFrame({name: frame[name].tolist() for name in frame})
    if zone is not None:
        polars = polars.with_columns(pl.col("day", "issued").dt.convert_time_zone(zone))
    answers = AsOf(polars, "day", "issued").values(days, days)
    np.testing.assert_array_equal(answers, AsOf(frame, "day", "issued").values(days, days))


def test_categories_name_series(frame):
    named = frame.assign(place=pd.Categorical(np.where(np.arange(len(frame)) % 2, "a", "b")))
    plain = frame.assign(place=named["place"].astype(str))
    found = AsOf(named, "day", "issued", series="place").values(DAYS, DAYS, key="a")
    expected = AsOf(plain, "day", "issued", series="place").values(DAYS, DAYS, key="a")
    np.testing.assert_array_equal(found, expected)


def test_the_repr_shows_what_is_held(weather):
    text = repr(AsOf(random_vintages(0, names="ab"), "day", "issued", series="place"))
    assert "columns=['temperature', 'wind']" in text
    assert "series=2" in text
    assert "targets 2024-01-06 .. 2024-01-25" in repr(weather)


def changed(name, value):
    return lambda frame: frame.assign(**{name: value})


@pytest.mark.parametrize(
    ("change", "arguments", "error", "message"),
    [
        (lambda f: f, ("date", "issued"), ValueError, "frame has no column 'date': it has"),
        (lambda f: f, ("day", "day"), ValueError, "'day' is named twice"),
        (lambda f: f, ("day", "issued", "place"), ValueError, "frame has no column 'place'"),
        (lambda f: f[["day", "issued"]], ("day", "issued"), ValueError, "expected a covariate"),
        (lambda f: f.iloc[:0], ("day", "issued"), ValueError, "frame has 0 rows"),
        (lambda f: f.to_numpy(), ("day", "issued"), TypeError, "is a ndarray: expected a pandas"),
        (
            lambda f: pd.concat([f, f.iloc[3:5]], ignore_index=True),
            ("day", "issued"),
            ValueError,
            r"2 duplicate vintages, first at row \d+: day=2024-01-\d\d 00:00:00, issued=2024",
        ),
        (
            lambda f: f.assign(day=f["day"].where(np.arange(len(f)) != 3)),
            ("day", "issued"),
            ValueError,
            "1 missing times in the column 'day', first at row 3",
        ),
        (
            lambda f: f.assign(issued=f["issued"].astype(str)),
            ("day", "issued"),
            TypeError,
            r"column 'issued': .* pd.to_datetime\(frame\['issued'\]\)",
        ),
        (
            lambda f: f.assign(day=f["day"].dt.tz_localize("UTC")),
            ("day", "issued"),
            TypeError,
            r"'day' and 'issued' hold .*UTC\] and .*: expected times of one kind",
        ),
        (
            lambda f: f.assign(day=f["day"].dt.to_period("D")),
            ("day", "issued"),
            TypeError,
            "expected times of one kind",
        ),
        (changed("sky", "blue"), ("day", "issued"), TypeError, "column 'sky' of dtype str"),
        (changed("wind", np.inf), ("day", "issued"), ValueError, "infinite .* column 'wind' at"),
        (changed("place", None), ("day", "issued", "place"), ValueError, "missing series names"),
    ],
)  # fmt: skip
def test_a_bad_frame_is_refused(frame, change, arguments, error, message):
    with pytest.raises(error, match=message):
        AsOf(change(frame), *arguments)


@pytest.mark.parametrize(
    ("targets", "issued_by", "key", "error", "message"),
    [
        (DAYS, DAYS[:3], None, ValueError, "issued_by has 3 times, targets has 30"),
        (DAYS.tz_localize("UTC"), DAYS, None, TypeError, "the vintages and targets hold"),
        (DAYS, DAYS.day, None, TypeError, "the vintages and issued_by hold"),
        (DAYS, DAYS, "a", ValueError, "key='a': this AsOf has no series; name their column"),
        (pd.MultiIndex.from_product([["a"], DAYS]), DAYS, None, ValueError, "has no series"),
    ],
)  # fmt: skip
def test_a_bad_question_is_refused(weather, targets, issued_by, key, error, message):
    with pytest.raises(error, match=message):
        weather.values(targets, issued_by, key)


def test_a_panel_wants_to_know_the_series():
    weather = AsOf(random_vintages(0, names="ab"), "day", "issued", series="place")
    with pytest.raises(ValueError, match=r"expected an index \(series, time\), or a key"):
        weather.values(DAYS, DAYS)
    with pytest.raises(ValueError, match=r"expected an index \(series, time\)"):
        weather.reindex(DAYS)


def test_other_times_are_refused_when_they_are_set(weather):
    with pytest.raises(TypeError, match="the vintages and index hold"):
        weather.reindex(pd.RangeIndex(30))
    with pytest.raises(TypeError, match="the vintages and time hold"):
        weather.until(pd.Timestamp("2024-01-05", tz="UTC"))
