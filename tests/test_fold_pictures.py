"""Pictures of folds: to scale, in place, named, and without pyplot."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tsrnn.fold_pictures import MOST_LINES, draw_folds, plot_folds, sketch_folds
from tsrnn.model_selection import ExpandingWindowSplit, SlidingWindowSplit


def parts_of(splitter, index=None):
    return splitter.describe(np.zeros(40) if index is None else pd.Series(0.0, index=index))


def test_text_is_to_scale_from_the_first_stamp_trained_on():
    splitter = SlidingWindowSplit(2, horizon=4, window=8, gap=1, purge=2)
    assert draw_folds(splitter.describe(np.zeros(20))).splitlines() == [
        "fold  3 .. 19            test",
        "   0  ======xx.####      12 .. 15",
        "   1      ======xx.####  16 .. 19",
    ]


def test_text_of_many_folds_shows_the_last_ones_and_their_test_parts():
    parts = ExpandingWindowSplit(horizon=1, initial=1).describe(np.zeros(300))
    first, ahead, *lines = draw_folds(parts).splitlines()
    assert first.startswith("fold  0 .. 299")
    assert ahead == f"   :  {299 - MOST_LINES} folds before"
    assert [line.split()[0] for line in lines] == [str(k) for k in range(299 - MOST_LINES, 299)]
    assert all(line.split()[1].endswith("=#") for line in lines)  # a stamp is 1/5 of a character


def test_text_counts_the_series_of_a_panel():
    days = pd.date_range("2024-01-01", periods=10)
    parts = parts_of(
        ExpandingWindowSplit(2, horizon=2), pd.MultiIndex.from_product([list("ab"), days])
    )
    assert draw_folds(parts).splitlines()[-1] == (
        "   1  ========##                2024-01-09 .. 2024-01-10  2 series"
    )


@pytest.mark.parametrize(("step", "moved"), [(0.1, 1), (0.5, 2), (1.0, 4), (30.0, 8)])
@pytest.mark.parametrize("sliding", [True, False])
def test_a_sketch_moves_its_folds_by_the_step(step, moved, sliding):
    lines = sketch_folds(3, ["train", "test"], sliding=sliding, step=step).splitlines()
    assert [line.index("#") for line in lines] == [10 + k * moved for k in range(3)]
    assert [line.index("=") for line in lines] == [4 + k * moved * sliding for k in range(3)]


def test_a_sketch_leaves_out_the_folds_before_the_last_three():
    assert len(sketch_folds(2, ["train", "test"], sliding=False, step=1).splitlines()) == 2
    for n_splits in (None, 4, 100):
        lines = sketch_folds(n_splits, ["train", "test"], sliding=False, step=1).splitlines()
        assert (lines[0].strip(), len(lines)) == (":", 4)


@pytest.mark.parametrize(
    ("index", "step"),
    [
        (pd.date_range("2024-03-20", periods=40), 1.0),
        (pd.date_range("2024-03-30", periods=40, freq="h", tz="Europe/Berlin"), 1 / 24),
        (pd.timedelta_range("1min", periods=40, freq="min"), 60.0),
        (pd.RangeIndex(40), 1.0),
    ],
    ids=["days", "hours with a zone", "minutes", "rows"],
)
def test_bars_lie_where_the_stamps_are(index, step):
    pytest.importorskip("matplotlib")
    ax = plot_folds(parts_of(ExpandingWindowSplit(3, horizon=5, gap=2, purge=1), index))
    bars = np.array(
        [(p.get_x(), p.get_width(), p.get_y() + p.get_height() / 2) for p in ax.patches]
    )
    places = (bars[:, 0] - bars[0, 0]) / step
    expected = {
        "train": (0, 0, 0),
        "purge": (22, 27, 32),
        "gap": (23, 28, 33),
        "test": (25, 30, 35),
    }
    np.testing.assert_allclose(places.reshape(4, 3), list(expected.values()), atol=1e-6)
    widths = [(22, 27, 32), (1, 1, 1), (2, 2, 2), (5, 5, 5)]
    np.testing.assert_allclose(bars[:, 1].reshape(4, 3) / step, widths, atol=1e-6)
    assert bars[:, 2].tolist() == pytest.approx([0, 1, 2] * 4)


def test_durations_are_labelled_in_a_unit_of_their_span():
    pytest.importorskip("matplotlib")
    index = pd.timedelta_range("1min", periods=40, freq="min")
    ax = plot_folds(parts_of(ExpandingWindowSplit(3, horizon=5), index))
    assert ax.get_xlabel() == "time (min)"


def test_holes_belong_to_the_part_before_them():
    pytest.importorskip("matplotlib")
    days = pd.date_range("2024-01-01", periods=12).delete([6, 7, 8])
    ax = plot_folds(parts_of(ExpandingWindowSplit(1, horizon=3), days))
    assert [(p.get_x() - ax.patches[0].get_x(), p.get_width()) for p in ax.patches] == [
        (0, 9),
        (9, 3),
    ]


def test_the_oldest_fold_is_on_top_and_parts_are_named_once():
    pytest.importorskip("matplotlib")
    ax = plot_folds(parts_of(ExpandingWindowSplit(12, horizon=2, purge=1)))
    bottom, top = ax.get_ylim()
    assert top < 0 < 11 < bottom
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["train", "purge", "test"]
    assert (ax.get_title(), ax.get_xlabel(), ax.get_ylabel()) == ("12 folds", "time", "fold")


def test_a_panel_tells_how_many_series_are_tested(tmp_path):
    pytest.importorskip("matplotlib")
    days = pd.date_range("2024-01-01", periods=10)
    index = pd.MultiIndex.from_product([list("ab"), days])[:16]
    ax = plot_folds(parts_of(ExpandingWindowSplit(3, horizon=2), index))
    labels = [label.get_text() for label in ax.get_yticklabels()]
    assert labels == ["0 (2 series)", "1 (1 series)", "2 (1 series)"]
    ax.figure.savefig(tmp_path / "folds.png")
    assert plot_folds(parts_of(ExpandingWindowSplit(1, horizon=2), days), ax=ax) is ax
