"""Backtests: numbers by hand, fresh clones, no row after the origin, failures, verdicts."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.ensemble import StackingRegressor
from sklearn.exceptions import FitFailedWarning
from sklearn.linear_model import LinearRegression, Ridge, SGDRegressor
from sklearn.metrics import make_scorer, max_error, mean_absolute_error
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from tsrnn import ARIMA, Drift, LSTMForecaster, Naive
from tsrnn.asof import AsOf
from tsrnn.backtest_frames import FORECAST_COLUMNS
from tsrnn.backtest_verdict import verdict
from tsrnn.backtesting import backtest


class LastValue(RegressorMixin, BaseEstimator):
    """Forecast the last value (of each series) plus a shift; write down every call."""

    def __init__(self, shift=0.0, log=None, warm_start=False):
        self.shift = shift
        self.log = log
        self.warm_start = warm_start

    def __sklearn_clone__(self):
        return LastValue(self.shift, self.log, self.warm_start)  # the log is shared on purpose

    def fit(self, X, y):
        return self._learn("fit", X, y)

    def update(self, X, y):
        return self._learn("update", X, y)

    def _learn(self, call, X, y):
        self._write(call, X, y)
        if isinstance(y, pd.Series) and isinstance(y.index, pd.MultiIndex):
            self.last_ = y.dropna().groupby(level=0).last()
        else:
            self.last_ = pd.DataFrame(np.asarray(y)).ffill().to_numpy()[-1]
        return self

    def predict(self, X=None, horizon=None):
        self._write("predict", X, horizon)
        n = horizon if X is None else len(X)
        if isinstance(self.last_, pd.Series):
            return pd.Series(self.last_.loc[X.index.get_level_values(0)].to_numpy(), index=X.index)
        values = np.tile(self.last_ + self.shift, (n, 1))
        return values[:, 0] if values.shape[1] == 1 else values

    def _write(self, call, X, y):
        if self.log is not None:
            self.log.append((call, None if X is None else X.copy(), y))


class Noting(RegressorMixin, BaseEstimator):
    """Write down the X of every call."""

    def __init__(self, log, past_only=None):
        self.log = log
        self.past_only = past_only

    def __sklearn_clone__(self):
        return Noting(self.log, self.past_only)  # the log is shared on purpose

    def fit(self, X, y):
        self.log.append(("fit", X))
        return self

    def update(self, X, y):
        self.log.append(("update", X))
        return self

    def predict(self, X):
        self.log.append(("predict", X))
        return np.zeros(len(X))


class Failing(LastValue):
    """Fail to fit on some numbers of rows."""

    def __init__(self, rows=()):
        super().__init__()
        self.rows = rows

    def __sklearn_clone__(self):
        return Failing(self.rows)

    def fit(self, X, y):
        if len(y) in self.rows:
            raise ValueError(f"cannot fit {len(y)} rows")
        return super().fit(X, y)


def walk(n=40, seed=0, start="2024-01-01"):
    values = np.random.default_rng(seed).normal(size=n).cumsum()
    return pd.Series(values, index=pd.date_range(start, periods=n), name="walk")


def panel(n=12):
    index = pd.MultiIndex.from_product([["a", "b"], pd.date_range("2024-01-01", periods=n)])
    return pd.Series(np.r_[np.arange(n), 100 + 2 * np.arange(n)].astype(float), index=index)


def test_forecasts_frame_by_hand():
    y = pd.Series(
        [1.0, 2.0, 4.0, 7.0, 11.0], index=pd.date_range("2024-01-01", periods=5), name="y"
    )
    result = backtest({"last": LastValue()}, y=y, horizon=2, n_folds=2, step=1)
    days = y.index
    expected = pd.DataFrame(
        {
            "model": "last",
            "series": "y",
            "fold": [0, 0, 1, 1],
            "origin": [days[1], days[1], days[2], days[2]],
            "step": [1, 2, 1, 2],
            "time": [days[2], days[3], days[3], days[4]],
            "y_true": [4.0, 7.0, 7.0, 11.0],
            "y_pred": [2.0, 2.0, 4.0, 4.0],
        }
    )
    pd.testing.assert_frame_equal(result.forecasts, expected, check_dtype=False)
    assert list(result.forecasts.columns) == FORECAST_COLUMNS


def test_scores_and_summary_by_hand():
    y = pd.Series([0.0, 2.0, 3.0, 5.0, 4.0, 8.0])
    result = backtest({"m": LastValue(shift=1.0)}, y=y, horizon=2, n_folds=2)
    # fold 0: last 2, forecasts 3, 3, truths 3, 5; scale |2| = 2; naive errors 1, 3
    # fold 1: last 5, forecasts 6, 6, truths 4, 8; scale (2 + 1 + 2) / 3; naive errors 1, 3
    scaled = [0 / 2, 2 / 2, 2 / (5 / 3), 2 / (5 / 3)]
    row = result.summary().loc["m"]
    assert row["MASE"] == pytest.approx(np.mean(scaled))
    assert row["RMSE"] == pytest.approx(np.sqrt((0 + 4 + 4 + 4) / 4))
    assert row["MAE"] == pytest.approx(6 / 4)
    assert row["skill_%"] == pytest.approx(100 * (1 - 6 / 8))
    assert row["folds"] == 2
    assert result.scores["fold"]["MAE"].tolist() == [1.0, 2.0]
    assert result.scores["fold"]["skill_%"].tolist() == pytest.approx([50.0, 0.0])
    assert result.folds["last_value"].tolist() == [2.0, 5.0]


def test_mase_is_scaled_by_the_calendars_season():
    index = pd.date_range("2020-01-01", periods=40, freq="MS")
    y = pd.Series(np.tile(np.arange(12.0), 4)[:40] + np.arange(40) // 12, index=index)
    result = backtest({"last": LastValue()}, y=y, horizon=1, n_folds=2)
    assert result.settings["seasonality"] == 12
    assert result.folds["scale"].tolist() == [1.0, 1.0]
    assert (
        backtest(LastValue(), y=y, horizon=1, n_folds=2, seasonality=1).settings["seasonality"] == 1
    )
    assert backtest(LastValue(), y=y[:14], horizon=1, n_folds=3).settings["seasonality"] == 1


def test_p_value_is_the_paired_t_test_of_the_folds_for_tests_side_by_side():
    y = walk(60)
    result = backtest({"m": LastValue(shift=0.3)}, y=y, horizon=3, n_folds=12)
    rows = result.forecasts.merge(result.folds, on=["fold", "series"])
    rows["m"] = (rows["y_true"] - rows["y_pred"]).abs()
    rows["naive"] = (rows["y_true"] - rows["last_value"]).abs()
    means = rows.groupby("fold")[["m", "naive"]].mean()
    expected = stats.ttest_rel(means["m"], means["naive"]).pvalue
    assert result.summary().loc["m", "dm_p"] == pytest.approx(expected)


def test_overlapping_tests_count_for_less():
    """Shifting every fold by one step repeats nearly the same evidence."""
    y = walk(90, seed=4)
    apart = backtest({"m": LastValue(shift=0.4)}, y=y, horizon=6, n_folds=10)
    overlapping = backtest({"m": LastValue(shift=0.4)}, y=y, horizon=6, step=1, n_folds=55)
    scores = overlapping.scores["fold"]
    naive_p = stats.ttest_rel(scores["MAE"], scores["MAE"] / (1 - scores["skill_%"] / 100)).pvalue
    assert overlapping.summary().loc["m", "dm_p"] > naive_p
    assert 0 < apart.summary().loc["m", "dm_p"] < 1


def test_too_few_folds_give_no_p_value_and_the_verdict_says_so():
    result = backtest({"m": LastValue(shift=0.3)}, y=walk(), horizon=4, n_folds=1)
    assert np.isnan(result.summary().loc["m", "dm_p"])
    assert result.verdict().startswith("1 fold(s) cannot tell skill from luck")


def test_cold_equals_fitting_fresh_clones():
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(50, 3)), index=walk(50).index)
    y = X @ [1.0, 2.0, 3.0] + rng.normal(size=50)
    model = SGDRegressor(random_state=0, warm_start=True)
    forecasts = backtest({"sgd": model}, X, y, horizon=5, n_folds=4).forecasts
    for fold, start in enumerate(range(30, 50, 5)):
        fresh = clone(model).fit(X[:start], y[:start]).predict(X[start : start + 5])
        assert forecasts.loc[forecasts["fold"] == fold, "y_pred"].tolist() == fresh.tolist()
    assert not hasattr(model, "coef_")


def test_a_model_is_given_no_row_after_its_origin():
    log, y = [], walk(30)
    backtest({"spy": LastValue(log=log)}, y=y, horizon=4, n_folds=3)
    for (call, _, seen), (_, future, _), end in zip(log[::2], log[1::2], (18, 22, 26), strict=True):
        assert call == "fit"
        pd.testing.assert_series_equal(seen, y[:end])
        assert future.shape == (4, 0)
        assert future.index.equals(y.index[end : end + 4])


@pytest.mark.parametrize("refit", ["cold", "none", 2, "warm"])
@pytest.mark.parametrize("window", ["expanding", "sliding"])
def test_backtest_never_sees_the_future(refit, window):
    X = pd.DataFrame({"x": np.sin(np.arange(40.0))}, index=walk(40).index)
    y = walk(40)
    arguments = {"horizon": 3, "n_folds": 5, "refit": refit, "window": window}
    before = backtest({"m": LastValue()}, X, y, **arguments)
    origin = before.folds.loc[before.folds["fold"] == 2, "origin"].item()
    changed_X, changed_y = X.copy(), y.copy()
    changed_y[y.index > origin] = 1e9
    changed_X[y.index > origin + pd.Timedelta(days=3)] = 1e9
    after = backtest({"m": LastValue()}, changed_X, changed_y, **arguments)
    early = before.forecasts["fold"] <= 2
    pd.testing.assert_series_equal(
        before.forecasts.loc[early, "y_pred"], after.forecasts.loc[early, "y_pred"]
    )
    early_folds = before.folds["fold"] <= 2
    pd.testing.assert_frame_equal(before.folds[early_folds], after.folds[early_folds])


@pytest.mark.parametrize(
    ("refit", "calls"),
    [
        ("cold", [("fit", 10), ("fit", 12), ("fit", 14), ("fit", 16), ("fit", 18)]),
        ("warm", [("fit", 10), ("fit", 12), ("fit", 14), ("fit", 16), ("fit", 18)]),
        (2, [("fit", 10), ("update", 2), ("fit", 14), ("update", 2), ("fit", 18)]),
        ("none", [("fit", 10), ("update", 2), ("update", 2), ("update", 2), ("update", 2)]),
    ],
)
def test_refit_decides_between_fit_and_update(refit, calls):
    log, y = [], walk(20)
    result = backtest({"m": LastValue(log=log)}, y=y, horizon=2, n_folds=5, refit=refit)
    assert [(call, len(seen)) for call, _, seen in log if call != "predict"] == calls
    assert result.timings["action"].tolist() == [call for call, _ in calls]
    assert result.forecasts["y_pred"].tolist() == y[9:19:2].repeat(2).tolist()


def test_updates_of_a_sliding_window_get_every_row_since():
    log, y = [], walk(20)
    folds = {"n_folds": 3, "step": 4, "window": "sliding", "initial": 2}
    backtest({"m": LastValue(log=log)}, y=y, horizon=1, refit="none", **folds)
    rows = [seen.index.tolist() for call, _, seen in log if call != "predict"]
    days = y.index.tolist()
    assert rows == [days[9:11], days[11:15], days[15:19]]


def test_warm_goes_on_with_the_same_estimator():
    X, y = np.arange(40.0)[:, None] / 40, np.arange(40.0)
    model = SGDRegressor(max_iter=1, tol=None, shuffle=False, random_state=0)
    forecasts = backtest({"m": model}, X, y, horizon=2, n_folds=3, refit="warm").forecasts
    going_on = clone(model).set_params(warm_start=True)
    for fold, start in enumerate((34, 36, 38)):
        expected = going_on.fit(X[:start], y[:start]).predict(X[start : start + 2])
        assert forecasts.loc[forecasts["fold"] == fold, "y_pred"].tolist() == expected.tolist()


def test_a_gap_leaves_out_rows_and_counts_steps_from_the_origin():
    y = walk(20)
    for target in (y, y.to_numpy()):
        forecasts = backtest({"m": LastValue()}, y=target, horizon=2, n_folds=2, gap=3).forecasts
        assert forecasts["step"].tolist() == [4, 5, 4, 5]
        assert forecasts["y_pred"].tolist() == [y.iloc[12]] * 2 + [y.iloc[14]] * 2


def test_a_gap_with_covariates_in_an_array_forecasts_the_test_rows():
    X = np.arange(30.0)[:, None]
    result = backtest({"line": LinearRegression()}, X, 2 * X[:, 0], horizon=3, n_folds=2, gap=2)
    assert result.forecasts["y_pred"].tolist() == pytest.approx(result.forecasts["y_true"].tolist())


@pytest.mark.parametrize("kind", ["series", "frame", "array", "column", "range index"])
def test_containers_of_one_series_give_the_same_numbers(kind):
    y = walk(24)
    target = {
        "series": y,
        "frame": y.to_frame(),
        "array": y.to_numpy(),
        "column": y.to_numpy()[:, None],
        "range index": y.reset_index(drop=True),
    }[kind]
    forecasts = backtest({"m": LastValue()}, y=target, horizon=2, n_folds=3).forecasts
    expected = backtest({"m": LastValue()}, y=y, horizon=2, n_folds=3).forecasts
    assert forecasts["y_pred"].tolist() == expected["y_pred"].tolist()
    assert forecasts["series"].unique().tolist() == ["y" if kind in ("array", "column") else "walk"]


def test_a_wide_frame_names_its_targets_in_the_column_series():
    y = pd.DataFrame({"a": walk(20), "b": walk(20, seed=1)})
    forecasts = backtest({"m": LastValue()}, y=y, horizon=2, n_folds=2).forecasts
    assert forecasts["series"].tolist() == ["a", "a", "b", "b"] * 2
    for name in "ab":
        own = forecasts[forecasts["series"] == name]
        assert own["y_true"].tolist() == y[name].iloc[-4:].tolist()
        assert own["y_pred"].tolist() == y[name].iloc[[15, 15, 17, 17]].tolist()
        assert own["step"].tolist() == [1, 2, 1, 2]


@pytest.mark.parametrize("order", ["by series", "by time"])
def test_a_panel_is_cut_by_time(order):
    y = panel() if order == "by series" else panel().sort_index(level=1)
    result = backtest({"m": LastValue()}, y=y, horizon=2, n_folds=2)
    own = result.forecasts[result.forecasts["series"] == "b"]
    assert own["y_pred"].tolist() == [114.0, 114.0, 118.0, 118.0]
    assert own["y_true"].tolist() == [116.0, 118.0, 120.0, 122.0]
    assert (
        own["origin"].tolist()
        == [pd.Timestamp("2024-01-08")] * 2 + [pd.Timestamp("2024-01-10")] * 2
    )
    assert result.folds.set_index(["fold", "series"]).loc[(1, "a"), "scale"] == 1
    assert result.summary().loc["m", "skill_%"] == 0


def test_missing_targets_are_forecast_and_not_scored():
    y = walk(20)
    y.iloc[[-2, 10]] = np.nan
    result = backtest(
        {"m": LastValue(shift=1.0)}, y=y, horizon=2, n_folds=2, scoring="mean_absolute_error"
    )
    assert result.forecasts["y_pred"].notna().all()
    assert result.forecasts["y_true"].isna().sum() == 1
    observed = result.forecasts.dropna(subset="y_true")
    assert result.summary().loc["m", "MAE"] == pytest.approx(
        mean_absolute_error(observed["y_true"], observed["y_pred"])
    )


def test_the_naive_reference_skips_missing_values_at_the_origin():
    y = pd.Series([1.0, 5.0, np.nan, 6.0])
    result = backtest({"m": LastValue()}, y=y, horizon=1, n_folds=1)
    assert result.folds["last_value"].item() == 5.0


def test_a_model_that_fails_is_reported_and_the_others_go_on():
    models = {"bad": Failing(rows=(16,)), "good": LastValue()}
    with pytest.warns(
        FitFailedWarning, match=r"'bad' failed \(fit\) in fold 1 \(origin 2024-01-16.*cannot fit 16"
    ):
        result = backtest(models, y=walk(20), horizon=2, n_folds=3)
    assert result.errors[["model", "fold", "stage"]].to_numpy().tolist() == [["bad", 1, "fit"]]
    assert result.errors["error"].item() == "ValueError: cannot fit 16 rows"
    assert "in fit" in result.errors["traceback"].item()
    assert result.summary()["folds"].to_dict() == {"bad": 2, "good": 3}
    assert "1 failures" in repr(result)


def test_after_a_failure_a_chain_starts_afresh():
    with pytest.warns(FitFailedWarning):
        result = backtest(
            {"m": Failing(rows=(14,))}, y=walk(20), horizon=2, n_folds=3, refit="none"
        )
    assert result.timings["action"].tolist() == ["fit", "fit", "update"]
    assert result.forecasts["fold"].unique().tolist() == [1, 2]


def test_all_failing_raises_the_first_reason():
    with (
        pytest.warns(FitFailedWarning),
        pytest.raises(
            ValueError, match="all models failed in every fold; 'm' in fold 0: ValueError: cannot"
        ),
    ):
        backtest({"m": Failing(rows=range(99))}, y=walk(20), horizon=2, n_folds=2)


def test_a_model_that_forecasts_nan_or_other_rows_fails_by_name():
    class Elsewhere(LastValue):
        def __sklearn_clone__(self):
            return Elsewhere(self.shift)

        def predict(self, X=None, horizon=None):
            return pd.Series(1.0, index=X.index + pd.Timedelta(days=1))

    models = {"nan": LastValue(shift=np.nan), "elsewhere": Elsewhere(), "good": LastValue()}
    with pytest.warns(FitFailedWarning):
        errors = backtest(models, y=walk(20), horizon=2, n_folds=1).errors.set_index("model")[
            "error"
        ]
    assert "2 values that are NaN or infinite, of 2" in errors["nan"]
    assert "predict returned the index 2024-01-20" in errors["elsewhere"]


@pytest.mark.parametrize("refit", ["cold", 3])
def test_parallel_results_equal_serial_ones(refit):
    models = (
        {"a": Ridge(), "b": Ridge(alpha=9.0)}
        if refit == "cold"
        else {"a": LastValue(), "b": LastValue(1.0)}
    )
    X, y = pd.DataFrame({"x": walk(60, seed=1)}), walk(60)
    serial = backtest(models, X, y, horizon=3, n_folds=6, refit=refit)
    parallel = backtest(models, X, y, horizon=3, n_folds=6, refit=refit, n_jobs=2)
    pd.testing.assert_frame_equal(serial.forecasts, parallel.forecasts)
    for key in serial.scores:
        pd.testing.assert_frame_equal(serial.scores[key], parallel.scores[key])


def test_scoring_takes_names_functions_and_dicts():
    y = walk(30)
    by_name = backtest(LastValue(), y=y, horizon=2, n_folds=3, scoring=["mean_absolute_error"])
    scores = by_name.scores["step"]
    assert scores["mean_absolute_error"].tolist() == scores["MAE"].tolist()
    assert by_name.summary()["mean_absolute_error"].item() == pytest.approx(
        by_name.summary()["MAE"].item()
    )
    function = backtest(LastValue(), y=y, horizon=2, n_folds=3, scoring=mean_absolute_error)
    assert function.scores["fold"].equals(by_name.scores["fold"])
    named = backtest(LastValue(), y=y, horizon=2, n_folds=3, scoring={"mine": lambda a, b: 7.0})
    assert named.summary()["mine"].item() == 7.0


def test_progress_calls_back_after_each_fold_and_is_silent_by_default(capsys):
    seen = []
    backtest(
        [LastValue()], y=walk(), horizon=2, n_folds=3, progress=lambda *args: seen.append(args)
    )
    assert seen == [(1, 3), (2, 3), (3, 3)]
    assert capsys.readouterr() == ("", "")
    backtest([LastValue()], y=walk(), horizon=2, n_folds=3, progress=True)
    assert "3/3" in capsys.readouterr().err


def test_timings_count_fits_apart_from_updates():
    result = backtest({"m": LastValue()}, y=walk(), horizon=2, n_folds=4, refit=2)
    fits = result.timings[result.timings["action"] == "fit"]
    assert len(fits) == 2
    assert result.summary().loc["m", "fit_s"] == pytest.approx(fits["fit_seconds"].mean())
    assert (result.timings["predict_seconds"] > 0).all()


def test_the_best_model_comes_first_and_the_repr_shows_the_table():
    result = backtest(
        {"worse": LastValue(3.0), "last": LastValue()}, y=walk(), horizon=2, n_folds=4
    )
    assert result.summary().index.tolist() == ["last", "worse"]
    assert repr(result).startswith("BacktestResult: 2 models, 4 folds of 2 steps")
    assert "skill_%" in repr(result)


def summary_of(**rows):
    columns = ["skill_%", "dm_p"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns).assign(folds=20)


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        (
            {"lstm": (23.1, 0.0004), "naive": (0.0, 1.0)},
            "lstm beats the naive forecast by 23.1 % (p < 0.001).",
        ),
        (
            {"lstm": (23.0, 0.012), "gru": (9.0, 0.02), "rnn": (-1.0, 0.9)},
            "lstm beats the naive forecast by 23.0 % (p = 0.036), gru by 9.0 % (p = 0.040); "
            "p-values corrected for 3 models.",
        ),
        (
            {"lstm": (2.0, 0.23), "gru": (1.0, 0.5)},
            "No model beats the naive forecast by more than luck (smallest p-value 0.23, lstm).",
        ),
        (
            {"lstm": (2.0, 0.03), "gru": (1.0, 0.5)},
            "No model beats the naive forecast by more than luck (smallest p-value 0.03, lstm, "
            "which is 0.06 after correction for 2 models).",
        ),
        (
            {"lstm": (-2.0, 0.001), "gru": (-3.0, 0.5)},
            "No model beats the naive forecast; the closest, lstm, is worse by 2.0 %.",
        ),
        ({"naive": (0.0, 1.0)}, "No model differs from the naive forecast."),
    ],
)
def test_the_verdict_claims_a_win_only_for_a_small_corrected_p_value(rows, sentence):
    assert verdict(summary_of(**rows), alpha=0.05, baseline="naive") == sentence


def test_on_random_walks_a_win_is_claimed_rarely():
    claims = 0
    for seed in range(40):
        models = {"up": LastValue(0.3), "down": LastValue(-0.3), "more": LastValue(0.5)}
        claims += " beats the naive forecast by " in (
            backtest(models, y=walk(60, seed=seed), horizon=1, n_folds=25)
            .verdict()
            .replace("by more", "")
        )
    assert claims <= 4


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"models": {}}, ValueError, "models is empty"),
        ({"models": {"x": 3}}, TypeError, r"models\['x'\] is 3: expected an estimator"),
        ({"models": {"x": Ridge}}, TypeError, "expected an estimator with fit and predict"),
        ({"models": [Ridge(), Ridge(2.0)]}, ValueError, "2 have the name 'ridge'; pass a dict"),
        ({"horizon": 0}, ValueError, "horizon=0: expected an integer >= 1"),
        ({"step": 0}, ValueError, "step=0: expected an integer >= 1"),
        ({"n_folds": 0}, ValueError, "^n_folds=0: expected an integer >= 1"),
        ({"initial": 0, "window": "sliding"}, ValueError, "^initial=0: expected an integer >= 1"),
        ({"horizon": 30}, ValueError, r"20 rows .* need \d+"),
        ({"window": "rolling"}, ValueError, "window='rolling': expected one of 'expanding'"),
        ({"refit": "hot"}, ValueError, "refit='hot': expected an integer >= 1 or 'cold'"),
        ({"refit": 0}, ValueError, "refit=0: expected an integer >= 1"),
        ({"models": Ridge(), "refit": "warm"}, ValueError, r"\(Ridge\) has no .* warm_start"),
        ({"models": Ridge(), "refit": "none"}, ValueError, r"\(Ridge\) has no method update"),
        ({"scoring": "mape"}, ValueError, "scoring='mape': expected one of .*'max_error'"),
        ({"scoring": "mean_absolute_percentage_error"}, ValueError, "y_true"),
        ({"scoring": 5}, TypeError, "scoring=5: expected names of tsrnn.metrics.METRICS"),
        ({"scoring": make_scorer(max_error)}, TypeError, "is a scorer, called with an estimator"),
        ({"scoring": {"MASE": max_error}}, ValueError, "'MASE' is a column of every backtest"),
        ({"scoring": lambda a, b: 1 / 0}, ValueError, "'<lambda>' fails on the test rows of y"),
        ({"n_jobs": "2"}, ValueError, "n_jobs='2': expected a number of processes"),
        ({"horizon": "1 week"}, ValueError, "horizon='1 week': expected an integer"),
        ({"y": walk(20).where(np.arange(20) < 18)}, ValueError, "nothing was observed in the test"),
        ({"levels": [0.5, 1.0]}, ValueError, r"levels=\[0.5, 1.0\]: expected numbers above 0"),
        ({"n_jobs": 0}, ValueError, "n_jobs=0: expected a number of processes"),
        ({"step": "1 fortnight"}, ValueError, "step='1 fortnight'"),
        ({"step": "0 days"}, ValueError, "step='0 days'"),
        ({"y": walk(20).to_numpy(), "step": "1 week"}, ValueError, "step='1 week'"),
        ({"seasonality": 0}, ValueError, "seasonality=0: expected an integer >= 1"),
        ({"seasonality": 18}, ValueError, "first fold trains on 18 rows, at least 19"),
        ({"X": walk(20), "y": None}, ValueError, r"call backtest\(models, y=series"),
        ({"X": np.zeros((3, 1))}, ValueError, "X has 3 rows and y has 20"),
        ({"X": walk(start="2025-01-01")[:20].to_frame()}, ValueError, "index differs .* at row 0"),
        ({"y": walk(20).astype(str)}, TypeError, "expected numbers"),
        ({"y": walk(20)[::-1]}, ValueError, "y.index is not increasing, first at row 1"),
        ({"y": pd.concat([walk(10), walk(10)])}, ValueError, "duplicate"),
    ],
)  # fmt: skip
def test_bad_input_is_refused_before_any_fit(arguments, error, message):
    log = []
    call = {
        "models": {"m": LastValue(log=log)},
        "y": walk(20),
        "horizon": 2,
        "n_folds": 1,
    } | arguments
    with pytest.raises(error, match=message), warnings.catch_warnings():
        warnings.simplefilter("error")
        backtest(call.pop("models"), **call)
    assert log == []


REAL = {
    "naive": Naive(),
    "drift": Drift(),
    "arima": ARIMA((1, 1, 0)),
    "lstm": LSTMForecaster(horizon=3, hidden_size=4, max_epochs=3, random_state=0),
}


@pytest.mark.parametrize("refit", ["cold", "none", 2])
def test_our_forecasters_never_see_the_future(refit):
    y = walk(60)
    arguments = {"horizon": 3, "n_folds": 4, "refit": refit}
    before = backtest(REAL, y=y, **arguments)
    changed = y.copy()
    changed[y.index > before.folds["origin"].unique()[1]] = 1e6
    after = backtest(REAL, y=changed, **arguments)
    early = before.forecasts["fold"] <= 1
    assert before.forecasts["y_pred"][early].tolist() == after.forecasts["y_pred"][early].tolist()
    assert before.forecasts["y_pred"][~early].tolist() != after.forecasts["y_pred"][~early].tolist()


def test_our_forecasters_cold_equal_fresh_clones_and_processes_change_nothing():
    y = walk(60)
    cold = backtest(REAL, y=y, horizon=3, n_folds=2)
    for name, model in REAL.items():
        for fold, end in enumerate((54, 57)):
            rows = (cold.forecasts["model"] == name) & (cold.forecasts["fold"] == fold)
            fresh = clone(model).fit(y=y[:end]).predict(horizon=3)
            assert cold.forecasts.loc[rows, "y_pred"].tolist() == fresh.tolist()
            assert cold.forecasts.loc[rows, "time"].tolist() == fresh.index.tolist()
    parallel = backtest(REAL, y=y, horizon=3, n_folds=2, n_jobs=2)
    pd.testing.assert_frame_equal(cold.forecasts, parallel.forecasts)


def test_our_naive_forecaster_is_the_reference():
    y = walk(60)
    y.iloc[[20, 53]] = np.nan
    summary = backtest({"naive": Naive(), "drift": Drift()}, y=y, horizon=3, n_folds=5).summary()
    assert summary.loc["naive", "skill_%"] == 0
    assert summary.loc["naive", "dm_p"] == 1
    assert summary.loc["drift", "dm_p"] < 1


@pytest.mark.parametrize("gap", [0, 4])
def test_our_forecasters_take_panels_and_gaps(gap):
    models = {"naive": Naive(), "lstm": REAL["lstm"]}
    forecasts = backtest(models, y=panel(30), horizon=2, n_folds=2, gap=gap).forecasts
    naive = forecasts[forecasts["model"] == "naive"]
    origins = [25 - gap, 27 - gap]
    assert naive.loc[naive["series"] == "a", "y_pred"].tolist() == [
        float(origin) for origin in origins for _ in range(2)
    ]
    assert forecasts["y_pred"].notna().all()


@pytest.fixture
def vintages():
    """Of each of 40 days: forecasts issued 3 .. 0 days before it, and a revision a day after."""
    lead = np.tile([3, 2, 1, 0, -1], 40)
    day = pd.date_range("2024-01-01", periods=40).repeat(5)
    x = np.random.default_rng(0).normal(size=200)
    return pd.DataFrame({"day": day, "issued": day - pd.to_timedelta(lead, unit="D"), "x": x})


def test_a_fold_is_given_the_vintages_issued_by_its_origin(vintages):
    log, y = [], walk()
    result = backtest(
        Noting(log), AsOf(vintages, "day", "issued"), y, horizon=3, n_folds=4, refit="none"
    )
    origins = result.folds["origin"].repeat(2)
    assert [call for call, _ in log] == ["fit", "predict", *["update", "predict"] * 3]
    for origin, (_, X) in zip(origins, log, strict=True):
        known = AsOf(vintages[vintages["issued"] <= origin], "day", "issued")
        np.testing.assert_array_equal(X, known.values(X.index, X.index))
    assert log[0][1].index.equals(y.index[:28])
    assert log[1][1].index.equals(y.index[28:31])


@pytest.mark.parametrize("window", ["expanding", "sliding"])
def test_later_vintages_change_no_forecast(vintages, window):
    def forecasts(frame):
        X = AsOf(frame, "day", "issued")
        call = {"horizon": 3, "n_folds": 4, "step": 2, "window": window}
        return backtest(LinearRegression(), X, walk(), **call).forecasts

    before = forecasts(vintages)
    for _, fold in before.groupby("fold"):
        later = vintages["issued"] > fold["origin"].iloc[0]
        after = forecasts(vintages.assign(x=vintages["x"].where(~later, 1e6)))
        same = after["fold"] <= fold["fold"].iloc[0]
        pd.testing.assert_frame_equal(after[same], before[same])
    earlier = vintages["issued"] == before["origin"].iloc[0]
    after = forecasts(vintages.assign(x=vintages["x"].where(~earlier, 9.0)))
    assert not np.allclose(after["y_pred"], before["y_pred"])


@pytest.mark.parametrize("name", ["arima", "lstm"])
@pytest.mark.parametrize("refit", ["cold", "none"])
def test_our_forecasters_know_only_the_vintages_of_their_origin(vintages, name, refit):
    def forecasts(frame):
        X, models = AsOf(frame, "day", "issued"), {name: REAL[name]}
        return backtest(models, X, walk(), horizon=3, n_folds=3, refit=refit).forecasts

    before = forecasts(vintages)
    later = vintages["issued"] > before["origin"].unique()[1]
    after = forecasts(vintages.assign(x=vintages["x"].where(~later, 1e6)))
    early = before["fold"] <= 1
    assert before["y_pred"][early].tolist() == after["y_pred"][early].tolist()
    assert before["y_pred"][~early].tolist() != after["y_pred"][~early].tolist()


def test_our_forecasters_read_columns_of_the_past_without_a_word_about_the_future():
    y = walk()
    X = pd.DataFrame({"known": np.sin(np.arange(40)), "volume": y.to_numpy()}, index=y.index)
    model = clone(REAL["lstm"]).set_params(past_only=["volume"])
    before = backtest(model, X, y, horizon=3, n_folds=2).forecasts
    later = np.arange(40) >= 37
    after = backtest(
        model, X.assign(volume=X["volume"].where(~later, 1e6)), y, horizon=3, n_folds=2
    )
    assert before["y_pred"].tolist() == after.forecasts["y_pred"].tolist()


def test_vintages_of_a_panel_are_cut_at_the_common_origins(vintages):
    frame = pd.concat([vintages.assign(id="a"), vintages.assign(id="b", x=-vintages["x"])])
    y = panel(40)
    result = backtest(
        LinearRegression(), AsOf(frame, "day", "issued", "id"), y, horizon=2, n_folds=3
    )
    origin = y.index.levels[1][37]
    X, known = AsOf(frame, "day", "issued", "id"), y.index.get_level_values(1) <= origin
    train = X.values(y.index[known], y.index[known].get_level_values(1))
    model = LinearRegression().fit(train, y[known])
    last = result.forecasts[result.forecasts["fold"] == 2]
    expected = model.predict(X.values(y.index[~known], origin))
    np.testing.assert_allclose(last["y_pred"], expected)


def test_vintages_need_an_index_to_say_which_times_are_meant(vintages):
    with pytest.raises(ValueError, match="X is an AsOf, but y has no index"):
        backtest(LinearRegression(), AsOf(vintages, "day", "issued"), walk().to_numpy(), horizon=1)


@pytest.mark.parametrize("wrapped", [False, True])
def test_columns_of_the_past_stay_out_of_the_test_rows(wrapped):
    y, log = walk(), []
    X = pd.DataFrame({"known": 1.0, "volume": 2.0, "other": 3.0}, index=y.index)
    model = Noting(log, past_only=["volume", "absent"])
    if wrapped:
        model = GridSearchCV(model, {"past_only": [["volume"]]}, cv=[(range(9), range(9, 12))])
    backtest(model, X, y, horizon=3, n_folds=1)
    assert [list(X.columns) for call, X in log if call == "fit"][-1] == list(X.columns)
    assert log[-1][0] == "predict"
    assert list(log[-1][1].columns) == ["known", "other"]
    assert log[-1][1].index.equals(y.index[-3:])


def test_an_array_as_target_takes_its_times_from_the_covariates():
    y, log = walk(), []
    result = backtest(Noting(log), y.to_frame(), y.to_numpy(), horizon=3, n_folds=2)
    assert result.forecasts["time"].tolist() == y.index[-6:].tolist()


def test_the_given_estimators_stay_untouched():
    model = Ridge()
    backtest(model, np.arange(20.0)[:, None], np.arange(20.0), horizon=2, n_folds=2)
    assert not hasattr(model, "coef_")


def test_plot_shows_the_last_folds():
    pytest.importorskip("matplotlib")
    result = backtest({"a": LastValue(), "b": LastValue(1.0)}, y=walk(), horizon=2, n_folds=5)
    ax = result.plot(n_folds=2)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["observed", "a", "b"]
    assert ax.get_title() == "walk: the last 2 of 5 folds, 2 steps each"


def stocks():
    """Two stocks with their sectors, and a rate known in advance."""
    y = panel(40)
    X = pd.DataFrame({"rate": np.arange(len(y)) % 3.0}, index=y.index)
    return X.assign(sector=np.repeat(["oil", "tech"], 40)), y


def test_static_columns_are_left_out_for_forecasters_without_any():
    X, y = stocks()
    lstm = clone(REAL["lstm"]).set_params(static=["sector"])
    models = {"lstm": lstm, "naive": Naive(), "arima": ARIMA((1, 1, 0))}
    result = backtest(models, X, y, horizon=3, n_folds=2)
    assert result.errors.empty
    of = result.forecasts.groupby("model")["y_pred"]
    numeric = backtest({"arima": models["arima"]}, X[["rate"]], y, horizon=3, n_folds=2)
    assert of.get_group("arima").tolist() == numeric.forecasts["y_pred"].tolist()
    alone = backtest({"lstm": lstm}, X, y, horizon=3, n_folds=2)
    assert of.get_group("lstm").tolist() == alone.forecasts["y_pred"].tolist()


def test_other_models_are_given_the_static_columns():
    X, y = stocks()
    log, lstm = [], clone(REAL["lstm"]).set_params(static=["sector"])
    search = GridSearchCV(lstm, {"num_layers": [1]}, cv=[(np.arange(30), np.arange(30, 33))])
    backtest({"search": search, "noting": Noting(log)}, X, y, horizon=3, n_folds=1)
    assert all(list(rows.columns) == ["rate", "sector"] for _, rows in log)


def test_text_that_no_model_calls_static_is_an_error_of_the_model():
    X, y = stocks()
    with pytest.warns(FitFailedWarning, match="'sector'.*OneHotEncoder"):
        result = backtest({"last": LastValue(), "naive": Naive()}, X, y, horizon=3, n_folds=1)
    assert result.errors["model"].tolist() == ["naive"]


# Failures, odd labels and wrapped models ----------------------------------------------------------


def test_a_model_that_fails_in_hard_folds_comes_last_and_is_not_judged():
    models = {"lucky": Failing(rows=range(26, 99)), "naive": LastValue(0.5)}
    with pytest.warns(FitFailedWarning):
        result = backtest(models, y=walk(60), horizon=2, n_folds=20)
    summary = result.summary()
    assert summary.index.tolist() == ["naive", "lucky"]
    assert summary.loc["lucky", "folds"] == 3
    assert np.isnan(summary.loc["lucky", "mcs_p"])
    assert result.verdict().endswith("lucky failed in 17 of 20 folds and is not judged.")
    assert "lucky beats" not in result.verdict()


def test_a_model_that_fails_everywhere_stays_in_the_table():
    with pytest.warns(FitFailedWarning):
        result = backtest(
            {"bad": Failing(range(99)), "last": LastValue()}, y=walk(), horizon=2, n_folds=6
        )
    assert result.summary().index.tolist() == ["last", "bad"]
    assert result.summary().loc["bad", "folds"] == 0
    assert "bad failed in 6 of 6 folds" in result.verdict()


def test_quantiles_that_fail_in_some_folds_are_not_scored_over_the_others():
    class Sometimes(Naive):
        def predict_quantiles(self, levels, X=None, horizon=None):
            if len(self._records[None]) > 50:
                raise ValueError("no quantiles today")
            return super().predict_quantiles(levels, X, horizon)

    with pytest.warns(FitFailedWarning, match=r"failed \(predict_quantiles\)"):
        result = backtest({"m": Sometimes(), "naive": Naive()}, y=walk(60), horizon=2, n_folds=8)
    summary = result.summary()
    assert summary.loc["m", ["WQL", "coverage_80"]].isna().all()
    assert summary.loc["m", "MASE"] == summary.loc["naive", "MASE"]
    assert summary.loc["m", "folds"] == 8
    assert any("failed (predict_quantiles) in 4 of 8" in text for text in result.warnings())


def test_columns_of_one_name_are_refused_and_tuples_name_columns():
    wide = pd.concat({"a": walk(seed=1), "b": walk(seed=2)}, axis=1)
    with pytest.raises(ValueError, match="y has 2 columns named 'a': rename them"):
        backtest(LastValue(), y=wide.set_axis(["a", "a"], axis=1), horizon=2, n_folds=2)
    named = wide.set_axis(pd.MultiIndex.from_tuples([("x", 1), ("x", 2)]), axis=1)
    result = backtest(LastValue(), y=named, horizon=2, n_folds=2)
    assert result.forecasts["series"].unique().tolist() == [("x", 1), ("x", 2)]


def test_two_folds_prove_nothing():
    result = backtest({"drift": Drift()}, y=np.arange(20.0), horizon=1, n_folds=2)
    assert result.verdict().startswith("2 fold(s) cannot tell skill from luck")
    with pytest.raises(ValueError, match="alpha=5: expected a number above 0 and below 1"):
        result.verdict(alpha=5)


def test_searches_around_a_forecaster_need_no_covariates():
    search = GridSearchCV(ARIMA((1, 0, 0)), {"trend": ["n", "c"]}, cv=TimeSeriesSplit(2))
    for y in (walk(60), walk(60).to_numpy()):
        result = backtest({"search": search}, y=y, horizon=2, n_folds=2)
        assert result.forecasts["y_pred"].notna().all()


def test_models_whose_predict_appears_with_fit_are_models():
    stack = StackingRegressor([("ridge", Ridge())], cv=2)
    X = pd.DataFrame({"x": walk(seed=3)})
    assert len(backtest(stack, X, walk(), horizon=2, n_folds=2).forecasts) == 4


def test_a_metric_that_fails_later_is_missing_with_a_warning():
    def picky(y_true, y_pred):
        if len(y_true) < 3:
            raise ValueError("too few")
        return 1.0

    with pytest.warns(UserWarning, match="'picky' failed and is NaN there"):
        result = backtest(LastValue(), y=walk(), horizon=2, n_folds=3, scoring=picky)
    assert result.scores["fold"]["picky"].isna().all()
    assert result.scores["step"]["picky"].tolist() == [1.0, 1.0]


def test_the_share_error_is_left_out_for_the_negative_series_of_a_panel_only():
    y = pd.concat({"a": walk() + 100, "b": walk() - 100})
    scores = backtest(Naive(), y=y, horizon=2, n_folds=3).scores["series"]
    assert scores.set_index("series")["sMAPE"].notna().to_dict() == {"a": True, "b": False}


def test_a_pipeline_around_a_forecaster_reads_columns_of_the_past_without_a_word():
    X = pd.DataFrame({"volume": walk(60, seed=5)})
    pipe = make_pipeline(
        StandardScaler().set_output(transform="pandas"),
        LSTMForecaster(horizon=2, past_only=["volume"], max_epochs=1, random_state=0),
    )
    result = backtest(pipe, X, walk(60), horizon=2, n_folds=2)  # warnings are errors here
    assert len(result.forecasts) == 4
