"""Long frames to panels and back: nothing reordered, nothing lost, what is refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest

from tsrnn import Naive
from tsrnn.panels import from_long, to_long

DAYS = pd.date_range("2024-01-01", periods=4)


@pytest.fixture
def sales():
    return pd.DataFrame(
        {
            "id": ["b"] * 4 + ["a"] * 3,
            "time": [*DAYS, *DAYS[1:]],
            "y": np.arange(7.0),
            "price": np.arange(7.0) / 10,
            "kind": ["x"] * 7,
        }
    )


def test_a_long_frame_becomes_covariates_and_a_target(sales):
    X, y = from_long(sales)
    assert y.index.names == ["id", "time"]
    assert y.index.tolist() == list(zip(sales["id"], sales["time"], strict=True))
    assert y.tolist() == sales["y"].tolist()
    assert y.name == "y"
    assert X.columns.tolist() == ["price", "kind"]
    assert X.index.equals(y.index)


def test_without_other_columns_there_are_no_covariates(sales):
    X, y = from_long(sales[["time", "id", "y"]])
    assert X is None
    assert len(y) == 7


def test_a_list_of_targets_makes_a_frame(sales):
    X, y = from_long(sales, target=["price", "y"])
    assert y.columns.tolist() == ["price", "y"]
    assert X.columns.tolist() == ["kind"]
    assert from_long(sales, target=["y"])[1].shape == (7, 1)


def test_other_names_and_kinds_of_time_are_taken(sales):
    other = sales.rename(columns={"id": "shop", "time": "week", "y": "units"})
    other["week"] = [1, 2, 3, 4, 2, 3, 4]
    X, y = from_long(other, series="shop", time="week", target="units")
    assert y.loc["a"].index.tolist() == [2, 3, 4]
    assert X.columns.tolist() == ["price", "kind"]


def test_a_single_series_needs_no_column_of_names(sales):
    X, y = from_long(sales.iloc[:4].drop(columns="id"), series=None)
    assert isinstance(y.index, pd.DatetimeIndex)
    assert y.index.name == "time"
    assert X.columns.tolist() == ["price", "kind"]


@pytest.mark.parametrize("zone", [None, "Europe/Berlin"])
def test_a_polars_frame_gives_the_same_as_a_pandas_one(sales, zone):
    sales["time"] = sales["time"].dt.tz_localize(zone)
    polars = pl.DataFrame({name: sales[name].tolist() for name in sales})
    if zone is not None:
        polars = polars.with_columns(pl.col("time").dt.convert_time_zone(zone))
    for mine, pandas in zip(from_long(polars), from_long(sales), strict=True):
        assert mine.equals(pandas)
        assert mine.index.levels[1].dtype == pandas.index.levels[1].dtype


def test_the_date_column_of_a_polars_series_is_never_a_target():
    frame = pl.DataFrame({"date": DAYS.date.tolist(), "y": [1.0, None, 3.0, 4.0]})
    X, y = from_long(frame, series=None, time="date")
    assert X is None
    assert isinstance(y.index, pd.DatetimeIndex)
    np.testing.assert_array_equal(y, [1.0, np.nan, 3.0, 4.0])


def test_forecasts_come_back_as_a_long_frame(sales):
    _, y = from_long(sales)
    long = to_long(Naive().fit(y=y).predict(horizon=2))
    expected = pd.DataFrame(
        {
            "id": ["b", "b", "a", "a"],
            "time": DAYS[-1:].append([DAYS[-1:]] * 3) + pd.to_timedelta([1, 2] * 2, unit="D"),
            "y": [3.0, 3.0, 6.0, 6.0],
        }
    )
    pd.testing.assert_frame_equal(long, expected, check_dtype=False)


@pytest.mark.parametrize("target", ["y", ["y", "price"]])
def test_there_and_back_again(sales, target):
    _, y = from_long(sales, target=target)
    columns = ["id", "time", *([target] if isinstance(target, str) else target)]
    pd.testing.assert_frame_equal(to_long(y), sales[columns])


def test_quantiles_get_a_column_each(sales):
    _, y = from_long(sales)
    quantiles = pd.DataFrame({0.1: y - 1, 0.9: y + 1})
    assert to_long(quantiles).columns.tolist() == ["id", "time", 0.1, 0.9]
    several = pd.concat({"sales": quantiles}, axis=1)
    assert to_long(several).columns.tolist() == ["id", "time", "sales_0.1", "sales_0.9"]


def test_a_single_series_has_no_column_of_names():
    long = to_long(pd.Series([1.0, 2.0], index=DAYS[:2]), time="day")
    assert long.columns.tolist() == ["day", "y"]
    assert long["day"].tolist() == list(DAYS[:2])


def test_the_frames_given_stay_as_they_are(sales):
    before = sales.copy()
    _, y = from_long(sales)
    names = y.index.names
    for forecast in (y, y.to_frame()):
        to_long(forecast, series="shop", time="when")
        assert forecast.index.names == names
    pd.testing.assert_frame_equal(sales, before)


def swapped(sales):
    return sales.iloc[[1, 0, 2, 3, 4, 5, 6]]


@pytest.mark.parametrize(
    ("change", "arguments", "error", "message"),
    [
        (lambda f: f, {"series": "shop"}, ValueError, "frame has no column 'shop': it has"),
        (lambda f: f, {"target": ["y", "z"]}, ValueError, "frame has no column 'z'"),
        (lambda f: f, {"target": "time"}, ValueError, "'time' is named twice"),
        (lambda f: f, {"target": ["y", "id"]}, ValueError, "'id' is named twice"),
        (lambda f: f.set_axis([*"aaa", "y", "id"], axis=1), {"time": "a"}, ValueError, "more than"),
        (
            lambda f: f.assign(time=f["time"].astype(str)),
            {},
            TypeError,
            r"column 'time': .* frame\['time'\] = pd.to_datetime\(frame\['time'\]\)",
        ),
        (lambda f: f.assign(time=f["time"].dt.date), {}, TypeError, "pd.to_datetime"),
        (swapped, {}, ValueError, "of series 'b' is not increasing, first at row 1"),
        (lambda f: pd.concat([f, f[:1]]), {}, ValueError, "of series 'b' has 1 duplicate"),
        (lambda f: f.assign(id=f["id"].where(f.index != 2)), {}, ValueError, "first at row 2"),
        (lambda f: f.assign(time=f["time"].where(f.index != 2)), {}, ValueError, "missing time"),
        (lambda f: f["y"], {}, TypeError, "frame is a Series: expected a pandas or polars"),
    ],
)  # fmt: skip
def test_a_bad_frame_is_refused(sales, change, arguments, error, message):
    with pytest.raises(error, match=message):
        from_long(change(sales), **arguments)


@pytest.mark.parametrize(
    ("forecast", "error", "message"),
    [
        (np.zeros(3), TypeError, "forecast is a ndarray: expected a pandas Series"),
        (pd.Series([1.0], pd.MultiIndex.from_tuples([(1, 2, 3)])), TypeError, "has the levels"),
        (pd.DataFrame({"time": [1.0]}), ValueError, "already has a column 'time'"),
    ],
)
def test_what_is_no_forecast_is_refused(forecast, error, message):
    with pytest.raises(error, match=message):
        to_long(forecast)
