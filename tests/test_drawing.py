"""What the pictures share."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tsrnn.drawing import as_stamps, check_one_series, finish_axes, forecast_paths, new_axes
from tsrnn.quantile_names import central_intervals, quantile_columns


def test_intervals_pair_levels_whatever_their_rounding():
    levels = [0.05, 0.1, 0.30000000000000004, 0.5, 0.7, 0.9, 0.95]
    assert [coverage for coverage, _, _ in central_intervals(levels)] == [0.4, 0.8, 0.9]
    assert central_intervals([0.1, 0.5, 0.8]) == []


def test_quantile_columns_are_ordered_by_level_and_hold_something():
    frame = pd.DataFrame({"q0.9": [1.0], "q0.05": [0.0], "q0.5": [None], "quality": 1.0, "q": 2})
    assert quantile_columns(frame) == {0.05: "q0.05", 0.9: "q0.9"}


def test_a_path_is_a_fold_but_of_one_step_all_folds():
    rows = pd.DataFrame({"fold": [0, 0, 1, 1], "step": [1, 2, 1, 2]})
    assert [len(path) for path in forecast_paths(rows)] == [2, 2]
    assert [len(path) for path in forecast_paths(rows[rows["step"] == 2])] == [2]


def test_periods_are_drawn_at_their_start_and_zones_are_named():
    pytest.importorskip("matplotlib")
    assert as_stamps(pd.period_range("2024-02", periods=1, freq="M"))[0] == pd.Timestamp(2024, 2, 1)
    times = pd.date_range("2024-01-01", periods=3, freq="h", tz="Asia/Tokyo")
    ax = finish_axes(new_axes(None), times, "load")
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("time (Asia/Tokyo)", "load")
    assert ax.get_legend() is None  # nothing is named


@pytest.mark.parametrize(
    ("step", "unit", "scale"),
    [("100ms", "s", 1), ("s", "s", 1), ("min", "min", 60), ("h", "h", 3600), ("D", "days", 86400)],
)
def test_durations_are_written_in_a_unit_of_their_span(step, unit, scale):
    pytest.importorskip("matplotlib")
    times = pd.timedelta_range(0, periods=20, freq=step)
    ax = new_axes(None)
    ax.plot(as_stamps(times), range(20))
    finish_axes(ax, times, "y")
    assert ax.get_xlabel() == f"time ({unit})"
    places = ax.get_xticks()
    shown = [float(ax.xaxis.get_major_formatter()(x)) for x in places]
    np.testing.assert_allclose(np.multiply(shown, scale), places, atol=1e-9)
    low, high = ax.get_xlim()
    assert 4 <= sum(low <= x <= high for x in places) <= 11


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            pd.Series(1.0, pd.MultiIndex.from_product([["u", "v"], [1, 2]])),
            r"such as x\.loc\['u'\]",
        ),
        (pd.DataFrame({"u": [1.0], "v": [2.0]}), r"shape \(1, 2\): expected .* x\['u'\]"),
        (np.ones((3, 2)), r"shape \(3, 2\): expected one series, such as x\[:, 0\]"),
    ],
)
def test_several_series_are_refused_with_the_way_to_one(values, message):
    with pytest.raises(ValueError, match=message):
        check_one_series("x", values)
