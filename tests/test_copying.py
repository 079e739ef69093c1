"""Copies of the past are found and named; good forecasts are not accused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from tsrnn import Naive, SeasonalNaive, backtest
from tsrnn.comparison import diebold_mariano
from tsrnn.copying import CopyCheck, detect_copies, find_copy


def random_walk(n: int = 200, seed: int = 0) -> np.ndarray:
    return 100 + np.random.default_rng(seed).normal(size=n).cumsum()


def autoregression(n: int, phi: float, rng: np.random.Generator) -> np.ndarray:
    y = rng.normal(size=n + 50)
    for t in range(1, n + 50):
        y[t] += phi * y[t - 1]
    return y[50:]


def frames(
    y: np.ndarray, y_pred, *, horizon: int = 1, step: int = 1, first: int = 50, gap: int = 0
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Frames of a backtest; ``y_pred(origin, target)`` forecasts from positions in y."""
    times = pd.date_range("2024-01-01", periods=len(y), freq="D")
    rows = [
        ("m", "y", fold, times[o], t - o, times[t], y[t], y_pred(o, t))
        for fold, o in enumerate(range(first, len(y) - horizon - gap, step))
        for t in range(o + 1 + gap, o + 1 + gap + horizon)
    ]
    columns = ["model", "series", "fold", "origin", "step", "time", "y_true", "y_pred"]
    history = pd.DataFrame({"series": "y", "time": times, "y": y})
    return pd.DataFrame(rows, columns=columns), history


PATHS = [
    {"horizon": 1, "step": 1},
    {"horizon": 5, "step": 5},
    {"horizon": 5, "step": 1},
    {"horizon": 3, "step": 7, "gap": 2},
]


@pytest.mark.parametrize("path", PATHS)
def test_the_last_value_is_a_copy(path):
    y = random_walk()
    check = detect_copies(*frames(y, lambda o, t: y[o], **path)).loc["m"]
    assert (check["lag"], check["distance"], check["is_copy"]) == (1, 0, True)
    assert (check["explained"], check["p_value"]) == (0, 0.5)
    assert np.isnan(check["correlation"])


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("shift", [0.0, 0.4, -3.0])
def test_the_last_value_with_noise_and_a_constant_shift_is_a_copy(path, shift):
    y, noise = random_walk(), np.random.default_rng(1).normal(size=200)
    check = detect_copies(*frames(y, lambda o, t: y[o] + shift + 0.2 * noise[t], **path)).loc["m"]
    assert check["is_copy"] and check["lag"] == 1


def test_a_network_that_lags_behind_is_a_copy():
    """What an LSTM on min-max-scaled prices tends to give: smoothed, late, drawn to the middle."""
    y = random_walk(300)
    smooth = pd.Series(y).ewm(alpha=0.7).mean().to_numpy()
    check = detect_copies(*frames(y, lambda o, t: 0.98 * smooth[o] + 0.02 * y[:50].mean())).loc["m"]
    assert check["is_copy"] and check["lag"] == 1
    assert check["explained"] < 0


def test_a_late_value_is_named_with_its_lag():
    y = random_walk()
    check = detect_copies(*frames(y, lambda o, t: y[o - 2])).loc["m"]
    assert check["lag"] == 3
    assert check["sentence"].startswith("m copies the value 3 steps before: ")


def seasonal(n: int = 240) -> np.ndarray:
    t, rng = np.arange(n), np.random.default_rng(2)
    return 10 * np.sin(2 * np.pi * t / 12) + rng.normal(size=n)


@pytest.mark.parametrize("path", [{"horizon": 1, "step": 1}, {"horizon": 18, "step": 18}])
def test_a_copy_of_the_last_season_is_named(path):
    y = seasonal()
    late = frames(y, lambda o, t: y[t - 12 * int(np.ceil((t - o) / 12))], first=60, **path)
    check = detect_copies(*late, seasonality=12).loc["m"]
    assert (check["lag"], check["is_copy"]) == (12, True)
    assert check["sentence"].startswith("m copies the value one season (12 steps) before: ")


@pytest.mark.parametrize("path", PATHS)
def test_good_forecasts_of_a_season_are_no_copies(path):
    y = seasonal()
    good = frames(y, lambda o, t: 10 * np.sin(2 * np.pi * t / 12), **path)
    check = detect_copies(*good, seasonality=12).loc["m"]
    assert not check["is_copy"]
    assert check["explained"] > 0.3


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("noise", [0.0, 1.0])
def test_good_forecasts_of_a_trend_are_no_copies(path, noise):
    y = 3.0 * np.arange(200) + noise * np.random.default_rng(0).normal(size=200)
    check = detect_copies(*frames(y, lambda o, t: 3.0 * t, **path)).loc["m"]
    assert not check["is_copy"]
    assert check["explained"] > 0.5


@pytest.mark.parametrize("path", PATHS)
def test_a_persistent_but_predictable_series_is_forecast_without_suspicion(path):
    y = autoregression(300, 0.7, np.random.default_rng(0))
    check = detect_copies(*frames(y, lambda o, t: 0.7 ** (t - o) * y[o], **path)).loc["m"]
    assert not check["is_copy"]


@pytest.mark.parametrize("series", [random_walk(), np.full(100, 5.0), np.arange(100.0)])
def test_perfect_forecasts_are_no_copies(series):
    check = detect_copies(*frames(series, lambda o, t: series[t])).loc["m"]
    assert (check["lag"], check["explained"], check["is_copy"]) == (0, 1, False)


@pytest.mark.parametrize("level", [5.0, 6.0])
def test_a_constant_series_is_no_ground_for_suspicion(level):
    y = np.full(100, 5.0)
    check = detect_copies(*frames(y, lambda o, t: level)).loc["m"]
    assert not check["is_copy"]
    assert check["explained"] == (1 if level == 5 else -np.inf)


def share_of_copies(paths, forecast) -> float:
    """Share of simulated series, one a row, whose one-step forecasts are called copies."""
    checks = [find_copy(y[1:], forecast(y[:-1]), {1: y[:-1]}) for y in paths]
    return float(np.mean([check.is_copy for check in checks]))


def test_size_a_good_forecast_of_an_autoregression_is_seldom_accused():
    rng = np.random.default_rng(0)
    series = [autoregression(201, 0.7, rng) for _ in range(200)]
    assert share_of_copies(series, lambda last: 0.7 * last) == 0
    assert share_of_copies([y[:21] for y in series], lambda last: 0.7 * last) < 0.15


@pytest.mark.parametrize(("n", "power"), [(20, 0.8), (200, 0.95)])
def test_power_a_noisy_copy_of_a_random_walk_is_mostly_found(n, power):
    rng = np.random.default_rng(0)
    series = rng.normal(size=(300, n + 1)).cumsum(axis=1)
    noisy = share_of_copies(series, lambda last: last + 0.2 * rng.normal(size=n))
    assert noisy > power
    assert share_of_copies(series, lambda last: last) == 1


def test_numbers_by_hand():
    last, y_true, y_pred = [0.0, 1.0, 3.0], [1.0, 3.0, 2.0], [0.0, 2.0, 3.0]
    check = find_copy(y_true, y_pred, {1: last})
    # changes 1, 2, -1 (sum of squares 6), predicted 0, 1, 0, errors 1, 1, -1
    assert check.explained == pytest.approx(1 - 3 / 6)
    assert check.correlation == pytest.approx(stats.pearsonr([1, 2, -1], [0, 1, 0])[0])
    assert check.distance == pytest.approx(1 / 3)  # differences 0, 1, 0 to their median 0
    assert check.target_distance == pytest.approx(2 / 3)  # differences -1, -1, 1 to -1
    expected = stats.ttest_1samp([0, 2, 0], 0, alternative="greater").pvalue
    assert check.p_value == pytest.approx(expected)


def test_folds_that_overlap_are_tested_with_their_correlation():
    """One-sided, over fold means, with the variance of the Diebold-Mariano test."""
    rng = np.random.default_rng(0)
    actual, predicted = rng.normal(size=(2, 120)).cumsum(axis=1)
    folds = np.repeat(np.arange(40), 3)
    check = find_copy(actual, predicted, {1: np.zeros(120)}, folds=folds, overlap=3)
    means = (actual * predicted).reshape(40, 3).mean(axis=1)
    two_sided = diebold_mariano(np.maximum(means, 0), np.maximum(-means, 0), 3)
    assert check.p_value == pytest.approx(stats.t.sf(two_sided.statistic, 39))


def panel(copied: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Two walks in units of 1 and 1,000, forecast by a copy and by knowing half of the change."""
    parts = []
    for name, unit in {"small": 1.0, "large": 1000.0}.items():
        y = unit * random_walk(seed=len(name))
        known = 0.0 if name == copied else 0.5
        forecasts, history = frames(y, lambda o, t, y=y, known=known: y[o] + known * (y[t] - y[o]))
        parts.append((forecasts.assign(series=name), history.assign(series=name)))
    forecasts, history = zip(*parts, strict=True)
    return pd.concat(forecasts), pd.concat(history)


def test_series_of_a_panel_count_the_same_whatever_their_unit():
    shares = [detect_copies(*panel(copied)).loc["m", "explained"] for copied in ("small", "large")]
    assert shares == pytest.approx([0.375, 0.375], abs=0.05)  # half of 1 - 0.5 ** 2


def test_a_constant_series_in_a_panel_does_not_count():
    forecasts, history = frames(y := random_walk(), lambda o, t: y[o])
    flat, past = (frame.assign(series="flat") for frame in (forecasts, history))
    flat[["y_true", "y_pred"]], past["y"] = 5.0, 5.0
    both = detect_copies(pd.concat([forecasts, flat]), pd.concat([history, past])).loc["m"]
    assert both["is_copy"] and both["explained"] == 0


@pytest.mark.parametrize(
    "times",
    [
        pd.date_range("2024-01-01", periods=200, freq="h", tz="Europe/Berlin"),
        pd.period_range("2000-01", periods=200, freq="M"),
        pd.RangeIndex(200),
        pd.Index(np.arange(200) ** 2.0),
    ],
)
def test_any_kind_of_time_stamp_serves(times):
    y = random_walk()
    forecasts, history = frames(y, lambda o, t: y[o], horizon=3, step=3)
    stamp = dict(zip(history["time"], times, strict=True))
    for frame, column in ((forecasts, "origin"), (forecasts, "time"), (history, "time")):
        frame[column] = pd.Series([stamp[time] for time in frame[column]])
    assert detect_copies(forecasts, history).loc["m", "is_copy"]


def test_the_last_value_is_the_last_one_observed():
    y = random_walk()
    y[60:64], y[:5] = np.nan, np.nan
    filled = pd.Series(y).ffill().to_numpy()
    check = detect_copies(*frames(y, lambda o, t: filled[o], horizon=4, step=1)).loc["m"]
    assert (check["lag"], check["distance"], check["is_copy"]) == (1, 0, True)


def test_one_fold_of_one_series_is_not_judged():
    y = random_walk()
    check = detect_copies(*frames(y, lambda o, t: y[o], horizon=20, first=179)).loc["m"]
    assert np.isnan(check["p_value"]) and not check["is_copy"]
    assert check["sentence"].startswith("m: too few folds to tell whether its forecasts copy the l")


def test_one_fold_of_many_series_is_judged_by_the_series():
    walks = {name: random_walk(60, seed=ord(name)) for name in "abcdefghij"}
    parts = [frames(y, lambda o, t, y=y: y[o], horizon=6, first=53) for y in walks.values()]
    forecasts, history = (
        pd.concat([frame.assign(series=name) for name, frame in zip(walks, several, strict=True)])
        for several in zip(*parts, strict=True)
    )
    assert detect_copies(forecasts, history).loc["m", "is_copy"]
    constant = forecasts.assign(y_pred=100.0)
    assert not detect_copies(constant, history).loc["m", "is_copy"]


@pytest.mark.parametrize("n", [20, 200])
def test_forecasts_that_have_nothing_to_do_with_the_past_are_bad_but_no_copies(n):
    rng = np.random.default_rng(0)
    accused = []
    for y in rng.normal(size=(200, n + 10)).cumsum(axis=1):
        past = {lag: y[10 - lag : len(y) - lag] for lag in range(1, 11)}
        for y_pred in (np.full(n, 3.0), rng.normal(size=n).cumsum()):
            accused.append(find_copy(y[10:], y_pred, past).is_copy)
    assert np.mean(accused) < 0.03


def test_models_keep_their_order():
    y = random_walk()
    forecasts, history = frames(y, lambda o, t: y[o])
    both = pd.concat([forecasts.assign(model="z"), forecasts.assign(model="a", y_pred=y[51:])])
    assert detect_copies(both, history)["is_copy"].to_dict() == {"z": True, "a": False}
    assert list(detect_copies(both, history).index) == ["z", "a"]


def test_a_backtest_is_read_as_it_comes():
    y = pd.Series(seasonal(), pd.date_range("2000-01-31", periods=240, freq="ME"), name="sales")
    models = {"last": Naive(), "season": SeasonalNaive(seasonality=12)}
    result = backtest(models, y=y, horizon=6, n_folds=20)
    checks = detect_copies(result.forecasts, result.history, seasonality=12)
    assert checks["lag"].to_dict() == {"last": 1, "season": 12}
    assert checks["is_copy"].all()


@pytest.mark.parametrize(
    ("check", "seasonality", "expected"),
    [
        (
            CopyCheck(1, 0.2112, 1.338, -0.0213, 0.03, 0.4, True),
            1,
            "lstm copies the last known value: its forecasts fit that value best (mean distance "
            "0.211, 1.34 to the target itself) and explain -2 % of the change from it.",
        ),
        (
            CopyCheck(0, 0.5, 0.4, 0.61, 0.8, 0.0, False),
            12,
            "lstm is no copy: its forecasts explain 61 % of the change from the last known value.",
        ),
    ],
)
def test_sentences(check, seasonality, expected):
    assert check.sentence("lstm", seasonality) == expected


def test_bad_input_is_named():
    y = random_walk()
    forecasts, history = frames(y, lambda o, t: y[o])
    with pytest.raises(ValueError, match=r"history of 'y' has no row 2024-07-18 .*, a target"):
        detect_copies(forecasts, history.iloc[:-1])
    with pytest.raises(ValueError, match=r"history has no values of series 'y'"):
        detect_copies(forecasts, history.assign(series="z"))
    with pytest.raises(ValueError, match=r"forecasts has no row with y_true, y_pred and a value"):
        detect_copies(forecasts.assign(y_true=np.nan), history)
    with pytest.raises(ValueError, match=r"max_lag=0: expected an integer >= 1"):
        detect_copies(forecasts, history, max_lag=0)
    with pytest.raises(ValueError, match=r"past has the lags \[2\]: expected 1, the last"):
        find_copy([1.0], [1.0], {2: [1.0]})
    with pytest.raises(ValueError, match=r"y_pred has 1 missing values"):
        find_copy([1.0, 2.0], [1.0, np.nan], {1: [1.0, 1.0]})
