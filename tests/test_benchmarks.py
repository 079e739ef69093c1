"""The benchmark of accuracy: the competition's definitions, and rows that are kept."""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from statsmodels.tsa.stattools import acf

ROOT = Path(__file__).parents[1]


DATA = Path(os.environ.get("TSRNN_DATA", "nowhere"))

sys.path.insert(0, str(ROOT / "benchmarks"))
accuracy = importlib.import_module("accuracy")
measured = importlib.import_module("measured")
tasks = importlib.import_module("tasks")
scale = importlib.import_module("scale")
strategies = importlib.import_module("strategies")
honesty = importlib.import_module("honesty")
sensors = importlib.import_module("sensors")
sys.path.pop(0)


def needs(file: str):
    return pytest.mark.skipif(
        not (DATA / file).is_file(), reason=f"TSRNN_DATA names no folder with {file}"
    )


def _panel(values: dict[str, list[float]], start: str = "2024-01-01") -> pd.Series:
    parts = {
        name: pd.Series(v, pd.date_range(start, periods=len(v), freq="h"), dtype=float)
        for name, v in values.items()
    }
    return pd.concat(parts, names=["series", "time"])


def _task(train: pd.Series, test: pd.Series, seasonality: int, **others):
    """A task scored like M4's: from one origin, by OWA."""
    published = pd.DataFrame({"smape": [20.0], "mase": [2.0], "owa": [1.0]}, index=["Theirs"])
    horizon = test.groupby(level="series").size().iloc[0]
    task = tasks.Task(
        train,
        test,
        horizon=int(horizon),
        seasonality=seasonality,
        measures=("smape", "mase", "owa"),
        published=published,
        targets=(tasks.Target("lstm", "owa", 0.5),),
        baselines=("naive2", "naive", "seasonal_naive"),
        mase_season=seasonality,
    )
    return task._replace(**others)


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
    models = ["naive", "seasonal_naive", "lstm"]
    return accuracy.measure_all(task, "made", models, seeds, path, commit, quick=True, **options)


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
    forecasts = {"a": np.array([[5.0, 4.0]]), "b": np.array([[30.0, 10.0]])}
    scores = tasks.score(_task(train, test, seasonality=1), forecasts)
    assert scores["smape"] == pytest.approx(((0 + 200 / 9) / 2 + (100 + 0) / 2) / 2)
    assert scores["mase"] == pytest.approx((0.5 / 1.5 + 10 / 10) / 2)


ROLLING = {"horizon": 2, "stride": 1, "measures": ("mse", "mae"), "published": pd.DataFrame()}


def test_every_window_of_the_test_part_counts_once_for_each_origin():
    train, test = _panel({"a": [1, 2]}), _panel({"a": [3, 5, 4, 8]}, start="2024-01-01 02:00")
    task = _task(train, test, 1, **ROLLING)
    outcome = accuracy.BASELINES["naive"](task)
    assert list(task.origins) == [0, 1, 2]
    assert outcome.forecasts["a"].tolist() == [[2, 2], [3, 3], [5, 5]]
    scores = tasks.score(task, outcome.forecasts)  # errors 1, 3; 2, 1; -1, 3
    assert scores == pytest.approx({"mse": (1 + 9 + 4 + 1 + 1 + 9) / 6, "mae": 11 / 6})


def test_rolling_forecasts_start_after_the_rows_not_trained_on():
    whole = _panel({"a": range(1, 11), "b": range(11, 21)})
    hours = whole.index.get_level_values("time").hour
    task = _task(whole[hours < 4], whole[hours >= 6], 1, **ROLLING)
    task = task._replace(known=whole[(hours >= 4) & (hours < 6)], stride=2)
    forecasts = accuracy.BASELINES["naive"](task).forecasts
    assert {name: f.tolist() for name, f in forecasts.items()} == {
        "a": [[6, 6], [8, 8]],
        "b": [[16, 16], [18, 18]],
    }


def test_a_rolling_network_forecasts_what_a_longer_history_gives(task):
    one = task._replace(horizon=3, stride=4, measures=("mae",))
    fitted = accuracy.LSTMForecaster(3, context=48, max_epochs=2, random_state=0)
    rolled = accuracy.run_forecaster(fitted, one).forecasts
    again = accuracy.LSTMForecaster(3, context=48, max_epochs=2, random_state=0).fit(y=one.train)
    hours = one.test.index.get_level_values("time").hour
    again.update(y=one.test[hours < 8])
    expected = again.predict(horizon=3).to_numpy().reshape(3, 3)
    assert np.array([rolled[f"s{k}"][2] for k in range(3)]) == pytest.approx(expected)


def test_missing_values_are_left_out_of_the_absolute_error():
    test = _panel({"a": [3, np.nan, 4]}, start="2024-01-01 02:00")
    task = _task(_panel({"a": [1, 2]}), test, 1, measures=("mae",))
    assert tasks.score(task, {"a": np.array([[1.0, 9.0, 5.0]])}) == {"mae": 1.5}


def test_ets_leaves_short_series_to_their_last_value():
    train = _panel({"long": [5.0, 6.0] * 10, "short": [1, 4, 2]})
    test = pd.concat(
        [
            _panel({"long": [5, 6]}, start="2024-01-01 20:00"),
            _panel({"short": [3, 3]}, start="2024-01-01 03:00"),
        ]
    )
    forecasts = accuracy.BASELINES["ets"](_task(train, test, 1)).forecasts
    assert forecasts["short"].tolist() == [[2, 2]]
    assert list(forecasts) == ["long", "short"]
    assert abs(forecasts["long"] - 5.5).max() < 0.6


def test_standardised_by_the_training_part_only():
    frame = pd.DataFrame({"a": [1.0, 3.0, 50.0, 2.0], "b": [0.0, 8.0, 4.0, 12.0]})
    parts = frame.iloc[:2], frame.iloc[2:3], frame.iloc[3:]
    task = tasks.long_horizon("etth1", *parts, seasonality=1, targets=())
    assert task.train.tolist() == [-1, 1, -1, 1]
    assert task.known.tolist() == [48, 0]
    assert task.test.tolist() == [0, 2]
    assert (task.context, task.stride) == (96, 1)


def test_quick_tasks_keep_whole_windows_of_the_first_series(task):
    rolling = tasks.shortened(task._replace(horizon=2, stride=3))
    assert list(rolling.origins) == [0, 3, 6]
    assert rolling.test.groupby(level="series").size().tolist() == [8, 8, 8]
    assert tasks.shortened(task).test.equals(task.test)
    assert rolling.targets == ()
    assert rolling.published.empty


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
    models, measure = [], accuracy.measure
    monkeypatch.setattr(accuracy, "measure", lambda *a: models.append(a[1]) or measure(*a))
    _measured(task, path, commit, seeds=[0], again=again)
    assert models == ["naive2", "naive", "seasonal_naive", "lstm"]
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
    lines = [line.split() for line in accuracy.table(rows, task).splitlines()]
    assert ["Theirs", "published", "20.000", "2.000", "1.000"] in lines
    assert ["lstm", "mean", "computed", "2", "seeds", "0.450"] in lines
    assert ["lstm", "deviation", "computed", "2", "seeds", "0.071"] in lines


@pytest.mark.parametrize(
    ("target", "end"),
    [
        (tasks.Target("lstm", "owa", 0.46), "at most 0.46; got 0.45: reached"),
        (tasks.Target("lstm", "owa", 0.44), "at most 0.44; got 0.45: missed"),
        (tasks.Target("lstm", "owa", 0.5, "naive"), "at most 0.5 (0.5 x naive); got 0.45: reached"),
        (tasks.Target("lstm", "owa", 0.4, "naive"), "at most 0.4 (0.4 x naive); got 0.45: missed"),
    ],
)
def test_verdict_compares_the_mean_over_seeds(target, end):
    rows = pd.DataFrame({"model": ["naive", "lstm", "lstm"], "owa": [1.0, 0.4, 0.5]})
    assert accuracy.verdict(rows, target).endswith(end)
    assert accuracy.verdict(rows[:1], target) is None
    assert accuracy.verdict(rows[1:], target._replace(of="naive")) is None


def test_published_rows_name_their_source():
    rows = pd.read_csv(tasks.PUBLISHED)
    assert rows["source"].str.len().min() > 20
    assert set(rows["dataset"]) < set(tasks.DATASETS)
    assert not rows.duplicated(["dataset", "method"]).any()
    assert tasks.published_rows("etth1").columns.tolist() == ["mse", "mae", "source"]


def test_command_line_prints_the_table_and_a_quick_run_claims_nothing(
    task, tmp_path, monkeypatch, capsys
):
    monkeypatch.setitem(accuracy.DATASETS, "made", lambda: task)
    monkeypatch.setattr(accuracy, "current_commit", lambda: "abc")
    accuracy.main(["--dataset", "made", "--seeds", "7", "--quick", "--output", str(tmp_path)])
    printed = capsys.readouterr().out
    printed_models = [line.split()[0] for line in printed.splitlines()[1:]]
    assert printed_models == ["model", *task.baselines, "lstm"]
    stored = pd.read_csv(tmp_path / "accuracy.csv")
    assert set(stored["dataset"]) == {"made-quick"}
    assert stored["seed"].tolist() == [0, 0, 0, 7]


@pytest.mark.parametrize(("changes", "mark"), [("", "abc"), (" M tsrnn/base.py", "abc+dirty")])
def test_commit_of_a_changed_tree_is_marked(tmp_path, monkeypatch, changes, mark):
    (tmp_path / ".git").mkdir()
    monkeypatch.setattr(measured, "ROOT", tmp_path)
    monkeypatch.setattr(measured, "_git", lambda *a: changes if a[0] == "status" else "abc")
    assert measured.current_commit() == mark


@needs("m4/Hourly-train.csv")
def test_baselines_on_m4_hourly_equal_the_published_rows():
    task = tasks.m4_hourly()
    assert task.test.index.unique("series").size == 414
    published = {"naive2": "Naive2", "naive": "Naive", "seasonal_naive": "sNaive"}
    for name, method in published.items():
        scores = tasks.score(task, accuracy.BASELINES[name](task).forecasts)
        theirs = task.published.loc[method, ["smape", "mase"]].to_dict()
        assert scores == pytest.approx(theirs, abs=5.1e-4)  # printed with 3 digits


def _repeat_scores(task) -> dict[str, float]:
    """Score the last value before each origin as the forecast of all steps."""
    before, y = tasks.by_series(task.known), tasks.by_series(task.test)
    return tasks.score(
        task,
        {
            name: np.append(before[name][-1], values)[list(task.origins), None]
            for name, values in y.items()
        },
    )


@needs("ett/ETTh1.csv")
def test_repeating_the_last_value_of_etth1_gives_the_published_error():
    task = tasks.etth1()
    assert len(task.origins) == 2785
    assert task.train.groupby(level="series").size().tolist() == [8640] * 7
    # Zeng et al. 2023 print 1.295 and 0.713: the last windows, which fill no batch, are left out
    assert _repeat_scores(task) == pytest.approx({"mse": 1.295, "mae": 0.713}, abs=2e-3)


@needs("exchange_rate/exchange_rate.txt.gz")
def test_repeating_the_last_exchange_rate_gives_the_published_error():
    task = tasks.exchange_rate()
    assert len(task.origins) == 1422
    theirs = task.published.loc["Repeat", ["mse", "mae"]].to_dict()
    assert _repeat_scores(task) == pytest.approx(theirs, abs=5.1e-4)  # printed with 3 digits


@needs("beijing_pm25/pollution.csv")
def test_days_of_beijing_do_not_overlap():
    task = tasks.beijing_pm25()
    assert (len(task.origins), task.steps) == (365, 8760)
    assert str(task.test.index[0][1]) == "2014-01-01 00:00:00"
    assert task.train.index[-1][1] < task.test.index[0][1]


@needs("tourism/tourism_train.csv")
@pytest.mark.parametrize(
    ("freq", "series", "horizon"),
    [("monthly", 366, 24), ("quarterly", 427, 8), ("yearly", 518, 4)],
)
def test_tourism_has_the_competition_s_horizons(freq, series, horizon):
    task = tasks.tourism(freq)
    assert (task.test.index.unique("series").size, task.horizon) == (series, horizon)
    assert len(task.origins) == 1


@needs("sp500_stocks/sp500_dataset.csv.gz")
def test_stocks_are_forecast_one_session_ahead():
    task = tasks.sp500()
    assert (task.test.index.unique("series").size, task.horizon) == (20, 1)
    assert len(task.origins) == task.steps


# The other benchmarks -----------------------------------------------------------------------------


def test_scale_answers_each_question_in_a_process_of_its_own(tmp_path, capsys):
    scale.main(["--quick", "--questions", "panel", "stream", "--output", str(tmp_path)])
    found = pd.read_csv(tmp_path / "scale.csv").set_index("question")
    assert found.loc["panel", "rows"] == 20 * 200
    assert found["peak_gb"].between(0.05, 4).all()
    assert "predict_late_ms" in capsys.readouterr().out


def test_memory_of_two_million_minutes_stays_below_two_gigabytes(monkeypatch):
    """Here 300,000 of them; what is held grows by 8 bytes a row and column."""
    index = pd.date_range("2006-12-16", periods=300_000, freq="min")
    made = pd.DataFrame({"Global_active_power": np.sin(np.arange(300_000) / 200)}, index=index)
    made.iloc[100_000:104_000] = np.nan
    monkeypatch.setattr(scale, "fetch_household_power", lambda: made)
    monkeypatch.setattr(scale, "MONTH", 2000)
    found = scale.household_minutes(quick=False)
    assert found["rows"] == 300_000
    assert found["update_s"] < 5 and found["predict_ms"] < 1000


def test_errors_by_step_are_those_of_the_backtest():
    table = strategies.errors_by_step(strategies.wave(200), seeds=[0], quick=True)
    assert set(table.index) == {"naive", *strategies.STRATEGIES}
    assert table.columns.tolist() == list(range(1, strategies.HORIZON + 1))
    y = strategies.wave(200).to_numpy()
    origins = [200 - 24 - 7 * k for k in range(3)]
    by_hand = np.mean([np.abs(y[o : o + 24] - y[o - 1]) for o in origins], axis=0)
    np.testing.assert_allclose(table.loc["naive"], by_hand)


def made_walks(n: int = 300) -> pd.DataFrame:
    days = pd.bdate_range("2020-01-01", periods=n)
    steps = np.random.default_rng(0).normal(0, 0.01, (n, 3))
    return pd.DataFrame(100 * np.exp(steps.cumsum(axis=0)), days, ["MSFT", "B", "SP500"])


def test_honesty_names_the_leaks_of_the_famous_result(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(honesty, "fetch_sp500_stocks", made_walks)
    monkeypatch.setattr(honesty, "fetch_exchange_rate", made_walks)
    honesty.main(tmp_path, seed=0, quick=True, again=False)
    rows = pd.read_csv(tmp_path / "honesty.csv")
    leaking = rows[rows["question"] == "leaking"].set_index("model")["found"]
    assert "shuffled" in leaking["shuffled windows"]
    both = leaking["scaled before the split, shuffled windows"]
    assert "scaled over all rows" in both and "shuffled" in both
    assert "overlapping targets" in leaking["windows into the test part"]
    assert leaking["none"].startswith("No leak was found.")
    honest = rows[rows["question"] == "honest"]
    assert len(honest) == 2 * 2 * 4
    assert honest["found"].str.startswith("No model ").all()
    assert "than ARIMA (p = " in capsys.readouterr().out


def test_only_wins_over_the_last_value_count_series_by_series():
    errors = {"good": 0.5, "bad": 2.0, "naive": 1.0}
    rng, days = np.random.default_rng(0), np.arange(40)
    rows = [
        {"model": m, "series": s, "fold": d, "y_true": 0.0, "y_pred": e * (1 + 0.1 * rng.random())}
        for m, e in errors.items()
        for s in "ab"
        for d in days
    ]
    found = honesty.series_p_values(pd.DataFrame(rows))
    assert (found["good"] < 1e-6).all()
    assert found["bad"].tolist() == [1.0, 1.0]


def test_sensors_are_backtested_together_and_an_interrupted_run_goes_on(
    tmp_path, monkeypatch, capsys
):
    hours = pd.date_range("2024-01-01", periods=400, freq="h")
    made = pd.Series(10 + np.sin(np.arange(400) * 2 * np.pi / 24), hours)
    made += np.random.default_rng(0).normal(0, 0.1, 400)
    monkeypatch.setattr(sensors, "SENSORS", {"made": sensors.Sensor(lambda: made, 24, 24, 24)})
    summary = sensors.measure("made", seed=0, quick=True, checkpoint=tmp_path)
    assert set(summary.index) == set(sensors.models(1, 1, 0, True))
    assert summary["folds"].eq(sensors.QUICK_FOLDS).all()
    again = sensors.measure("made", seed=0, quick=True, checkpoint=tmp_path)
    pd.testing.assert_frame_equal(again, summary)
