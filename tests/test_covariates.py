"""Covariates of three kinds and in vintages: what a model is given of them, and when."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.utils.validation import check_is_fitted

from tsrnn import ARIMA, Naive
from tsrnn.asof import AsOf
from tsrnn.base import Forecaster

NAN = np.nan
N = 20
DAYS = pd.date_range("2024-01-01", periods=N + 10, name="day")
LAST = DAYS[N - 1]


class Witness(Forecaster):
    """Forecasts zeros and remembers what it was asked."""

    def __init__(
        self, horizon=3, past_only=None, static=None, freq=None, missing="mask", vintages=0
    ):
        self.horizon = horizon
        self.past_only = past_only
        self.static = static
        self.freq = freq
        self.missing = missing
        self.vintages = vintages

    def _steps_ahead(self):
        return self.vintages

    def _fit(self, records):
        self.requests_, self.seen_ = [], []

    def _forecast(self, requests):
        self.requests_ += requests
        return [np.zeros((r.n, r.record.y.shape[1])) for r in requests]

    def _quantiles(self, requests, levels):
        return [np.tile(levels, (r.n, r.record.y.shape[1], 1)) for r in requests]

    def _in_sample(self, record):
        self.seen_.append(record)
        return np.zeros_like(record.y)

    def _update(self, records, new_steps):
        pass


def known(model, key=None):
    return model._records[key]


def stock(n: int = N + 10) -> tuple[pd.DataFrame, pd.Series]:
    """A price with a known covariate, one past-only, and two static ones."""
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"rate": rng.normal(size=n), "volume": rng.normal(size=n)}, DAYS[:n])
    return X.assign(sector="tech", size=2.0), pd.Series(rng.normal(size=n), DAYS[:n], name="price")


def panel() -> tuple[pd.DataFrame, pd.Series]:
    X, y = stock()
    other = X.assign(sector="oil", rate=-X["rate"])
    names = ["id", "day"]
    return pd.concat({"a": X, "b": other}, names=names), pd.concat({"a": y, "b": -y}, names=names)


def fitted(**options) -> tuple[Witness, pd.DataFrame, pd.Series]:
    X, y = stock()
    options = {"past_only": ["volume"], "static": ["sector", "size"]} | options
    return Witness(**options).fit(X[:N], y[:N]), X, y


# roles ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("parameter", ["past_only", "static"])
def test_unknown_columns_are_refused_listing_those_of_X(parameter):
    X, y = stock()
    with pytest.raises(ValueError, match=rf"{parameter}=\['vol'\]: X has the columns \['rate', 'v"):
        Witness(**{parameter: ["vol"]}).fit(X, y)
    with pytest.raises(ValueError, match=rf"{parameter}=\['vol'\]: X has the columns \[\]"):
        Witness(**{parameter: ["vol"]}).fit(y=y)
    with pytest.raises(ValueError, match=rf"{parameter}='volume': expected a list of columns"):
        Witness(**{parameter: "volume"}).fit(X, y)


def test_a_column_has_one_role():
    X, y = stock()
    with pytest.raises(ValueError, match=r"past_only and static both name the columns \['size'\]"):
        Witness(past_only=["size"], static=["size"]).fit(X, y)


def test_roles_are_learnt_and_static_columns_leave_the_matrix():
    model, X, _ = fitted()
    assert model.n_features_in_ == 4
    assert model.feature_names_in_.tolist() == ["rate", "volume", "sector", "size"]
    assert model._past_only.tolist() == [False, True]
    assert model._static_names == ["sector", "size"]
    assert known(model).static == ("tech", 2.0)
    np.testing.assert_array_equal(known(model).X, X.iloc[:N, :2])


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (pd.Categorical(["x"] * N), "x"),
        ([True] * N, True),
        ([3] * N, 3),
        ([None, *["x"] * (N - 1)], "x"),
        ([NAN] * N, None),
    ],
)
def test_static_values_may_be_of_any_kind(values, expected):
    X, y = stock(N)
    model = Witness(static=["sector"]).fit(X[["rate"]].assign(sector=values), y)
    assert known(model).static == (expected,)


def test_a_static_column_that_changes_names_series_column_and_values():
    X, y = panel()
    X.loc[("b", DAYS[4]), "sector"] = "gas"
    message = r"static column 'sector' with the values 'oil' and 'gas' in series 'b'"
    with pytest.raises(ValueError, match=message):
        Witness(static=["sector"]).fit(X, y)
    model = Witness(static=["sector"]).fit(X.loc[["a"]], y.loc[["a"]])
    with pytest.raises(ValueError, match=message):
        model.update(X.loc[["b"]], y.loc[["b"]])


def test_text_columns_name_static_where_there_is_the_parameter():
    X, y = stock()
    with pytest.raises(TypeError, match=r"column 'sector'.*OneHotEncoder.*static=\[\.\.\.\]"):
        Witness().fit(X, y)
    with pytest.raises(TypeError, match=r"column 'sector'.*ColumnTransformer$"):
        ARIMA().fit(X, y)


def test_arrays_name_columns_by_number():
    X, y = stock()
    columns = X[["size", "rate", "volume"]].to_numpy()
    model = Witness(past_only=[2], static=[0]).fit(columns[:N], y[:N].to_numpy())
    assert known(model).static == (2.0,)
    np.testing.assert_array_equal(known(model).X, columns[:N, 1:])
    for rows in (columns[N:], columns[N:, [1]]):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            model.predict(rows)
        request = model.requests_.pop()
        np.testing.assert_array_equal(request.X[:, 0], X["rate"][N:])
        assert np.isnan(request.X[:, 1]).all()
    with pytest.raises(ValueError, match="X has 2 features"):
        model.predict(columns[N:, :2])


def test_static_columns_alone_have_as_many_rows_as_y():
    X, y = stock()
    with pytest.raises(ValueError, match="X has 4 rows, y has 30: expected as many"):
        Witness(static=["sector"]).fit(X[["sector"]][:4], y.to_numpy())


def test_arrays_of_objects_may_hold_text_in_static_columns():
    X, y = stock()
    model = Witness(static=[1]).fit(X[["rate", "sector"]].to_numpy(), y)
    assert known(model).static == ("tech",)
    np.testing.assert_array_equal(known(model).X[:, 0], X["rate"])


# predict -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "columns",
    [["rate"], ["sector", "rate"], ["size", "rate", "sector"]],
    ids=str,
)
def test_past_only_and_static_columns_may_be_left_out(columns):
    model, X, _ = fitted()
    assert model.predict(X[columns][N:]).index.equals(DAYS[N:])
    request = model.requests_[0]
    np.testing.assert_array_equal(request.X[:, 0], X["rate"][N:])
    assert np.isnan(request.X[:, 1]).all()


def test_columns_that_are_needed_may_not_be_left_out():
    model, X, _ = fitted()
    with pytest.raises(ValueError, match=r"now missing:\n- rate"):
        model.predict(X[["volume", "sector"]][N:])
    with pytest.raises(ValueError, match=r"unseen at fit time:\n- new"):
        model.predict(X.assign(new=1.0)[N:])


def test_polars_columns_are_matched_by_name():
    pl = pytest.importorskip("polars")
    model, X, _ = fitted()
    model.predict(pl.DataFrame({"sector": ["tech"] * 10, "rate": X["rate"][N:].to_numpy()}))
    np.testing.assert_array_equal(model.requests_[0].X[:, 0], X["rate"][N:])
    frame = pl.DataFrame({name: X[name].to_numpy() for name in X})
    again = Witness(past_only=["volume"], static=["sector"]).fit(frame, np.zeros(N + 10))
    assert known(again).static == ("tech",)


def test_past_only_values_of_the_future_warn_once_and_are_not_used():
    X, y = panel()
    train = X.index.get_level_values("day") <= LAST
    model = Witness(past_only=["volume"], static=["sector"]).fit(X[train], y[train])
    message = r"past-only columns \['volume'\] for rows after the fitted ones: they are not used"
    with pytest.warns(UserWarning, match=message) as caught:
        model.predict(X[~train])
    assert [warning.filename for warning in caught] == [__file__]
    assert all(np.isnan(request.X[:, 1]).all() for request in model.requests_)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.predict(X[~train].assign(volume=NAN))
        model.predict(X[train])


def test_in_sample_rows_take_the_past_only_values_they_are_given():
    model, X, _ = fitted()
    model.predict(X.iloc[3:6].assign(volume=[7.0, 8.0, 9.0]))
    assert model.seen_[0].X[2:7, 1].tolist() == [X["volume"].iloc[2], 7, 8, 9, X["volume"].iloc[6]]
    model.predict(X[["rate"]].iloc[3:6])
    np.testing.assert_array_equal(model.seen_[1].X, known(model).X)


def test_equal_static_values_are_ignored_and_others_refused():
    model, X, _ = fitted()
    rows = X[N:].drop(columns="volume")
    model.predict(rows.assign(sector=["tech"] * 9 + [None]))
    with pytest.raises(ValueError, match=r"static column 'sector' .* 'oil', which had 'tech'"):
        model.predict(rows.assign(sector="oil"))


def test_nothing_need_be_passed_when_nothing_is_known_in_advance():
    X, y = stock()
    model = Witness(past_only=["rate", "volume"], static=["sector", "size"]).fit(X[:N], y[:N])
    assert model.predict(horizon=4).index.equals(DAYS[N : N + 4])
    assert np.isnan(model.requests_[0].X).all() and model.requests_[0].X.shape == (4, 2)
    assert model.predict(pd.DataFrame(index=DAYS[N : N + 2])).index.equals(DAYS[N : N + 2])
    model = Witness(static=["sector", "size"]).fit(X[["sector", "size"]], y)
    assert known(model).X is None
    assert len(model.predict()) == 3 and model.requests_[0].X is None


def test_known_columns_that_are_not_passed_are_named_alone():
    model, X, _ = fitted()
    with pytest.raises(ValueError, match=r"fitted with X columns \['rate'\]; predict needs them"):
        model.predict()
    with pytest.raises(ValueError, match=r"fitted with X columns \['rate'\]; got no covariates"):
        model.predict(X[N:][[]])


def test_missing_is_refused_only_in_columns_that_are_used():
    model, X, _ = fitted(missing="raise")
    assert len(model.predict(X[["rate"]][N:])) == 10
    assert len(model.predict(X[N:].assign(volume=NAN))) == 10
    with pytest.raises(ValueError, match=r"10 missing values \(NaN\) in column 'rate'"):
        model.predict(X[N:].assign(rate=NAN))


def test_requests_name_the_stamps_of_their_steps():
    model, X, y = fitted()
    model.predict(X[["rate"]].iloc[[N, N + 3]])
    request = model.requests_[0]
    assert request.n == 4 and request.index.equals(DAYS[N : N + 4])
    np.testing.assert_array_equal(np.isnan(request.X[:, 0]), [False, True, True, False])
    model = Witness().fit(y=y.to_numpy())
    model.predict(horizon=2)
    assert model.requests_[0].index.tolist() == [N + 10, N + 11]


# update --------------------------------------------------------------------------------------


def test_update_may_leave_out_past_only_and_static_columns():
    model, X, y = fitted()
    model.update(X[["rate"]][N:], y[N:])
    np.testing.assert_array_equal(known(model).X[:, 0], X["rate"])
    assert np.isnan(known(model).X[N:, 1]).all()
    assert known(model).static == ("tech", 2.0)
    model, X, y = fitted()
    model.update(X[N:], y[N:])
    np.testing.assert_array_equal(known(model).X, X[["rate", "volume"]])


def test_update_refuses_other_static_values_and_fills_unknown_ones():
    model, X, y = fitted()
    with pytest.raises(ValueError, match=r"static column 'size' .* 5.0, which had 2.0"):
        model.update(X[N:].assign(size=5.0), y[N:])
    model = Witness(past_only=["volume"], static=["sector", "size"])
    model.fit(X[:N].assign(sector=None), y[:N]).update(X[N:], y[N:])
    assert known(model).static == ("tech", 2.0)


def test_an_unseen_series_brings_its_static_values():
    X, y = panel()
    model = Witness(static=["sector", "size"]).fit(X.loc[["a"]], y.loc[["a"]])
    model.update(X.loc[["b"]], y.loc[["b"]])
    assert known(model, "b").static == ("oil", 2.0)
    again = Witness(static=["sector", "size"]).fit(X.loc[["a"]], y.loc[["a"]])
    again.update(X.loc[["b"], ["rate", "volume"]], y.loc[["b"]])
    assert known(again, "b").static == (None, None)


# freq ----------------------------------------------------------------------------------------


def test_freq_gives_the_calendar():
    holidays = pd.offsets.CustomBusinessDay(holidays=["2024-01-15"])
    index = pd.date_range("2024-01-01", periods=10, freq=holidays)
    model = Witness(freq=holidays).fit(y=pd.Series(np.arange(10.0), index))
    assert model.predict().index.strftime("%d").tolist() == ["16", "17", "18"]
    weekly = Witness(freq="W-MON").fit(y=pd.Series([1.0, 2.0], DAYS[[0, 7]]))
    assert weekly.predict(horizon=1).index.equals(DAYS[[14]])


def test_the_freq_of_the_index_counts_too():
    holidays = pd.offsets.CustomBusinessDay(holidays=["2024-01-15"])
    index = pd.date_range("2024-01-01", periods=10, freq=holidays)
    forecast = Naive().fit(y=pd.Series(np.arange(10.0), index)).predict(horizon=2)
    assert forecast.index.strftime("%d").tolist() == ["16", "17"]


def test_a_freq_that_means_nothing_here_is_refused():
    _, y = stock()
    with pytest.raises(ValueError, match="freq='fortnight': expected a pandas offset"):
        Witness(freq="fortnight").fit(y=y)
    with pytest.raises(ValueError, match="freq='D', but the index is int64: expected dates"):
        Witness(freq="D").fit(y=y.to_numpy())


# vintages ------------------------------------------------------------------------------------


def weather(series: str | None = None, seed: int = 0) -> pd.DataFrame:
    """Forecasts of each day issued 0 to 4 days before it, some days without."""
    rng = np.random.default_rng(seed)
    lead = rng.integers(0, 5, size=80)
    target = rng.integers(0, N + 10, size=80)
    frame = pd.DataFrame(
        {
            "day": DAYS[target],
            "issued": DAYS[target] - pd.to_timedelta(lead, unit="D"),
            "wind": rng.normal(size=80),
            "rain": rng.normal(size=80),
        }
    )
    frame = frame.drop_duplicates(["day", "issued"])
    return frame if series is None else frame.assign(series=series)


def newest(frame: pd.DataFrame, target, by) -> np.ndarray:
    """Return the values about a day that were known at another, the slow way."""
    about = frame[(frame["day"] == target) & (frame["issued"] <= by)]
    if about.empty:
        return np.full(2, NAN)
    return about.sort_values("issued")[["wind", "rain"]].iloc[-1].to_numpy()


def target_of_days(n: int = N + 10) -> pd.Series:
    return pd.Series(np.arange(float(n)), DAYS[:n], name="load")


def as_of(frame: pd.DataFrame) -> AsOf:
    return AsOf(frame, "day", "issued", series="series" if "series" in frame else None)


def test_fit_holds_what_each_step_knew():
    frame, H = weather(), 3
    y = target_of_days(N).drop(DAYS[[7, 8]])  # steps in between are asked for too
    record = known(Witness(vintages=H).fit(as_of(frame), y))
    assert record.ahead.shape == (N, H, 2)
    for t in range(N):
        np.testing.assert_array_equal(record.X[t], newest(frame, DAYS[t], DAYS[t]))
        for h in range(1, H + 1):
            expected = newest(frame, DAYS[t + h], DAYS[t])
            np.testing.assert_array_equal(record.ahead[t, h - 1], expected)
    assert known(Witness().fit(as_of(frame), y)).ahead is None


def test_predict_knows_what_was_issued_by_the_end():
    frame, y = weather(), target_of_days()
    model = Witness(vintages=3).fit(as_of(frame), y[:N])
    expected = [newest(frame, DAYS[N + h], LAST) for h in range(4)]
    assert model.predict(as_of(frame), horizon=4).index.equals(DAYS[N : N + 4])
    rows = as_of(frame).reindex(DAYS[N + 1 : N + 4])
    assert model.predict(rows).index.equals(DAYS[N + 1 : N + 4])
    for request in model.requests_:
        np.testing.assert_array_equal(request.X, expected)


def test_vintages_issued_after_the_origin_change_nothing():
    frame, y = weather(), target_of_days()
    later = frame["issued"] > LAST
    changed = frame.assign(wind=frame["wind"].where(~later, 1e6))
    requests = []
    for vintages in (frame, changed, frame[~later]):
        model = Witness(vintages=3).fit(as_of(vintages), y[:N])
        model.predict(as_of(vintages), horizon=5)
        requests += model.requests_
    assert later.any()
    for request in requests[1:]:
        np.testing.assert_array_equal(request.X, requests[0].X)
        np.testing.assert_array_equal(request.record.ahead, requests[0].record.ahead)


def test_update_equals_fit_on_everything():
    frame, y = weather(), target_of_days()
    whole = known(Witness(vintages=3).fit(as_of(frame), y.drop(DAYS[[N + 1, N + 2]])))
    model = Witness(vintages=3).fit(as_of(frame), y[:N])
    for day in DAYS[[N, *range(N + 3, N + 10)]]:
        model.update(as_of(frame), y.loc[[day]])
    np.testing.assert_array_equal(known(model).X, whole.X)
    np.testing.assert_array_equal(known(model).ahead, whole.ahead)
    plain = pd.DataFrame(0.0, DAYS[-1:] + pd.Timedelta("1D"), ["wind", "rain"])
    with pytest.raises(ValueError, match="fitted with an AsOf: expected one as X of update"):
        model.update(plain, pd.Series([1.0], plain.index))


def test_each_series_has_its_own_vintages():
    parts = {"a": weather("a"), "b": weather("b", seed=1)}
    frame = pd.concat(parts.values())
    y = pd.concat({"a": target_of_days(N), "b": target_of_days(N - 4)}, names=["series", "day"])
    model = Witness(vintages=2).fit(as_of(frame), y)
    model.predict(as_of(frame), horizon=4)
    for request, n in zip(model.requests_, (N, N - 4), strict=True):
        part = parts[request.record.key]
        expected = [newest(part, DAYS[n + h], DAYS[n - 1]) for h in range(4)]
        np.testing.assert_array_equal(request.X, expected)


def test_past_only_columns_of_vintages_are_unknown_ahead():
    frame, y = weather(), target_of_days()
    model = Witness(vintages=2, past_only=["rain"]).fit(as_of(frame), y[:N])
    model.predict(as_of(frame), horizon=4)
    assert np.isnan(model.requests_[0].X[:, 1]).all()
    assert np.isnan(known(model).ahead[:, :, 1]).all()
    assert np.isfinite(known(model).X[:, 1]).any()


def test_steps_without_any_vintage_are_refused_and_single_ones_masked():
    frame, y = weather(), target_of_days()
    late = frame[(frame["day"] <= LAST) | (frame["issued"] > LAST)]
    model = Witness().fit(as_of(late), y[:N])
    message = rf"no vintage issued by {LAST} about any of the steps.*first {DAYS[N]}"
    with pytest.raises(ValueError, match=message):
        model.predict(as_of(late), horizon=3)
    one = pd.DataFrame({"day": DAYS[[N + 1]], "issued": LAST, "wind": 1.0, "rain": 2.0})
    some = as_of(pd.concat([late, one]))
    model.predict(some, horizon=3)
    assert np.isnan(model.requests_[-1].X).all(axis=1).tolist() == [True, False, True]
    strict = Witness(missing="raise").fit(as_of(daily()), y[:N])
    with pytest.raises(ValueError, match=rf"in column 'wind', first at {DAYS[N]}"):
        strict.predict(some, horizon=3)


def daily() -> pd.DataFrame:
    """A vintage a day, issued at the day itself."""
    return pd.DataFrame({"day": DAYS, "issued": DAYS, "wind": 1.0, "rain": 2.0})


def test_vintages_need_a_time_index_and_the_columns_of_fit():
    frame, y = weather(), target_of_days()
    with pytest.raises(ValueError, match="y has no time index, but X is an AsOf"):
        Witness().fit(as_of(frame), y.to_numpy())
    with pytest.raises(ValueError, match=r"static=\['rain'\]: columns of an AsOf change"):
        Witness(static=["rain"]).fit(as_of(frame), y)
    model = Witness().fit(as_of(frame), y)
    with pytest.raises(ValueError, match=r"AsOf with the columns \['wind'\]: fitted with \['wind'"):
        model.predict(as_of(frame.drop(columns="rain")), horizon=2)
    with pytest.raises(ValueError, match="was fitted without covariates"):
        Naive().fit(y=y).predict(as_of(frame), horizon=2)


def test_a_baseline_takes_vintages_as_covariates():
    frame = daily().assign(issued=DAYS - pd.Timedelta("5D"))
    frame["wind"] = np.random.default_rng(0).normal(size=len(frame))
    frame = frame.drop(columns="rain")
    y = pd.Series(5 * frame["wind"].to_numpy(), DAYS)
    model = ARIMA((0, 0, 0)).fit(as_of(frame), y[:N])
    check_is_fitted(model)
    np.testing.assert_allclose(model.predict(as_of(frame), horizon=5), y[N : N + 5], atol=1e-6)
