"""The figures of the report: what they show is what the frames say, and plotly takes them."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from report_frames import report_parts
from scipy.stats import norm

from tsrnn.quantile_names import quantile_columns
from tsrnn.report_figures import (
    axis_type,
    axis_values,
    coverage_figure,
    error_figures,
    pit_figure,
    pit_histogram,
    rounded,
    saved_figure,
    skill_figure,
)

MODELS = ["good", "naive", "poor"]
CLOCK = "2024-07-01T00:00"  # of the zone


def trace(figure, name):
    return next(t for t in figure["data"] if t["name"] == name)


def normal_forecasts(spread, n=4000):
    """Observations N(0, 1), forecast as N(0, spread)."""
    levels = np.arange(0.1, 0.95, 0.1).round(1)
    quantiles = {f"q{level}": np.full(n, spread * norm.ppf(level)) for level in levels}
    y_true = norm.ppf((np.arange(n) + 0.5) / n)
    return pd.DataFrame({"model": "m", "y_true": y_true, "y_pred": 0.0, **quantiles})


def test_pit_of_calibrated_quantiles_is_flat():
    edges, density = pit_histogram(normal_forecasts(1.0))
    np.testing.assert_allclose(edges, np.linspace(0, 1, 11))
    np.testing.assert_allclose(density, 1, atol=1e-6)


def test_pit_of_too_narrow_quantiles_is_a_valley():
    edges, density = pit_histogram(normal_forecasts(0.5))
    expected = np.diff(norm.cdf(0.5 * norm.ppf(edges))) / np.diff(edges)
    np.testing.assert_allclose(density, expected, atol=0.01)
    assert density[0] > 2 > 1 > density[5]


def test_pit_spreads_an_observation_over_the_quantiles_it_equals():
    zero = pd.DataFrame({"y_true": [0.0], "q0.2": 0.0, "q0.5": 0.0, "q0.9": 3.0})
    edges, density = pit_histogram(zero)  # anywhere from 0 to 0.9 with the same chance
    np.testing.assert_allclose(density * np.diff(edges), np.array([0.2, 0.3, 0.4, 0]) / 0.9)


def test_pit_leaves_out_models_and_rows_without_quantiles():
    rows = normal_forecasts(1.0)
    rows.loc[:10, "q0.5"] = np.nan
    none = rows.assign(model="point", **dict.fromkeys(quantile_columns(rows).values(), np.nan))
    figure = pit_figure(pd.concat([rows, none]), ["point", "m"])
    assert [t["name"] for t in figure["data"]] == ["m"]


def test_coverage_is_counted_with_the_ends():
    rows = pd.DataFrame({"model": "m", "y_true": [1.0, 2.0, 3.0, 9.0], "q0.1": 1.0, "q0.9": 3.0})
    line = trace(coverage_figure(rows, ["m"]), "m")
    assert (line["x"], line["y"]) == ([80.0], [75.0])


def test_coverage_of_normal_quantiles_follows_the_diagonal():
    line = trace(coverage_figure(normal_forecasts(1.0), ["m"]), "m")
    assert line["x"] == [20, 40, 60, 80]
    np.testing.assert_allclose(line["y"], line["x"], atol=0.1)


def test_skill_is_that_of_the_scores_by_step():
    scores = report_parts()["scores"]["step"]
    line = trace(skill_figure(scores.sample(frac=1, random_state=0), MODELS), "good")
    expected = scores[scores["model"] == "good"]["skill_%"]
    assert line["x"] == [1, 2, 3, 4]
    np.testing.assert_allclose(line["y"], expected, atol=0.005)


@pytest.mark.parametrize(("horizon", "kind", "dtick"), [(1, "category", 1), (2, "linear", 1)])
def test_few_steps_are_marked_one_by_one(horizon, kind, dtick):
    axis = skill_figure(report_parts(horizon=horizon)["scores"]["step"], MODELS)["layout"]["xaxis"]
    assert (axis["type"], axis["dtick"]) == (kind, dtick)
    long = pd.DataFrame({"model": "good", "step": range(1, 25), "skill_%": 1.0})
    assert skill_figure(long, MODELS)["layout"]["xaxis"]["dtick"] is None


def test_error_saved_ends_at_the_whole_difference():
    parts = report_parts()
    rows = parts["forecasts"].merge(parts["references"], on=["series", "fold", "step", "time"])
    own = rows[rows["model"] == "poor"]
    expected = (own["naive"] - own["y_true"]).abs().sum() - (
        own["y_pred"] - own["y_true"]
    ).abs().sum()
    figure = saved_figure(parts["forecasts"], parts["references"], parts["folds"], MODELS)
    assert trace(figure, "poor")["y"][-1] == pytest.approx(expected, abs=1e-3)
    assert len(trace(figure, "poor")["x"]) == 8
    assert set(trace(figure, "naive")["y"]) == {0.0}


def test_of_one_fold_the_error_saved_is_a_point_on_a_named_place():
    parts = report_parts(n_folds=1)
    figure = saved_figure(parts["forecasts"], parts["references"], parts["folds"], MODELS)
    assert trace(figure, "good")["x"] == ["2024-04-25"]
    assert trace(figure, "good")["mode"] == "lines+markers"
    assert figure["layout"]["xaxis"]["type"] == "category"


def test_the_size_of_one_error_is_a_step():
    parts = report_parts(n_folds=1, horizon=1)
    line = trace(error_figures(parts["forecasts"], parts["folds"], MODELS)["size"], "good")
    row = parts["forecasts"].query("model == 'good'").iloc[0]
    np.testing.assert_allclose(line["x"], [abs(row["y_true"] - row["y_pred"])] * 2, atol=1e-9)
    assert line["y"] == [0, 100]


def test_errors_of_one_series_keep_its_units_those_of_several_their_scales():
    for series, divisor in {("y",): 1.0, ("a", "b"): 2.0}.items():
        parts = report_parts(series=series)
        own = parts["forecasts"][parts["forecasts"]["model"] == "good"]
        median = (own["y_pred"] - own["y_true"]).median() / divisor
        box = trace(error_figures(parts["forecasts"], parts["folds"], MODELS)["spread"], "good")
        assert box["median"][0] == pytest.approx(median, abs=1e-4)


def test_a_series_without_a_scale_is_left_out():
    parts = report_parts(series=("a", "b"))
    folds = parts["folds"].assign(scale=np.where(parts["folds"]["series"] == "a", 0.0, 2.0))
    text = json.dumps(error_figures(parts["forecasts"], folds, MODELS), allow_nan=False)
    assert "Infinity" not in text


def test_unobserved_targets_and_failed_folds_are_left_out():
    parts = report_parts()
    forecasts = parts["forecasts"]
    forecasts.loc[forecasts["fold"] == 3, "y_true"] = np.nan
    forecasts = forecasts[(forecasts["model"] != "poor") | (forecasts["fold"] > 4)]
    figure = saved_figure(forecasts, parts["references"], parts["folds"], MODELS)
    assert [len(trace(figure, model)["x"]) for model in MODELS] == [7, 7, 3]
    json.dumps(pit_figure(forecasts, MODELS), allow_nan=False)


def test_every_figure_is_valid_to_plotly():
    go = pytest.importorskip("plotly.graph_objects")
    parts = report_parts()
    forecasts, folds = parts["forecasts"], parts["folds"]
    figures = [
        skill_figure(parts["scores"]["step"], MODELS),
        saved_figure(forecasts, parts["references"], folds, MODELS),
        *error_figures(forecasts, folds, MODELS).values(),
        pit_figure(forecasts, MODELS),
        coverage_figure(forecasts, MODELS),
    ]
    for figure in figures:
        drawn = json.loads(json.dumps(figure, allow_nan=False).replace("var(--ink)", "#000000"))
        assert len(go.Figure(drawn).data) == len(MODELS)


@pytest.mark.parametrize(
    ("times", "kind", "first"),
    [
        (pd.date_range("2024-01-01", periods=3), "date", "2024-01-01"),
        (pd.date_range("2024-07-01", periods=3, freq="h", tz="Europe/Berlin"), "date", CLOCK),
        (pd.period_range("2020-02", periods=3, freq="M"), "date", "2020-02-01"),
        (pd.RangeIndex(3), "linear", 0),
        (pd.Index(["<a>", "b", "c"]), "category", "&lt;a&gt;"),
    ],
)
def test_stamps_of_every_kind_find_their_axis(times, kind, first):
    assert axis_type(pd.Series(times)) == kind
    assert axis_values(times)[0] == first


def test_numbers_are_rounded_to_their_range_and_missing_ones_are_null():
    assert rounded([1000.123456789, 1001.0, np.nan, np.inf]) == [1000.123457, 1001.0, None, None]
    assert rounded([123456789.4, 0.0]) == [123456789.0, 0.0]
    assert rounded([1e-9, 3e-9]) == [1e-9, 3e-9]
    assert rounded([5.0]) == [5.0]
