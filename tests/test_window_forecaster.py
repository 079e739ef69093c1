from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.ensemble import (
    ExtraTreesRegressor,
    HistGradientBoostingRegressor,
    StackingRegressor,
)
from sklearn.linear_model import LassoCV, LinearRegression, Ridge
from sklearn.model_selection import GridSearchCV, KFold, TimeSeriesSplit
from sklearn.multioutput import MultiOutputRegressor, RegressorChain
from sklearn.neighbors import RadiusNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from tsrnn import ARIMA, AsOf, LSTMRegressor, Naive, WindowForecaster

NAN = np.nan
TREES = HistGradientBoostingRegressor(max_iter=30, random_state=0)


def days(values, start="2020-01-01") -> pd.Series:
    index = pd.date_range(start, periods=len(values))
    return pd.Series(np.asarray(values, dtype=float), index=index)


def autoregression(n: int = 300, seed: int = 0) -> np.ndarray:
    e, y = np.random.default_rng(seed).normal(size=n), np.zeros(n)
    for t in range(2, n):
        y[t] = 1.2 * y[t - 1] - 0.6 * y[t - 2] + e[t]
    return 20 + y


def by_hand(y: np.ndarray, window: int, horizon: int) -> tuple[np.ndarray, np.ndarray]:
    """Windows of y as they are, and the values after them, (n, horizon)."""
    n = len(y) - window - horizon + 1
    rows = np.array([y[t : t + window] for t in range(n)])
    return rows, np.array([y[t + window : t + window + horizon] for t in range(n)])


class Spy(RegressorMixin, BaseEstimator):
    """A regressor that remembers what it was given, and says the sum of each row."""

    def fit(self, X, y):
        self.X_, self.y_ = X.copy(), y.copy()
        return self

    def predict(self, X):
        return np.nansum(X, axis=1)


# references --------------------------------------------------------------------------------------


def test_fibonacci_is_continued_without_a_row_too_many():
    """sktime issue 7852: a first row that should not be there made 4.5 of it."""
    model = WindowForecaster(LinearRegression(fit_intercept=False), window=2, level=None)
    forecast = model.fit(y=days([1, 1, 2, 3, 5])).predict(horizon=3)
    np.testing.assert_allclose(forecast, [8, 13, 21])
    np.testing.assert_array_equal(model.regressors_[0].coef_.round(9), [1, 1])


def test_recursive_forecasts_equal_a_regression_by_hand():
    y = autoregression()
    rows, targets = by_hand(y, 5, 1)
    reference = LinearRegression().fit(rows, targets[:, 0])
    path = list(y)
    for _ in range(8):
        path.append(reference.predict([path[-5:]])[0])
    model = WindowForecaster(LinearRegression(), window=5, level=None).fit(y=y)
    np.testing.assert_allclose(model.predict(horizon=8), path[-8:], rtol=1e-9)


def test_forecasts_relative_to_the_last_value_equal_those_by_hand():
    y = autoregression()
    rows, targets = by_hand(y, 5, 1)
    last = rows[:, -1:]
    reference = LinearRegression().fit(rows - last, targets[:, 0] - last[:, 0])
    path = list(y)
    for _ in range(8):
        window = np.array(path[-5:])
        path.append(window[-1] + reference.predict([window - window[-1]])[0])
    model = WindowForecaster(LinearRegression(), window=5).fit(y=y)
    np.testing.assert_allclose(model.predict(horizon=8), path[-8:], rtol=1e-7)


def test_direct_forecasts_equal_a_regression_for_each_step_by_hand():
    y = autoregression()
    expected = []
    for step in range(4):
        rows, targets = by_hand(y, 5, step + 1)
        expected.append(LinearRegression().fit(rows, targets[:, -1]).predict([y[-5:]])[0])
    model = WindowForecaster(LinearRegression(), 5, "direct", horizon=4, level=None).fit(y=y)
    np.testing.assert_allclose(model.predict(), expected, rtol=1e-9)
    assert len(model.regressors_) == 4


def test_multi_output_forecasts_equal_a_joint_regression_by_hand():
    y = autoregression()
    rows, targets = by_hand(y, 5, 4)
    expected = LinearRegression().fit(rows, targets).predict([y[-5:]])[0]
    model = WindowForecaster(LinearRegression(), 5, "multi_output", horizon=4, level=None).fit(y=y)
    np.testing.assert_allclose(model.predict(), expected, rtol=1e-9)


def test_windows_are_relative_to_their_last_value_in_units_of_a_change():
    y = np.array([3.0, 5.0, 4.0, 6.0, 7.0, 5.0, 4.0])
    spy = WindowForecaster(Spy(), window=3, validation_fraction=0.0).fit(y=y).regressors_[0]
    scale = np.sqrt(np.mean(np.diff(y) ** 2))
    np.testing.assert_allclose(spy.X_[0] * scale, [-1, 1, 0], rtol=1e-8)
    np.testing.assert_allclose(spy.y_ * scale, [2, 1, -2, -1], rtol=1e-8)


@pytest.mark.parametrize("strategy", ["recursive", "direct", "multi_output"])
def test_the_last_value_counts(strategy):
    """neuralforecast's pull request 1285: a recursive forecast that left it out."""
    y = autoregression()
    model = WindowForecaster(LinearRegression(), 6, strategy, horizon=3).fit(y=y)
    one, other = (copy.deepcopy(model).update(y=[last]).predict() for last in (20.0, 21.0))
    assert (abs(one - other) > 0.1).all()


# horizon -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("strategy", ["direct", "multi_output"])
def test_longer_horizons_feed_whole_blocks_back(strategy):
    y = autoregression()
    model = WindowForecaster(LinearRegression(), 5, strategy, horizon=3).fit(y=y)
    forecast = model.predict(horizon=7)
    for done in (3, 6):
        moved = WindowForecaster(LinearRegression(), 5, strategy, horizon=3).fit(y=y)
        moved.update(y=forecast[:done])
        n = min(3, 7 - done)
        np.testing.assert_allclose(forecast[done : done + n], moved.predict(horizon=n), rtol=1e-9)


def test_strategies_agree_on_one_step():
    y = autoregression()
    forecasts = [
        WindowForecaster(Ridge(), 5, strategy).fit(y=y).predict()
        for strategy in ("recursive", "direct", "multi_output")
    ]
    np.testing.assert_allclose(forecasts[1:], [forecasts[0]] * 2, rtol=1e-9)


# window ------------------------------------------------------------------------------------------


def test_automatic_window_is_a_season_and_one():
    t = np.arange(24 * 30)
    noise = np.random.default_rng(0).normal(size=len(t))
    hourly = pd.date_range("2024", periods=len(t), freq="h")
    y = pd.Series(10 * np.sin(2 * np.pi * t / 24) + noise, index=hourly)
    assert WindowForecaster(Ridge()).fit(y=y).window_ == 25
    assert WindowForecaster(Ridge()).fit(y=y[:60]).window_ == 15  # a quarter
    assert WindowForecaster(Ridge()).fit(y=autoregression()).window_ == 8


def test_window_longer_than_the_series_is_refused_or_padded():
    y = autoregression(30)
    with pytest.raises(
        ValueError, match="n_samples=30: at least 42 are needed; give a smaller win"
    ):
        WindowForecaster(Ridge(), window=40).fit(y=y)
    forecast = WindowForecaster(TREES, window=40).fit(y=y).predict(horizon=3)
    assert np.isfinite(forecast).all()


def test_a_series_of_a_panel_shorter_than_the_window_is_forecast():
    parts = {"a": days(autoregression()), "b": days(autoregression(5, seed=1))}
    y = pd.concat(parts, names=["series", "time"])
    forecast = WindowForecaster(Ridge(), window=12).fit(y=y).predict(horizon=3)
    assert (abs(forecast["b"] - parts["b"].iloc[-1]) < 10).all()


# panels and units --------------------------------------------------------------------------------


def test_one_model_learns_from_all_series_in_their_own_units():
    parts = {"a": days(autoregression()), "b": days(1e6 * autoregression(100, seed=1))}
    y = pd.concat(parts, names=["series", "time"])
    model = WindowForecaster(LinearRegression(), window=3).fit(y=y)
    assert len(model.regressors_) == 1
    changed = y.copy()
    changed["b"] = changed["b"] / 1e6
    small = WindowForecaster(LinearRegression(), window=3).fit(y=changed)
    np.testing.assert_allclose(model.predict()["b"], 1e6 * small.predict()["b"], rtol=1e-9)


def test_an_unseen_series_is_forecast_in_its_own_units_after_update():
    y = pd.concat({"a": days(autoregression())}, names=["series", "time"])
    new = pd.concat({"b": days(1e6 * autoregression(50, seed=1))}, names=["series", "time"])
    model = WindowForecaster(LinearRegression(), window=3).fit(y=y)
    forecast = model.update(y=new).predict(horizon=2)["b"]
    assert (abs(forecast / 1e6 - new.iloc[-1] / 1e6) < 5).all()


@pytest.mark.parametrize("known", [0, 20])
def test_a_series_that_begins_to_move_after_fit_is_the_same_row_by_row_and_at_once(known):
    """New in update, or constant in fit."""
    y = pd.concat({"a": days(autoregression(100)), "b": days([7.0] * known)})
    new = pd.concat({"b": days(100 * autoregression(30, seed=1), start="2020-01-21")})
    at_once = WindowForecaster(Ridge(), 4).fit(y=y)
    by_row = copy.deepcopy(at_once)
    at_once.update(y=new)
    for row in range(30):
        by_row.update(y=new.iloc[[row]])
    forecast = at_once.predict(horizon=5)["b"]
    np.testing.assert_array_equal(by_row.predict(horizon=5)["b"], forecast)
    assert forecast.nunique() == 5


def test_trees_follow_a_level_that_they_have_never_seen():
    y = days(np.arange(200.0) + np.random.default_rng(0).normal(size=200))
    follows = WindowForecaster(TREES).fit(y=y).predict(horizon=10)
    stays = WindowForecaster(TREES, level=None).fit(y=y).predict(horizon=10)
    assert abs(follows.iloc[-1] - 209) < 4
    assert stays.iloc[-1] < 200


def test_a_constant_series_of_a_panel_goes_on_and_teaches_nothing():
    parts = {"a": days(autoregression()), "b": days(np.full(50, 0.1))}
    y = pd.concat(parts, names=["series", "time"])
    model = WindowForecaster(LinearRegression(), window=3).fit(y=y)
    alone = WindowForecaster(LinearRegression(), window=3).fit(y=parts["a"])
    assert (model.predict(horizon=3)["b"] == 0.1).all()
    np.testing.assert_allclose(model.regressors_[0].coef_, alone.regressors_[0].coef_)
    assert WindowForecaster(Ridge()).fit(y=parts["b"]).regressors_ == []


# covariates --------------------------------------------------------------------------------------


def driven(n: int = 300) -> tuple[pd.DataFrame, pd.Series]:
    rng = np.random.default_rng(1)
    y = days(autoregression(n))
    X = pd.DataFrame({"a": rng.normal(size=n), "b": 1e9 * rng.normal(size=n)}, index=y.index)
    return X, y + 5 * X["a"]


def test_covariates_of_the_step_and_of_the_window_are_columns():
    X, y = driven(40)
    model = WindowForecaster(Spy(), 3, covariate_window=2, validation_fraction=0.0).fit(X, y)
    spy, standard = model.regressors_[0], (X - X.mean()) / X.std(ddof=0)
    expected = standard.iloc[1:4].to_numpy().ravel()  # of the steps 1 and 2, and 3, the target's
    np.testing.assert_allclose(spy.X_[0, 3:], expected, atol=1e-8)


@pytest.mark.parametrize("strategy", ["recursive", "direct", "multi_output"])
def test_covariates_known_ahead_explain_what_they_can(strategy):
    X, y = driven()
    model = WindowForecaster(Ridge(), 6, strategy, horizon=4, level=None)
    models = [model, ARIMA((2, 0, 0)), Naive()]
    errors = np.zeros(3)
    for origin in range(200, 300, 10):
        past, future = slice(0, origin), slice(origin, origin + 10)
        for i, model in enumerate(models):
            error = model.fit(X[past], y[past]).predict(X[future]) - y[future]
            errors[i] += abs(error).mean()
    assert errors[0] < 1.15 * errors[1] < 0.6 * errors[2]


@pytest.mark.parametrize("strategy", ["recursive", "direct", "multi_output"])
def test_later_covariates_change_no_earlier_forecast(strategy):
    X, y = driven()
    model = WindowForecaster(Ridge(), 6, strategy, horizon=4).fit(X[:290], y[:290])
    forecast, later = model.predict(X[290:]), X[290:].copy()
    later.iloc[6:] += 1e9
    np.testing.assert_allclose(model.predict(later)[:6], forecast[:6], rtol=1e-12)
    assert (model.predict(later)[6:] != forecast[6:]).all()


def test_vintages_teach_what_was_known_at_the_origin():
    """The covariate of the next day was forecast as zero, so that nothing can be learnt from it."""
    X, y = driven()
    told = pd.DataFrame({"time": X.index, "issued": X.index - pd.Timedelta("1D"), "a": 0.0})
    actual = pd.DataFrame({"time": X.index, "issued": X.index, "a": X["a"].to_numpy()})
    known = AsOf(pd.concat([told, actual]), "time", "issued")
    model = WindowForecaster(Ridge(), 3, covariate_window=0).fit(known, y[:290])
    assert abs(model.regressors_[0].coef_[-1]) < 1e-6
    assert np.isfinite(model.predict(known, horizon=1)).all()


def test_past_only_covariates_are_read_up_to_the_origin():
    X, y = driven()
    y = y + 5 * X["a"].shift(1, fill_value=0.0) - 5 * X["a"]  # of the day before
    model = WindowForecaster(Ridge(), 4, past_only=["a", "b"]).fit(X[:290], y[:290])
    without = WindowForecaster(Ridge(), 4).fit(y=y[:290])
    assert model.residuals_[5:].std() < 0.5 * without.residuals_[5:].std()
    np.testing.assert_array_equal(model.predict(horizon=2).index, y.index[290:292])
    with pytest.warns(UserWarning, match="past-only columns .* are not used"):
        np.testing.assert_array_equal(model.predict(X[290:292]), model.predict(horizon=2))
    with pytest.raises(ValueError, match="covariate_window=0: past_only columns are read in the"):
        model.set_params(covariate_window=0).fit(X, y)


# missing values ----------------------------------------------------------------------------------


def test_missing_values_are_bridged_by_the_last_value_or_left_to_the_regressor():
    y = autoregression(40)
    y[10] = NAN
    model = WindowForecaster(Spy(), 3, validation_fraction=0.0, level=None).fit(y=y)
    rows = model.regressors_[0].X_
    assert np.isfinite(rows).all()
    np.testing.assert_array_equal(rows[7], [y[8], y[9], y[9]])  # its target is y[11]

    class Tolerant(Spy):
        def __sklearn_tags__(self):
            tags = super().__sklearn_tags__()
            tags.input_tags.allow_nan = True
            return tags

    model = WindowForecaster(Tolerant(), 3, validation_fraction=0.0, level=None).fit(y=y)
    spy = model.regressors_[0]
    assert np.isnan(spy.X_).any() and np.isfinite(spy.y_).all()
    np.testing.assert_array_equal(spy.X_[0], [NAN, NAN, y[0]])  # the series starts later


def test_missing_values_at_the_end_are_forecast():
    y = days(autoregression())
    whole = WindowForecaster(Ridge()).fit(y=y[:290]).predict(horizon=10)
    gone = WindowForecaster(Ridge()).fit(y=y[:290]).update(y=y[290:296] * NAN)
    np.testing.assert_allclose(gone.predict(horizon=4), whole[6:], rtol=1e-12)
    wide = gone.predict_interval(horizon=4)
    expected = WindowForecaster(Ridge()).fit(y=y[:290]).predict_interval(horizon=10)[6:]
    np.testing.assert_allclose(wide, expected, rtol=1e-12)


@pytest.mark.parametrize("strategy", ["recursive", "direct", "multi_output"])
@pytest.mark.parametrize("regressor", [Ridge(), MultiOutputRegressor(TREES)], ids=["ridge", "gb"])
def test_every_second_value_missing_is_enough(strategy, regressor):
    if strategy != "multi_output" and not isinstance(regressor, Ridge):
        regressor = regressor.estimator
    y = days(autoregression(120))
    y.iloc[::2] = NAN
    model = WindowForecaster(regressor, 6, strategy, horizon=3).fit(y=y)
    assert np.isfinite(model.predict(horizon=5)).all()
    assert np.isfinite(model.predict_in_sample()).all()


# quantiles ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("strategy", ["recursive", "direct"])
def test_intervals_cover_what_they_say(strategy):
    inside = []
    for seed in range(25):
        y = autoregression(260, seed)
        model = WindowForecaster(Ridge(), 4, strategy, horizon=5).fit(y=y[:250])
        bounds = model.predict_interval(0.8, horizon=10)
        inside.append((bounds[:, 0] <= y[250:]) & (y[250:] <= bounds[:, 1]))
    assert np.mean(inside) == pytest.approx(0.8, abs=0.07)


def test_errors_are_those_of_rows_that_the_first_fit_has_not_seen():
    """A tree that knows its rows by heart makes no error on them."""
    noise = np.random.default_rng(0).normal(size=300)
    model = WindowForecaster(ExtraTreesRegressor(20, random_state=0), 5)
    assert np.abs(model.fit(y=noise).residuals_[5:]).max() < 1e-6
    interval = model.predict_interval(0.8)
    assert interval[0, 1] - interval[0, 0] > 2


def test_no_interval_knows_what_comes_after_fit_or_is_changed_by_update():
    y = days(autoregression())
    model = WindowForecaster(Ridge()).fit(y=y[:200])
    width = np.ptp(model.predict_interval(), axis=1)
    later = np.ptp(model.update(y=y[200:] * 3).predict_interval(), axis=1)
    np.testing.assert_allclose(later, width)


def test_few_rows_have_finite_increasing_quantiles():
    model = WindowForecaster(Ridge()).fit(y=autoregression(6))
    quantiles = model.predict_quantiles([0.01, 0.5, 0.99], horizon=30)
    assert np.isfinite(quantiles).all() and (np.diff(quantiles, axis=1) >= 0).all()


# scikit-learn's tools ----------------------------------------------------------------------------


def test_pipelines_and_searches_reach_the_regressor():
    y = days(autoregression(120))
    model = WindowForecaster(make_pipeline(StandardScaler(), Ridge()), window=4)
    grid = {"regressor__ridge__alpha": [0.1, 1e9], "window": [2, 4]}
    search = GridSearchCV(model, grid, cv=TimeSeriesSplit(2, test_size=5)).fit(y.to_frame()[[]], y)
    assert search.best_params_["regressor__ridge__alpha"] == 0.1


def test_flat_windows_feed_a_recurrent_regressor():
    y = days(autoregression(80))
    network = LSTMRegressor(hidden_size=4, max_epochs=3, random_state=0)
    model = WindowForecaster(network, 6, "multi_output", horizon=3).fit(y=y)
    assert np.isfinite(model.predict(horizon=5)).all()


@pytest.mark.parametrize(
    ("model", "error", "message"),
    [
        (WindowForecaster("ridge"), TypeError, "regressor='ridge': expected a scikit-learn regr"),
        (WindowForecaster(Ridge), TypeError, "expected a scikit-learn regressor, such as Ridge()"),
        (
            WindowForecaster(Ridge(), 1),
            ValueError,
            "window=1: relative to its last value it is",
        ),
        (WindowForecaster(Ridge(), 0), ValueError, "window=0: expected an integer >= 1 or 'auto'"),
        (WindowForecaster(Ridge(), strategy="dirrec"), ValueError, "expected one of 'recursive',"),
        (WindowForecaster(Ridge(), level="mean"), ValueError, "level='mean': expected one of 'las"),
        (WindowForecaster(Ridge(), horizon=0), ValueError, "horizon=0: expected an integer >= 1"),
        (
            WindowForecaster(TREES, strategy="multi_output", horizon=2),
            ValueError,
            "1d array(.|\n)*gave HistGradientBoostingRegressor 2 outputs: if it takes one",
        ),
        (
            WindowForecaster(Naive()),
            TypeError,
            r"Naive\(\): expected a scikit-learn regressor",
        ),
        (
            WindowForecaster(make_pipeline(StandardScaler())),
            TypeError,
            "expected a scikit-learn reg",
        ),
        (WindowForecaster(Ridge(), covariate_window=-1), ValueError, "covariate_window=-1: expect"),
        (WindowForecaster(Ridge(), validation_fraction=1), ValueError, "expected a number in"),
    ],
)
def test_parameters_that_mean_nothing_are_refused(model, error, message):
    with pytest.raises(error, match=message):
        model.fit(y=autoregression(50))


@pytest.mark.parametrize(
    ("regressor", "strategy"),
    [
        (StackingRegressor([("ridge", Ridge())], cv=3), "recursive"),
        (GridSearchCV(Ridge(), {"alpha": [0.1, 1.0]}, cv=TimeSeriesSplit(3)), "multi_output"),
        (make_pipeline(StandardScaler(), Ridge()), "multi_output"),
    ],
)
def test_what_a_regressor_can_do_is_found_out_by_its_fit(regressor, strategy):
    y = days(autoregression(80))
    model = WindowForecaster(regressor, 4, strategy, horizon=2).fit(y=y)
    assert abs(model.predict(horizon=1) - y.iloc[-1]).iloc[0] < 10


@pytest.mark.parametrize(
    "regressor",
    [
        GridSearchCV(Ridge(), {"alpha": [1.0]}),
        GridSearchCV(Ridge(), {"alpha": [1.0]}, cv=KFold(3, shuffle=True, random_state=0)),
        make_pipeline(StandardScaler(), LassoCV(cv=3)),
    ],
)
def test_a_search_in_windows_that_overlap_is_warned_of_once(regressor):
    with pytest.warns(UserWarning, match=r"CV\(cv=.* overlap .* pass cv=TimeSeriesSplit") as said:
        WindowForecaster(regressor, 4).fit(y=days(autoregression(80)))
    assert [Path(warning.filename).name for warning in said] == [Path(__file__).name]


def test_a_search_by_time_is_not_warned_of(recwarn):
    search = GridSearchCV(Ridge(), {"alpha": [0.1, 1.0]}, cv=TimeSeriesSplit(5))
    for regressor in (search, LassoCV(cv=TimeSeriesSplit(5)), RegressorChain(Ridge())):
        strategy = "multi_output" if isinstance(regressor, RegressorChain) else "recursive"
        WindowForecaster(regressor, 4, strategy, horizon=2).fit(y=days(autoregression(80)))
    assert not recwarn.list


def test_a_regressor_that_predicts_nothing_is_refused():
    """One without neighbours within the radius has no value."""
    nobody = RadiusNeighborsRegressor(radius=1e-9)
    model = WindowForecaster(nobody, validation_fraction=0.0)
    with (
        pytest.warns(UserWarning, match="no neighbors"),
        pytest.raises(
            ValueError, match=r"RadiusNeighborsRegressor predicted \d+ of \d+ values as NaN"
        ),
    ):
        model.fit(y=autoregression(50)).predict()
