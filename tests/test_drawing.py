"""What the pictures share."""

from __future__ import annotations

import pandas as pd
import pytest

from tsrnn.drawing import (
    as_stamps,
    central_intervals,
    finish_axes,
    forecast_paths,
    new_axes,
    quantile_columns,
)


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
