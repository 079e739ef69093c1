from __future__ import annotations

import os

os.environ.setdefault("SCIPY_ARRAY_API", "1")  # else scikit-learn skips one of its checks

import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

from tsrnn.windows import SlidingWindow, explain_windows, make_windows

# Kinds of calendars: (freq, zone, start); Berlin changes its clocks on 31 March and 27 October.
CALENDARS = {
    "daily": ("D", None, "2024-01-01"),
    "daily in Berlin, spring": ("D", "Europe/Berlin", "2024-03-20"),
    "daily in Berlin, autumn": ("D", "Europe/Berlin", "2024-10-15"),
    "business days": ("B", None, "2024-01-01"),
    "business days in New York": ("B", "America/New_York", "2024-02-26"),
    "hourly": ("h", None, "2024-01-01"),
    "hourly in Berlin, spring": ("h", "Europe/Berlin", "2024-03-30 20:00"),
    "hourly in Berlin, autumn": ("h", "Europe/Berlin", "2024-10-26 20:00"),
    "half-hourly in Berlin, autumn": ("30min", "Europe/Berlin", "2024-10-26 23:00"),
    "weekly": ("W", None, "2024-01-01"),
    "weekly in Berlin": ("W-WED", "Europe/Berlin", "2024-02-01"),
    "month starts": ("MS", None, "2020-01-01"),
    "month ends": ("ME", None, "2020-01-31"),
    "month ends in Berlin": ("ME", "Europe/Berlin", "2020-01-31"),
    "business month ends": ("BME", None, "2020-01-31"),
    "quarter starts": ("QS", None, "2015-01-01"),
    "quarter ends": ("QE", None, "2015-03-31"),
    "year ends": ("YE", None, "1990-12-31"),
    "year starts": ("YS", None, "1990-01-01"),
}


def frame(n, columns=2, index=None, seed=0):
    values = np.random.default_rng(seed).normal(size=(n, columns))
    names = ["close", "volume", "open", "high"][:columns]
    return pd.DataFrame(values, columns=names, index=index)


def windows_by_hand(values, window):
    """Windows of a whole series, padded with NaN on the left: the slow way."""
    padded = np.concatenate([np.full((window - 1, values.shape[1]), np.nan), values])
    return np.stack([padded[t : t + window] for t in range(len(values))])


# scikit-learn's checks -------------------------------------------------------------------------


@pytest.mark.parametrize("flatten", [False, True])
def test_check_estimator_fails_only_where_rows_must_be_consecutive(flatten):
    order = {
        "check_methods_sample_order_invariance": "rows are consecutive by contract",
        "check_methods_subset_invariance": "rows are consecutive by contract",
    }
    results = check_estimator(
        SlidingWindow(3, flatten=flatten), expected_failed_checks=order, on_skip=None
    )
    failed = {result["check_name"] for result in results if result["status"] == "xfail"}
    assert failed == set(order)
    assert sum(result["status"] == "passed" for result in results) >= 44


def test_window_and_flatten_can_be_searched_and_cloned():
    copy = clone(SlidingWindow(5, flatten=True)).set_params(window=7)
    assert copy.get_params() == {"window": 7, "flatten": True}


# windows themselves ----------------------------------------------------------------------------


@pytest.mark.parametrize("window", [1, 2, 5, 40])
def test_row_t_is_the_window_that_ends_at_t(window):
    X = frame(20).to_numpy()
    windows = SlidingWindow(window).fit_transform(X)
    np.testing.assert_array_equal(windows, windows_by_hand(X, window))


def test_windows_are_views_of_one_buffer():
    X = frame(500, columns=4).to_numpy()
    windows = SlidingWindow(50).fit_transform(X)
    assert windows.strides == (32, 32, 8)  # a step in time is one row of four float64, either way
    assert np.shares_memory(windows[0], windows[49])
    assert not np.shares_memory(windows, X)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtype_of_floats_is_kept(dtype):
    X = frame(20).astype(dtype)
    assert dtype in map(
        np.dtype, SlidingWindow(4).__sklearn_tags__().transformer_tags.preserves_dtype
    )
    assert SlidingWindow(4).fit_transform(X).dtype == dtype
    assert SlidingWindow(4, flatten=True).fit_transform(X.to_numpy()).dtype == dtype


def test_integers_become_float64_so_that_starts_can_be_missing():
    windows = SlidingWindow(2).fit_transform(np.array([[1], [2]]))
    np.testing.assert_array_equal(windows[:, :, 0], [[np.nan, 1.0], [1.0, 2.0]])


def test_memory_of_windows_is_that_of_the_data():
    import tracemalloc

    X = np.zeros((50_000, 10))
    tracemalloc.start()
    windows = SlidingWindow(168).fit_transform(X)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert windows.nbytes > 600e6
    assert peak < 3 * X.nbytes


def test_windows_cannot_be_written_as_they_share_memory():
    windows = SlidingWindow(3).fit_transform(frame(10))
    with pytest.raises(ValueError, match="read-only"):
        windows[0, 0, 0] = 1.0


def test_nan_in_the_rows_stays_where_it_is():
    X = frame(10).to_numpy(copy=True)
    X[4, 1] = np.nan
    windows = SlidingWindow(3).fit_transform(X)
    np.testing.assert_array_equal(windows, windows_by_hand(X, 3))


@pytest.mark.parametrize("flatten", [False, True])
def test_rows_after_t_change_no_window_up_to_t(flatten):
    X = frame(30, index=pd.date_range("2024-01-01", periods=30))
    later = X.copy()
    later.iloc[20:] = 1e9
    plain, changed = (SlidingWindow(6, flatten).fit_transform(data) for data in (X, later))
    np.testing.assert_array_equal(plain[:20], changed[:20])
    assert (changed[20:] == 1e9).any()


def test_fit_does_not_keep_the_training_data_alive():
    fitted = SlidingWindow(5).fit(np.zeros((100_000, 4)))
    assert sum(tail.values.nbytes for tail in fitted._tails.values()) == 4 * 4 * 8
    assert all(tail.values.base is None for tail in fitted._tails.values())


# flatten, names, set_output --------------------------------------------------------------------


def test_flat_windows_are_named_by_feature_and_lag():
    X = frame(10)
    flat = SlidingWindow(4, flatten=True).set_output(transform="pandas").fit_transform(X)
    assert flat.columns[:3].tolist() == ["close_lag3", "volume_lag3", "close_lag2"]
    for lag in range(4):
        expected = X["volume"].shift(lag)
        pd.testing.assert_series_equal(flat[f"volume_lag{lag}"], expected, check_names=False)


def test_names_of_arrays_count_the_columns():
    flat = SlidingWindow(2, flatten=True).fit(np.zeros((5, 2)))
    assert flat.get_feature_names_out().tolist() == ["x0_lag1", "x1_lag1", "x0_lag0", "x1_lag0"]
    deep = SlidingWindow(2).fit(np.zeros((5, 2)))
    assert deep.get_feature_names_out().tolist() == ["x0", "x1"]


def test_set_output_pandas_keeps_the_index():
    X = frame(10, index=pd.date_range("2024-01-01", periods=10))
    flat = SlidingWindow(3, flatten=True).set_output(transform="pandas").fit(X[:7])
    assert flat.transform(X[7:]).index.equals(X.index[7:])


def test_set_output_polars_gives_a_polars_frame():
    pl = pytest.importorskip("polars")
    X = pl.DataFrame({"a": [1.0, 2.0, 3.0]})
    flat = SlidingWindow(2, flatten=True).set_output(transform="polars").fit_transform(X)
    assert flat.columns == ["a_lag1", "a_lag0"]
    assert flat["a_lag0"].to_list() == [1.0, 2.0, 3.0]


def test_a_frame_of_3d_windows_names_flatten():
    X = frame(10)
    with pytest.raises(ValueError, match="flatten=True"):
        SlidingWindow(3).set_output(transform="pandas").fit_transform(X)
    with sklearn.config_context(transform_output="polars"):
        with pytest.raises(ValueError, match=r"set_output\(transform='polars'\).*flatten=True"):
            SlidingWindow(3).fit_transform(X)
        wanted = SlidingWindow(3).set_output(transform="default").fit_transform(X)
    assert wanted.shape == (10, 3, 2)


# which rows are meant (DESIGN 2b) --------------------------------------------------------------

DAYS = pd.date_range("2024-01-01", periods=30)


def by_position(fit_rows, call_rows, window=5):
    """Windows of a call, and those of the whole series by hand."""
    X = frame(30, index=DAYS)
    fitted = SlidingWindow(window).fit(X.iloc[fit_rows])
    return fitted.transform(X.iloc[call_rows]), windows_by_hand(X.to_numpy(), window)[call_rows], X


def test_an_array_is_a_sequence_of_its_own():
    X = frame(30).to_numpy()
    windows = SlidingWindow(5).fit(X[:20]).transform(X[20:])
    np.testing.assert_array_equal(windows, windows_by_hand(X[20:], 5))


def test_a_default_index_starting_at_0_is_a_sequence_of_its_own():
    X = frame(30)
    windows = SlidingWindow(5).fit(X[:20]).transform(X[20:].reset_index(drop=True))
    np.testing.assert_array_equal(windows, windows_by_hand(X[20:].to_numpy(), 5))


def test_rows_that_follow_directly_get_the_remembered_rows():
    windows, whole, _ = by_position(slice(0, 20), slice(20, 30))
    np.testing.assert_array_equal(windows, whole)
    assert np.isfinite(windows).all()


def test_a_default_index_that_goes_on_counts_rows():
    X = frame(30)
    windows = SlidingWindow(5).fit(X[:20]).transform(X[20:])
    np.testing.assert_array_equal(windows, windows_by_hand(X.to_numpy(), 5)[20:])


@pytest.mark.parametrize("k", [1, 2, 3, 4, 5, 6, 9])
def test_missing_steps_are_missing_rows_in_the_window(k):
    windows, _, X = by_position(slice(0, 20), slice(20 + k, 30))
    gapped = X.to_numpy().copy()
    gapped[20 : 20 + k] = np.nan
    np.testing.assert_array_equal(windows, windows_by_hand(gapped, 5)[20 + k :])
    assert np.isfinite(windows[0, : max(0, 4 - k)]).all()


@pytest.mark.parametrize("rows", [slice(0, 20), slice(5, 15), slice(17, 20)])
def test_rows_inside_the_fitted_range_are_a_sequence_of_their_own(rows):
    windows, _, X = by_position(slice(0, 20), rows)
    np.testing.assert_array_equal(windows, windows_by_hand(X.to_numpy()[rows], 5))


@pytest.mark.parametrize("rows", [slice(0, 10), slice(5, 15), slice(0, 30)])
@pytest.mark.filterwarnings("ignore:X has rows that lie before fitted rows")
def test_rows_from_before_the_fitted_range_are_a_sequence_of_their_own(rows):
    windows, _, X = by_position(slice(10, 20), rows)
    np.testing.assert_array_equal(windows, windows_by_hand(X.to_numpy()[rows], 5))


@pytest.mark.parametrize("first", [17, 18, 19])
def test_rows_overlapping_the_end_complete_the_new_windows_and_repeat_none(first):
    windows, whole, X = by_position(slice(0, 20), slice(first, 30))
    known = 20 - first
    np.testing.assert_array_equal(windows[known:], whole[known:])
    np.testing.assert_array_equal(windows[:, -1], X.to_numpy()[first:])
    padded = X.to_numpy().copy()
    padded[:16] = np.nan  # no more than the last window - 1 rows of fit are remembered
    np.testing.assert_array_equal(windows, windows_by_hand(padded, 5)[first:])


def test_a_long_overlap_is_a_sequence_of_its_own():
    windows, _, X = by_position(slice(0, 20), slice(8, 30))
    np.testing.assert_array_equal(windows, windows_by_hand(X.to_numpy()[8:], 5))


def test_a_training_set_shorter_than_the_window_is_remembered_whole():
    windows, whole, _ = by_position(slice(0, 3), slice(3, 9), window=12)
    np.testing.assert_array_equal(windows, whole)


@pytest.mark.parametrize("with_freq", [True, False])
@pytest.mark.parametrize("name", CALENDARS)
def test_context_follows_on_every_calendar(name, with_freq):
    freq, zone, start = CALENDARS[name]
    index = pd.date_range(start, periods=40, freq=freq, tz=zone)
    index = index if with_freq else pd.DatetimeIndex(list(index))
    X = frame(40, index=index)
    whole = windows_by_hand(X.to_numpy(), 6)
    for cut in range(12, 38, 3):
        window = SlidingWindow(6).fit(X[:cut])
        np.testing.assert_array_equal(window.transform(X[cut:]), whole[cut:])
        gap = window.transform(X[cut + 2 :])  # two steps are missing
        np.testing.assert_array_equal(np.isnan(gap[0, :, 0]), [False] * 3 + [True] * 2 + [False])


def test_an_exchange_holiday_is_a_missing_step():
    days = pd.bdate_range("2024-01-01", "2024-01-31").drop("2024-01-15")  # Martin Luther King
    X = frame(len(days), index=days)
    windows = SlidingWindow(4).fit(X[:"2024-01-12"]).transform(X["2024-01-16":])
    np.testing.assert_array_equal(np.isnan(windows[0, :, 0]), [False, False, True, False])


def test_bars_of_trading_sessions_follow_over_the_night():
    sessions = [
        pd.date_range(day + pd.Timedelta("9h30min"), periods=13, freq="30min")
        for day in pd.bdate_range("2024-03-01", periods=12)
    ]
    X = frame(13 * 12, index=sessions[0].append(sessions[1:]))
    whole = windows_by_hand(X.to_numpy(), 20)
    for cut in (13 * 8, 13 * 8 + 5):
        windows = SlidingWindow(20).fit(X[:cut]).transform(X[cut:])
        np.testing.assert_array_equal(windows, whole[cut:])


def test_a_call_in_another_unit_or_zone_still_follows():
    X = frame(48, index=pd.date_range("2024-01-01", periods=48, freq="h", tz="UTC", unit="s"))
    later = X[40:].set_axis(X.index[40:].as_unit("ns").tz_convert("Asia/Tokyo"))
    windows = SlidingWindow(6).fit(X[:40]).transform(later)
    np.testing.assert_array_equal(windows, windows_by_hand(X.to_numpy(), 6)[40:])


@pytest.mark.parametrize(
    "index",
    [
        pd.period_range("2020-01", periods=30, freq="M"),
        pd.RangeIndex(100, 160, 2),
        pd.Index(np.arange(30) * 0.25),
        pd.timedelta_range("0s", periods=30, freq="10s"),
        pd.DatetimeIndex(np.datetime64("2024-01-01", "s") + np.cumsum(np.arange(30) % 7 + 60)),
    ],
    ids=["months", "integers by two", "quarters of one", "elapsed time", "irregular"],
)
def test_other_kinds_of_index_are_continued_too(index):
    X = frame(30, index=index)
    windows = SlidingWindow(5).fit(X[:20]).transform(X[20:])
    np.testing.assert_array_equal(windows, windows_by_hand(X.to_numpy(), 5)[20:])


def test_random_cuts_of_a_series_give_the_windows_of_the_whole():
    rng = np.random.default_rng(0)
    for _ in range(100):
        n, window = int(rng.integers(5, 40)), int(rng.integers(1, 12))
        a, b = sorted(rng.integers(1, n, size=2))
        X = frame(n, index=pd.date_range("2024-01-01", periods=n, freq="h"), seed=int(a))
        part = X.to_numpy().copy()
        part[a:b] = np.nan  # the gap between fit and call
        part[: max(0, a - window + 1)] = np.nan
        windows = SlidingWindow(window).fit(X[:a]).transform(X[b:])
        np.testing.assert_array_equal(windows, windows_by_hand(part, window)[b:])


def test_transform_writes_nothing():
    X = frame(30, index=DAYS)
    fitted = SlidingWindow(5).fit(X[:20])
    before = {name: id(value) for name, value in vars(fitted).items()}
    first = fitted.transform(X[20:25])
    fitted.transform(X[25:])
    np.testing.assert_array_equal(first, fitted.transform(X[20:25]))
    assert before == {name: id(value) for name, value in vars(fitted).items()}


def test_fit_forgets():
    X = frame(30, index=DAYS)
    again = SlidingWindow(5).fit(X).fit(X[:10]).transform(X[10:])
    np.testing.assert_array_equal(again, SlidingWindow(5).fit(X[:10]).transform(X[10:]))


# panels ----------------------------------------------------------------------------------------


def panel(lengths, interleaved=False):
    parts = [
        frame(n, index=pd.date_range("2024-01-01", periods=n), seed=i)
        for i, n in enumerate(lengths)
    ]
    X = pd.concat(dict(zip("abcdef", parts, strict=False)), names=["series", "time"])
    return X.sort_index(level="time", kind="stable") if interleaved else X


@pytest.mark.parametrize("interleaved", [False, True])
def test_windows_of_a_panel_never_cross_series(interleaved):
    X = panel([8, 3, 11], interleaved)
    windows = SlidingWindow(4).fit_transform(X)
    for key in "abc":
        rows = X.index.get_level_values("series") == key
        np.testing.assert_array_equal(windows[rows], windows_by_hand(X[rows].to_numpy(), 4))


@pytest.mark.parametrize("interleaved", [False, True])
def test_each_series_of_a_panel_gets_its_own_context(interleaved):
    X = panel([12, 9, 12, 5], interleaved)
    late = X.index.get_level_values("time") >= pd.Timestamp("2024-01-08")
    train, test = X[~late], X[late]
    windows = SlidingWindow(4).fit(train).transform(test)
    whole = SlidingWindow(4).fit_transform(X)
    np.testing.assert_array_equal(windows, whole[late])


def test_an_unseen_series_is_a_sequence_of_its_own():
    X = panel([10, 10])
    windows = SlidingWindow(4).fit(X.loc[["a"]]).transform(X.loc[["b"]])
    np.testing.assert_array_equal(windows, windows_by_hand(X.loc["b"].to_numpy(), 4))


def test_a_panel_of_one_series_stays_a_view():
    windows = SlidingWindow(4).fit_transform(panel([30]))
    assert windows.strides == (16, 16, 8)


# scikit-learn's tools --------------------------------------------------------------------------


def regression(n=200, index=None):
    X = frame(n, index=pd.date_range("2024-01-01", periods=n) if index is None else index)
    y = X["close"].shift(2, fill_value=0.0) + 0.5 * X["volume"].shift(1, fill_value=0.0)
    return X, y


def test_a_pipeline_predicts_the_training_rows_from_the_windows_it_was_fitted_on():
    X, y = regression()
    pipe = make_pipeline(SlidingWindow(4, flatten=True), SimpleImputer(), Ridge(1e-6)).fit(X, y)
    flat = SimpleImputer().fit_transform(windows_by_hand(X.to_numpy(), 4).reshape(200, -1))
    expected = Ridge(1e-6).fit(flat, y).predict(flat)
    np.testing.assert_allclose(pipe.predict(X), expected, rtol=1e-10)


def test_test_windows_of_a_pipeline_are_complete():
    X, y = regression()
    scaler = StandardScaler().set_output(transform="pandas")
    pipe = make_pipeline(scaler, SlidingWindow(4, flatten=True), SimpleImputer(), Ridge(1e-8))
    assert pipe.fit(X[:150], y[:150]).score(X[150:], y[150:]) > 0.9999


@pytest.mark.parametrize("gap", [0, 1, 2])
def test_cross_validation_scores_equal_those_by_hand(gap):
    X, y = regression()
    pipe = make_pipeline(SlidingWindow(5, flatten=True), SimpleImputer(), Ridge())
    splitter = TimeSeriesSplit(4, gap=gap)
    scores = cross_val_score(pipe, X, y, cv=splitter)
    expected = []
    for train, test in splitter.split(X):
        seen = X.to_numpy().copy()
        seen[train[-1] + 1 : test[0]] = np.nan
        flat = windows_by_hand(seen, 5).reshape(len(X), -1)
        model = make_pipeline(SimpleImputer(), Ridge()).fit(flat[train], y.iloc[train])
        expected.append(model.score(flat[test], y.iloc[test]))
    np.testing.assert_allclose(scores, expected, rtol=1e-9)


def test_grid_search_finds_the_window_that_holds_the_cause():
    X, y = regression()
    pipe = make_pipeline(SlidingWindow(1, flatten=True), SimpleImputer(), Ridge(1e-3))
    grid = {"slidingwindow__window": [1, 2, 3]}
    search = GridSearchCV(pipe, grid, cv=TimeSeriesSplit(4), error_score="raise").fit(X, y)
    assert search.best_params_ == {"slidingwindow__window": 3}
    assert search.best_score_ > 0.999


def test_windows_of_some_columns_through_a_column_transformer():
    X = frame(12, index=DAYS[:12])
    chosen = ColumnTransformer([("past", SlidingWindow(3, flatten=True), ["close"])])
    chosen.fit(X[:8])
    assert chosen.get_feature_names_out()[0] == "past__close_lag2"
    whole = windows_by_hand(X[["close"]].to_numpy(), 3).reshape(12, -1)
    np.testing.assert_array_equal(chosen.transform(X[8:]), whole[8:])


def test_a_scaler_that_drops_the_index_gives_sequences_of_their_own_in_fit_and_call():
    X, _ = regression(30)
    pipe = make_pipeline(StandardScaler(), SlidingWindow(4)).fit(X[:20])
    assert np.isnan(pipe.transform(X[20:])[0, :3]).all()


# errors ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("window", [0, -3, 2.0, "5", None, True])
def test_window_must_be_a_positive_integer(window):
    with pytest.raises(ValueError, match=r"window=.*expected an integer >= 1"):
        SlidingWindow(window).fit(frame(10))


def test_losing_the_index_after_fit_is_said():
    X = frame(30, index=DAYS)
    fitted = SlidingWindow(5).fit(X[:20])
    with pytest.warns(UserWarning, match=r"no index, but fit saw time stamps.*set_output"):
        windows = fitted.transform(X[20:].reset_index(drop=True))
    np.testing.assert_array_equal(windows, windows_by_hand(X[20:].to_numpy(), 5))


@pytest.mark.filterwarnings("ignore:X has feature names")
def test_time_stamps_after_fit_on_an_array_cannot_be_placed():
    X = frame(30, index=DAYS)
    fitted = SlidingWindow(5).fit(X[:20].to_numpy())
    with pytest.raises(ValueError, match=r"fit saw rows without an index.*set_output"):
        fitted.transform(X[20:])


@pytest.mark.parametrize(
    ("index", "kind"),
    [
        (pd.RangeIndex(20, 30), "numbers"),
        (DAYS[20:].tz_localize("UTC"), "time stamps with a zone"),
        (DAYS[20:].to_period(), "periods of freq D"),
        (pd.MultiIndex.from_product([["a"], DAYS[20:]]), "a panel of time stamps without a zone"),
    ],
)
def test_another_kind_of_index_cannot_be_placed(index, kind):
    X = frame(30, index=DAYS)
    with pytest.raises(ValueError, match=f"holds {kind}, but fit saw time stamps without a zone"):
        SlidingWindow(5).fit(X[:20]).transform(X[20:].set_axis(index))


@pytest.mark.parametrize("call", ["fit", "transform"])
def test_unsorted_and_repeated_stamps_are_refused(call):
    X = frame(10, index=DAYS[:10])
    window = SlidingWindow(3).fit(X)
    with pytest.raises(ValueError, match=r"not increasing, first at row 1.*sort_index"):
        getattr(window, call)(X.iloc[::-1])
    with pytest.raises(ValueError, match="1 duplicate: 2024-01-02"):
        getattr(window, call)(X.iloc[[0, 1, 1, 2]])


def test_an_index_of_text_is_refused_naming_to_datetime():
    X = frame(3, index=["2024-01-01", "2024-01-02", "2024-01-03"])
    with pytest.raises(TypeError, match=r"pd\.to_datetime"):
        SlidingWindow(2).fit(X)


def test_text_columns_are_refused_naming_an_encoder():
    X = frame(5).assign(kind=list("abcde"))
    with pytest.raises(TypeError, match=r"'kind'.*OneHotEncoder"):
        SlidingWindow(2).fit(X)


def test_infinite_values_are_refused():
    X = frame(5)
    X.iloc[2, 1] = np.inf
    with pytest.raises(ValueError, match="infinity"):
        SlidingWindow(2).fit(X)


def test_columns_are_checked_by_number_and_name():
    fitted = SlidingWindow(2).fit(frame(10))
    with pytest.raises(ValueError, match="feature names should match"):
        fitted.transform(frame(10)[["volume", "close"]])
    with pytest.raises(ValueError, match="expecting 2 features"):
        SlidingWindow(2).fit(np.zeros((9, 2))).transform(np.zeros((9, 3)))


def test_a_series_is_refused_as_scikit_learn_does():
    with pytest.raises(ValueError, match="Expected a 2-dimensional container"):
        SlidingWindow(2).fit(frame(10)["close"])


# make_windows ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("window", "horizon", "stride"), [(1, 1, 1), (4, 1, 1), (3, 5, 2)])
def test_make_windows_equals_slicing(window, horizon, stride):
    y = np.random.default_rng(0).normal(size=30)
    windows, targets = make_windows(y, window=window, horizon=horizon, stride=stride)
    ends = range(window, 30 - horizon + 1, stride)
    np.testing.assert_array_equal(windows[:, :, 0], [y[t - window : t] for t in ends])
    np.testing.assert_array_equal(targets, [y[t : t + horizon] for t in ends])


def test_make_windows_of_covariates_holds_the_covariates_only():
    X = frame(20, index=DAYS[:20])
    y = pd.Series(np.arange(20.0), index=X.index)
    windows, targets = make_windows(y, X, window=3, horizon=2)
    np.testing.assert_array_equal(windows[0], X.to_numpy()[:3])
    np.testing.assert_array_equal(targets[0], [3.0, 4.0])
    assert windows.shape == (16, 3, 2)


def test_make_windows_costs_no_memory():
    X = np.random.default_rng(0).normal(size=(200, 4)).astype(np.float32)
    windows, _ = make_windows(X[:, 0], X, window=20, horizon=3, stride=2)
    assert np.shares_memory(windows, X)
    assert windows.dtype == np.float32


def test_make_windows_drops_samples_without_a_complete_target():
    y = np.arange(10.0)
    y[6] = np.nan
    windows, targets = make_windows(y, window=2, horizon=2)
    assert targets[:, 0].tolist() == [2.0, 3.0, 4.0, 7.0, 8.0]
    assert np.isfinite(targets).all()
    assert np.isnan(windows[3]).tolist() == [[False], [True]]


def test_make_windows_keeps_several_targets_apart():
    y = frame(12)
    windows, targets = make_windows(y, window=3, horizon=2)
    assert targets.shape == (8, 2, 2)
    np.testing.assert_array_equal(targets[0], y.to_numpy()[3:5])
    np.testing.assert_array_equal(windows[0], y.to_numpy()[:3])


def test_make_windows_of_a_panel_never_crosses_series():
    y = panel([8, 4, 9])["close"]
    windows, targets = make_windows(y, window=3, horizon=2)
    parts = [make_windows(y[key], window=3, horizon=2) for key in "ac"]  # b is too short
    np.testing.assert_array_equal(windows, np.concatenate([part[0] for part in parts]))
    np.testing.assert_array_equal(targets, np.concatenate([part[1] for part in parts]))


def test_make_windows_leaks_nothing_from_after_the_window():
    y = np.random.default_rng(0).normal(size=30)
    later = y.copy()
    later[20:] = 1e9
    windows, _ = make_windows(y, window=4, horizon=3)
    changed, targets = make_windows(later, window=4, horizon=3)
    before = explain_windows(y=y, window=4, horizon=3)["input_last"] < 20
    np.testing.assert_array_equal(windows[before], changed[before])
    assert (targets[before.to_numpy()] == 1e9).any()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"window": 8, "horizon": 3}, r"y has 10 rows: window=8 and horizon=3 need at least 11"),
        ({"window": 0}, "window=0: expected an integer >= 1"),
        ({"window": 2, "horizon": 0}, "horizon=0: expected an integer >= 1"),
        ({"window": 2, "stride": 1.5}, "stride=1.5: expected an integer >= 1"),
    ],
)
def test_make_windows_says_which_number_is_wrong(arguments, message):
    with pytest.raises(ValueError, match=message):
        make_windows(np.arange(10.0), **arguments)


def test_make_windows_refuses_rows_that_do_not_match():
    y = pd.Series(np.arange(10.0), index=DAYS[:10])
    with pytest.raises(ValueError, match="X has 9 rows, y has 10"):
        make_windows(y, frame(9), window=2)
    with pytest.raises(ValueError, match=r"differs from y.index, first at row 0: 2024-01-02"):
        make_windows(y, frame(10, index=DAYS[1:11]), window=2)
    with pytest.raises(ValueError, match="infinity"):
        make_windows(np.array([1.0, np.inf, 2.0]), window=1)


# explain_windows -------------------------------------------------------------------------------


@pytest.mark.parametrize(("window", "horizon", "stride"), [(1, 1, 1), (4, 2, 1), (3, 5, 4)])
def test_explain_windows_describes_each_sample_of_make_windows(window, horizon, stride):
    y = pd.Series(np.arange(30.0), index=DAYS)  # the value is the row number
    y.iloc[17] = np.nan
    windows, targets = make_windows(y, window=window, horizon=horizon, stride=stride)
    told = explain_windows(y=y, window=window, horizon=horizon, stride=stride)
    assert told["target_first"].tolist() == list(DAYS[targets[:, 0].astype(int)])
    assert told["target_last"].tolist() == list(DAYS[targets[:, -1].astype(int)])
    seen = np.isfinite(windows[:, 0, 0])
    assert told["input_first"][seen].tolist() == list(DAYS[windows[seen, 0, 0].astype(int)])
    assert told["missing"].tolist() == np.isnan(windows).sum(axis=(1, 2)).tolist()
    assert (told["time"] < told["target_first"]).all()


def test_explain_windows_describes_each_row_of_sliding_window():
    X = frame(12, index=DAYS[:12])
    told = explain_windows(X, window=5, horizon=0)
    windows = SlidingWindow(5).fit_transform(X)
    assert told["padded"].tolist() == np.isnan(windows[:, :, 0]).sum(axis=1).tolist()
    assert told["time"].equals(told["target_first"]) and told["time"].equals(told["input_last"])
    assert told["input_first"].tolist() == [*[DAYS[0]] * 5, *DAYS[1:8]]


def test_explain_windows_counts_the_steps_that_a_gap_hides():
    days = DAYS[:10].delete([4, 5])
    told = explain_windows(y=pd.Series(np.arange(8.0), index=days), window=3, horizon=1)
    assert told["missing"].tolist() == [0, 0, 2, 2, 0]


@pytest.mark.parametrize("interleaved", [False, True])
def test_explain_windows_of_a_panel_names_the_series(interleaved):
    X = panel([6, 4], interleaved)
    told = explain_windows(X, window=3, horizon=0)
    assert told["series"].tolist() == X.index.get_level_values("series").tolist()
    assert told["time"].tolist() == X.index.get_level_values("time").tolist()
    windows = SlidingWindow(3).fit_transform(X)
    assert told["padded"].tolist() == np.isnan(windows[:, :, 0]).sum(axis=1).tolist()
    samples = explain_windows(y=X["close"], window=3, horizon=2)
    assert samples["series"].tolist() == ["a", "a"]


def test_explain_windows_of_an_array_tells_row_numbers():
    told = explain_windows(np.zeros((6, 2)), np.zeros(6), window=2, horizon=1, stride=2)
    assert told["input_first"].tolist() == [0, 2]
    assert told["target_last"].tolist() == [2, 4]
