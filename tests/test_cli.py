"""The command line: what it prints and writes, one line and exit code 2 for a user's mistakes."""

from __future__ import annotations

import gzip
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("typer")
pytest.importorskip("rich")

import tsrnn
from tsrnn import cli
from tsrnn.csv_series import read_series

ROOT = Path(tsrnn.__file__).parents[1]
QUICK = ["--models", "naive,seasonal_naive", "--folds", "3"]


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


@pytest.fixture
def prices(tmp_path):
    values = 100 + np.random.default_rng(0).normal(size=60).cumsum()
    days = pd.bdate_range("2024-01-01", periods=60)
    table = pd.DataFrame({"date": days, "close": values, "name": "A", "up": values > 100})
    table.to_csv(tmp_path / "prices.csv", index=False)
    return table


def run(*arguments, code=0):
    with pytest.raises(SystemExit) as left:
        cli.main([str(argument) for argument in arguments])
    assert left.value.code == code


def write(name, *lines):
    with open(name, "w") as file:
        file.write("\n".join(lines) + "\n")


def test_compare_prints_a_table_and_a_verdict_and_writes_the_picture(prices, capsys, tmp_path):
    run("compare", "prices.csv", "--time", "date", "--target", "close", "--horizon", 5, *QUICK)
    out, err = capsys.readouterr()
    assert "prices.csv, close: 60 rows from 2024-01-01 to 2024-03-22" in out
    assert "Next 5 steps from 3 origins" in out
    assert re.search(r"MASE +RMSE +skill over naive +p-value +fit seconds +predict ms", out)
    assert re.search(r"naive +\d\.\d{3} +[\d.]+ +0\.0 % +- ", out)  # three folds are too few
    assert "the naive forecast" in out
    assert err == ""
    assert (tmp_path / "compare-prices.png").read_bytes().startswith(b"\x89PNG")


def test_compare_numbers_are_those_of_backtest(prices, capsys):
    run("compare", "prices.csv", "--time", "date", "--target", "close", "--horizon", 5, *QUICK,
        "--refit", "cold", "--output", "all.csv", "--plot", "my.png")  # fmt: skip
    y = prices.set_index("date")["close"]
    models = {"naive": tsrnn.Naive(), "seasonal_naive": tsrnn.SeasonalNaive()}
    result = tsrnn.backtest(models, y=y, horizon=5, n_folds=3)
    written = pd.read_csv("all.csv", parse_dates=["time", "origin"])
    assert written["dataset"].unique().tolist() == ["prices"]
    for column in ("model", "fold", "step"):
        assert written[column].tolist() == result.forecasts[column].tolist()
    assert written["y_pred"].tolist() == pytest.approx(result.forecasts["y_pred"].tolist())
    row = result.summary().loc["seasonal_naive"]
    assert f"{row['MASE']:.3f}" in capsys.readouterr().out


def test_compare_without_a_file_runs_the_shipped_stock_and_sensor(capsys, tmp_path):
    run("compare", *QUICK, "--plot", "folds.png")
    out = capsys.readouterr().out
    assert "MSFT, adjusted close in US dollars: 3,270 rows" in out
    assert "Sea surface temperature, hourly means in degrees Celsius" in out
    assert "Next 24 steps from 3 origins" in out
    assert sorted(path.name for path in tmp_path.glob("*.png")) == [
        "folds-msft.png",
        "folds-sea-surface-temperature.png",
    ]


@pytest.mark.parametrize(
    ("refit", "words"),
    [
        ("cold", "refitted in every fold"),
        ("none", "fitted once, then updated"),
        ("2", "refitted in one fold of 2 and updated in the others"),
    ],
)
def test_compare_says_how_often_models_are_refitted(prices, capsys, refit, words):
    run("compare", "prices.csv", "--time", "date", "--target", "close", "--horizon", 5, *QUICK,
        "--refit", refit)  # fmt: skip
    assert f"3 origins; every model {words}" in capsys.readouterr().out


def test_compare_reports_a_model_that_fails_and_goes_on(prices, capsys, monkeypatch):
    monkeypatch.setitem(cli.MODELS, "naive", lambda horizon, seed: tsrnn.Naive(missing="refuse"))
    run("compare", "prices.csv", "--time", "date", "--target", "close", "--horizon", 5, *QUICK)
    out = capsys.readouterr().out
    assert "naive failed (fit) in 3 of 3 folds: ValueError: missing='refuse'" in out
    assert "seasonal_naive" in out


def test_compare_writes_a_report(prices, capsys, tmp_path):
    page = tmp_path / "report.html"
    run("compare", "prices.csv", "--time", "date", "--target", "close", "--horizon", 5, *QUICK,
        "--report", page)  # fmt: skip
    assert f"Report: {page}" in capsys.readouterr().out.replace("\n", "")
    assert "prices.csv, close" in page.read_text(encoding="utf-8")


def test_forecast_writes_time_and_forecast_and_a_picture(prices, capsys, tmp_path):
    run("forecast", "prices.csv", "--time", "date", "--target", "close", "--horizon", 3,
        "--model", "naive")  # fmt: skip
    written = pd.read_csv("forecast.csv")
    assert list(written.columns) == ["time", "forecast"]
    assert written["time"].tolist() == ["2024-03-25", "2024-03-26", "2024-03-27"]
    assert written["forecast"].tolist() == pytest.approx([prices["close"].iloc[-1]] * 3)
    assert (tmp_path / "forecast.png").exists()
    assert "next 3 steps: forecast.csv" in capsys.readouterr().out


def test_forecast_by_the_default_network_depends_on_the_seed_alone(prices):
    command = ["forecast", "prices.csv", "--time", "date", "--target", "close", "--horizon", 2]
    for name, seed in {"a.csv": 1, "b.csv": 1, "c.csv": 2}.items():
        run(*command, "--output", name, "--seed", seed)
    a, b, c = (pd.read_csv(name)["forecast"].tolist() for name in ("a.csv", "b.csv", "c.csv"))
    assert a == b != c
    assert np.isfinite(a).all()


def test_gzipped_files_are_read(prices):
    with open("prices.csv", "rb") as plain, gzip.open("prices.csv.gz", "wb") as packed:
        packed.write(plain.read())
    run("compare", "prices.csv.gz", "--time", "date", "--target", "close", "--horizon", 5, *QUICK)


@pytest.mark.parametrize(
    ("stamps", "first", "index"),
    [
        (["20240131", "20240229"], "2024-01-31", pd.DatetimeIndex),
        (["2001", "2002"], 2001, pd.Index),
        (["2024-01-01 00:00+02:00", "2024-01-01 01:00+02:00"], "2024-01-01 00:00+02:00", pd.Index),
        (["2024-03-31 01:00+01:00", "2024-03-31 03:00+02:00"], "2024-03-31 00:00+00:00", pd.Index),
    ],
    ids=["compact dates", "years", "one offset", "an offset that changes becomes UTC"],
)
def test_kinds_of_stamps(stamps, first, index, tmp_path):
    write("kinds.csv", "t,y", *(f"{stamp},{i}" for i, stamp in enumerate(stamps)))
    y = read_series(tmp_path / "kinds.csv", "t", "y")
    assert isinstance(y.index, index)
    assert y.index[0] == (pd.Timestamp(first) if isinstance(first, str) else first)
    assert y.tolist() == [0.0, 1.0]


FILE = ["compare", "prices.csv", "--time", "date", "--target", "close", "--horizon"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["compare", "no.csv", *FILE[2:], 5], "No such file or directory: 'no.csv'"),
        (["compare", ".", *FILE[2:], 5], "Is a directory"),
        (
            ["compare", "prices.csv", "--time", "day", "--target", "close", "--horizon", 5],
            r"prices.csv has no column 'day': its columns are date, close, name, up",
        ),
        (
            ["forecast", "prices.csv", "--time", "date", "--target", "name", "--horizon", 5],
            r"column 'name' has 'A' in row 1, 60 of 60 are text: expected numbers",
        ),
        (
            ["forecast", "prices.csv", "--time", "date", "--target", "up", "--horizon", 5],
            r"column 'up' is true or false: expected numbers",
        ),
        (["compare", "prices.csv"], r"needs --time COLUMN, .* its columns are date, close"),
        ([*FILE, 0], "--horizon 0: expected an integer >= 1"),
        ([*FILE, "x"], "--horizon"),
        ([*FILE, 500], r"60 rows .* need \d+"),
        ([*FILE, 5, "--models", "lstm,foo"], "model 'foo': expected some of lstm, gru"),
        ([*FILE, 5, "--models", "naive,naive"], "model 'naive' is named 2 times"),
        (
            [*FILE, 5, "--refit", "hot"],
            "--refit hot: expected one of cold, warm, none, or a number",
        ),
        ([*FILE, 5, "--plot", "a.doc"], r"--plot a.doc: expected a name that ends in .png"),
        ([*FILE, 5, "--plot", "no/a.png"], "--plot no/a.png: there is no folder no"),
        ([*FILE, 5, "--output", "no/a.csv"], "--output no/a.csv: there is no folder no"),
        (["compare", "--time", "date"], "belong to a FILE"),
        (["compare", "--unknown"], "No such option"),
        (["unknown"], "No such command"),
        (["forecast", "prices.csv"], "Missing option"),
        (
            ["forecast", *FILE[1:], 5, "--model", "naive,ets"],
            "--model naive,ets: expected one model",
        ),
    ],
)
def test_mistakes_are_one_line_on_stderr_and_exit_with_2(prices, capsys, arguments, message):
    run(*arguments, code=2)
    err = capsys.readouterr().err
    assert re.search(message, err)
    assert err.startswith("tsrnn: ")
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["t,y", "2024-01-01,1", "soon,2"], r"column 't' has 'soon' in row 2, 1 of 2 are no dates"),
        (["t,y", "2024-01-01,1", ",2"], r"column 't' has nothing in row 2"),
        (
            ["t,y", "2024-01-03,1", "2024-01-02,2", "2024-01-01,3"],
            "the rows are the newest first, row 2 is before .*: sort the file by column 't'",
        ),
        (["t,y", "3,1", "5,2", "4,3"], "not in order of time, row 3 is before the row above it"),
        (["t;y", "2024-01-01;1,5"], "has semicolons between its columns, 't;y': expected commas"),
        (["t\ty", "1\t2"], "has tabs between its columns"),
        ([" t ,y", "2024-01-01,1"], "has no column 't': its columns are ' t ', y"),
        (
            ["t,y", "2024-01-01,1", "2024-01-01,2"],
            r"'t' has 2024-01-01 .* a second time in row 2, 1 of 2 are repeated",
        ),
        (["t,y", "2024-01-01,1", "2024-01-02,inf"], "inf"),
        (["t,y", "2024-01-01,", "2024-01-02,"], "0 finite values of 2"),
        (["t,y", "2024-01-01,1", "2024-01-02,2 apples"], r"'y' has '2 apples' in row 2"),
        (["t,y"], "has 0 rows under its header"),
        ([""], "is not a CSV file with a header"),
        (["t,y", '"2024-01-01,1'], "is not a CSV file with a header"),
    ],
)
def test_bad_files_are_one_line_on_stderr_and_exit_with_2(capsys, lines, message):
    write("bad.csv", *lines)
    run("forecast", "bad.csv", "--time", "t", "--target", "y", "--horizon", 1, "--model", "naive",
        code=2)  # fmt: skip
    err = capsys.readouterr().err
    assert re.search(message, err)
    assert err.count("\n") == 1


@pytest.mark.parametrize("bug", [KeyError("x"), ValueError("not raised by tsrnn")])
def test_a_bug_keeps_its_traceback(prices, monkeypatch, bug):
    def broken(horizon, seed):
        raise bug

    monkeypatch.setitem(cli.MODELS, "naive", broken)
    with pytest.raises(type(bug), match=str(bug)):
        cli.main(["forecast", *map(str, FILE[1:]), "5", "--model", "naive"])


def test_version_and_help(capsys):
    run("--version")
    assert capsys.readouterr().out == tsrnn.__version__ + "\n"
    run()
    assert "compare" in capsys.readouterr().out


def test_without_typer_one_line_names_the_command_to_install():
    code = "import sys; sys.modules['typer'] = None; import tsrnn.cli as c; c.main(['--version'])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 2
    assert done.stderr == "tsrnn: the command line needs typer: pip install tsrnn[cli]\n"


def test_the_module_runs_and_its_version_needs_no_torch():
    code = (
        "import atexit, runpy, sys; atexit.register(lambda: print('torch' in sys.modules));"
        "sys.argv = ['tsrnn', '--version']; runpy.run_module('tsrnn', run_name='__main__')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert (done.returncode, done.stdout) == (0, tsrnn.__version__ + "\nFalse\n")


def read_days(days, form):
    write("days.csv", "t,y", *(f"{day.strftime(form)},{i}" for i, day in enumerate(days)))
    return read_series(Path("days.csv"), "t", "y").index


@pytest.mark.parametrize("form", ["%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y 18:30", "%m-%d-%y"])
def test_the_order_of_day_and_month_is_read_from_all_rows(form):
    days = pd.date_range("2024-01-01", periods=31)
    assert read_days(days, form).normalize().tolist() == days.tolist()


@pytest.mark.parametrize(
    ("form", "days"),
    [
        ("%d/%m/%Y", pd.date_range("2024-01-01", periods=12)),
        ("%d/%m/%Y", pd.date_range("2015-01-01", periods=12, freq="MS")),
        ("%d/%m/%y", pd.date_range("2024-01-01", periods=31)),  # or of the years 2001 to 2031
        ("%y/%m/%d", pd.date_range("2024-01-01", periods=31)),
    ],
)
def test_dates_whose_day_and_month_could_change_places_are_refused(form, days):
    with pytest.raises(ValueError, match=r"where the day, .* could change|day and the month could"):
        read_days(days, form)


def test_dates_in_several_orders_are_refused():
    write("mixed.csv", "t,y", "01/02/2024,1", "13/02/2024,2", "02/14/2024,3")
    with pytest.raises(ValueError, match="day and the month have no order that fits all rows"):
        read_series(Path("mixed.csv"), "t", "y")
