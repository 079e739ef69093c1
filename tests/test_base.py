"""Which rows a call means: the table of the design, one test a row, for predict and update."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import TimeSeriesSplit, cross_val_score

from tsrnn import ARIMA, Drift, ExpandingWindowSplit, LSTMForecaster, Naive, SeasonalNaive
from tsrnn.base import undone_on_failure

NAN = np.nan
N = 40  # rows that models are fitted on
START = "2024-01-01"  # a Monday

# The cheap one tells by a straight line which step was forecast; the other is recurrent.
LSTM = LSTMForecaster(horizon=3, hidden_size=4, max_epochs=2, random_state=0)
MODELS = [pytest.param(Drift(), id="drift"), pytest.param(LSTM, id="lstm")]
WITH_COVARIATES = [pytest.param(ARIMA((1, 0, 0)), id="arima"), pytest.param(LSTM, id="lstm")]
each_model = pytest.mark.parametrize("model", MODELS)
with_covariates = pytest.mark.parametrize("model", WITH_COVARIATES)


def days(n: int, start: str = START) -> pd.DatetimeIndex:
    return pd.bdate_range(start, periods=n)


def wave(n: int = N + 20, index: pd.Index | None = None, seed: int = 0) -> pd.Series:
    """A wave that no season of the calendar explains: only a recurrent network follows it."""
    values = np.random.default_rng(seed).normal(50, 0.3, size=n) + 8 * np.sin(np.arange(n) / 1.8)
    return pd.Series(values, index=days(n) if index is None else index, name="load")


def line(n: int = N + 20) -> pd.Series:
    return pd.Series(np.arange(float(n)), index=days(n), name="line")


def rows_of(index: pd.Index) -> pd.DataFrame:
    """Rows to forecast, without covariates."""
    return pd.DataFrame(index=index)


def driven(n: int = N + 20, seed: int = 0) -> tuple[pd.DataFrame, pd.Series]:
    """Covariates and a target that is five times the first of them."""
    X = pd.DataFrame(np.random.default_rng(seed).normal(size=(n, 2)), days(n), columns=["a", "b"])
    noise = np.random.default_rng(seed + 1).normal(size=n)
    return X, (5 * X["a"] + 0.1 * noise).rename("y")


def panel(lengths: dict[str, int], order: str = "series") -> pd.Series:
    parts = {name: wave(n, seed=i) for i, (name, n) in enumerate(lengths.items())}
    return pd.concat(parts, names=["series", "time"]).sort_index(level=order, kind="stable")


# predict: arrays and a default index -------------------------------------------------------------


@each_model
@pytest.mark.parametrize("index", [None, pd.RangeIndex(4)])
def test_a_default_index_means_the_next_rows(model, index):
    y = wave()[:N]
    model.fit(y=y)
    forecast = model.predict(rows_of(pd.RangeIndex(4)))
    pd.testing.assert_series_equal(forecast, model.predict(horizon=4))
    assert forecast.index.equals(days(N + 4)[N:])


@with_covariates
def test_an_array_of_covariates_means_the_next_rows(model):
    X, y = driven()
    model.fit(X[:N].to_numpy(), y[:N])
    forecast = model.predict(X[N : N + 3].to_numpy())
    assert forecast.index.equals(y.index[N : N + 3])
    assert np.corrcoef(forecast, y[N : N + 3])[0, 1] > 0.9


def test_a_fit_on_arrays_counts_rows():
    y = line().to_numpy()
    model = Drift().fit(y=y[:N])
    np.testing.assert_allclose(model.predict(rows_of(pd.RangeIndex(N, N + 3))), y[N : N + 3])
    np.testing.assert_allclose(model.predict(rows_of(pd.RangeIndex(5, 8))), y[5:8])


# predict: rows that follow -----------------------------------------------------------------------


@each_model
def test_rows_that_follow_directly_are_forecast(model):
    y = wave()
    model.fit(y=y[:N])
    forecast = model.predict(rows_of(y.index[N : N + 3]))
    pd.testing.assert_series_equal(forecast, model.predict(horizon=3), check_freq=False)


@each_model
@pytest.mark.parametrize("k", [1, 3])
def test_rows_after_missing_steps_are_forecast_across_the_gap(model, k):
    y = wave()
    model.fit(y=y[:N])
    forecast = model.predict(rows_of(y.index[N + k : N + k + 3]))
    expected = model.predict(horizon=k + 3)[k:]
    pd.testing.assert_series_equal(forecast, expected, check_freq=False)


def test_missing_steps_are_counted_by_the_calendar_of_fit():
    y = line()
    holidays = y.index[[7, 18, 19]]
    model = Drift().fit(y=y[:N].drop(holidays))
    forecast = model.predict(rows_of(y.index[[N, N + 1, N + 3]]))  # not the row N + 2
    np.testing.assert_allclose(forecast, [N, N + 1, N + 3])


@pytest.mark.parametrize(
    ("model", "asked", "gap_in_fit", "allowed"),
    [
        (Naive(), 1, 0, 1),  # the horizon of a baseline
        (LSTM, 1, 0, 3),  # its horizon
        (Naive(), 4, 0, 4),  # the number of rows asked for
        (Naive(), 1, 6, 6),  # the longest gap seen in fit
        (LSTM, 2, 6, 6),
    ],
)
def test_longest_gap_is_the_horizon_the_rows_asked_for_or_one_seen_in_fit(
    model, asked, gap_in_fit, allowed
):
    y = wave()
    model.fit(y=y[:N].drop(y.index[10 : 10 + gap_in_fit]))
    first = N + allowed
    assert len(model.predict(rows_of(y.index[first : first + asked]))) == asked
    message = (
        rf"expected rows from {y.index[N].date()}.*, got {y.index[first + 1].date()}.*: "
        rf"{allowed + 1} missing steps.*\({allowed}\).*update\(X, y\)"
    )
    with pytest.raises(ValueError, match=message):
        model.predict(rows_of(y.index[first + 1 : first + 1 + asked]))


@each_model
def test_rows_a_year_later_are_refused(model):
    y = wave()[:N]
    with pytest.raises(ValueError, match=r"expected rows from 2024-02-26.*, got 2025-02-26"):
        model.fit(y=y).predict(rows_of(days(3, "2025-02-26")))


@each_model
def test_a_gap_between_the_rows_asked_for_is_checked_too(model):
    y = wave()
    with pytest.raises(ValueError, match=rf"expected rows from {y.index[N + 1].date()}"):
        model.fit(y=y[:N]).predict(rows_of(y.index[[N, N + 15]]))


@with_covariates
def test_covariates_of_the_gap_are_unknown(model):
    X, y = driven()
    model.fit(X[:N], y[:N])
    across = model.predict(X[N + 2 : N + 5])
    expected = pd.concat([X[N : N + 2] * NAN, X[N + 2 : N + 5]])
    pd.testing.assert_series_equal(across, model.predict(expected)[2:], check_freq=False)


# predict: rows inside, before and overlapping the end --------------------------------------------


@each_model
def test_rows_inside_are_one_step_forecasts_from_the_steps_before(model):
    y = wave()
    model.fit(y=y[:N])
    later = model.update(y=y[N:]).predict(rows_of(y.index[N : N + 3]))
    one_by_one = model.fit(y=y[:N])
    for t in range(N, N + 3):
        assert later.iloc[t - N] == pytest.approx(one_by_one.predict(horizon=1).iloc[0], rel=1e-9)
        one_by_one.update(y=y[t : t + 1])


@each_model
def test_in_sample_rows_may_be_any_of_the_known_ones(model):
    y = wave()[:N]
    every = model.fit(y=y).predict(rows_of(y.index))
    some = model.predict(rows_of(y.index[[3, 20, 21, N - 1]]))
    np.testing.assert_array_equal(some, every.iloc[[3, 20, 21, N - 1]])


@with_covariates
def test_in_sample_forecasts_use_the_covariates_of_the_call(model):
    X, y = driven()
    model.fit(X, y)
    assert np.corrcoef(model.predict(X)[5:], y[5:])[0, 1] > 0.95
    shuffled = X.sample(frac=1, random_state=0).set_axis(X.index)
    assert np.corrcoef(model.predict(shuffled)[5:], y[5:])[0, 1] < 0.5


@each_model
def test_rows_before_the_fitted_range_are_refused(model):
    y = wave()
    with pytest.raises(
        ValueError, match=r"starts at 2024-01-01.*before the fitted range 2024-01-0"
    ):
        model.fit(y=y[2:N]).predict(rows_of(y.index[:5]))


@each_model
def test_rows_overlapping_the_end_are_in_sample_then_forecasts(model):
    y = wave()
    model.fit(y=y[:N])
    forecast = model.predict(rows_of(y.index[N - 4 : N + 3]))
    np.testing.assert_array_equal(forecast[:4], model.predict(rows_of(y.index[N - 4 : N])))
    np.testing.assert_array_equal(forecast[4:], model.predict(horizon=3))


@with_covariates
def test_rows_overlapping_the_end_keep_their_covariates_apart(model):
    X, y = driven()
    model.fit(X[:N], y[:N])
    forecast = model.predict(X[N - 4 : N + 3])
    np.testing.assert_array_equal(forecast[:4], model.predict(X[N - 4 : N]))
    np.testing.assert_array_equal(forecast[4:], model.predict(X[N : N + 3]))


def test_an_index_of_another_kind_is_refused():
    model = Naive().fit(y=wave()[:N].tz_localize("UTC"))
    with pytest.raises(
        ValueError, match=r"datetime64\[\w+\], that of fit was datetime64\[\w+, UTC\]"
    ):
        model.predict(rows_of(days(3, "2024-02-26")))


@pytest.mark.parametrize("rows", [[1, 0], [0, 0]])
def test_rows_to_forecast_must_increase(rows):
    model = Naive().fit(y=wave()[:N])
    with pytest.raises(ValueError, match=r"X\.index (is not increasing|has 1 duplicate)"):
        model.predict(rows_of(days(2, "2024-02-26")[rows]))


@each_model
def test_no_rows_at_all_are_refused(model):
    with pytest.raises(ValueError, match="X has 0 rows"):
        model.fit(y=wave()[:N]).predict(rows_of(days(0)))


# predict: panels ---------------------------------------------------------------------------------


@each_model
def test_a_panel_is_forecast_series_by_series(model):
    y = panel({"b": N, "a": N - 7})
    forecast = model.fit(y=y).predict(horizon=3)
    assert forecast.index.names == ["series", "time"]
    for name, n in {"b": N, "a": N - 7}.items():
        assert forecast[name].index.equals(days(N + 3)[n : n + 3])
        inside = model.predict(rows_of(y.index))[name]
        assert inside.index.equals(y[name].index)


def test_each_series_of_a_panel_has_its_own_gap():
    y = panel({"a": N, "b": N - 2})
    rows = rows_of(pd.MultiIndex.from_product([["b", "a"], days(N + 2)[N:]], names=y.index.names))
    forecast = LSTM.fit(y=y).predict(rows)
    assert forecast.index.equals(rows.index)
    following = LSTM.predict(horizon=4)
    np.testing.assert_array_equal(forecast["b"], following["b"][2:])
    np.testing.assert_array_equal(forecast["a"], following["a"][:2])


def test_interleaved_rows_of_a_panel_keep_their_places():
    y = panel({"a": N, "b": N, "c": N}, order="time")
    model = Drift().fit(y=y)
    rows = rows_of(pd.MultiIndex.from_product([days(N + 2)[N:], list("cab")]).swaplevel())
    forecast = model.predict(rows)
    expected = model.predict(horizon=2)
    assert forecast.index.equals(rows.index)
    np.testing.assert_array_equal(forecast, expected.loc[list(rows.index)])


@each_model
def test_an_unseen_series_names_update(model):
    model.fit(y=panel({"a": N, "b": N}))
    rows = rows_of(pd.MultiIndex.from_product([["a", "z"], days(N + 2)[N:]]))
    with pytest.raises(
        ValueError, match=r"series \['z'\] was not seen in fit: call update\(X, y\)"
    ):
        model.predict(rows)


@each_model
def test_a_panel_under_plain_time_series_split_names_our_splitter(model):
    y = panel({"a": N, "b": N, "c": N})
    with pytest.raises(ValueError, match="cut the panel by time with ExpandingWindowSplit"):
        cross_val_score(model, y.to_frame()[[]], y, cv=TimeSeriesSplit(3), error_score="raise")
    splitter = ExpandingWindowSplit(n_splits=3, horizon=3)
    scores = cross_val_score(model, y.to_frame()[[]], y, cv=splitter, error_score="raise")
    assert np.isfinite(scores).all()


@each_model
def test_one_series_and_a_panel_are_told_apart(model):
    y = panel({"a": N, "b": N})
    with pytest.raises(ValueError, match=r"fitted on a panel.*that of one series"):
        model.fit(y=y).predict(rows_of(days(N + 2)[N:]))
    with pytest.raises(ValueError, match=r"panel of 2 series: expected an index \(series, time\)"):
        model.predict(rows_of(pd.RangeIndex(2)))
    with pytest.raises(ValueError, match=r"fitted on one series.*that of a panel"):
        model.fit(y=y["a"]).predict(rows_of(y.index))


# update ------------------------------------------------------------------------------------------


@each_model
@pytest.mark.parametrize("kind", [np.asarray, list, lambda y: y.reset_index(drop=True)])
def test_update_takes_arrays_and_a_default_index_as_the_next_rows(model, kind):
    y = wave()
    expected = model.fit(y=y[:N]).update(y=y[N:]).predict(horizon=3)
    forecast = model.fit(y=y[:N]).update(y=kind(y[N:])).predict(horizon=3)
    pd.testing.assert_series_equal(forecast, expected)


@each_model
def test_update_with_rows_that_follow_moves_the_origin(model):
    y = wave()
    forecast = model.fit(y=y[:N]).update(y=y[N:]).predict(horizon=3)
    assert forecast.index.equals(days(len(y) + 3)[-3:])
    assert (forecast != model.fit(y=y[:N]).predict(rows_of(y.index[N : N + 3])).to_numpy()).all()


@each_model
def test_update_after_missing_steps_equals_update_with_missing_values(model):
    y = wave()
    expected = model.fit(y=y[:N]).update(y=pd.concat([y[N : N + 4] * NAN, y[N + 4 :]]))
    expected = expected.predict(horizon=3)
    forecast = model.fit(y=y[:N]).update(y=y[N + 4 :]).predict(horizon=3)
    pd.testing.assert_series_equal(forecast, expected)


@each_model
def test_update_refuses_missing_steps_where_missing_values_are_refused(model):
    y, strict = wave(), type(model)(**(model.get_params() | {"missing": "raise"}))
    strict.fit(y=y[:N])
    for rows, expected, got in ([N + 1, N + 2], N, N + 1), ([N, N + 2], N + 1, N + 2):
        message = rf"expected a row at {y.index[expected].date()}.*, got {y.index[got].date()}"
        with pytest.raises(ValueError, match=message):
            strict.update(y=y.iloc[rows])
    assert strict.update(y=y[N:]).predict(horizon=1).notna().all()


@each_model
@pytest.mark.parametrize("first", [5, N - 1, -1], ids=["inside", "overlapping", "before"])
def test_update_refuses_known_rows_and_changes_nothing(model, first):
    y = wave()
    before = model.fit(y=y[1:N]).predict(horizon=3)
    rows = y.iloc[first : first + 5] if first > 0 else pd.Series([1.0], index=days(1, "2023-12-01"))
    with pytest.raises(
        ValueError, match=rf"rows from {rows.index[0].date()}.*rows up to 2024-02-23"
    ):
        model.update(y=rows)
    pd.testing.assert_series_equal(model.predict(horizon=3), before)


@each_model
def test_update_of_a_panel_moves_the_series_it_names(model):
    y, more = panel({"a": N, "b": N}), panel({"a": N + 5, "b": N + 5})
    before = model.fit(y=y).predict(horizon=2)
    new = more[more.index.get_level_values("time") > y["a"].index[-1]].loc[["b"]]
    after = model.update(y=new).predict(horizon=2)
    pd.testing.assert_series_equal(after["a"], before["a"])
    assert after["b"].index.equals(days(N + 7)[N + 5 :])


def test_update_starts_a_state_for_an_unseen_series():
    y = panel({"a": N, "b": N, "c": 25})
    model = LSTM.fit(y=y.loc[["a", "b"]]).update(y=y.loc[["c"]])
    forecast = model.predict(horizon=3)
    assert forecast["c"].index.equals(days(28)[25:])
    alone = LSTM.fit(y=y.loc[["a", "b"]]).update(y=y.loc[["c"]].iloc[:20])
    alone.update(y=y.loc[["c"]].iloc[20:])
    pd.testing.assert_series_equal(alone.predict(horizon=3).loc[["a"]], forecast.loc[["a"]])


def test_baselines_refuse_to_update_an_unseen_series():
    y = panel({"a": N, "b": N})
    with pytest.raises(ValueError, match=r"series \['b'\] not seen in fit: Drift fits one model a"):
        Drift().fit(y=y.loc[["a"]]).update(y=y.loc[["b"]])


@with_covariates
def test_update_needs_the_covariates_of_fit(model):
    X, y = driven()
    model.fit(X[:N], y[:N])
    with pytest.raises(ValueError, match=r"fitted with X columns \['a', 'b'\]; got no covariates"):
        model.update(y=y[N:])
    with pytest.raises(ValueError, match="X has 3 rows, y has 20: expected as many"):
        model.update(X[N : N + 3], y[N:])


# what comes out ----------------------------------------------------------------------------------


@each_model
@pytest.mark.parametrize(
    "index",
    [
        days(N),
        pd.date_range(START, periods=N, freq="h", tz="Europe/Berlin", name="at"),
        pd.period_range("2020-01", periods=N, freq="M"),
        pd.RangeIndex(10, 10 + 2 * N, 2),
        pd.timedelta_range("0s", periods=N, freq="10s"),
    ],
    ids=lambda index: type(index).__name__,
)
def test_forecasts_lie_on_the_stamps_that_follow(model, index):
    forecast = model.fit(y=wave(N, index=index)).predict(horizon=3)
    step = index[1] - index[0]
    assert forecast.index[0] == index[-1] + (3 * step if index.equals(days(N)) else step)
    assert type(forecast.index) is type(index) or isinstance(index, pd.RangeIndex)
    assert forecast.index.dtype == index.dtype
    assert forecast.index.name == index.name


@each_model
def test_forecasts_have_the_kind_of_the_target(model):
    y = wave(N)
    values = model.fit(y=y).predict().to_numpy()
    assert model.predict().name == "load"
    assert model.fit(y=y.rename(None)).predict().name is None
    frame = model.fit(y=y.to_frame()).predict()
    assert list(frame.columns) == ["load"]
    np.testing.assert_array_equal(frame["load"], values)
    array = model.fit(y=y.to_numpy()).predict()
    assert type(array) is np.ndarray
    np.testing.assert_array_equal(array, values)


def test_forecasts_of_column_vectors_and_wide_targets_keep_their_columns():
    y = wave(N)
    column = LSTM.fit(y=y.to_numpy()[:, None]).predict()
    np.testing.assert_array_equal(column[:, 0], LSTM.fit(y=y).predict())
    wide = LSTM.fit(y=pd.DataFrame({"u": y, "v": y[::-1].to_numpy()})).predict(horizon=5)
    assert wide.shape == (5, 2)
    assert list(wide.columns) == ["u", "v"]


@each_model
def test_polars_comes_out_as_polars(model):
    pl = pytest.importorskip("polars")
    y = wave(N)
    values = model.fit(y=y.to_numpy()).predict()
    forecast = model.fit(y=pl.Series("load", y.to_numpy())).predict()
    assert isinstance(forecast, pl.Series)
    assert forecast.name == "load"
    np.testing.assert_array_equal(forecast.to_numpy(), values)


@with_covariates
def test_polars_covariates_are_the_next_rows(model):
    pl = pytest.importorskip("polars")
    X, y = driven()
    expected = model.fit(X[:N].to_numpy(), y[:N].to_numpy()).predict(X[N : N + 3].to_numpy())
    frame = pl.DataFrame({name: X[name].to_numpy() for name in X})
    forecast = model.fit(frame[:N], pl.Series("y", y[:N].to_numpy())).predict(frame[N : N + 3])
    np.testing.assert_array_equal(forecast, expected)


# the horizon -------------------------------------------------------------------------------------


def test_without_a_number_the_fitted_horizon_is_forecast():
    y = wave(N)
    assert len(LSTM.fit(y=y).predict()) == 3
    assert len(Naive().fit(y=y).predict()) == 1


@each_model
@pytest.mark.parametrize("horizon", [0, -1, 2.5, "3", True])
def test_a_horizon_below_one_is_refused(model, horizon):
    model.fit(y=wave(N))
    with pytest.raises(ValueError, match=rf"horizon={horizon!r}: expected an integer >= 1"):
        model.predict(horizon=horizon)


@pytest.mark.parametrize("horizon", [0, 1.5, None])
def test_a_horizon_below_one_is_refused_by_fit(horizon):
    with pytest.raises(ValueError, match=rf"horizon={horizon!r}: expected an integer >= 1"):
        LSTMForecaster(horizon=horizon).fit(y=wave(N))


@each_model
def test_rows_and_horizon_must_agree(model):
    y = wave()
    model.fit(y=y[:N])
    rows = rows_of(y.index[N : N + 4])
    pd.testing.assert_series_equal(model.predict(rows, horizon=4), model.predict(rows))
    with pytest.raises(ValueError, match=r"horizon=5, but X has 4 rows: pass one of the two"):
        model.predict(rows, horizon=5)


def test_longer_horizons_feed_the_forecasts_back():
    y = wave()
    long = LSTM.fit(y=y).predict(horizon=7)
    pd.testing.assert_series_equal(LSTM.predict(), long[:3], check_freq=False)
    LSTM.update(y=long[:3])
    pd.testing.assert_series_equal(LSTM.predict(), long[3:6], check_freq=False)
    LSTM.update(y=long[3:6])
    assert LSTM.predict().iloc[0] == pytest.approx(long.iloc[6], rel=1e-12)


@with_covariates
def test_rows_of_covariates_define_the_horizon(model):
    X, y = driven()
    forecast = model.fit(X[:N], y[:N]).predict(X[N:])
    assert forecast.index.equals(y.index[N:])
    assert np.corrcoef(forecast, y[N:])[0, 1] > 0.95


# covariates --------------------------------------------------------------------------------------


@with_covariates
def test_covariates_are_aligned_by_name(model):
    X, y = driven()
    model.fit(X[:N], y[:N])
    expected = model.predict(X[N:])
    pd.testing.assert_series_equal(model.predict(X.loc[y.index[N:], ["b", "a"]]), expected)
    with pytest.raises(ValueError, match="feature names should match"):
        model.predict(X[N:].rename(columns={"a": "c"}))


@with_covariates
def test_an_array_after_a_frame_warns_as_in_scikit_learn(model):
    X, y = driven()
    expected = model.fit(X[:N], y[:N]).predict(X[N:])
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        forecast = model.predict(X[N:].to_numpy())
    np.testing.assert_array_equal(forecast, expected)
    with pytest.raises(ValueError, match="X has 1 features"), pytest.warns(UserWarning):
        model.predict(X.loc[y.index[N:], ["a"]].to_numpy())


@with_covariates
def test_missing_future_covariates_are_named(model):
    X, y = driven()
    model.fit(X[:N], y[:N])
    needed = model.get_params().get("horizon", 1)
    names = r"fitted with X columns \['a', 'b'\]"
    with pytest.raises(ValueError, match=rf"{names}; predict needs them for {needed} rows"):
        model.predict()
    with pytest.raises(ValueError, match=rf"{names}; got no covariates for these rows"):
        model.predict(X[N:][[]])


@each_model
def test_covariates_that_fit_did_not_see_are_refused(model):
    X, y = driven()
    with pytest.raises(ValueError, match=r"X has 2 columns, but \w+ was fitted without covariates"):
        model.fit(y=y[:N]).predict(X[N:])


@each_model
def test_a_frame_without_columns_is_no_covariates(model):
    y = wave()[:N]
    expected = model.fit(y=y).predict()
    pd.testing.assert_series_equal(model.fit(y.to_frame()[[]], y).predict(), expected)
    X, target = driven()
    model.fit(X, target)
    pd.testing.assert_series_equal(model.fit(y=y).predict(), expected)  # and none are remembered


@pytest.mark.parametrize("column", [["u", "v"] * (N // 2), pd.Categorical(["u", "v"] * (N // 2))])
@with_covariates
def test_text_columns_name_an_encoder(model, column):
    X, y = driven(N)
    with pytest.raises(
        TypeError, match=r"column 'c' of dtype \w+.*OneHotEncoder or OrdinalEncoder"
    ):
        model.fit(X.assign(c=column), y)


@each_model
def test_a_shifted_index_is_named(model):
    X, y = driven(N)
    message = r"X\.index differs from y\.index, first at row 0: 2024-01-02.* in X, 2024-01-01"
    with pytest.raises(ValueError, match=message):
        model.fit(X.shift(1, freq="B"), y)
    with pytest.raises(ValueError, match="X has 39 rows, y has 40: expected as many"):
        model.fit(X[:-1], y)
    with pytest.raises(ValueError, match="X has 39 rows, y has 40: expected as many"):
        model.fit(X[:-1].to_numpy(), y.to_numpy())


@each_model
def test_a_series_alone_says_how_to_forecast_it(model):
    with pytest.raises(ValueError, match=r"call fit\(y=series\)"):
        model.fit(wave(N))


# missing values ----------------------------------------------------------------------------------


def strict(model):
    return type(model)(**(model.get_params() | {"missing": "raise"}))


@each_model
def test_missing_targets_are_refused_naming_number_and_place(model):
    y = wave(N)
    y.iloc[[7, 9]] = NAN
    message = rf"y has 2 missing values \(NaN\), first at {y.index[7].date()}.*missing='mask'"
    with pytest.raises(ValueError, match=message):
        strict(model).fit(y=y)
    y.iloc[-1] = NAN
    message = rf"y has 3 missing values.*the end is missing, the last valid one is at {y.index[-2]}"
    with pytest.raises(ValueError, match=message):
        strict(model).fit(y=y)


@each_model
def test_missing_covariates_are_refused_in_every_call_naming_the_column(model):
    X, y = driven()
    holes = X.copy()
    holes.iloc[[4, N + 1, N + 2], 1] = NAN
    first = y.index[4].date()
    message = rf"X has 1 missing values \(NaN\) in column 'b', first at {first}.*missing='mask'"
    with pytest.raises(ValueError, match=message):
        strict(model).fit(holes[:N], y[:N])
    fitted = strict(model).fit(X[:N], y[:N])
    for call in (fitted.predict, lambda rows: fitted.update(rows, y[N:])):
        with pytest.raises(ValueError, match=r"X has 2 missing values \(NaN\) in column 'b'"):
            call(holes[N:])


@each_model
def test_score_masks_missing_targets(model):
    y = wave()
    model.fit(y=y[:N])
    asked = y[N : N + 6].copy()
    forecast = model.predict(rows_of(asked.index))
    asked.iloc[[1, 4]] = NAN
    seen = asked.notna()
    residual = ((asked - forecast)[seen] ** 2).sum()
    expected = 1 - residual / ((asked[seen] - asked[seen].mean()) ** 2).sum()
    assert model.score(y=asked) == pytest.approx(expected)
    assert model.score(rows_of(asked.index), asked) == pytest.approx(expected)


def test_score_of_the_training_rows_is_one_step():
    y = wave()
    naive = SeasonalNaive(seasonality=1).fit(y=y)
    expected = 1 - ((y - y.shift().bfill()) ** 2).sum() / ((y - y.mean()) ** 2).sum()
    assert naive.score(y=y) == pytest.approx(expected)


def test_a_target_of_a_panel_without_any_value_is_named():
    frame = pd.DataFrame({"u": wave(N), "v": wave(N, seed=1)})
    both = pd.concat({"a": frame, "b": frame[:20].assign(v=NAN)}, names=["series", "time"])
    with pytest.raises(ValueError, match="y of series 'b' has 0 finite values of 20 in column 1"):
        LSTM.fit(y=both)


def test_a_series_of_another_frequency_in_a_panel_is_refused():
    days, months = pd.date_range("2020", periods=100), pd.date_range("2000", periods=60, freq="MS")
    panel = pd.concat(
        {"daily": pd.Series(1.0, index=days), "monthly": pd.Series(2.0, index=months)},
        names=["series", "time"],
    )
    with pytest.raises(ValueError, match="series 'monthly' has a row at every 31th step only"):
        Drift().fit(y=panel)


# quantiles and intervals -------------------------------------------------------------------------


def test_quantiles_have_a_column_a_level_in_increasing_order():
    y = wave(N)
    model = Naive().fit(y=y)
    quantiles = model.predict_quantiles([0.9, 0.1, 0.5, 0.9], horizon=4)
    assert quantiles.columns.tolist() == [0.1, 0.5, 0.9]
    pd.testing.assert_index_equal(quantiles.index, model.predict(horizon=4).index)
    assert (np.diff(quantiles.to_numpy(), axis=1) > 0).all()
    np.testing.assert_allclose(quantiles[0.5], model.predict(horizon=4))
    pd.testing.assert_frame_equal(model.predict_quantiles(0.1, horizon=4), quantiles[[0.1]])


def test_an_interval_lies_between_the_quantiles_that_leave_out_as_much():
    model = Naive().fit(y=wave(N))
    interval = model.predict_interval(0.8, horizon=3)
    assert interval.columns.tolist() == ["lower", "upper"]
    np.testing.assert_allclose(interval, model.predict_quantiles([0.1, 0.9], horizon=3))
    assert len(model.predict_interval()) == 1


def test_quantiles_follow_the_rows_of_X_across_a_gap():
    y = wave()
    model = Drift().fit(y=y[:N])
    rows = model.predict_quantiles([0.2, 0.8], rows_of(y.index[[N + 1, N + 2]]), horizon=2)
    expected = model.predict_quantiles([0.2, 0.8], horizon=3)[1:]
    pd.testing.assert_frame_equal(rows, expected, check_freq=False)
    panelled = Drift().fit(y=panel({"b": N, "a": N}, order="time"))
    assert panelled.predict_interval(horizon=2)["lower"].index.equals(
        panelled.predict(horizon=2).index
    )


class Spread(Naive):
    """Quantiles that tell target and level: 100 k + level."""

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def _quantiles(self, requests, levels):
        return [
            np.tile(100 * np.arange(r.record.y.shape[1])[:, None] + levels, (r.n, 1, 1))
            for r in requests
        ]


def test_quantiles_have_the_kind_of_the_target():
    y = wave(N)
    wide = pd.DataFrame({"u": y, "v": y})
    quantiles = Spread().fit(y=wide).predict_quantiles([0.25, 0.75], horizon=2)
    assert quantiles.columns.names == ["target", "level"]
    assert quantiles.columns.tolist() == [("u", 0.25), ("u", 0.75), ("v", 0.25), ("v", 0.75)]
    assert quantiles["v", 0.75].tolist() == [100.75, 100.75]
    assert list(Spread().fit(y=wide).predict_interval()["u"]) == ["lower", "upper"]
    cube = Spread().fit(y=wide.to_numpy()).predict_quantiles([0.25, 0.75], horizon=3)
    assert cube.shape == (3, 2, 2) and cube[0].tolist() == [[0.25, 0.75], [100.25, 100.75]]
    flat = Spread().fit(y=y.to_numpy()).predict_quantiles([0.25, 0.75], horizon=3)
    assert flat.tolist() == [[0.25, 0.75]] * 3


def test_quantiles_of_polars_are_frames_with_named_columns():
    pl = pytest.importorskip("polars")
    y = pl.Series("load", wave(N).to_numpy())
    quantiles = Spread().fit(y=y).predict_quantiles([0.25, 0.75], horizon=2)
    assert isinstance(quantiles, pl.DataFrame) and quantiles.columns == ["0.25", "0.75"]
    wide = Spread().fit(y=pl.DataFrame({"u": y, "v": y})).predict_interval()
    assert wide.columns == ["u_lower", "u_upper", "v_lower", "v_upper"]


@pytest.mark.parametrize("levels", [[], 0, 1.0, [0.5, 1.5], "0.5", ["0.5"], [True], [NAN], None])
def test_levels_that_are_no_probabilities_are_refused(levels):
    with pytest.raises(ValueError, match=r"levels=.*: expected numbers above 0 and below 1"):
        Naive().fit(y=wave(N)).predict_quantiles(levels)


@pytest.mark.parametrize("coverage", [0, 1, 90, "0.9", True, NAN, None])
def test_a_coverage_that_is_no_probability_is_refused(coverage):
    with pytest.raises(ValueError, match=rf"coverage={coverage!r}: expected a number above 0"):
        Naive().fit(y=wave(N)).predict_interval(coverage)


def test_rows_inside_the_fitted_range_have_no_quantiles():
    y = wave()
    model = Naive().fit(y=y[:N])
    with pytest.raises(ValueError, match=r"X has 4 rows inside the fitted range, which ends at 20"):
        model.predict_interval(X=rows_of(y.index[N - 4 : N + 3]))


# in sample ---------------------------------------------------------------------------------------


@each_model
def test_in_sample_forecasts_are_those_of_the_fitted_rows(model):
    y = wave(N)
    forecast = model.fit(y=y).predict_in_sample()
    pd.testing.assert_series_equal(forecast, model.predict(rows_of(y.index)))
    pd.testing.assert_series_equal(model.residuals_, y - forecast)


def test_in_sample_forecasts_leave_out_steps_without_a_row():
    y = wave(N).drop(days(N)[[5, 9, 10]])
    y.iloc[[3, 20]] = NAN
    model = Naive().fit(y=y)
    pd.testing.assert_series_equal(model.predict_in_sample(), y.shift().ffill().fillna(y.iloc[0]))
    assert model.residuals_.isna().to_numpy().nonzero()[0].tolist() == [3, 20]


@pytest.mark.parametrize("order", ["series", "time"])
def test_in_sample_forecasts_of_a_panel_keep_the_order_of_its_rows(order):
    y = panel({"b": N, "a": N - 7, "c": N}, order=order)
    known = y.index.get_level_values("time") < days(N)[30]
    model = Naive().fit(y=y[known]).update(y=y[~known])
    everything = pd.concat([y[known], y[~known]])
    expected = everything.groupby(level="series", sort=False).transform(
        lambda part: part.shift().bfill()
    )
    pd.testing.assert_series_equal(model.predict_in_sample(), expected)
    pd.testing.assert_series_equal(model.residuals_, everything - expected)


def test_in_sample_forecasts_have_the_kind_of_the_target():
    y = wave(N)
    array = Naive().fit(y=y.to_numpy()).predict_in_sample()
    np.testing.assert_array_equal(array, Naive().fit(y=y).predict_in_sample())
    frame = Naive().fit(y=y.to_frame())
    assert frame.residuals_.columns.tolist() == ["load"]


def test_residuals_and_quantiles_need_a_fit():
    for ask in (
        lambda m: m.residuals_,
        lambda m: m.predict_in_sample(),
        lambda m: m.predict_interval(),
    ):
        with pytest.raises(NotFittedError):
            ask(Naive())


def test_a_fit_that_fails_leaves_the_fitted_state():
    model = Drift().fit(y=pd.Series([1.0, 2.0, 3.0], name="old"))
    with pytest.raises(ValueError, match="0 finite values"):
        model.fit(y=pd.DataFrame({"new": [NAN] * 5}, index=pd.date_range("2020", periods=5)))
    assert model.predict(horizon=1).to_dict() == {3: 4.0}


# what fails changes nothing ----------------------------------------------------------------------


@each_model
def test_a_first_fit_that_fails_leaves_the_model_unfitted(model):
    X, y = driven(N)
    fresh = clone(model)
    for bad_X, bad_y in ((X, y.set_axis(y.index.astype(object))), (X.assign(c="text"), y)):
        with pytest.raises(TypeError):
            fresh.fit(bad_X, bad_y)
        assert vars(fresh) == vars(clone(model))
        with pytest.raises(NotFittedError):
            fresh.predict()


@each_model
def test_an_update_that_fails_late_changes_nothing(model, monkeypatch):
    y = wave()
    before = model.fit(y=y[:N]).predict()

    def fails(self, records, new_steps):
        self.calendar_ = None
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(type(model), "_update", fails)
        with pytest.raises(KeyboardInterrupt):
            model.update(y=y[N:])
    pd.testing.assert_series_equal(model.predict(), before)
    expected = clone(model).fit(y=y[:N]).update(y=y[N:]).predict()
    pd.testing.assert_series_equal(model.update(y=y[N:]).predict(), expected)


def test_attributes_are_put_back_after_a_failure_and_kept_without_one():
    model = Naive()
    with pytest.raises(KeyboardInterrupt), undone_on_failure(model):
        model.missing, model.new_ = "raise", 1
        raise KeyboardInterrupt
    assert vars(model) == {"missing": "mask"}
    with undone_on_failure(model):
        model.new_ = 1
    assert vars(model) == {"missing": "mask", "new_": 1}


# several targets ---------------------------------------------------------------------------------


def test_wide_targets_are_aligned_by_name_in_update_and_score():
    y = pd.DataFrame({"u": wave(), "v": 1e6 + wave(seed=1)})
    known, new = y[:N], y[N:]
    model = clone(LSTM).fit(y=known)
    assert model.score(y=new[["v", "u"]]) == model.score(y=new)
    expected = model.update(y=new).predict()
    turned = clone(LSTM).fit(y=known).update(y=new[["v", "u"]]).predict()
    pd.testing.assert_frame_equal(turned, expected)


def test_other_targets_than_those_of_fit_are_refused():
    y = pd.DataFrame({"u": wave(), "v": wave(seed=1)})
    new, model = y[N:], clone(LSTM).fit(y=y[:N])
    for call in (model.update, model.score):
        with pytest.raises(ValueError, match=r"y has the columns \['u'\]: .*of fit, \['u', 'v'\]"):
            call(y=new[["u"]])
        with pytest.raises(ValueError, match=r"y has 1 target\(s\): .*of fit, \['u', 'v'\]"):
            call(y=new["u"])
    with pytest.raises(ValueError, match=r"y has the columns \['u', 'v'\]: .*of fit, \['u'\]"):
        Naive().fit(y=y[["u"]][:N]).update(y=new)


def test_score_needs_a_fit():
    with pytest.raises(NotFittedError):
        Naive().score(y=wave())


# a panel under a splitter by row ------------------------------------------------------------------


@each_model
def test_folds_by_row_within_a_panel_are_noticed(model):
    """The last fold tests one series at times up to which the others were learnt from."""
    y = panel({"a": N, "b": N, "c": N})
    folds = {"cv": TimeSeriesSplit(2, test_size=10), "error_score": "raise"}
    with pytest.warns(UserWarning, match=r"series \['c'\], lie at times.*ExpandingWindowSplit"):
        cross_val_score(model, rows_of(y.index), y, **folds)
    by_time = ExpandingWindowSplit(2, horizon=3)
    cross_val_score(model, rows_of(y.index), y, cv=by_time, error_score="raise")  # no warning


@each_model
def test_a_series_that_ends_later_than_the_others_is_asked_without_a_warning(model):
    y = panel({"a": N, "b": N - 10})
    forecast = model.fit(y=y).predict(rows_of(pd.MultiIndex.from_product([["a"], days(N + 3)[N:]])))
    assert np.isfinite(forecast).all()
