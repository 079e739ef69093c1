"""The benchmark of ARIMA: what it compares, without the libraries that it compares with."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tsrnn.state_space import Specification

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))
benchmark = importlib.import_module("arima")
passengers = importlib.import_module("passengers").passengers
sys.path.pop(0)


def drift(y, season, horizon):
    """A stand-in for the other library: a random walk with drift, whatever the series."""
    specification = Specification((0, 1, 0), (0, 0, 0, 0), True)
    slope = (y[-1] - y[0]) / (len(y) - 1)
    return benchmark.Fitted(specification, y[-1] + slope * np.arange(1, horizon + 1), 0.5)


@pytest.fixture
def splits():
    walks = np.random.default_rng(0).normal(size=(2, 60)).cumsum(axis=1)
    return {f"s{k}": benchmark.Split(y[:50], y[50:]) for k, y in enumerate(walks)}


def test_orders_forecasts_and_criteria_are_compared(splits, monkeypatch):
    monkeypatch.setattr(benchmark, "statsforecast", drift)
    parts = [
        {"series": name, **row}
        for name, split in splits.items()
        for row in benchmark.compared(split, season=1)
    ]
    table = benchmark.summary(pd.DataFrame(parts))
    errors = []
    for split in splits.values():
        error = np.abs(split.test - drift(split.train, 1, 10).forecast).mean()
        errors.append(error / np.abs(np.diff(split.train)).mean())
    theirs = table.loc["statsforecast"]
    assert theirs["mase"] == pytest.approx(np.mean(errors))
    assert (theirs["series"], theirs["seconds"]) == (2, 0.5)
    assert table.loc["tsrnn", ["same_orders", "aicc_above_ours"]].tolist() == [1.0, 0.0]
    # Without the constant, which the walks do not need, the criterion is lower.
    assert theirs["aicc_above_ours"] > 0


def test_criteria_of_other_differences_are_not_compared():
    rows = pd.DataFrame(
        {
            "series": ["a", "a", "b", "b"],
            "model": ["tsrnn", "statsforecast"] * 2,
            "orders": [
                "(1,1,0)(0,1,1)12",
                "(0,1,0)(0,1,1)12",
                "(1,1,0)(0,1,1)12",
                "(1,1,0)(0,0,1)12",
            ],
            "aicc": [10.0, 13.0, 10.0, 500.0],
            **dict.fromkeys(["mase", "seconds", "fastest", "slowest"], 1.0),
        }
    )
    theirs = benchmark.summary(rows).loc["statsforecast"]
    assert (theirs["same_orders"], theirs["aicc_above_ours"]) == (0.0, 3.0)


def test_criterion_of_a_random_walk_by_hand():
    y = np.random.default_rng(0).normal(size=80).cumsum()
    variance = np.mean(np.diff(y) ** 2)
    expected = 79 * (np.log(2 * np.pi * variance) + 1) + 2 * 79 / 77
    walk = Specification((0, 1, 0), (0, 0, 0, 0), False)
    assert benchmark.exact_aicc(y, walk) == pytest.approx(expected)


def test_rolling_forecasts_are_as_good_as_those_of_refits():
    (work,) = benchmark.rolling(quick=True).values()
    ours, updates, refits, warm = (row["mase"] for row in work())
    assert updates == pytest.approx(ours, rel=1e-9)
    assert ours == pytest.approx(refits, rel=0.02)
    assert warm == pytest.approx(refits, rel=0.02)


@pytest.mark.parametrize(("seconds", "end"), [(40.0, "reached"), (30.0, "missed")])
def test_verdict_compares_with_the_target(seconds, end):
    table = pd.DataFrame({"seconds": {"tsrnn": 2.0, "statsmodels": seconds}})
    assert benchmark.verdict("rolling", table).endswith(f"target 20 to inf: {end}")


def test_answers_for_the_same_commit_are_kept(tmp_path, monkeypatch):
    asked = []
    work = {name: lambda name=name: asked.append(name) or [{"model": "tsrnn"}] for name in "ab"}
    monkeypatch.setattr(benchmark, "PEERS", ())
    monkeypatch.setitem(benchmark.QUESTIONS, "rolling", lambda quick: work)
    path = tmp_path / "arima.csv"
    for commit in ("0123", "0123", "abc+dirty", "abc+dirty"):
        rows = benchmark.answer("rolling", path, commit, quick=True)
        assert rows["series"].tolist() == ["a", "b"]
        assert set(rows["question"]) == {"rolling-quick"}
    assert asked == ["a", "b"] * 3 and len(pd.read_csv(path)) == 4
