"""Forecasts over their series: what is drawn, what is left out, and that the page says so."""

from __future__ import annotations

import json
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from report_frames import SPREADS, report_parts

from tsrnn import report_forecasts
from tsrnn.report_forecasts import forecast_figures

MODELS = list(SPREADS)
BERLIN = pd.date_range("2024-03-30", periods=120, freq="h", tz="Europe/Berlin")


def drawn(parts, models=MODELS):
    ranked = list(parts["summary"].index)
    frames = (parts[name] for name in ("forecasts", "history"))
    return forecast_figures(*frames, models, ranked, parts["scores"]["series"])


def named(figure, name):
    return [t for t in figure["data"] if t["name"] == name and "meta" not in t]


def pieces(values):
    """Split a path at the None between its pieces."""
    cuts = [-1, *(i for i, v in enumerate(values) if v is None), len(values)]
    return [values[a + 1 : b] for a, b in pairwise(cuts)]


def test_each_fold_is_a_piece_of_its_own():
    parts = report_parts()
    (line,) = named(drawn(parts).figures[0], "good")
    own = parts["forecasts"][parts["forecasts"]["model"] == "good"]
    assert len(pieces(line["x"])) == 8
    np.testing.assert_allclose(np.concatenate(pieces(line["y"])), own["y_pred"], atol=1e-4)
    assert pieces(line["x"])[0] == own["time"].dt.strftime("%Y-%m-%d").tolist()[:4]


def test_one_step_forecasts_are_one_line():
    (line,) = named(drawn(report_parts(horizon=1, n_folds=30)).figures[0], "good")
    assert len(line["y"]) == 30
    assert None not in line["y"]


def test_the_dot_of_the_last_forecast_is_whole():
    found = drawn(report_parts(horizon=1))
    (line,) = named(found.figures[0], "good")
    assert line["x"][-1] == found.figures[0]["views"][0]["x"][1]  # on the edge
    assert line["cliponaxis"] is False


def test_an_infinite_score_of_a_series_is_a_sign():
    parts = report_parts(series=("a", "b"))
    parts["scores"]["series"]["MASE"] = np.inf
    assert drawn(parts).labels == ["a (MASE ∞)", "b (MASE ∞)"]


def test_bands_go_up_along_the_lower_and_back_along_the_upper_quantile():
    parts = report_parts()
    bands = [t for t in drawn(parts).figures[0]["data"] if "meta" in t and t["legendgroup"] == "0"]
    own = parts["forecasts"].query("model == 'good' and fold == 0")
    assert [band["name"] for band in bands] == ["90%", "80%"]
    expected = [*own["q0.1"], *own["q0.9"][::-1]]
    np.testing.assert_allclose(pieces(bands[1]["y"])[0], expected, atol=1e-4)
    assert pieces(bands[1]["x"])[0] == pieces(bands[1]["x"])[0][::-1]


def test_hovering_tells_the_widest_interval():
    parts = report_parts()
    (line,) = named(drawn(parts).figures[0], "good")
    first = parts["forecasts"].query("model == 'good'").iloc[0]
    assert line["customdata"][0] == pytest.approx((first["q0.05"], first["q0.95"]), abs=1e-4)
    assert "90%" in line["hovertemplate"]


def test_without_quantiles_there_is_no_band_to_choose():
    found = drawn(report_parts(levels=()))
    assert found.banded == []
    assert not any("meta" in t for t in found.figures[0]["data"])


def test_a_model_without_quantiles_has_no_bands_beside_others():
    parts = report_parts()
    rows = parts["forecasts"]
    quantiles = [c for c in rows if c.startswith("q0")]
    rows.loc[rows["model"] == "good", quantiles] = np.nan
    found = drawn(parts)
    assert found.banded == ["naive", "poor"]
    assert {t["meta"] for t in found.figures[0]["data"] if "meta" in t} == {0, 1}


def test_origins_are_marked_over_the_whole_height():
    figure = drawn(report_parts()).figures[0]
    (marks,) = named(figure, "origins")
    assert len(pieces(marks["x"])) == 8
    assert figure["layout"][f"yaxis{marks['yaxis'][1:]}"]["range"] == [0, 1]


def test_everything_is_drawn_and_nothing_noted_when_it_is_little():
    assert drawn(report_parts()).note == ""
    found = drawn(report_parts(series=("a", "b")))
    assert found.note == "The MASE beside a series is that of good."
    assert [label[:6] for label in found.labels] == ["a (MAS", "b (MAS"]
    assert len(named(found.figures[1], "observed")[0]["y"]) == 120


def test_of_a_long_series_the_extremes_stay_and_the_latest_are_complete(monkeypatch):
    monkeypatch.setattr(report_forecasts, "MAX_POINTS", 100)
    parts = report_parts(times=pd.RangeIndex(2000))
    y = parts["history"]["y"].to_numpy()
    (line,) = named(drawn(parts).figures[0], "observed")
    assert len(line["y"]) <= 100 + 33 + 2
    assert (min(line["y"]), max(line["y"])) == pytest.approx((y.min(), y.max()), abs=1e-3)
    np.testing.assert_allclose(line["y"][-33:], y[-33:], atol=1e-3)
    assert "the lowest and the highest of each stretch" in drawn(parts).note


def test_of_many_folds_the_latest_are_drawn_and_counted(monkeypatch):
    monkeypatch.setattr(report_forecasts, "MAX_ROWS", 60)  # 3 models, 4 steps: 5 folds
    found = drawn(report_parts())
    (line,) = named(found.figures[0], "good")
    assert len(pieces(line["y"])) == 5
    assert pieces(line["x"])[-1][-1] == "2024-04-29"
    assert found.note == "The latest 5 of 8 folds are drawn. Tables and scores count everything."


def test_of_many_series_the_best_and_the_worst_are_among_the_drawn(monkeypatch):
    monkeypatch.setattr(report_forecasts, "MAX_SERIES", 3)
    parts = report_parts(series=tuple("abcdefg"))
    scores = parts["scores"]["series"].query("model == 'good'").set_index("series")["MASE"]
    found = drawn(parts)
    assert [label[0] for label in found.labels] == list(scores.sort_values().index[[0, 3, 6]])
    assert "3 of 7 series are drawn, at even distances" in found.note


def test_a_series_that_ended_early_shows_its_own_latest_folds(monkeypatch):
    monkeypatch.setattr(report_forecasts, "MAX_ROWS", 96)  # 2 series, 3 models, 4 steps: 4 folds
    parts = report_parts(series=("a", "b"))
    rows = parts["forecasts"]
    parts["forecasts"] = rows[(rows["series"] == "a") | (rows["fold"] < 3)]
    lines = [named(figure, "good")[0] for figure in drawn(parts).figures]
    assert [len(pieces(line["y"])) for line in lines] == [4, 3]


def test_a_gap_of_a_long_series_stays_a_gap(monkeypatch):
    monkeypatch.setattr(report_forecasts, "MAX_POINTS", 100)
    parts = report_parts(times=pd.RangeIndex(2000))
    parts["history"].loc[300:600, "y"] = np.nan
    (line,) = named(drawn(parts).figures[0], "observed")
    missing = [x for x, y in zip(line["x"], line["y"], strict=True) if y is None]
    assert 300 <= min(missing) < max(missing) <= 600
    assert not any(300 <= x <= 600 for x in line["x"] if x not in missing)


def test_views_hold_all_that_they_show():
    parts = report_parts()
    views = drawn(parts).figures[0]["views"]
    assert [view["label"] for view in views] == ["Latest folds", "All folds", "Whole series"]
    assert views[2]["x"] == ["2024-01-01", "2024-04-29"]
    rows = parts["forecasts"]
    assert views[1]["y"][0] < rows["q0.05"].min() < rows["q0.95"].max() < views[1]["y"][1]


@pytest.mark.parametrize(
    "times",
    [BERLIN, pd.period_range("2015-01", periods=120, freq="M"), pd.RangeIndex(120)],
    ids=["hours with a zone", "periods", "integers"],
)
def test_every_kind_of_time_is_valid_to_plotly(times):
    go = pytest.importorskip("plotly.graph_objects")
    figure = drawn(report_parts(times=times)).figures[0]
    text = json.dumps({k: figure[k] for k in ("data", "layout")}, allow_nan=False)
    for colour in ("var(--ink)", "var(--muted)"):
        text = text.replace(colour, "#000000")
    assert len(go.Figure(json.loads(text)).data) == 3 + 6 + 2
    assert (figure["layout"]["xaxis"]["title"]["text"] == "time (Europe/Berlin)") == (
        times is BERLIN
    )


def test_a_constant_series_and_missing_values_can_be_drawn():
    parts = report_parts(levels=())
    parts["history"]["y"] = 3.0
    parts["forecasts"][["y_true", "y_pred"]] = 3.0
    parts["history"].loc[5:9, "y"] = np.nan
    figure = drawn(parts).figures[0]
    assert figure["views"][0]["y"] == [2.0, 4.0]
    assert named(figure, "observed")[0]["y"][5] is None
