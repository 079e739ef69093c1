"""The examples: they run, on the public data where there are, and what they say is so."""

from __future__ import annotations

import ast
import importlib.util
import os
import runpy
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest

import tsrnn
from tsrnn import Naive, datasets

EXAMPLES = Path(__file__).parents[1] / "examples"
SCRIPTS = sorted(path.stem for path in EXAMPLES.glob("*.py"))
DATA = Path(os.environ.get("TSRNN_DATA", "nowhere"))
HOURS = 60 * 24


def load(name: str) -> ModuleType:
    """Import a script of the examples without running it."""
    spec = importlib.util.spec_from_file_location(f"example_{name}", EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def made_stocks() -> pd.DataFrame:
    """Random walks on business days, with the columns of ``fetch_sp500_stocks``."""
    tickers = [name for names in load("stocks_panel").SECTORS.values() for name in names]
    days = pd.bdate_range("2020-01-01", periods=300, name="Date")
    steps = np.random.default_rng(0).normal(0, 0.01, (300, 21))
    return pd.DataFrame(100 * np.exp(steps.cumsum(axis=0)), days, [*tickers, "SP500"])


def made_air() -> pd.DataFrame:
    """Hours of dust that follows the temperature, with columns of ``fetch_beijing_pm25``."""
    rng, hours = np.random.default_rng(0), pd.date_range("2014-01-01", periods=HOURS, freq="h")
    temperature = 10 + 5 * np.sin(2 * np.pi * np.arange(HOURS) / 24) + rng.normal(0, 1, HOURS)
    dust = np.exp(4 + temperature / 20 + rng.normal(0, 0.1, HOURS))
    dust[rng.random(HOURS) < 0.05] = np.nan
    weather = {"DEWP": temperature - 8, "TEMP": temperature, "PRES": 1000 + rng.normal(0, 1, HOURS)}
    return pd.DataFrame({"pm2.5": dust, **weather}, hours.rename("time"))


def made_power() -> pd.DataFrame:
    """Minutes of power, high in the evening, with the column of ``fetch_household_power`` used."""
    rng = np.random.default_rng(0)
    minutes = pd.date_range("2010-09-01", periods=60 * HOURS, freq="min", name="time")
    kilowatts = np.where(minutes.hour > 17, 2.0, 0.5) * np.exp(rng.normal(0, 0.2, len(minutes)))
    kilowatts[5_000:5_200] = np.nan
    return pd.DataFrame({"Global_active_power": kilowatts}, minutes)


# Downloads, a file that each reads, and what stands in for it where that file is not there.
STOCKS, AIR = "sp500_stocks/sp500_dataset.csv.gz", "beijing_pm25/pollution.csv"
DOWNLOADS = [("fetch_sp500_stocks", STOCKS, made_stocks), ("fetch_beijing_pm25", AIR, made_air)]
# What a script says at the end, when it has done all that its docstring promises.
LAST_WORDS = {
    "backtest_sensor": "No leak was found.",
    "backtest_stock": "scaled over all rows",
    "beijing_air": "last day",
    "household_power": "hardest hour",
    "sea_temperature_gaps": "with max_gap=6",
    "stock_with_volume": "within the 80 % interval",
    "stocks_panel": "technology",
    "streaming": "MAE",
}


@pytest.fixture
def offline(monkeypatch):
    """Let downloads that are not in TSRNN_DATA give made data of the same shape."""
    for function, file, made in DOWNLOADS:
        if not (DATA / file).is_file():
            monkeypatch.setattr(datasets, function, made)
    # Never the real ones here: to read two million minutes takes ten seconds.
    monkeypatch.setattr(datasets, "fetch_household_power", made_power)


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_runs_from_the_command_line_and_leaves_no_file(
    name, offline, monkeypatch, tmp_path, capsys
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [name, "--quick"])
    runpy.run_path(str(EXAMPLES / f"{name}.py"), run_name="__main__")
    assert LAST_WORDS[name] in capsys.readouterr().out
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_uses_public_names_only(name):
    public = {"tsrnn": tsrnn.__all__, "tsrnn.datasets": datasets.__all__}
    tree = ast.parse((EXAMPLES / f"{name}.py").read_text(encoding="utf-8"))
    used = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    ours = [node for node in used if str(node.module).startswith("tsrnn")]
    assert ours
    for node in ours:
        assert {alias.name for alias in node.names} <= set(public[str(node.module)])
    attributes = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    assert not [name for name in attributes if name.startswith("_")]


def test_readme_lists_every_script():
    readme = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    assert [name for name in SCRIPTS if f"]({name}.py)" not in readme] == []


def test_plot_is_drawn_where_asked(monkeypatch, tmp_path):
    pytest.importorskip("matplotlib").use("Agg")
    picture = tmp_path / "stream.png"
    load("streaming").main(quick=True, plot=str(picture))
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_every_stock_has_one_sector():
    script = load("stocks_panel")
    prices = made_stocks()
    table = script.long_table(prices)
    tickers = [ticker for names in script.SECTORS.values() for ticker in names]
    assert len(tickers) == len(set(tickers)) == 20
    assert table["sector"].notna().all()
    assert table.groupby("ticker")["sector"].nunique().eq(1).all()
    wide = table.pivot(index="day", columns="ticker", values="price")
    np.testing.assert_array_equal(wide["KO"], prices["KO"])


@pytest.mark.skipif(not (DATA / STOCKS).is_file(), reason=f"TSRNN_DATA names no {STOCKS}")
def test_sectors_name_the_stocks_of_the_data_set():
    tickers = [name for names in load("stocks_panel").SECTORS.values() for name in names]
    assert {*tickers, "SP500"} == set(datasets.fetch_sp500_stocks().columns)


def test_made_weather_forecasts_know_nothing_later_than_their_issue():
    script = load("beijing_air")
    weather = made_air()[script.WEATHER].iloc[: 24 * 6]
    origin = weather.index[24 * 3 + 5]
    changed = weather.copy()
    changed[weather.index > origin] = -99.0
    before, after = (script.weather_vintages(frame) for frame in (weather, changed))
    issued = before["issued"] <= origin
    pd.testing.assert_frame_equal(before[issued], after[issued])
    assert (before["issued"] <= before["hour"]).all()
    assert not before.equals(after)


def test_made_weather_forecast_by_hand():
    script = load("beijing_air")
    weather = made_air()[script.WEATHER].iloc[: 24 * 4]
    table = script.weather_vintages(weather).set_index(["issued", "hour"])["TEMP"]
    midnight = weather.index[48]  # the last reading and that at 05:00 the day before, half each
    expected = (weather["TEMP"].iloc[48] + weather["TEMP"].iloc[29]) / 2
    for hours in (5, 29):
        assert table[midnight, midnight + pd.Timedelta(hours=hours)] == expected


def test_daily_errors_by_hand():
    hours = pd.date_range("2024-01-01", periods=96, freq="h")
    y = pd.Series(np.repeat([1.0, 2.0, 4.0, 4.0], 24), hours)
    model = Naive().fit(y=y.iloc[:24])
    found = load("sea_temperature_gaps").daily_errors(model, y.iloc[24:])
    assert found == pytest.approx((1 + 2 + 0) / 3)  # of the value at the end of the day before


def test_coverage_counts_the_rows_inside():
    days = pd.date_range("2024-01-01", periods=24)
    y = pd.Series([0.0, 1.0] * 10 + [1.0, 9.0, 9.0, 0.0], days)
    X = pd.DataFrame(index=days)
    model = Naive().fit(y=y.iloc[:20])
    # Changes of one in the past: a rise and a fall of 8 and 9 are outside, no change is inside.
    assert load("stock_with_volume").coverage_of_intervals(model, X[20:], y[20:]) == 0.5
