"""The shipped data and the readers of the public ones."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tsrnn import datasets
from tsrnn.public_data import public_files

ROOT = Path(__file__).parents[1]
SHIPPED = ROOT / "datasets"


def needs(path: str) -> pytest.MarkDecorator:
    """Skip a test whose data are not at hand (and which nobody may ship)."""
    folder = os.environ.get("TSRNN_DATA")
    here = folder is not None and (Path(folder) / path).is_file()
    return pytest.mark.skipif(not here, reason=f"TSRNN_DATA names no folder with {path}")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TSRNN_DATA", str(tmp_path))
    return tmp_path


def is_regular(index: pd.DatetimeIndex, freq: str) -> bool:
    return index.equals(pd.date_range(index[0], index[-1], freq=freq))


def test_shipped_files_have_the_checksums_of_their_readme():
    told = dict(re.findall(r"`(\S+)` \| `(\w{64})`", (SHIPPED / "README.md").read_text("utf-8")))
    data = [*SHIPPED.glob("*.gz"), SHIPPED / "BOKEH_LICENSE.txt"]
    assert told == {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in data}


def test_stocks_are_aligned_and_nan_before_listing():
    closes = datasets.load_stocks()
    assert list(closes.columns) == ["AAPL", "FB", "GOOG", "IBM", "MSFT"]
    assert closes.index.name == "Date" and closes.index.tz is None
    assert (str(closes.index[0].date()), str(closes.index[-1].date())) == (
        "2000-03-01",
        "2013-03-01",
    )
    assert closes.count().to_dict() == {
        "AAPL": 3270,
        "FB": 196,
        "GOOG": 2148,
        "IBM": 3270,
        "MSFT": 3270,
    }
    assert closes["FB"].first_valid_index() == pd.Timestamp("2012-05-18")


def test_one_stock_has_prices_and_volume():
    frame = datasets.load_stocks("AAPL")
    assert list(frame.columns) == ["Open", "High", "Low", "Close", "Volume", "Adj Close"]
    assert frame.iloc[0].to_list() == [118.56, 132.06, 118.5, 130.31, 9616100, 4.186662803811]
    pd.testing.assert_series_equal(
        frame["Adj Close"], datasets.load_stocks()["AAPL"], check_names=False
    )


def test_unknown_ticker_is_answered_with_the_known():
    with pytest.raises(
        ValueError, match=r"ticker='TSLA': expected one of AAPL, FB, GOOG, IBM, MSFT"
    ):
        datasets.load_stocks("TSLA")


def test_sea_surface_temperature_keeps_gaps_and_the_first_of_a_double_stamp():
    series = datasets.load_sea_surface_temperature()
    steps = series.index.to_series().diff().value_counts()
    hours = {step / pd.Timedelta("1h"): count for step, count in steps.items()}
    assert hours == {0.5: 19222, 1: 1, 12: 1}
    assert str(series.index.tz) == "UTC" and series.notna().all()
    assert series["2017-03-21 16:30"] == 4.276


def test_wti_has_every_weekday_and_nan_on_holidays():
    series = datasets.load_wti()
    weekdays = pd.bdate_range("1986-01-02", "2019-01-03")
    assert series.index.equals(weekdays.rename("Date"))
    assert series.isna().sum() == 290 and series.isna()["2018-12-25"]
    assert (series.iloc[0], series.iloc[-1]) == (25.56, 46.92)


def test_co2_is_weekly_and_free_to_change():
    series = datasets.load_co2()
    assert (len(series), series.isna().sum(), series.index.freqstr) == (2284, 59, "W-SAT")
    series.iloc[:] = 0
    assert datasets.load_co2().iloc[0] == 316.1


def test_import_needs_no_torch():
    code = "import sys, tsrnn.datasets; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def test_table_of_public_files_is_complete():
    files = public_files()
    assert all(re.fullmatch(r"[0-9a-f]{64}", r.sha256) for r in files.values() if r.sha256)
    assert all(r.sha256 for r in files.values() if not r.url)
    assert all(r.url.startswith("https://") for r in files.values() if r.url)
    folders = {path.split("/")[0] for path in files}
    assert len(folders) == len([name for name in datasets.__all__ if name[:5] == "fetch"]) - 1


@pytest.mark.parametrize(
    ("call", "argument"),
    [
        (lambda: datasets.fetch_nab("taxi"), "name='taxi': expected one of ambient_temp"),
        (lambda: datasets.fetch_ett("ETTh3"), "name='ETTh3': expected one of ETTh1, ETTm1"),
        (lambda: datasets.fetch_tourism("daily"), "freq='daily': expected one of monthly, quart"),
    ],
)
def test_unknown_choice_is_answered_with_the_known(call, argument):
    with pytest.raises(ValueError, match=argument):
        call()


def write_tsf(home: Path, n_series: int) -> None:
    (home / "tourism").mkdir()
    lines = [
        f"T{i}:1979-0{1 + i % 9}-01 00-00-00:" + ",".join(str(i + step) for step in range(30))
        for i in range(n_series)
    ]
    with zipfile.ZipFile(home / "tourism/tourism_monthly_dataset.zip", "w") as archive:
        archive.writestr("tourism_monthly_dataset.tsf", "@horizon 24\n@data\n" + "\n".join(lines))


def test_tourism_download_is_read(home):
    write_tsf(home, n_series=366)
    train, test = datasets.fetch_tourism("monthly")
    assert train.loc["T3"].to_dict() == dict(
        zip(pd.date_range("1979-04-01", periods=6, freq="MS"), [3.0, 4, 5, 6, 7, 8], strict=True)
    )
    assert test.loc["T365"].to_list() == [float(365 + step) for step in range(6, 30)]


def test_tourism_download_with_other_series_is_refused(home):
    write_tsf(home, n_series=365)
    with pytest.raises(OSError, match="expected 366 series, got 365"):
        datasets.fetch_tourism("monthly")


def test_household_download_with_other_rows_is_refused(home):
    (home / "household_power").mkdir()
    with zipfile.ZipFile(home / "household_power/household_power_consumption.zip", "w") as archive:
        text = "Date;Time;Voltage\n16/12/2006;17:24:00;234.8\n16/12/2006;17:25:00;?\n"
        archive.writestr("household_power_consumption.txt", text)
    with pytest.raises(
        OSError, match=r"expected 2075259 rows, 25979 of them missing, got \(2, 1\)"
    ):
        datasets.fetch_household_power()


def test_spoken_digits_with_other_recordings_are_refused(home):
    (home / "spoken_digits").mkdir()
    with tarfile.open(home / "spoken_digits/recordings.tar.gz", "w:gz") as archive:
        member = tarfile.TarInfo("free-spoken-digit-dataset-1.0.10/recordings/0_theo_0.wav")
        member.size = 4
        archive.addfile(member, io.BytesIO(b"RIFF"))
    with pytest.raises(OSError, match=r"not the 3,000 recordings of release 1\.0\.10, got 1"):
        datasets.fetch_spoken_digits()


def test_published_m4_scores_without_the_file_say_what_to_do(home):
    with pytest.raises(ConnectionError, match="set TSRNN_DATA to a folder that has m4/published"):
        datasets.fetch_m4_published()


@needs("m4/Hourly-train.csv")
def test_m4_hourly_has_414_series_and_48_test_hours():
    train, test = datasets.fetch_m4_hourly()
    assert train.index.names == ["series", "time"]
    assert test.groupby("series").size().to_list() == [48] * 414
    assert set(train.groupby("series").size()) == {700, 960}
    assert (train.loc["H1"].iloc[0], test.loc["H1"].iloc[0], test.loc["H414"].iloc[-1]) == (
        605,
        619,
        24,
    )
    assert test.loc["H1"].index[0] - train.loc["H1"].index[-1] == pd.Timedelta("1h")


@needs("m4/published_by_frequency.csv")
def test_m4_winner_has_its_published_score():
    scores = datasets.fetch_m4_published()
    assert len(scores) == 59 and scores.notna().all(axis=None)
    assert scores.loc["118", ("OWA", "Hourly")] == pytest.approx(0.440, abs=5e-4)


@needs("tourism/tourism_info.csv")
@pytest.mark.parametrize(
    ("freq", "n_series", "horizon", "offset"),
    [("monthly", 366, 24, "MS"), ("quarterly", 427, 8, "QS"), ("yearly", 518, 4, "YS")],
)
def test_tourism_has_its_series_and_horizon(freq, n_series, horizon, offset):
    train, test = datasets.fetch_tourism(freq)
    assert test.groupby("series").size().to_list() == [horizon] * n_series
    name = test.index[0][0]
    stamps = train.loc[name].index.append(test.loc[name].index)
    assert is_regular(stamps, offset)


@needs("ett/ETTm1.csv")
@pytest.mark.parametrize(
    ("name", "rows", "step"), [("ETTh1", 17420, "h"), ("ETTm1", 69680, "15min")]
)
def test_ett_is_regular(name, rows, step):
    frame = datasets.fetch_ett(name)
    assert frame.shape == (rows, 7) and is_regular(frame.index, step)


@needs("exchange_rate/exchange_rate.txt.gz")
def test_exchange_rates_have_eight_currencies():
    frame = datasets.fetch_exchange_rate()
    assert frame.shape == (7588, 8)
    assert frame.iloc[0][["GBP", "JPY"]].to_list() == [1.611, 0.006838]


@needs("beijing_pm25/pollution.csv")
def test_beijing_air_is_hourly_with_2067_missing():
    frame = datasets.fetch_beijing_pm25()
    assert is_regular(frame.index, "h") and frame["pm2.5"].isna().sum() == 2067
    assert (len(frame), str(frame.index[-1])) == (43824, "2014-12-31 23:00:00")


@needs("household_power/minute_household_power.csv.xz")
def test_household_power_is_regular_by_the_minute():
    frame = datasets.fetch_household_power()
    assert is_regular(frame.index, "min")
    assert set(frame.dtypes) == {np.dtype(float)}
    assert frame.iloc[0].to_list() == [4.216, 0.418, 234.84, 18.4, 0, 1, 17]


@needs("sp500_stocks/sp500_dataset.csv.gz")
def test_sp500_stocks_stand_beside_the_index():
    frame = datasets.fetch_sp500_stocks()
    assert frame.shape == (8313, 21) and frame.notna().all(axis=None)
    assert frame.loc["2022-12-28", ["XOM", "SP500"]].to_list() == [106.627, 3783.22]


@needs("nab/nyc_taxi.csv")
@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("ambient_temperature_system_failure", 7267),
        ("machine_temperature_system_failure", 22695 - 12),
        ("nyc_taxi", 10320),
    ],
)
def test_nab_stamps_increase(name, rows):
    series = datasets.fetch_nab(name)
    assert len(series) == rows and series.index.is_monotonic_increasing and series.index.is_unique
    assert series.dtype == float and series.name == name


@needs("cmapss/train_FD001.txt")
def test_engines_run_cycle_by_cycle():
    train, test, remaining = datasets.fetch_cmapss()
    assert (train.shape, test.shape, remaining.shape) == ((20631, 24), (13096, 24), (100,))
    for frame in (train, test):
        cycles = frame.index.get_level_values("cycle").to_numpy()
        assert (cycles == frame.groupby("engine").cumcount().to_numpy() + 1).all()
    assert remaining[1] == 112 and train["sensor_21"].iloc[0] == 23.419


@needs("japanese_vowels/JapaneseVowels_TRAIN.ts")
def test_japanese_vowels_are_padded_in_front():
    X_train, y_train, X_test, y_test = datasets.fetch_japanese_vowels()
    assert (X_train.shape, X_test.shape) == ((270, 29, 12), (370, 29, 12))
    assert np.bincount(y_train).tolist() == [0] + [30] * 9 and len(y_test) == 370
    assert np.isnan(X_train[0, :9]).all() and X_train[0, 9, :2].tolist() == [1.860936, -0.207383]
    assert not np.isnan(X_test[:, -7:]).any()


@needs("ptb/ptb.train.txt")
def test_penn_treebank_has_its_words():
    parts = datasets.fetch_ptb()
    sizes = {part: len(words) for part, words in parts.items()}
    assert sizes == {"train": 929589, "valid": 73760, "test": 82430}
    assert len(set(parts["train"])) == 10000


@needs("sst/train.txt")
def test_sentiment_trees_are_whole():
    parts = datasets.fetch_sst()
    assert {k: len(v) for k, v in parts.items()} == {"train": 8544, "dev": 1101, "test": 2210}
    assert all(t.count("(") == t.count(")") > 0 for trees in parts.values() for t in trees)


@needs("spoken_digits/recordings.tar.xz")
def test_spoken_digits_have_50_recordings_of_each():
    frame = datasets.fetch_spoken_digits()
    assert frame.groupby(["digit", "speaker"]).size().to_list() == [50] * 60
    assert (frame["split"] == "test").sum() == 300
    assert max(np.abs(signal).max() for signal in frame["signal"]) <= 1


@needs("tinyshakespeare/input.txt")
def test_tinyshakespeare_has_its_characters():
    text = datasets.fetch_tinyshakespeare()
    assert len(text) == 1115394 and text.startswith("First Citizen:") and len(set(text)) == 65


def test_wheel_carries_the_data(tmp_path):
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, check=True, cwd=ROOT, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    code = (
        "from tsrnn import datasets, download; from tsrnn.public_data import public_files;"
        "print(download.__file__, download.shipped_file('wti.csv.gz'));"
        "datasets.load_stocks(), datasets.load_sea_surface_temperature(), public_files()"
    )
    env = {**os.environ, "PYTHONPATH": str(tmp_path / "site")}
    command = [sys.executable, "-c", code]
    done = subprocess.run(
        command, env=env, cwd=tmp_path, check=True, capture_output=True, text=True
    )
    module, data = done.stdout.split()
    assert Path(module) == tmp_path / "site/tsrnn/download.py"
    assert Path(data) == tmp_path / "site/tsrnn/_data/wti.csv.gz"
    assert gzip.decompress(Path(data).read_bytes()).startswith(b"Date,DCOILWTICO")
