"""The benchmark with a known optimum: the oracle is one, and the default comes near it."""

from __future__ import annotations

import importlib
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from statsmodels.tsa.statespace.sarimax import SARIMAX

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))
oracle = importlib.import_module("oracle")
sys.path.pop(0)

SMALL = oracle.Recipe(length=500, test=26)
SEEDS = (0, 1, 2)


@pytest.fixture(scope="module")
def panel():
    return oracle.make_panel(SMALL, seed=0)


def _errors(panel, forecasts: np.ndarray) -> np.ndarray:
    steps = panel.recipe.origins[:, None] + np.arange(panel.recipe.horizon)
    return panel.complete[:, steps] - forecasts


def test_filter_forecasts_as_sarimax_does():
    recipe = replace(SMALL, beta=0.0, gamma=0.0, noise=0.5)
    panel = oracle.make_panel(recipe, seed=1)
    mean, variance = oracle.oracle(panel)
    theirs = SARIMAX(
        (panel.y - panel.mean)[0][: recipe.origins[0]],
        order=(1, 0, 0),
        seasonal_order=(1, 0, 0, recipe.season),
        measurement_error=True,
    )
    forecast = theirs.smooth([*recipe.phi, recipe.seasonal_phi, 0.25, 1.0]).get_forecast(7)
    offset = panel.mean[0, recipe.origins[0] :][:7]
    np.testing.assert_allclose(mean[0, 0] - offset, forecast.predicted_mean, atol=1e-8)
    np.testing.assert_allclose(variance[0, 0], forecast.var_pred_mean, rtol=1e-8)


@pytest.mark.parametrize("columns", [("price", "orders"), ("price",), ("orders",), ()])
def test_oracle_errs_by_the_variance_it_states(columns):
    many = oracle.make_panel(replace(SMALL, series=300, length=150), seed=2)
    mean, variance = oracle.oracle(many, columns)
    # 300 independent series: the standard error of a mean square is about 3 % of it
    squares = (_errors(many, mean) ** 2).mean(axis=(0, 1))
    np.testing.assert_allclose(squares, variance.mean(axis=(0, 1)), rtol=0.12)
    bias = _errors(many, mean).mean(axis=(1, 2))
    assert abs(bias.mean()) < 4 * bias.std() / np.sqrt(len(bias))


def test_each_column_is_worth_something_to_the_oracle(panel):
    whole, *others = (
        oracle.oracle(panel, columns)[1].mean()
        for columns in [("price", "orders"), ("price",), ("orders",)]
    )
    assert all(other > 1.2 * whole for other in others)


def test_no_forecast_of_the_oracle_sees_what_comes(panel):
    later = panel.recipe.origins[0]
    y, orders = panel.y.copy(), panel.orders.copy()
    y[:, later:], orders[:, later:] = 99.0, 99.0
    changed, _ = oracle.oracle(panel._replace(y=y, orders=orders))
    np.testing.assert_array_equal(changed[:, 0], oracle.oracle(panel)[0][:, 0])


def test_frames_hold_the_panel_and_as_many_missing_values_as_asked_for(panel):
    y, X = oracle.frames(panel)
    assert y.isna().mean() == pytest.approx(SMALL.missing, abs=0.02)
    assert X.groupby("series")[["sector", "size"]].nunique().eq(1).all(axis=None)
    np.testing.assert_array_equal(X.loc["s03", "price"], panel.price[3])


def _scores(model: str, seeds=SEEDS) -> pd.Series:
    """Mean scores of a model with its defaults, a panel a seed."""
    panels = [(oracle.make_panel(SMALL, seed), seed) for seed in seeds]
    found = [oracle.scores(p, oracle.MODELS[model](p, seed, False)) for p, seed in panels]
    return pd.DataFrame(found).mean()


@pytest.fixture(scope="module")
def default():
    return _scores("lstm")


def test_oracle_is_its_own_measure():
    scores = _scores("oracle")
    assert scores["mae_ratio"] == scores["rmse_ratio"] == scores["margin"] == 1
    assert scores["mae"] == pytest.approx(np.sqrt(2 / np.pi) * scores["rmse"], rel=0.03)  # normal


def test_default_comes_within_a_tenth_of_the_oracle(default):
    assert default["mae_ratio"] <= oracle.BAR
    assert default["rmse_ratio"] <= oracle.BAR
    assert default["margin"] >= 0.9


def test_dropping_the_covariate_costs_what_theory_says(default):
    due = _scores("oracle_without_price")["theory_ratio"]
    assert due > 1.3
    assert _scores("lstm_without_price")["mae"] / default["mae"] == pytest.approx(due, rel=0.1)


def test_rows_are_kept_and_not_computed_again(tmp_path, monkeypatch):
    path = tmp_path / "oracle.csv"
    once = oracle.measure_all("daily", ["oracle", "naive"], [0], path, "abc", quick=True)
    monkeypatch.setattr(oracle, "MODELS", {})
    again = oracle.measure_all("daily", ["oracle", "naive"], [0], path, "abc", quick=True)
    np.testing.assert_allclose(again[oracle.SCORES].astype(float), once[oracle.SCORES], rtol=1e-4)
    assert len(pd.read_csv(path)) == 2
    assert "naive" in oracle.table(again)
