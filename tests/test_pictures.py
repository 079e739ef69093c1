"""Pictures as a whole, against those in tests/baseline.

A picture that was changed on purpose is drawn anew by
``TSRNN_RENEW_PICTURES=1 python -m pytest tests/test_pictures.py``; look at it before you keep it.
Font and renderer come with matplotlib, so machines agree, but releases do not: each makes room for
text in its own way. The baseline is held against the release of constraints.txt only.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from report_frames import report_parts
from scipy.stats import norm

from tsrnn import explain_windows
from tsrnn.diagnostic_plots import plot_history, plot_residuals, plot_windows
from tsrnn.plotting import plot_backtest, plot_forecast

matplotlib = pytest.importorskip("matplotlib")
Figure = pytest.importorskip("matplotlib.figure").Figure
compare_images = pytest.importorskip("matplotlib.testing.compare").compare_images
Image = pytest.importorskip("PIL.Image")

BASELINE = Path(__file__).parent / "baseline"
DPI = 50  # small files that still show every line
TOLERANCE = 2.0  # root mean square over the pixels, of 255; a curve that moves is beyond 10


def backtest_picture(shift=0.0):
    parts = report_parts()
    parts["forecasts"]["y_pred"] += shift
    return plot_backtest(parts["forecasts"], parts["history"], ylabel="litres").figure


def one_step_picture():
    parts = report_parts(horizon=1, n_folds=12)
    return plot_backtest(parts["forecasts"], parts["history"], n_folds=30, coverage=0.9).figure


def forecast_picture(shift=0.0):
    times = pd.period_range("2015-01", periods=72, freq="M")
    y = pd.Series(50 + 10 * np.sin(np.arange(72) * np.pi / 6), times, name="load")
    ahead, spread = y.iloc[48:60] + shift, 1 + np.sqrt(np.arange(1, 13))
    levels = (0.05, 0.25, 0.75, 0.95)
    bands = pd.DataFrame({p: ahead + spread * norm.ppf(p) for p in levels})
    return plot_forecast(y.iloc[:48], ahead, intervals=bands).figure


def history_picture(shift=0.0):
    epochs = np.arange(1, 41)
    valid = 0.3 + 2 / epochs + 0.0008 * (epochs - 15.0) ** 2
    history = SimpleNamespace(
        train_loss=list(3 / epochs + shift), valid_loss=list(valid), best_epoch=14
    )
    history.interrupted = False
    return plot_history(history).figure


def residuals_picture(shift=0.0):
    noise = np.random.default_rng(0).normal(size=120)
    times = pd.date_range("2024-01-01", periods=120, freq="h", tz="UTC")
    return plot_residuals(pd.Series(noise + 0.6 * np.roll(noise, 1) + shift, times))[0].figure


def windows_picture():
    y = pd.Series(np.arange(40.0), pd.bdate_range("2024-01-01", periods=40))
    return plot_windows(explain_windows(y=y, window=8, horizon=3)).figure


def forecaster_windows_picture():
    start = pd.Timestamp("2024-01-01")
    origins = start + pd.to_timedelta(np.arange(20, 30), unit="D")
    told = pd.DataFrame({"state_first": start, "origin": origins})
    told["window_first"] = origins - pd.Timedelta("6D")
    told["target_first"] = origins + pd.Timedelta("1D")
    told["target_last"] = origins + pd.Timedelta("2D")
    return plot_windows(told).figure


PICTURES = {
    "backtest": backtest_picture,
    "one_step": one_step_picture,
    "forecast": forecast_picture,
    "history": history_picture,
    "residuals": residuals_picture,
    "windows": windows_picture,
    "forecaster_windows": forecaster_windows_picture,
}


def draw(function, path, **arguments):
    """Write a picture in matplotlib's own style, whatever the user's settings."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        figure = function(**arguments)
        assert isinstance(figure, Figure)
        figure.savefig(path, dpi=DPI, pil_kwargs={"optimize": True})


def drawn_with(path):
    """Return the release of matplotlib that drew a picture, from its metadata."""
    with Image.open(path) as picture:
        return re.search(r"version ?(\d[\d.]*\d)", picture.text["Software"])[1]


@pytest.mark.parametrize("name", PICTURES)
def test_picture_looks_like_its_baseline(name, tmp_path):
    baseline, drawn = BASELINE / f"{name}.png", tmp_path / f"{name}.png"
    if os.environ.get("TSRNN_RENEW_PICTURES"):
        draw(PICTURES[name], baseline)
    draw(PICTURES[name], drawn)
    if drawn_with(baseline) != matplotlib.__version__:
        pytest.skip(f"the baseline was drawn with matplotlib {drawn_with(baseline)}")
    assert compare_images(str(baseline), str(drawn), TOLERANCE) is None


@pytest.mark.parametrize(
    ("name", "shift"), [("backtest", 0.5), ("forecast", 1.0), ("history", 0.1), ("residuals", 0.3)]
)
def test_a_shifted_curve_does_not_pass_for_the_baseline(name, shift, tmp_path):
    drawn = tmp_path / f"{name}.png"
    draw(PICTURES[name], drawn, shift=shift)
    assert compare_images(str(BASELINE / f"{name}.png"), str(drawn), TOLERANCE) is not None


def test_the_baseline_is_small_and_complete():
    sizes = {path.stem: path.stat().st_size for path in BASELINE.glob("*.png")}
    assert set(sizes) == set(PICTURES)
    assert max(sizes.values()) < 40_000


def test_the_baseline_was_drawn_with_the_pinned_matplotlib():
    pins = (Path(__file__).parents[1] / "constraints.txt").read_text(encoding="utf-8")
    pinned = re.search(r"^matplotlib==(\S+)", pins, re.MULTILINE)[1]
    assert {drawn_with(path) for path in BASELINE.glob("*.png")} == {pinned}
