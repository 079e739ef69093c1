"""Overlapping windows: what is recognised as windows before those learnt from, and what is not."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.model_selection import GroupKFold, KFold, LeavePOut, TimeSeriesSplit

from tsrnn.overlaps import MOST_RUNS, comes_before, find_runs
from tsrnn.windows import make_windows


def windows_of(n=300, steps=12, channels=1, dtype=np.float64, seed=0):
    series = np.random.default_rng(seed).normal(size=(n, channels)).astype(dtype).cumsum(axis=0)
    return np.lib.stride_tricks.sliding_window_view(series, steps, axis=0).transpose(0, 2, 1)


def alarms(X, cv):
    return [comes_before(X[test], find_runs(X[train])) for train, test in cv.split(X)]


@pytest.mark.parametrize("steps", [5, 12, 40])
@pytest.mark.parametrize(("channels", "dtype"), [(1, np.float64), (3, np.float32)])
def test_folds_that_train_on_later_windows_are_recognised(steps, channels, dtype):
    X = windows_of(400, steps, channels, dtype)
    assert alarms(X, KFold(5)) == [True] * 4 + [False]  # the last fold is the latest
    assert alarms(X, KFold(5, shuffle=True, random_state=0)) == [True] * 5
    assert alarms(X, TimeSeriesSplit(5)) == [False] * 5


def test_shuffled_training_windows_are_recognised_too():
    X = windows_of()
    order = np.random.default_rng(0).permutation(len(X))
    assert comes_before(X[order[:60]], find_runs(X[order[60:]]))


@pytest.mark.parametrize(
    "cv", [KFold(4), KFold(4, shuffle=True, random_state=0), TimeSeriesSplit(4)]
)
def test_windows_learnt_from_are_never_alarming(cv):
    X = windows_of()
    for train, _ in cv.split(X):
        runs = find_runs(X[train])
        for rows in (train, train[:5], train[::3], train[::-1]):
            assert not comes_before(X[rows], runs)
        assert not comes_before(X, runs)  # those learnt from among others


def test_later_windows_other_series_and_strides_are_not_alarming():
    X = windows_of()
    runs = find_runs(X[:200])
    assert not comes_before(X[195:], runs)
    assert not comes_before(windows_of(seed=1), runs)
    assert not comes_before(X[1::2], find_runs(X[::2]))
    assert len(find_runs(np.random.default_rng(0).normal(size=(100, 12, 1))).starts) == 0


def test_series_padded_on_the_left_and_held_out_whole_are_not_alarming():
    X = np.concatenate([windows_of(60, seed=seed) for seed in range(6)])
    X[::49, :-1] = np.nan
    groups = np.arange(len(X)) // 49
    for train, test in GroupKFold(3).split(X, groups=groups):
        assert not comes_before(X[test], find_runs(X[train]))


@pytest.mark.parametrize("kinds", [1, 2, 3])
def test_series_of_few_values_are_not_alarming_by_chance(kinds):
    series = np.random.default_rng(0).integers(kinds, size=(200, 30)).astype(float)
    for learnt, scored in zip(series[:100], series[100:], strict=True):
        runs = find_runs(make_windows(learnt, window=6)[0])
        assert not comes_before(make_windows(scored[:9], window=6)[0], runs)


def test_windows_too_short_to_tell_and_single_rows_are_let_through():
    X = windows_of(steps=4)
    assert alarms(X, KFold(3)) == [False] * 3
    X = windows_of(8, 5)
    assert not any(alarms(X, LeavePOut(1)))


def test_few_runs_are_remembered_of_many_windows():
    X = windows_of(60_000, 8)
    rows = np.random.default_rng(0).permutation(len(X))
    runs = find_runs(X[rows[:45_000]])
    assert 0 < len(runs.starts) <= MOST_RUNS
    assert comes_before(X[rows[45_000:]], runs)
