"""The benchmark of accuracy: the competition's definitions, and rows that are kept."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from statsmodels.tsa.stattools import acf

ROOT = Path(__file__).parents[1]


def _script(name: str):
    spec = importlib.util.spec_from_file_location(name, ROOT / "benchmarks" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


accuracy = _script("accuracy")
has_m4 = (Path(os.environ.get("TSRNN_DATA", "nowhere")) / "m4/Hourly-train.csv").is_file()


def _panel(values: dict[str, list[float]], start: str = "2024-01-01") -> pd.Series:
    parts = {
        name: pd.Series(v, pd.date_range(start, periods=len(v), freq="h"), dtype=float)
        for name, v in values.items()
    }
    return pd.concat(parts, names=["series", "time"])


def _task(train: pd.Series, test: pd.Series, seasonality: int):
    published = pd.DataFrame({"smape": [20.0], "mase": [2.0], "owa": [1.0]}, index=["Theirs"])
    horizon = test.groupby(level="series").size().iloc[0]
    return accuracy.Task(train, test, seasonality, int(horizon), published, target=0.5)


@pytest.fixture
def task():
    """Three hourly series of 120 hours with a daily pattern; the next 12 are the test."""
    rng, hours = np.random.default_rng(0), np.arange(132)
    whole = {
        f"s{k}": 10 + k + 3 * np.sin(2 * np.pi * hours / 24) + rng.normal(0, 0.3, 132)
        for k in range(3)
    }
    train = _panel({name: v[:120] for name, v in whole.items()})
    test = _panel({name: v[120:] for name, v in whole.items()}, start="2024-01-06")
    return _task(train, test, seasonality=24)


def _measured(task, path: Path, commit: str = "abc", seeds=(0, 1), **options) -> pd.DataFrame:
    return accuracy.measure_all(task, "made", ["lstm"], seeds, path, commit, quick=True, **options)


def _forbidden(*arguments):
    raise AssertionError("computed again")


def test_naive2_by_hand():
    # 1, 3, 1, 3, ... and a last value of 6. Even phase: eight ratios 1/2 and one 1/2.75, mean
    # 16/33; odd phase: 3/2; scaled to mean 1: 64/131 and 198/131.
    y = np.tile([1.0, 3.0], 10)
    y[-1] = 6.0
    assert accuracy.naive2(y, 2, 3) == pytest.approx([64 / 33, 6, 64 / 33])


def test_naive2_is_naive_without_a_season():
    y = np.tile([1.0, 3.0], 4)  # r_2 = 0.75 is below 1.645 sqrt((1 + 2 * 0.875**2) / 8) = 0.925
    assert accuracy.naive2(y, 2, 3).tolist() == [3.0, 3.0, 3.0]
    assert accuracy.naive2(np.ones(50), 4, 2).tolist() == [1.0, 1.0]
    assert not accuracy.is_seasonal(np.tile([1.0, 9.0, 1.0, 1.0], 3)[:11], 4)


def test_seasonality_test_equals_one_written_with_statsmodels_acf():
    rng, verdicts = np.random.default_rng(0), []
    for _ in range(200):
        y = rng.normal(size=60) + 1.4 * np.sin(2 * np.pi * np.arange(60) / 12)
        r = acf(y, nlags=12)[1:]
        limits = 1.645 / np.sqrt(60) * np.sqrt(np.cumsum(np.concatenate([[1], 2 * r**2])))
        verdicts.append(bool(abs(r[11]) > limits[11]))
        assert accuracy.is_seasonal(y, 12) == verdicts[-1]
    assert 50 < sum(verdicts) < 150


def test_scores_average_over_steps_then_series():
    train = _panel({"a": [1, 2, 4], "b": [10, 20, 10]})  # naive errors 1.5 and 10
    test = _panel({"a": [5, 5], "b": [10, 10]}, start="2024-01-01 03:00")
    forecasts = {"a": np.array([5.0, 4.0]), "b": np.array([30.0, 10.0])}
    smape, mase = accuracy.score(_task(train, test, seasonality=1), forecasts)
    assert smape == pytest.approx(((0 + 200 / 9) / 2 + (100 + 0) / 2) / 2)
    assert mase == pytest.approx((0.5 / 1.5 + 10 / 10) / 2)


def test_rows_have_owa_relative_to_naive2(task, tmp_path):
    rows = _measured(task, tmp_path / "accuracy.csv").set_index("model")
    reference = rows.loc["naive2"]
    assert reference["owa"] == 1
    ratios = rows["smape"] / reference["smape"], rows["mase"] / reference["mase"]
    assert rows["owa"].to_numpy() == pytest.approx((ratios[0] + ratios[1]).to_numpy() / 2)
    assert rows.index.tolist() == ["naive2", "naive", "seasonal_naive", "lstm", "lstm"]
    assert rows.loc["seasonal_naive", "owa"] < 0.5 * rows.loc["naive", "owa"]


def test_an_interrupted_run_goes_on_where_it_stopped(task, tmp_path, monkeypatch):
    path, measure = tmp_path / "new" / "accuracy.csv", accuracy.measure
    monkeypatch.setattr(
        accuracy, "measure", lambda *a: _forbidden() if a[1:3] == ("lstm", 1) else measure(*a)
    )
    with pytest.raises(AssertionError, match="computed again"):
        _measured(task, path)
    assert pd.read_csv(path)["model"].tolist() == ["naive2", "naive", "seasonal_naive", "lstm"]
    monkeypatch.setattr(
        accuracy, "measure", lambda *a: measure(*a) if a[1:3] == ("lstm", 1) else _forbidden()
    )
    rows = _measured(task, path)
    stored = pd.read_csv(path)
    assert stored.columns.tolist() == accuracy.COLUMNS
    pd.testing.assert_frame_equal(rows, stored, check_dtype=False, rtol=1e-5)


@pytest.mark.parametrize(("commit", "again"), [("abc", True), ("123", False), ("abc+dirty", False)])
def test_other_code_is_measured_again(task, tmp_path, monkeypatch, commit, again):
    path = tmp_path / "accuracy.csv"
    _measured(task, path, seeds=[0])
    if commit == "abc+dirty":
        _measured(task, path, commit, seeds=[0])
    before = pd.read_csv(path)
    measured, measure = [], accuracy.measure
    monkeypatch.setattr(accuracy, "measure", lambda *a: measured.append(a[1]) or measure(*a))
    _measured(task, path, commit, seeds=[0], again=again)
    assert measured == ["naive2", "naive", "seasonal_naive", "lstm"]
    after = pd.read_csv(path, dtype={"commit": str})
    assert len(after) == len(before) + (4 if commit == "123" else 0)
    assert not after.duplicated(accuracy.KEY).any()


def test_a_commit_of_digits_only_is_found_again(task, tmp_path, monkeypatch):
    rows = _measured(task, tmp_path / "accuracy.csv", "0123", seeds=[0])
    monkeypatch.setattr(accuracy, "measure", _forbidden)
    again = _measured(task, tmp_path / "accuracy.csv", "0123", seeds=[0])
    assert again["owa"].tolist() == pytest.approx(rows["owa"].tolist(), rel=1e-5)


def test_table_shows_mean_and_deviation_over_seeds_and_published_rows(task):
    rows = pd.DataFrame(
        {"model": ["naive2", "lstm", "lstm"], "seed": [0, 0, 1], "owa": [1.0, 0.4, 0.5]},
        columns=accuracy.COLUMNS,
    )
    lines = [line.split() for line in accuracy.table(rows, task.published).splitlines()]
    assert ["Theirs", "published", "20.000", "2.000", "1.000"] in lines
    assert ["lstm", "mean", "computed", "2", "seeds", "0.450"] in lines
    assert ["lstm", "deviation", "computed", "2", "seeds", "0.071"] in lines
    assert accuracy.verdict(rows, 0.46).endswith("got 0.450: reached")
    assert accuracy.verdict(rows, 0.44).endswith("got 0.450: missed")


def test_command_line_prints_the_table_and_a_quick_run_claims_nothing(
    task, tmp_path, monkeypatch, capsys
):
    monkeypatch.setitem(accuracy.DATASETS, "made", lambda: task)
    monkeypatch.setattr(accuracy, "current_commit", lambda: "abc")
    accuracy.main(["--dataset", "made", "--seeds", "7", "--quick", "--output", str(tmp_path)])
    printed = capsys.readouterr().out
    assert [line.split()[0] for line in printed.splitlines()[1:]] == [*accuracy.BASELINES, "lstm"]
    stored = pd.read_csv(tmp_path / "accuracy.csv")
    assert set(stored["dataset"]) == {"made-quick"}
    assert stored["seed"].tolist() == [0, 0, 0, 7]


@pytest.mark.parametrize(("changes", "mark"), [("", "abc"), (" M tsrnn/base.py", "abc+dirty")])
def test_commit_of_a_changed_tree_is_marked(tmp_path, monkeypatch, changes, mark):
    (tmp_path / ".git").mkdir()
    monkeypatch.setattr(accuracy, "ROOT", tmp_path)
    monkeypatch.setattr(accuracy, "_git", lambda *a: changes if a[0] == "status" else "abc")
    assert accuracy.current_commit() == mark


@pytest.mark.skipif(not has_m4, reason="TSRNN_DATA names no folder with m4/Hourly-train.csv")
def test_baselines_on_m4_hourly_equal_the_published_rows():
    task = accuracy.m4_hourly()
    assert task.test.index.unique("series").size == 414
    computed = {
        name: accuracy.score(task, run(task).forecasts) for name, run in accuracy.BASELINES.items()
    }
    for name, method in {"naive2": "Naive2", "naive": "Naive", "seasonal_naive": "sNaive"}.items():
        published = task.published.loc[method, ["smape", "mase"]].tolist()
        assert computed[name] == pytest.approx(published, abs=5.1e-4)  # printed with 3 digits
    assert computed["naive2"] == pytest.approx((18.383, 2.395), abs=5.1e-4)
