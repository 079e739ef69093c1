from __future__ import annotations

import decimal

import numpy as np
import pandas as pd
import pytest

from tsrnn.baselines import Naive
from tsrnn.containers import (
    align_targets,
    check_index,
    check_numeric_columns,
    groups_of,
    index_of,
    is_empty_frame,
    is_positional,
    panel_rows,
    read_target,
    stamps_of,
)

DAYS = pd.date_range("2024-01-01", periods=20)
Y = pd.Series(np.arange(20.0), index=DAYS, name="price")


def forecast(y, n=2):
    return Naive().fit(y=y).predict(horizon=n)


def berlin_clock(start, freq, n):
    """Local time as written down without a zone."""
    return pd.date_range(start, periods=n, freq=freq, tz="Europe/Berlin").tz_localize(None)


# the index -------------------------------------------------------------------------------------


def test_duplicate_stamps_are_named():
    index = DAYS[[*range(10), 9, *range(10, 19)]]
    with pytest.raises(ValueError, match=r"y.index has 1 duplicate: 2024-01-10; aggregate first"):
        forecast(Y.set_axis(index))
    with pytest.raises(ValueError, match=r"2 duplicates: 2024-01-01.*groupby\(level=0\)"):
        forecast(Y[:4].set_axis(DAYS[[0, 0, 1, 1]]))


def test_the_remedy_for_duplicates_works():
    for y in (Y[:4], pd.concat({"a": Y[:4]}, names=["series", "time"])):
        twice = pd.concat([y, y]).sort_index()
        with pytest.raises(ValueError, match="4 duplicates") as error:
            forecast(twice)
        remedy = str(error.value).split("for example ")[1]
        assert forecast(eval(remedy, {"y": twice})).tolist() == [3.0, 3.0]


@pytest.mark.parametrize(
    ("rows", "first"), [(slice(None, None, -1), 1), ([0, 1, 3, 2, 4], 3), ([5, 0, 1, 2], 1)]
)
def test_unsorted_stamps_are_refused_and_never_sorted_silently(rows, first):
    y = Y.iloc[rows]
    with pytest.raises(
        ValueError, match=rf"y.index is not increasing, first at row {first}: sort it, y.sort_index"
    ):
        forecast(y)
    forecast(y.sort_index())


def test_a_gap_needs_no_freq():
    future = forecast(Y.drop(DAYS[5:10]))
    assert future.index.tolist() == [pd.Timestamp("2024-01-21"), pd.Timestamp("2024-01-22")]


def test_irregular_steps_go_on_at_their_median():
    steps = pd.to_timedelta(np.cumsum(np.arange(20) % 7 + 1), unit="h")
    future = forecast(Y.set_axis(DAYS[0] + steps))
    assert (np.diff(future.index) == pd.Timedelta("4h")).all()


def test_the_hour_missing_in_spring_is_a_gap():
    index = pd.date_range("2024-03-30", periods=60, freq="h").drop("2024-03-31 02:00")
    assert forecast(pd.Series(1.0, index=index)).index[0] == pd.Timestamp("2024-04-01 12:00")


@pytest.mark.parametrize(("freq", "n"), [("h", 60), ("30min", 120), ("15min", 240)])
def test_the_hour_twice_in_autumn_names_tz_localize(freq, n):
    index = berlin_clock("2024-10-26", freq, n)
    message = r"2024-10-27 02:00:00.*daylight-saving change: y.tz_localize\(zone, ambiguous"
    with pytest.raises(ValueError, match=message):
        forecast(pd.Series(1.0, index=index))
    forecast(pd.Series(1.0, index=index).tz_localize("Europe/Berlin", ambiguous="infer"))


def test_duplicate_days_are_not_taken_for_a_change_of_clocks():
    with pytest.raises(ValueError, match="1 duplicate") as error:
        forecast(Y[:3].set_axis(DAYS[[0, 0, 1]]))
    assert "daylight" not in str(error.value)


def test_periods_come_out_as_periods():
    future = forecast(Y.to_period())
    assert future.index.equals(pd.period_range("2024-01-21", periods=2, freq="D"))


def test_an_integer_step_of_two_is_kept():
    assert forecast(Y.set_axis(range(10, 50, 2))).index.tolist() == [50, 52]


@pytest.mark.parametrize(
    "index",
    [
        pd.Index(list(DAYS), dtype=object),
        pd.Index([day.date() for day in DAYS], dtype=object),
        pd.Index([str(day) for day in DAYS]),
        pd.CategoricalIndex(DAYS),
    ],
    ids=["objects", "dates", "text", "categories"],
)
def test_dates_that_are_no_time_stamps_name_to_datetime(index):
    with pytest.raises(TypeError, match=r"y.index = pd.to_datetime\(y.index\)"):
        forecast(Y.set_axis(index))
    assert forecast(Y.set_axis(pd.to_datetime(index.astype(str)))).iloc[0] == 19.0


@pytest.mark.parametrize("index", [[False, True], [1j, 2j], pd.interval_range(0, 2)])
def test_an_index_without_time_is_refused(index):
    with pytest.raises(TypeError, match="expected time stamps or numbers"):
        forecast(Y[:2].set_axis(index))


@pytest.mark.parametrize("index", [[*DAYS[:2], pd.NaT], [0.0, 1.0, np.inf], [0.0, 1.0, np.nan]])
def test_missing_stamps_are_refused_naming_the_row(index):
    with pytest.raises(ValueError, match="1 missing time stamps, first at row 2"):
        forecast(Y[:3].set_axis(index))


def test_two_levels_are_a_panel():
    future = forecast(pd.concat({"a": Y, "b": Y + 1}, names=["shop", "day"]))
    assert future.index.names == ["shop", "day"]
    assert future["a"].tolist() == [19.0, 19.0] and future["b"].tolist() == [20.0, 20.0]


def test_three_levels_are_listed():
    y = pd.concat({"z": pd.concat({"a": Y})}, names=["region", "shop", "day"])
    with pytest.raises(TypeError, match=r"\['region', 'shop', 'day'\]: expected two"):
        forecast(y)


def test_each_series_of_a_panel_is_checked_and_named():
    names = ["series", "time"]
    with pytest.raises(ValueError, match=r"y.index of series 'b' is not increasing, .*row 1"):
        forecast(pd.concat({"a": Y, "b": Y[::-1]}, names=names))
    with pytest.raises(ValueError, match=r"of series 'b' has 1 duplicate: .*level=\[0, 1\]"):
        forecast(pd.concat({"a": Y, "b": Y[:3].set_axis(DAYS[[0, 0, 1]])}, names=names))
    with pytest.raises(ValueError, match="of series 'b' has 1 missing time stamps"):
        forecast(pd.concat({"a": Y, "b": Y[:2].set_axis([DAYS[0], pd.NaT])}, names=names))
    with pytest.raises(ValueError, match="'series' of the index has missing series names"):
        check_index(pd.MultiIndex.from_arrays([["a", None], DAYS[:2]], names=names), "y")


def test_panel_rows_keep_the_order_of_first_appearance():
    index = pd.MultiIndex.from_arrays([list("babcb"), DAYS[[0, 0, 1, 0, 2]]])
    rows = {key: list(positions) for key, positions in panel_rows(index)}
    assert rows == {"b": [0, 2, 4], "a": [1], "c": [3]}
    assert list(rows) == ["b", "a", "c"]
    assert stamps_of(index, np.array([0, 2, 4])).equals(pd.DatetimeIndex(DAYS[:3]))


def test_rows_of_a_long_interleaved_panel_stay_in_order():
    keys = np.random.default_rng(0).integers(0, 3, size=3000)
    index = pd.MultiIndex.from_arrays([keys, np.arange(3000)])
    for key, rows in panel_rows(index):
        np.testing.assert_array_equal(rows, np.flatnonzero(keys == key))


def test_groups_of_one_series_are_all_rows_under_no_key():
    for index in (None, DAYS):
        ((key, rows),) = groups_of(index, 20)
        assert key is None and rows.tolist() == list(range(20))
    index = pd.MultiIndex.from_arrays([list("bab"), DAYS[:3]])
    assert [(key, list(rows)) for key, rows in groups_of(index, 3)] == [("b", [0, 2]), ("a", [1])]


def test_all_rows_of_an_index_keep_its_freq():
    assert stamps_of(DAYS, np.arange(20)).freq == "D"
    assert stamps_of(None, np.arange(3)) is None


@pytest.mark.parametrize(
    ("index", "says_nothing"),
    [
        (None, True),
        (pd.RangeIndex(5), True),
        (pd.RangeIndex(1, 6), False),
        (pd.RangeIndex(0, 10, 2), False),
        (pd.Index([0, 1, 2]), False),
        (DAYS, False),
    ],
)
def test_a_default_index_says_nothing(index, says_nothing):
    assert is_positional(index) is says_nothing


# dtypes ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("as_kind", [pd.Series, np.asarray])
@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.array([1, 2, 3], dtype=object), r"y.*dtype object.*y.astype\(float\)"),
        ([decimal.Decimal("1.5")] * 3, r"y.*dtype object.*y.astype\(float\)"),
        (["1", "2", "3"], "y is .*: expected numbers; convert it"),
        ([True, False, True], r"y is bool: use astype\(float\) if 0/1 is meant"),
        (np.array(["2024-01-01"], dtype="datetime64[s]"), r"y .*(datetime64|object).*expected"),
    ],
)
def test_values_that_are_no_numbers_are_refused_naming_the_conversion(values, message, as_kind):
    with pytest.raises(TypeError, match=message):
        forecast(as_kind(values))


@pytest.mark.parametrize("dtype", ["category", "boolean"])
def test_pandas_kinds_that_are_no_numbers_are_refused_naming_the_column(dtype):
    y = pd.Series([0, 1, 0], name="sold").astype(dtype)
    with pytest.raises(TypeError, match=r"y \(column 'sold'\) is (category|bool)"):
        forecast(y)


@pytest.mark.parametrize("container", [pd.Series, np.asarray])
@pytest.mark.parametrize("values", [[2**62 + 1, 2**63 - 1], [0, -(2**53) - 1]])
def test_large_integers_warn_that_they_are_rounded(container, values):
    with pytest.warns(UserWarning, match="float64 keeps 53 bits"):
        assert float(np.asarray(forecast(container(values)))[0]) == float(values[-1])


def test_integers_up_to_2_to_the_53_are_exact():
    assert forecast(pd.Series([0, 2**53])).iloc[0] == 2**53


@pytest.mark.parametrize("dtype", ["Int64", "Float64", "Float32"])
def test_na_of_nullable_columns_is_missing(dtype):
    values, _, _ = read_target(pd.Series([1, None, 3], dtype=dtype), owner="x")
    np.testing.assert_array_equal(values, [[1.0], [np.nan], [3.0]])


@pytest.mark.parametrize("dtype", [np.int8, np.uint16, np.int64, np.float16, np.float32])
def test_numbers_of_every_size_come_in_as_float64(dtype):
    for container in (np.array([1, 2], dtype=dtype), pd.Series([1, 2], dtype=dtype)):
        values, _, _ = read_target(container, owner="x")
        assert values.dtype == np.float64 and values.tolist() == [[1.0], [2.0]]


@pytest.mark.parametrize("factor", [1e12, 1e-12, 3.7])
def test_scaling_y_scales_the_forecast(factor):
    np.testing.assert_allclose(forecast(Y * factor), factor * forecast(Y), rtol=1e-15)


def test_an_offset_of_1e12_keeps_its_digits():
    y = Y / 8 + 1e12
    assert forecast(y).iloc[0] == 1e12 + 19 / 8


@pytest.mark.parametrize("container", [pd.Series, pd.DataFrame, np.asarray])
def test_infinite_values_are_refused(container):
    with pytest.raises(ValueError, match="y contains infinity"):
        read_target(container([1.0, np.inf]), owner="x")


def test_complex_values_are_refused():
    for y in (np.array([1j, 2.0]), pd.Series([1j, 2.0])):
        with pytest.raises(ValueError, match="Complex data not supported"):
            forecast(y)


# containers ------------------------------------------------------------------------------------


def test_a_series_comes_back_as_a_series_with_its_name():
    assert forecast(Y).name == "price"
    assert forecast(Y.rename(None)).name is None


def test_a_frame_of_one_column_comes_back_as_such():
    future = forecast(Y.to_frame())
    assert isinstance(future, pd.DataFrame) and future.columns.tolist() == ["price"]


@pytest.mark.parametrize("names", [["price", "volume"], ["price", "price"]])
def test_a_univariate_forecaster_names_the_two_columns(names):
    y = pd.concat([Y, Y], axis=1).set_axis(names, axis=1)
    with pytest.raises(ValueError, match=rf"y has 2 columns \['price', '{names[1]}'\]"):
        forecast(y)


def test_columns_of_one_name_are_read_apart():
    y = pd.concat([Y, -Y], axis=1)
    values, _, form = read_target(y, owner="x")
    np.testing.assert_array_equal(values, np.column_stack([Y, -Y]))
    assert form.give_back(values, DAYS).columns.tolist() == ["price", "price"]


def test_a_column_vector_warns_as_in_scikit_learn_and_comes_back_as_one():
    with pytest.warns(UserWarning, match="column-vector y"):
        assert forecast(Y.to_numpy()[:, None]).shape == (2, 1)
    assert forecast(Y.to_numpy()).shape == (2,)
    assert forecast(Y.tolist()).tolist() == [19.0, 19.0]


def test_masked_values_are_missing_whatever_lies_under_the_mask():
    for under in (np.inf, np.nan, -1e300):
        y = np.ma.masked_array([1.0, 2.0, under], [False, False, True])
        assert forecast(y).tolist() == [2.0, 2.0]
    values, _, _ = read_target(np.ma.masked_array([1, 2, 9], [0, 1, 0]), owner="x")
    np.testing.assert_array_equal(values, [[1.0], [np.nan], [9.0]])


@pytest.mark.parametrize("values", [[True, False], ["1", "2"]])
def test_masked_arrays_are_no_way_round_the_dtype(values):
    with pytest.raises(TypeError, match="y is"):
        forecast(np.ma.masked_array(values, [0, 0]))


def test_a_polars_series_comes_back_as_one():
    pl = pytest.importorskip("polars")
    future = forecast(pl.Series("price", [1, 2, None]))
    assert isinstance(future, pl.Series) and future.name == "price"
    assert future.to_list() == [2.0, 2.0] and future.dtype == pl.Float64


def test_a_polars_frame_comes_back_as_one():
    pl = pytest.importorskip("polars")
    future = forecast(pl.DataFrame({"price": [1.0, 2.0]}))
    assert isinstance(future, pl.DataFrame) and future.columns == ["price"]


@pytest.mark.parametrize("values", [["1", "2"], [True, False]])
def test_polars_text_and_booleans_are_refused(values):
    pl = pytest.importorskip("polars")
    with pytest.raises(TypeError, match="column 'price'"):
        forecast(pl.Series("price", values))


def test_a_date_column_is_never_a_target():
    pl = pytest.importorskip("polars")
    columns = {"date": DAYS.to_numpy(), "price": Y.to_numpy()}
    for y in (pl.DataFrame(columns), pd.DataFrame(columns)):
        with pytest.raises(TypeError, match=r"y \(column 'date'\) is datetime64"):
            forecast(y)


def test_a_plain_cpu_tensor_is_read_and_others_name_the_way_out():
    torch = pytest.importorskip("torch")
    assert forecast(torch.tensor([1.0, 2.0])).tolist() == [2.0, 2.0]
    for tensor in (torch.zeros(3, requires_grad=True), torch.zeros(3, device="meta")):
        with pytest.raises(TypeError, match=r"\.detach\(\)\.cpu\(\)\.numpy\(\)"):
            forecast(tensor)


def test_no_target_says_how_to_forecast_a_series():
    with pytest.raises(ValueError, match=r"requires y to be passed, but the target y is None"):
        Naive().fit(Y)
    with pytest.raises(ValueError, match=r"call fit\(y=series\)"):
        Naive().fit(Y.to_frame())


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (Y[:0], "y has 0 rows"),
        (Y.to_frame()[:0], "y has 0 rows"),
        (Y.to_frame()[[]], "y has 0 columns"),
        (np.array([]), "0 sample"),
        (np.zeros((3, 2, 1)), "dim 3"),
    ],
)
def test_targets_of_the_wrong_size_are_refused(y, message):
    with pytest.raises(ValueError, match=message):
        forecast(y)


def test_reading_copies_so_that_the_caller_may_change_y():
    for y in (np.array([1.0, 2.0]), pd.Series([1.0, 2.0]), pd.DataFrame({"a": [1.0, 2.0]})):
        model = Naive().fit(y=y.iloc[:, 0] if isinstance(y, pd.DataFrame) else y)
        y[:] = 99.0
        assert float(np.asarray(model.predict())[0]) == 2.0


# covariates ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "column",
    [
        pd.Series(["a", "b"]),
        pd.Series(["a", "b"], dtype="category"),
        pd.Series(["a", None], dtype=object),
        pd.Series(DAYS[:2]),
        pd.Series([1.0, "b"], dtype=object),
    ],
    ids=["text", "category", "objects", "dates", "mixed"],
)
def test_columns_that_are_no_numbers_are_named_with_an_encoder(column):
    with pytest.raises(TypeError, match=r"X has the column 'shop'.*OneHotEncoder"):
        check_numeric_columns(pd.DataFrame({"a": [1.0, 2.0], "shop": column}))


@pytest.mark.parametrize("dtype", [float, int, bool, "Int64", np.float32, object])
def test_columns_of_numbers_are_let_through(dtype):
    check_numeric_columns(pd.DataFrame({"a": [1, 0]}).astype(dtype))


def test_a_frame_without_columns_means_no_covariates():
    assert is_empty_frame(Y.to_frame()[[]])
    assert not is_empty_frame(Y.to_frame()) and not is_empty_frame(np.zeros((3, 0)))
    assert index_of(Y) is Y.index and index_of(Y.to_numpy()) is None


# targets of later calls ------------------------------------------------------------------------

WIDE = pd.DataFrame({"u": [1.0, 2.0], "v": [3.0, 4.0]})


def aligned(given, fitted):
    values, _, form = read_target(given, owner="x")
    known, _, form_of_fit = read_target(fitted, owner="x")
    return align_targets(values, form, form_of_fit, known.shape[1])


def test_targets_of_frames_are_put_into_the_order_of_fit():
    np.testing.assert_array_equal(aligned(WIDE[["v", "u"]], WIDE), WIDE)
    np.testing.assert_array_equal(aligned(WIDE.to_numpy(), WIDE), WIDE)
    np.testing.assert_array_equal(aligned(WIDE, WIDE.to_numpy()), WIDE)


def test_targets_of_polars_are_put_into_the_order_of_fit():
    pl = pytest.importorskip("polars")
    given = pl.DataFrame({"v": [3.0, 4.0], "u": [1.0, 2.0]})
    np.testing.assert_array_equal(aligned(given, WIDE), WIDE)


def test_a_single_target_may_have_any_name_as_a_series():
    for fitted in (WIDE["u"], WIDE["u"].rename(None), WIDE[["u"]], WIDE[["u"]].to_numpy()):
        np.testing.assert_array_equal(aligned(WIDE["v"], fitted), WIDE[["v"]])


@pytest.mark.parametrize(
    ("given", "fitted", "message"),
    [
        (WIDE[["v"]], WIDE[["u"]], r"y has the columns \['v'\]: expected those of fit, \['u'\]"),
        (WIDE["u"], WIDE, r"y has 1 target\(s\): expected those of fit, \['u', 'v'\]"),
        (WIDE.to_numpy(), WIDE["u"].to_numpy(), r"y has 2 target\(s\): expected 1, as in fit"),
        (WIDE[["v", "u", "u"]], WIDE[["u", "u", "v"]], r"expected those of fit, \['u', 'u', 'v'\]"),
    ],
)
def test_other_targets_are_refused_naming_those_of_fit(given, fitted, message):
    with pytest.raises(ValueError, match=message):
        aligned(given, fitted)
