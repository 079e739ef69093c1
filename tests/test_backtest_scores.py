"""The scores of a backtest: the metrics of tsrnn.metrics on each group of rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.linear_model import Ridge

from tsrnn import AutoARIMA, Naive, SeasonalNaive, backtest
from tsrnn.comparison import diebold_mariano, model_confidence_set
from tsrnn.datasets import load_sea_surface_temperature
from tsrnn.metrics import (
    interval_coverage,
    mean_absolute_scaled_error,
    root_mean_squared_scaled_error,
    symmetric_mean_absolute_percentage_error,
    weighted_quantile_loss,
)


@pytest.fixture(scope="module")
def sea():
    y = load_sea_surface_temperature().resample("h").mean().iloc[-600:].interpolate()
    models = {"naive": Naive(), "season": SeasonalNaive(), "arima": AutoARIMA(seasonality=1)}
    return y, backtest(models, y=y, horizon=6, n_folds=12, refit=6)


@pytest.mark.parametrize("model", ["naive", "season", "arima"])
def test_scores_of_a_fold_are_those_of_the_metrics(sea, model):
    y, result = sea
    rows = result.forecasts.query("model == @model and fold == 3")
    row = result.scores["fold"].query("model == @model and fold == 3").iloc[0]
    pair, past = (rows["y_true"], rows["y_pred"]), y[: rows["origin"].iloc[0]]
    scaled = {"y_train": past, "seasonality": 24}
    assert row["MASE"] == pytest.approx(mean_absolute_scaled_error(*pair, **scaled))
    assert row["RMSSE"] == pytest.approx(root_mean_squared_scaled_error(*pair, **scaled))
    assert row["sMAPE"] == pytest.approx(symmetric_mean_absolute_percentage_error(*pair))
    quantiles = rows[[f"q{level:g}" for level in result.levels]].to_numpy()
    wql = weighted_quantile_loss(rows["y_true"], quantiles, levels=result.levels)
    assert row["WQL"] == pytest.approx(wql)
    inside = interval_coverage(rows["y_true"], rows["q0.05"], rows["q0.95"])
    assert row["coverage_90"] == pytest.approx(100 * inside)


def test_references_are_the_forecasts_of_the_baselines(sea):
    _, result = sea
    rows = result.forecasts.merge(result.references, on=["fold", "series", "step", "time"])
    of = rows.groupby("model")
    naive, season = of.get_group("naive"), of.get_group("season")
    np.testing.assert_array_equal(naive["y_pred"], naive["naive"])
    np.testing.assert_array_equal(season["y_pred"], season["seasonal_naive"])
    skill = result.summary()
    assert skill.loc["naive", "skill_%"] == 0
    assert skill.loc["season", "skill_seasonal_%"] == 0


def test_the_test_is_against_the_better_baseline(sea):
    _, result = sea
    losses = result.forecasts.assign(e=lambda rows: (rows["y_true"] - rows["y_pred"]).abs())
    losses = losses.pivot_table("e", "fold", "model")
    better = losses[["naive", "season"]].mean().idxmin()
    assert result.baseline == {"naive": "naive", "season": "seasonal naive"}[better]
    expected = diebold_mariano(losses["arima"], losses[better]).p_value
    summary = result.summary()
    assert summary.loc["arima", "dm_p"] == pytest.approx(expected)
    assert summary.loc[better, "dm_p"] == 1
    sets = model_confidence_set(losses, block_length=1)["p_value"]
    assert summary["mcs_p"].to_dict() == sets.to_dict()
    pairs = result.compare().set_index(["model", "other"])
    assert len(pairs) == 3
    assert pairs.loc[("season", "arima"), "p_value"] == pytest.approx(
        diebold_mariano(losses["season"], losses["arima"]).p_value
    )


def test_scores_by_step_and_series_average_the_same_rows():
    index = pd.MultiIndex.from_product([["a", "b"], pd.RangeIndex(40)])
    y = pd.Series(np.random.default_rng(0).normal(size=80).cumsum(), index=index)
    result = backtest({"naive": Naive()}, y=y, horizon=3, n_folds=5)
    error = (result.forecasts["y_true"] - result.forecasts["y_pred"]).abs()
    for key in ("step", "series", "fold"):
        by_key = error.groupby(result.forecasts[key]).mean()
        assert result.scores[key].set_index(key)["MAE"].to_dict() == pytest.approx(by_key.to_dict())


def test_the_share_error_is_not_said_of_negative_values():
    y = pd.Series(np.sin(np.arange(40.0)))
    assert backtest(Naive(), y=y, horizon=2, n_folds=3).summary()["sMAPE"].isna().all()


def test_models_without_quantiles_leave_them_out():
    X = pd.DataFrame({"x": np.arange(40.0)})
    y = pd.Series(np.arange(40.0))
    alone = backtest(Ridge(), X, y, horizon=2, n_folds=3)
    assert alone.levels == []
    assert "WQL" not in alone.summary()
    both = backtest({"ridge": Ridge(), "naive": Naive()}, X, y, horizon=2, n_folds=3)
    assert both.forecasts.groupby("model", sort=False)["q0.5"].count().tolist() == [0, 6]
    assert both.summary()["WQL"].notna().to_dict() == {"ridge": False, "naive": True}


def test_the_quantiles_are_those_of_the_model():
    y = pd.Series(np.random.default_rng(0).normal(size=40).cumsum())
    result = backtest(Naive(), y=y, horizon=4, n_folds=1, levels=[0.9, 0.25])
    assert result.levels == [0.25, 0.9]
    expected = Naive().fit(y=y[:-4]).predict_quantiles([0.25, 0.9], horizon=4)
    np.testing.assert_array_equal(result.forecasts[["q0.25", "q0.9"]], expected)


def test_a_constant_series_has_a_defined_score():
    result = backtest(Naive(), y=np.ones(20), horizon=2, n_folds=3)
    assert result.summary().loc["naive", ["MASE", "RMSSE", "skill_%"]].tolist() == [0, 0, 0]
    assert result.warnings() == []


def test_a_copy_of_the_last_value_is_named():
    class Shifted(RegressorMixin, BaseEstimator):
        def fit(self, X, y):
            self.last_ = y.iloc[-1]
            return self

        def update(self, X, y):
            return self.fit(X, y)

        def predict(self, X):
            noise = np.random.default_rng(int(1e6 * abs(self.last_))).normal(size=len(X))
            return self.last_ + 0.1 * noise

    walk = np.random.default_rng(1).normal(size=200).cumsum()
    y = pd.Series(walk, index=pd.date_range("2024-01-01", periods=200))
    models = {"net": Shifted(), "naive": Naive()}
    (sentence,) = backtest(models, y=y, horizon=1, n_folds=100, refit="none").warnings()
    assert sentence.startswith("net copies the last known value")


def test_a_model_that_beats_the_last_value_is_no_mere_copy():
    rng = np.random.default_rng(0)
    jumps = np.where(rng.random(300) < 0.5, rng.choice([-1.0, 1.0], 300), 0.0)
    y = pd.Series(jumps.cumsum() + 0.01 * rng.normal(size=300))
    X = pd.DataFrame({"last": y.shift(1, fill_value=0.0), "jump": jumps})

    class Seer(RegressorMixin, BaseEstimator):
        def fit(self, X, y):
            return self

        def predict(self, X):
            return (X["last"] + 0.3 * X["jump"]).to_numpy()

    result = backtest(Seer(), X, y, horizon=1, n_folds=100)
    assert result.summary().loc["seer", "dm_p"] < 0.01
    assert result.warnings() == []
