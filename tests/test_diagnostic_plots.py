"""Pictures of training, residuals and windows: the numbers drawn, the axes, the errors."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from statsmodels.tsa.stattools import acf

from tsrnn import GRURegressor, LSTMForecaster, explain_windows
from tsrnn.diagnostic_plots import (
    autocorrelations,
    plot_history,
    plot_residuals,
    plot_windows,
)
from tsrnn.drawing import new_figure

pytest.importorskip("matplotlib")


def history(train=(3.0, 2.0, 1.5), valid=(3.0, 2.5, 2.6), best_epoch=2, interrupted=False):
    return SimpleNamespace(
        train_loss=list(train),
        valid_loss=list(valid),
        best_epoch=best_epoch,
        interrupted=interrupted,
    )


def line(ax, label):
    return next(found for found in ax.get_lines() if found.get_label() == label)


@pytest.mark.parametrize("missing", [False, True])
def test_autocorrelations_equal_those_of_statsmodels(missing):
    x = np.random.default_rng(0).normal(size=80).cumsum()
    if missing:
        x[[3, 40, 41]] = np.nan
    expected = acf(x, nlags=12, missing="conservative" if missing else "none")[1:]
    np.testing.assert_allclose(autocorrelations(x, 12), expected, rtol=1e-10)


def test_history_shows_losses_by_epoch_and_the_epoch_kept():
    ax = plot_history(history())
    assert line(ax, "training").get_xydata().tolist() == [[1, 3.0], [2, 2.0], [3, 1.5]]
    assert line(ax, "validation").get_ydata().tolist() == [3.0, 2.5, 2.6]
    assert line(ax, "kept").get_xdata() == [2, 2]
    assert ax.get_title() == "best epoch 2 of 3"
    assert plot_history(history(interrupted=True)).get_title().endswith(", interrupted")


def test_history_is_logarithmic_only_where_losses_are_positive_and_far_apart():
    assert plot_history(history()).get_yscale() == "linear"
    assert plot_history(history(train=(40.0, 2.0, 0.1))).get_yscale() == "log"
    assert plot_history(history(train=(40.0, 2.0, -0.1))).get_yscale() == "linear"


def test_history_of_a_fitted_network_without_validation():
    X = np.random.default_rng(0).normal(size=(40, 5))
    model = GRURegressor(hidden_size=2, max_epochs=3, early_stopping=False, random_state=0)
    ax = plot_history(model.fit(X, X[:, -1]).history_)
    assert len(line(ax, "training").get_ydata()) == 3
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["training", "kept"]


def test_history_without_an_epoch_is_refused():
    with pytest.raises(ValueError, match="history has no epoch"):
        plot_history(history(train=(), valid=()))


def test_residuals_are_drawn_over_time_with_density_and_autocorrelation():
    x = np.random.default_rng(1).normal(2.0, 3.0, size=400)
    x[7] = np.nan
    over_time, histogram, correlation = plot_residuals(pd.Series(x), max_lag=5)
    np.testing.assert_array_equal(over_time.get_lines()[1].get_ydata(), x)
    known = x[np.isfinite(x)]
    assert f"399 residuals: mean {known.mean():.3g}" in over_time.get_title()
    assert sum(bar.get_width() * bar.get_height() for bar in histogram.patches) == pytest.approx(1)
    density = line(histogram, "normal")
    assert np.trapezoid(density.get_ydata(), density.get_xdata()) == pytest.approx(1, abs=1e-3)
    drawn = correlation.get_lines()[-1].get_ydata()
    np.testing.assert_allclose(drawn, acf(x, nlags=5, missing="conservative")[1:])


def test_residuals_are_drawn_on_axes_given():
    axes = new_figure((6, 6)).subplots(3)
    same = plot_residuals([1.0, -1.0, 0.5], axes=axes, title="here")
    assert list(same) == list(axes)
    assert axes[0].get_title() == "here"
    with pytest.raises(ValueError, match="axes has 2 axes: expected 3"):
        plot_residuals([1.0, -1.0, 0.5], axes=axes[:2])


def test_residuals_that_show_nothing_are_refused():
    with pytest.raises(ValueError, match="residuals has 2 known values: expected 3 that differ"):
        plot_residuals([1.0, np.nan, 2.0])
    with pytest.raises(ValueError, match="expected 3 that differ"):
        plot_residuals([1.0, 1.0, 1.0])
    with pytest.raises(ValueError, match="max_lag=3: expected at most 2"):
        plot_residuals([1.0, 3.0, 2.0], max_lag=3)


def test_residuals_of_several_series_are_refused():
    x = [1.0, 2.0, 4.0, 3.0]
    panel = pd.Series(x, pd.MultiIndex.from_product([["a", "b"], [0, 1]]))
    with pytest.raises(ValueError, match=r"residuals holds the series .* residuals\.loc\['a'\]"):
        plot_residuals(panel)
    with pytest.raises(ValueError, match=r"residuals has the shape \(4, 2\): .* residuals\['u'\]"):
        plot_residuals(pd.DataFrame({"u": x, "v": x}))


def test_windows_are_drawn_from_their_first_to_their_last_stamp():
    y = pd.Series(np.arange(30.0), pd.date_range("2024-01-01", periods=30))
    told = explain_windows(y=y, window=4, horizon=2)
    ax = plot_windows(told, n_windows=3)
    spans = [tuple(pd.to_datetime(found.get_xdata())) for found in ax.get_lines()]
    columns = [("input_first", "input_last"), ("target_first", "target_last")]
    expected = [tuple(row) for pair in columns for row in told[list(pair)].tail(3).to_numpy()]
    assert spans == [tuple(map(pd.Timestamp, span)) for span in expected]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["input", "target"]
    assert ax.get_title() == f"the last 3 of {len(told)} windows"


def test_windows_of_a_forecaster_begin_at_the_window_not_at_the_start_of_the_series():
    y = pd.Series(np.sin(np.arange(200.0)), pd.date_range("2024-01-01", periods=200))
    told = LSTMForecaster(horizon=3).explain_windows(y=y)
    ax = plot_windows(told, n_windows=5)
    names = [text.get_text() for text in ax.get_legend().get_texts()]
    assert names == ["read on the way", "window", "target"]
    left = pd.Timestamp(ax.get_xlim()[0], unit="D")
    assert told["state_first"].iloc[-1] < left < told["window_first"].iloc[-5]


@pytest.mark.parametrize(
    "index",
    [
        None,
        pd.period_range("2020-01", periods=30, freq="M"),
        pd.timedelta_range("0s", periods=30, freq="s"),
    ],
    ids=["row numbers", "periods", "durations"],
)
def test_windows_of_other_stamps_can_be_drawn(index):
    y = pd.Series(np.arange(30.0), index)
    ax = plot_windows(explain_windows(y=y, window=4, horizon=1))
    assert len(ax.get_lines()) == 2 * 12


def test_windows_of_one_series_of_a_panel_can_be_chosen():
    index = pd.MultiIndex.from_product([["a", "b"], range(12)], names=["series", "time"])
    told = explain_windows(y=pd.Series(np.arange(24.0), index), window=4, horizon=1)
    assert plot_windows(told, series="b").get_title() == "the last 8 of 8 windows"
    with pytest.raises(ValueError, match=r"series='q': expected one of \['a', 'b'\]"):
        plot_windows(told, series="q")


def test_windows_from_another_frame_are_refused():
    with pytest.raises(ValueError, match=r"windows has \['x'\]: expected columns of explain"):
        plot_windows(pd.DataFrame({"x": [1]}))
    with pytest.raises(ValueError, match="n_windows=0: expected an integer >= 1"):
        plot_windows(pd.DataFrame({"x": [1]}), n_windows=0)


def test_without_matplotlib_the_error_names_the_command(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    for draw in (lambda: plot_history(history()), lambda: plot_residuals([1.0, 2.0, 3.0])):
        with pytest.raises(ImportError, match=r"pip install tsrnn\[plot\]"):
            draw()
