"""explain_windows of the forecasters: what it says is perturbed, and what it does not say too."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import TimeSeriesSplit

from tsrnn import ExpandingWindowSplit, LSTMForecaster, SlidingWindowSplit
from tsrnn.asof import AsOf
from tsrnn.fitting import Fitting

TINY = {"hidden_size": 4, "max_epochs": 2, "n_estimators": 1, "random_state": 0}


def walk(n=60, seed=0, freq="D"):
    values = np.random.default_rng(seed).normal(size=n).cumsum()
    return pd.Series(values, index=pd.date_range("2024-01-01", periods=n, freq=freq))


def covariates(y, seed=1):
    values = np.random.default_rng(seed).normal(size=(len(y), 2))
    return pd.DataFrame(values, index=y.index, columns=["known", "seen"])


def panel():
    """Two series of different lengths, with covariates."""
    parts = {"a": walk(60, 0), "b": walk(45, 2)[5:]}
    y = pd.concat(parts, names=["series", "time"])
    return y, covariates(y)


def loud(model):
    """Let the networks say something at every input: a fit of two epochs may trust them little."""
    rng = np.random.default_rng(0)
    for network in model.networks_:
        for weights in network.parameters():
            weights.data.copy_(weights.data.new_tensor(rng.normal(size=tuple(weights.shape)) / 2))
    return model


def within(told, first, last, stamps):
    """Which stamps (s) each row of the table (m) says to lie in a range: (m, s)."""
    lower, upper = (told[name].to_numpy()[:, None] for name in (first, last))
    return (lower <= stamps.to_numpy()) & (stamps.to_numpy() <= upper)


def changed(model, key, name, column=0):
    """Which one-step forecasts of a series (T,) change with its value at each step: (T, s)."""
    record = model._records[key]
    before, answers = model._in_sample(record), []
    for step in range(len(record)):
        values = getattr(record, name).copy()
        values[step, column] += 3.0
        answers.append((model._in_sample(replace(record, **{name: values})) != before).any(axis=1))
    return np.array(answers).T


def in_sample(model, key=None):
    """The table of the one-step forecasts of a series, and its stamps."""
    record = model._records[key]
    index = record.stamps
    if key is not None:
        index = pd.MultiIndex.from_product([[key], index], names=["series", "time"])
    return model.explain_windows(pd.DataFrame(index=index)), record.stamps


# what is stated is all that counts --------------------------------------------------------------


@pytest.mark.parametrize(
    "settings",
    [
        {"context": 7, "horizon": 2},
        {"context": 12, "horizon": 4, "segment": 4},
        {"context": 9, "horizon": 3, "strategy": "seq2seq"},
        {"context": 5, "horizon": 3, "strategy": "recursive"},
    ],
    ids=str,
)
def test_a_forecast_hangs_on_just_the_target_lags_stated(settings):
    model = loud(LSTMForecaster(**settings, dtype="float64", **TINY).fit(y=walk()))
    told, stamps = in_sample(model)
    stated = within(told, "target_lags_first", "target_lags_last", stamps)
    found = changed(model, None, "y")[1:]  # the first step has nothing before it
    assert len(told) == len(stamps) - 1
    np.testing.assert_array_equal(found, stated)


def test_an_automatic_context_reads_no_further_than_stated():
    y = walk(420)
    y.iloc[200:203] = np.nan
    model = loud(LSTMForecaster(horizon=2, dtype="float64", **TINY).fit(y=y))
    told, stamps = in_sample(model)
    assert told["target_lags_first"].iloc[-1] > stamps[0]
    late = told.iloc[[-1]]
    record, forecast = model._records[None], model.predict().to_numpy()
    for step in range(0, 420, 3):
        values = record.y.copy()
        values[step] += 3.0
        model._records = {None: replace(record, y=values)}
        different = (model.predict().to_numpy() != forecast).any()
        assert not different or stamps[step] >= late["target_lags_first"].item()
        if stamps[step] >= late["window_first"].item() and np.isfinite(values[step, 0]):
            assert different


def test_a_panel_with_covariates_hangs_on_just_what_is_stated():
    y, X = panel()
    settings = {"horizon": 2, "context": 8, "past_only": ["seen"], "dtype": "float64"}
    model = loud(LSTMForecaster(**settings, **TINY).fit(X, y))
    model._preparation.known["a"].effect[:] = 0.5
    told, stamps = in_sample(model, "a")
    past = within(told, "past_covariates_first", "past_covariates_last", stamps)
    ahead = within(told, "future_covariates_first", "future_covariates_last", stamps)
    lags = within(told, "target_lags_first", "target_lags_last", stamps)
    np.testing.assert_array_equal(changed(model, "a", "y")[1:], lags)
    np.testing.assert_array_equal(changed(model, "a", "X", 0)[1:], past | ahead)
    seen = changed(model, "a", "X", 1)[1:]
    assert not (seen & ~past).any()
    assert seen[within(told, "window_first", "origin", stamps)].all()


def test_past_only_covariates_count_where_the_state_has_read_them():
    y = walk()
    X = covariates(y)[["seen"]]
    settings = {"horizon": 8, "segment": 8, "context": 20, "past_only": ["seen"]}
    model = loud(LSTMForecaster(**settings, dtype="float64", **TINY).fit(X, y))
    told, stamps = in_sample(model)
    assert (told["state_first"] >= told["target_lags_first"]).all()
    assert told["future_covariates_first"].isna().all()
    assert told["future_covariates_first"].dtype == told["origin"].dtype
    past = within(told, "past_covariates_first", "past_covariates_last", stamps)
    np.testing.assert_array_equal(changed(model, None, "X")[1:], past)


@pytest.mark.parametrize("strategy", ["direct", "seq2seq"])
def test_a_forecast_hangs_on_just_the_future_covariates_stated(strategy):
    y, X = walk(), covariates(walk())
    model = LSTMForecaster(horizon=4, strategy=strategy, context=10, past_only=["seen"], **TINY)
    model = loud(model.fit(X[:50], y[:50]))
    told = model.explain_windows(X[50:54])
    before, found = model.predict(X[["known"]][50:54]), []
    for stamp in X.index[50:54]:
        moved = X[["known"]][50:54].copy()
        moved.loc[stamp] += 3.0
        found.append(not model.predict(moved).equals(before))
    stated = within(told, "future_covariates_first", "future_covariates_last", X.index[48:56])
    assert stated[0].tolist() == [False, False, *found, False, False]
    assert all(found)


def test_forecasts_after_an_update_hang_on_just_the_rows_stated():
    y = walk(80)
    model = loud(LSTMForecaster(horizon=2, context=10, dtype="float64", **TINY).fit(y=y[:40]))
    fitted = model._records, model._preparation

    def forecast(values):
        model._records, model._preparation = fitted
        return model.update(y=values[40:]).predict().to_numpy()

    before = forecast(y)
    told = model.explain_windows()
    assert told["role"].tolist() == ["forecast"]
    assert told["target_last"].item() == pd.Timestamp("2024-03-22")  # y ends two days before
    for stamp in y.index[40:]:
        moved = y.copy()
        moved[stamp] += 3.0
        stated = told["target_lags_first"].item() <= stamp
        assert (forecast(moved) != before).any() == stated


# training samples -------------------------------------------------------------------------------


@pytest.mark.parametrize("segment", [1, 5])
def test_samples_are_those_that_training_visits(segment, monkeypatch):
    visited = {"train": set(), "held out": set()}
    tensors = Fitting._tensors

    def spy(self, passes, first, last, corpus):
        for series, origins in passes:
            role = "held out" if first[series] else "train"
            if role == "held out" or (last < corpus.length).any():  # not the last run, on all rows
                H = corpus.layout.horizon
                for t in origins[origins + H >= first[series]]:
                    ends = max(t + 1, first[series]), min(t + H, last[series] - 1)
                    visited[role].add((int(t), *map(int, ends)))
        return tensors(self, passes, first, last, corpus)

    monkeypatch.setattr(Fitting, "_tensors", spy)
    y = pd.Series(walk(50).to_numpy())
    model = LSTMForecaster(horizon=5, segment=segment, context=10, **TINY | {"max_epochs": 30})
    told = model.explain_windows(y=y)
    model.fit(y=y)
    for role, samples in told.groupby("role"):
        columns = samples[["origin", "target_first", "target_last"]]
        assert set(columns.itertuples(index=False, name=None)) == visited[role]


def test_without_early_stopping_nothing_is_held_out():
    told = LSTMForecaster(horizon=2, early_stopping=False).explain_windows(y=walk())
    assert set(told["role"]) == {"train"}
    assert told["target_last"].max() == walk().index[-1]


def test_samples_stay_within_the_pieces_between_long_gaps():
    y = walk(60).drop(pd.date_range("2024-02-01", periods=8))
    told = LSTMForecaster(horizon=3, max_gap=4).explain_windows(y=y)
    before = told["origin"] < pd.Timestamp("2024-02-01")
    assert (told["target_last"][before] < pd.Timestamp("2024-02-01")).all()
    assert (told["target_lags_first"][~before] > pd.Timestamp("2024-02-08")).all()
    bridged = LSTMForecaster(horizon=3).explain_windows(y=y)
    assert bridged["missing_lags"].max() == 8
    assert bridged["missing_targets"].max() == 2  # three missing ones are no sample


def test_differences_reach_back_to_the_first_value():
    told = (
        LSTMForecaster(horizon=2, context=6, transform="difference", **TINY)
        .fit(y=walk())
        .explain_windows()
    )
    assert told["target_lags_first"].item() == walk().index[0]
    assert told["state_first"].item() > walk().index[0]


def test_fitting_before_makes_no_difference_to_what_is_told_of_a_fit():
    y = walk()
    model = LSTMForecaster(horizon=2, **TINY)
    before = model.explain_windows(y=y)
    assert not hasattr(model, "networks_")
    pd.testing.assert_frame_equal(model.fit(y=y[:30]).explain_windows(y=y), before)


# folds ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "cv",
    [
        ExpandingWindowSplit(3, horizon=4),
        ExpandingWindowSplit(3, horizon=4, gap=2),
        SlidingWindowSplit(3, horizon=4, window=30),
        TimeSeriesSplit(3, test_size=4, gap=3),
    ],
    ids=str,
)
def test_no_fold_learns_from_its_test_rows(cv):
    y = walk()
    X = covariates(y)
    told = LSTMForecaster(horizon=4, past_only=["seen"]).explain_windows(X, y, cv=cv)
    for fold, (train, test) in enumerate(cv.split(X)):
        rows = told[told["fold"] == fold].set_index("role")
        learnt = rows.loc[["train", "held out"]]
        stamps = learnt.filter(regex="first|last|origin")
        assert stamps.min().min() >= y.index[train[0]]
        assert stamps.max().max() == y.index[train[-1]] < y.index[test[0]]
        tested = rows.loc["test"]
        assert tested["origin"] == y.index[train[-1]]
        assert [tested["target_first"], tested["target_last"]] == list(y.index[test[[0, -1]]])
        assert tested["target_lags_last"] < tested["target_first"]
        assert tested["past_covariates_last"] < tested["future_covariates_first"]
        assert tested["missing_targets"] == 0
        trained = rows.loc["train", "target_last"].max()
        assert trained < rows.loc["held out", "target_first"].min()


def test_folds_of_a_panel_are_told_series_by_series():
    y, X = panel()
    cv = ExpandingWindowSplit(2, horizon=3)
    told = LSTMForecaster(horizon=3).explain_windows(X, y, cv=cv)
    tested = told[told["role"] == "test"]
    assert tested["series"].tolist() == ["a", "a"]  # b ends before the test rows
    for fold, (train, _) in enumerate(cv.split(y)):
        learnt = told[(told["fold"] == fold) & (told["role"] != "test")]
        last = learnt.groupby("series")["target_last"].max()
        known = y.iloc[train].reset_index().groupby("series")["time"].max()
        pd.testing.assert_series_equal(last, known, check_names=False)


@pytest.mark.parametrize("kind", ["array", "default index"])
def test_rows_without_time_stamps_are_told_by_number(kind):
    y = walk().to_numpy() if kind == "array" else walk().reset_index(drop=True)
    told = LSTMForecaster(horizon=2).explain_windows(y=y, cv=TimeSeriesSplit(2, test_size=5))
    tested = told[told["role"] == "test"]
    assert tested["origin"].tolist() == [49, 54]
    assert tested["target_last"].tolist() == [54, 59]
    assert tested["future_covariates_first"].isna().all()


def test_vintages_are_issued_by_the_origin():
    y = walk(40)
    days = pd.date_range(y.index[0], periods=44)
    leads = [1, 2, 5]
    frame = pd.DataFrame(
        {
            "day": days.repeat(3),
            "issued": days.repeat(3) - pd.to_timedelta(leads * len(days), unit="D"),
            "rain": np.random.default_rng(0).normal(size=3 * len(days)),
        }
    )
    X = AsOf(frame, target_time="day", issue_time="issued").reindex(y.index)
    told = LSTMForecaster(horizon=4).explain_windows(X, y, cv=ExpandingWindowSplit(2, horizon=4))
    assert (told["issued_last"] <= told["origin"]).all()
    whole = told["target_last"] - told["origin"] == pd.Timedelta(days=4)
    assert (told["issued_last"] == told["origin"])[whole].all()  # tomorrow's, one day ahead
    one = X.issue_times(days[[10, 12]], days[[9, 9]])
    assert one.tolist() == [days[9], days[7]]


# bad input --------------------------------------------------------------------------------------


def test_what_cannot_be_explained_is_refused():
    model = LSTMForecaster(horizon=2)
    with pytest.raises(ValueError, match="cv=5: expected a splitter, such as TimeSeriesSplit"):
        model.explain_windows(y=walk(), cv=5)
    with pytest.raises(ValueError, match="but y is None: expected the target to split"):
        model.explain_windows(walk(), cv=TimeSeriesSplit(2))
    with pytest.raises(ValueError, match="not fitted"):
        model.explain_windows()
    with pytest.raises(ValueError, match="X has 0 rows: expected at least one row to explain"):
        LSTMForecaster(horizon=2, **TINY).fit(y=walk()).explain_windows(walk()[:0])
    with pytest.raises(ValueError, match="cut the panel by time with ExpandingWindowSplit"):
        model.explain_windows(y=panel()[0], cv=TimeSeriesSplit(2))
