"""Pictures: what is on the axes, that pyplot stays untouched, and that a PNG can be written."""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd
import pytest

from tsrnn import Naive
from tsrnn.plotting import COLOURS, plot_backtest, plot_forecast

pytest.importorskip("matplotlib")


def frames(times, n_folds=4, horizon=3, models=("lstm", "naive")):
    history = pd.DataFrame({"series": "y", "time": times, "y": np.arange(len(times), dtype=float)})
    rows = [
        {"model": model, "fold": k, "origin": times[o], "step": s, "time": times[o + s],
         "y_pred": o}
        for model in models
        for k in range(n_folds)
        for o in [len(times) - 1 - (n_folds - k) * horizon]
        for s in range(1, horizon + 1)
    ]  # fmt: skip
    return pd.DataFrame(rows).assign(series="y"), history


def lines_of(ax, label):
    return [line for line in ax.get_lines() if line.get_label() == label]


@pytest.mark.parametrize(
    "times",
    [
        pd.date_range("2024-01-01", periods=40),
        pd.date_range("2024-03-30", periods=40, freq="h", tz="Europe/Berlin"),
        pd.period_range("2020-01", periods=40, freq="M"),
        pd.RangeIndex(40),
        pd.timedelta_range("1h", periods=40, freq="h"),
    ],
    ids=["days", "hours with a zone", "periods", "integers", "durations"],
)
def test_backtest_picture_shows_each_model_in_each_of_the_last_folds(times, tmp_path):
    ax = plot_backtest(*frames(times), n_folds=2)
    coloured = [line for line in ax.get_lines() if line.get_color() in COLOURS]
    assert len(coloured) == 2 * 2
    assert {line.get_color() for line in coloured} == set(COLOURS[:2])
    assert coloured[0].get_ydata().tolist() == [33.0] * 3
    assert lines_of(ax, "observed")[0].get_ydata()[-1] == 39
    path = tmp_path / "folds.png"
    ax.figure.savefig(path)
    assert path.read_bytes().startswith(b"\x89PNG")


def test_each_model_is_named_once_beside_the_data():
    ax = plot_backtest(*frames(pd.RangeIndex(40)))
    legend = ax.get_legend()
    assert [text.get_text() for text in legend.get_texts()] == ["observed", "lstm", "naive"]
    ax.figure.canvas.draw()
    assert legend.get_window_extent().x0 >= ax.get_window_extent().x1 - 1


def test_more_models_than_colours_stay_distinguishable():
    models = tuple(f"m{i}" for i in range(2 * len(COLOURS)))
    ax = plot_backtest(*frames(pd.RangeIndex(40), models=models), n_folds=1)
    styles = {(line.get_color(), line.get_linestyle()) for m in models for line in lines_of(ax, m)}
    assert len(styles) == len(models)


def test_the_past_is_drawn_from_shortly_before_the_first_shown_origin():
    ax = plot_backtest(*frames(pd.RangeIndex(1000)), n_folds=2)
    drawn = lines_of(ax, "observed")[0].get_xdata()
    assert 980 <= drawn[0] < 993
    assert drawn[-1] == 999


def test_axes_come_in_and_go_out_with_titles():
    own = plot_backtest(*frames(pd.RangeIndex(40)))
    assert own.get_title() == "y: the last 3 of 4 folds, 3 steps each"
    same = plot_backtest(*frames(pd.RangeIndex(40)), ax=own, title="here", ylabel="dollars")
    assert same is own
    assert (own.get_title(), own.get_ylabel()) == ("here", "dollars")


def test_one_series_of_several_can_be_chosen():
    forecasts, history = frames(pd.RangeIndex(40))
    both = [pd.concat([f, f.assign(series="z")]) for f in (forecasts, history)]
    assert plot_backtest(*both, series="z").get_title().startswith("z:")
    assert plot_backtest(*both).get_title().startswith("y:")
    with pytest.raises(ValueError, match=r"series='q': expected one of \['y', 'z'\]"):
        plot_backtest(*both, series="q")
    with pytest.raises(ValueError, match="n_folds=0: expected an integer >= 1"):
        plot_backtest(*both, n_folds=0)


def test_forecast_picture_joins_the_last_observed_value():
    y = pd.Series(
        [1.0, 2.0, 3.0, np.nan], index=pd.date_range("2024-01-01", periods=4), name="level"
    )
    ahead = pd.Series([5.0, 6.0], index=pd.date_range("2024-01-05", periods=2))
    ax = plot_forecast(y, ahead)
    assert lines_of(ax, "forecast")[0].get_ydata().tolist() == [5.0, 6.0]
    joined = [line for line in ax.get_lines() if list(line.get_ydata()) == [3.0, 5.0, 6.0]]
    assert len(joined) == 1
    assert (ax.get_title(), ax.get_ylabel()) == ("level: forecast of the next 2 steps", "level")


def test_forecast_picture_of_durations_names_their_unit():
    y = pd.Series(range(30), pd.timedelta_range("0s", periods=30, freq="5min"))
    ahead = pd.Series([1.0, 2.0], pd.timedelta_range("150min", periods=2, freq="5min"))
    ax = plot_forecast(y, ahead)
    assert ax.get_xlabel() == "time (min)"
    assert lines_of(ax, "forecast")[0].get_xdata().tolist() == [9000.0, 9300.0]


def test_forecast_picture_wants_one_observed_series():
    panel = pd.Series(1.0, pd.MultiIndex.from_product([["a", "b"], range(3)]))
    with pytest.raises(ValueError, match=r"history holds the series .* history\.loc\['a'\]"):
        plot_forecast(panel, panel)
    with pytest.raises(ValueError, match=r"forecast holds the series .* forecast\.loc\['a'\]"):
        plot_forecast(panel.loc["a"], panel)
    with pytest.raises(ValueError, match="history has no observed value in its 3 rows"):
        plot_forecast(panel.loc["a"] * np.nan, panel.loc["b"])


def test_forecast_picture_joins_an_observation_from_before_the_rows_shown():
    y = pd.Series([7.0, *[np.nan] * 50])
    ax = plot_forecast(y, pd.Series([5.0], index=[51]))
    assert any(line.get_xydata().tolist() == [[0, 7], [51, 5]] for line in ax.get_lines())


def shades(ax):
    """Return the lower and the upper end of each shaded interval."""
    paths = [shade.get_paths()[0].vertices[:, 1] for shade in ax.collections]
    return [(float(ends.min()), float(ends.max())) for ends in paths]


def test_backtest_picture_shades_the_interval_asked_for():
    forecasts, history = frames(pd.RangeIndex(40))
    forecasts[["q0.05", "q0.1", "q0.9", "q0.95"]] = [-9.0, -8.0, 80.0, 90.0]
    forecasts.loc[forecasts["model"] == "naive", "q0.1"] = np.nan
    assert shades(plot_backtest(forecasts, history, n_folds=2)) == [(-8.0, 80.0)] * 2
    wide = plot_backtest(forecasts, history, n_folds=1, coverage=0.9)
    assert shades(wide) == [(-9.0, 90.0)]  # of the first model only
    assert shades(plot_backtest(forecasts, history, coverage=None)) == []


def test_a_coverage_that_no_model_has_is_refused_but_the_default_is_not():
    forecasts, history = frames(pd.RangeIndex(40))
    assert shades(plot_backtest(forecasts, history)) == []
    with pytest.raises(ValueError, match=r"coverage=0\.9: expected None, as no model has quant"):
        plot_backtest(forecasts, history, coverage=0.9)
    forecasts[["q0.05", "q0.25", "q0.75", "q0.95"]] = [-9.0, -8.0, 80.0, 90.0]
    assert shades(plot_backtest(forecasts, history)) == []
    with pytest.raises(ValueError, match=r"coverage=0\.7: expected one of 0\.5, 0\.9, or None"):
        plot_backtest(forecasts, history, coverage=0.7)


@pytest.mark.parametrize("coverage", [5, 0, 1.0, True, "0.8"])
def test_a_coverage_that_is_no_share_is_refused(coverage):
    with pytest.raises(ValueError, match=f"coverage={coverage!r}: expected a number above 0 and"):
        plot_backtest(*frames(pd.RangeIndex(40)), coverage=coverage)


def test_forecasts_of_one_step_make_one_line():
    ax = plot_backtest(*frames(pd.RangeIndex(40), horizon=1), n_folds=4)
    assert lines_of(ax, "lstm")[0].get_ydata().tolist() == [35.0, 36.0, 37.0, 38.0]
    assert ax.get_title() == "y: the last 4 of 4 folds, 1 step each"


def test_forecast_picture_shades_intervals_of_either_kind():
    y, ahead = pd.Series([1.0, 2.0]), pd.Series([3.0, 4.0], index=[2, 3])
    named = pd.DataFrame({"lower": [0.0, 0.0], "upper": [6.0, 7.0]})
    assert shades(plot_forecast(y, ahead, intervals=named)) == [(0.0, 7.0)]
    quantiles = pd.DataFrame({0.1: [1.0, 1.0], 0.25: [2.0, 2.0], 0.75: [5.0, 5.0], 0.9: [8.0, 8.0]})
    found = shades(plot_forecast(y, ahead, intervals=quantiles))
    assert found == [(2.0, 5.0), (1.0, 8.0)]


def test_intervals_of_another_shape_are_refused():
    y, ahead = pd.Series([1.0, 2.0]), pd.Series([3.0, 4.0], index=[2, 3])
    with pytest.raises(ValueError, match="intervals has 1 rows: expected 2"):
        plot_forecast(y, ahead, intervals=pd.DataFrame({"lower": [0.0], "upper": [1.0]}))
    with pytest.raises(ValueError, match=r"columns \['low'\]: expected lower and upper"):
        plot_forecast(y, ahead, intervals=pd.DataFrame({"low": [0.0, 1.0]}))


def test_intervals_of_a_forecaster_can_be_drawn():
    y = pd.Series([1.0, 3.0, 2.0, 4.0], pd.period_range("2024", periods=4, freq="Y"))
    model = Naive().fit(y=y)
    for intervals in (model.predict_interval(0.8), model.predict_quantiles([0.1, 0.9])):
        low, high = shades(plot_forecast(y, model.predict(), intervals=intervals))[0]
        assert low < 4 < high


def test_pyplot_is_not_touched():
    if "matplotlib.pyplot" in sys.modules:
        pyplot = sys.modules["matplotlib.pyplot"]
        before = pyplot.get_fignums()
        plot_backtest(*frames(pd.RangeIndex(40)))
        assert pyplot.get_fignums() == before
    else:
        plot_backtest(*frames(pd.RangeIndex(40)))
        assert "matplotlib.pyplot" not in sys.modules


def test_without_matplotlib_the_error_names_the_command(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match=r"pip install tsrnn\[plot\]"):
        plot_backtest(*frames(pd.RangeIndex(40)))
