"""Public data sets for benchmarks, one `fetch_*` function each.

Each function looks in the folder of `tsrnn.download.data_home` first and downloads what is missing
there, with a progress bar when ``verbose=True``. The table of addresses and checksums is the
shipped file ``public_files.csv``. Three downloads have no known checksum: for them the content is
checked (spoken digits: a checksum over the recordings; household power: rows and missing rows;
monthly tourism: number of series).

A file that is neither there nor to be downloaded is a ConnectionError, one with other bytes than
the known ones an OSError.
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
import wave
import zipfile
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tsrnn.download import Resource, data_home, fetch, shipped_file
from tsrnn.file_formats import pad_left, ragged_csv, ts, tsf, wav_files

M4_START = pd.Timestamp("2000-01-01")  # arbitrary: the files have no dates
TOURISM = {"monthly": ("MS", 24, 366), "quarterly": ("QS", 8, 427), "yearly": ("YS", 4, 518)}
# In the order of the file, as listed by Lai et al. (2018), LSTNet
CURRENCIES = ["AUD", "GBP", "CAD", "CHF", "CNY", "JPY", "NZD", "SGD"]
HOUSEHOLD_ROWS, HOUSEHOLD_MISSING = 2_075_259, 25_979
CMAPSS_COLUMNS = [f"setting_{i}" for i in (1, 2, 3)] + [f"sensor_{i}" for i in range(1, 22)]
# Over the names and bytes of the 3,000 files, sorted by name
DIGITS_SHA256 = "45a9b976ba3397a2fd5c70a9f2e43c34f442a3a6be47392ecfc41174b678f37e"

Panel = pd.Series  # a Series with a MultiIndex (series, time)


def fetch_m4_hourly(verbose: bool = False) -> tuple[Panel, Panel]:
    """Return the M4 competition's 414 hourly series, as training and test part.

    The series have various units and 700 to 960 training hours; the test part has the next 48.
    The files have no dates: here every series starts on 2000-01-01 00:00, which says nothing about
    its hour of the day.

    Parameters
    ----------
    verbose : bool
        Show the progress of a download.

    Returns
    -------
    train, test : Series
        With a MultiIndex (series, time).
    """
    rows = {}
    test = ragged_csv(_get("m4/Hourly-test.csv", verbose), header=True)
    for name, values in ragged_csv(_get("m4/Hourly-train.csv", verbose), header=True).items():
        rows[name] = np.concatenate([values, test[name]])
    return _split_panel(rows, dict.fromkeys(rows, M4_START), "h", horizon=48)


def fetch_m4_published(verbose: bool = False) -> pd.DataFrame:
    """Return the published scores of the M4 competition, one row a method.

    Parameters
    ----------
    verbose : bool
        Show the progress of a download.

    Returns
    -------
    DataFrame
        Index: method or user id; columns (measure, frequency) with the measures sMAPE, MASE, OWA.
    """
    frequencies = ["Yearly", "Quarterly", "Monthly", "Weekly", "Daily", "Hourly", "Total"]
    columns = pd.MultiIndex.from_product(
        [["sMAPE", "MASE", "OWA"], frequencies], names=["measure", "frequency"]
    )
    path = _get("m4/published_by_frequency.csv", verbose)
    frame = pd.read_csv(path, skiprows=2, header=None, index_col=0, usecols=range(22))
    scores = frame.apply(pd.to_numeric, errors="coerce").dropna(how="all")
    return scores.set_axis(columns, axis=1).rename_axis("method")


def fetch_tourism(freq: str = "monthly", verbose: bool = False) -> tuple[Panel, Panel]:
    """Return the tourism competition's series of one frequency, as training and test part.

    366 monthly series (horizon 24), 427 quarterly (8) or 518 yearly (4): visitors or money.
    The public download and our converted copy name the series differently (T1, ... and M1, ...).

    Parameters
    ----------
    freq : {"monthly", "quarterly", "yearly"}
        Which of the three sets.
    verbose : bool
        Show the progress of a download.

    Returns
    -------
    train, test : Series
        With a MultiIndex (series, time); stamps are the first day of the period.

    Raises
    ------
    ValueError
        Unknown `freq`.
    """
    _check_choice("freq", freq, list(TOURISM))
    offset, horizon, n_series = TOURISM[freq]
    if (data_home() / "tourism/tourism_info.csv").is_file():
        rows, starts = _tourism_csv(freq, verbose)
    else:
        rows, starts = tsf(_get(f"tourism/tourism_{freq}_dataset.zip", verbose))
    if len(rows) != n_series:
        raise OSError(f"tourism, {freq}: expected {n_series} series, got {len(rows)}")
    return _split_panel(rows, starts, offset, horizon)


def fetch_ett(name: str = "ETTh1", verbose: bool = False) -> pd.DataFrame:
    """Return the electricity transformer temperatures: six loads and the oil temperature ``OT``.

    Parameters
    ----------
    name : {"ETTh1", "ETTm1"}
        Hourly (17,420 rows) or every 15 minutes (69,680 rows), from 2016-07-01.
    verbose : bool
        Show the progress of a download.

    Returns
    -------
    DataFrame
        Seven float columns, DatetimeIndex "date".

    Raises
    ------
    ValueError
        Unknown `name`.
    """
    _check_choice("name", name, ["ETTh1", "ETTm1"])
    return pd.read_csv(_get(f"ett/{name}.csv", verbose), index_col="date", parse_dates=True)


def fetch_exchange_rate(verbose: bool = False) -> pd.DataFrame:
    """Return daily exchange rates of eight currencies, US dollars for one unit, 1990 to 2016.

    Parameters
    ----------
    verbose : bool
        Show the progress of a download.

    Returns
    -------
    DataFrame
        7,588 rows without dates (RangeIndex), a column a currency.
    """
    return pd.read_csv(_get("exchange_rate/exchange_rate.txt.gz", verbose), names=CURRENCIES)


def fetch_beijing_pm25(verbose: bool = False) -> pd.DataFrame:
    """Return hourly fine dust at the US embassy in Beijing with the weather, 2010 to 2014.

    Parameters
    ----------
    verbose : bool
        Show the progress of a download.

    Returns
    -------
    DataFrame
        43,824 hours of local time (no daylight saving): ``pm2.5`` (ug/m3, 2,067 missing), dew point
        and temperature (degrees Celsius), pressure (hPa), wind direction (text), wind speed (m/s,
        cumulated), hours of snow, hours of rain.
    """
    frame = pd.read_csv(_get("beijing_pm25/pollution.csv", verbose))
    clock = ["year", "month", "day", "hour"]
    frame.index = pd.DatetimeIndex(pd.to_datetime(frame[clock]), name="time")
    return frame.drop(columns=["No", *clock])


def fetch_household_power(verbose: bool = False) -> pd.DataFrame:
    """Return the electric power of one household in Sceaux, France, minute by minute.

    Parameters
    ----------
    verbose : bool
        Show the progress of a download.

    Returns
    -------
    DataFrame
        2,075,259 minutes from 2006-12-16 17:24 (25,979 of them missing): active and reactive power
        (kW), voltage (V), current (A), energy of three sub-meters (Wh).
    """
    packed = "household_power/minute_household_power.csv.xz"
    if (data_home() / packed).is_file():
        frame = pd.read_csv(_get(packed, verbose), na_values="?")
    else:
        frame = _household_zip(_get("household_power/household_power_consumption.zip", verbose))
    stamps = pd.to_datetime(frame.pop("Date") + " " + frame.pop("Time"), format="%d/%m/%Y %H:%M:%S")
    found = len(frame), int(frame["Voltage"].isna().sum())
    if found != (HOUSEHOLD_ROWS, HOUSEHOLD_MISSING):
        expected = f"{HOUSEHOLD_ROWS} rows, {HOUSEHOLD_MISSING} of them missing"
        raise OSError(f"household_power: expected {expected}, got {found}")
    return frame.set_index(pd.DatetimeIndex(stamps, name="time"))


def fetch_sp500_stocks(verbose: bool = False) -> pd.DataFrame:
    """Return adjusted closes of 20 stocks of the S&P 500 and the index, 1990 to 2022, in dollars.

    Parameters
    ----------
    verbose : bool
        Show the progress of a download.

    Returns
    -------
    DataFrame
        8,313 sessions; columns are the 20 tickers and ``SP500`` (the index).
    """
    names = ["sp500_dataset", "sp500_index"]
    paths = [_get(f"sp500_stocks/{name}.csv.gz", verbose) for name in names]
    frames = [pd.read_csv(path, index_col="Date", parse_dates=True) for path in paths]
    return pd.concat(frames, axis=1)


def fetch_nab(name: str, verbose: bool = False) -> pd.Series:
    """Return a series of the Numenta Anomaly Benchmark with a known cause of its anomalies.

    Parameters
    ----------
    name : {"ambient_temperature_system_failure", "machine_temperature_system_failure", "nyc_taxi"}
        Hourly office temperature with gaps (degrees Fahrenheit; 7,267 rows), temperature of an
        industrial machine every 5 minutes (22,683 rows), passengers of New York taxis in half an
        hour (10,320 rows).
    verbose : bool
        Show the progress of a download.

    Returns
    -------
    Series
        DatetimeIndex without time zone. The machine's clock was once set back by an hour: of its 12
        stamps that occur twice the first reading is kept.

    Raises
    ------
    ValueError
        Unknown `name`.
    """
    known = [Path(path).stem for path in public_files() if path.startswith("nab/")]
    _check_choice("name", name, known)
    frame = pd.read_csv(_get(f"nab/{name}.csv", verbose), index_col="timestamp", parse_dates=True)
    series = frame["value"].astype(float).rename(name)
    return series[~series.index.duplicated(keep="first")]


def fetch_cmapss(verbose: bool = False) -> tuple[pd.DataFrame, pd.DataFrame, pd.Series]:
    """Return NASA's simulated turbofan engines FD001: run to failure, and cut before the failure.

    Parameters
    ----------
    verbose : bool
        Show the progress of a download.

    Returns
    -------
    train : DataFrame
        100 engines to their failure, 20,631 rows, MultiIndex (engine, cycle), 3 settings and 21
        sensors.
    test : DataFrame
        100 other engines, 13,096 rows, cut some cycles before the failure.
    remaining : Series
        How many cycles each test engine had left, index engine.
    """
    names = ["engine", "cycle", *CMAPSS_COLUMNS]
    paths = [_get(f"cmapss/{part}_FD001.txt", verbose) for part in ("train", "test")]
    train, test = (
        pd.read_csv(path, sep=r"\s+", names=names, index_col=["engine", "cycle"]) for path in paths
    )
    left = np.loadtxt(_get("cmapss/RUL_FD001.txt", verbose), dtype=np.int64)
    engines = pd.RangeIndex(1, len(left) + 1, name="engine")
    return train, test, pd.Series(left, index=engines, name="remaining")


def fetch_japanese_vowels(
    verbose: bool = False,
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.float64], NDArray[np.int64]]:
    """Return utterances of two vowels by nine speakers, 12 cepstrum coefficients a step.

    Parameters
    ----------
    verbose : bool
        Show the progress of a download.

    Returns
    -------
    X_train, y_train, X_test, y_test : ndarray
        X of shape (n, 29, 12), n = 270 and 370; utterances shorter than 29 steps have NaN in front.
        y is the speaker, 1 to 9.
    """
    paths = [
        _get(f"japanese_vowels/JapaneseVowels_{part}.ts", verbose) for part in ("TRAIN", "TEST")
    ]
    (train, y_train), (test, y_test) = (ts(path) for path in paths)
    steps = max(len(one) for one in train + test)
    return pad_left(train, steps), y_train, pad_left(test, steps), y_test


def fetch_ptb(verbose: bool = False) -> dict[str, list[str]]:
    """Return the words of the Penn Treebank as Mikolov prepared them, ``<eos>`` after each line.

    Parameters
    ----------
    verbose : bool
        Show the progress of a download.

    Returns
    -------
    dict
        "train" (929,589 words), "valid" (73,760), "test" (82,430).
    """
    parts = ("train", "valid", "test")
    texts = {part: _get(f"ptb/ptb.{part}.txt", verbose).read_text("utf-8") for part in parts}
    return {part: text.replace("\n", " <eos> ").split() for part, text in texts.items()}


def fetch_sst(verbose: bool = False) -> dict[str, list[str]]:
    """Return the Stanford Sentiment Treebank, a bracketed tree with labels 0 to 4 a sentence.

    Some leaves hold non-breaking spaces: split at the ASCII space only.

    Parameters
    ----------
    verbose : bool
        Show the progress of a download.

    Returns
    -------
    dict
        "train" (8,544 trees), "dev" (1,101), "test" (2,210), such as ``"(3 (2 It) (4 works))"``.
    """
    texts = {
        part: _get(f"sst/{part}.txt", verbose).read_text("utf-8")
        for part in ("train", "dev", "test")
    }
    # str.splitlines would also split at the separators that Unicode knows
    return {part: text.rstrip("\n").split("\n") for part, text in texts.items()}


def fetch_spoken_digits(verbose: bool = False) -> pd.DataFrame:
    """Return the Free Spoken Digit Dataset: 10 digits, 6 speakers, 50 recordings each, 8 kHz.

    Parameters
    ----------
    verbose : bool
        Show the progress of a download.

    Returns
    -------
    DataFrame
        3,000 rows sorted by digit, speaker and recording: ``digit``, ``speaker``, ``recording``
        (0 to 49), ``split`` ("test" for recordings 0 to 4, as its authors say, else "train"),
        ``signal`` (float32 arrays in [-1, 1], of various lengths).
    """
    packed = "spoken_digits/recordings.tar.xz"
    is_here = (data_home() / packed).is_file()
    files = wav_files(_get(packed if is_here else "spoken_digits/recordings.tar.gz", verbose))
    digest = hashlib.sha256(b"".join(name.encode() + files[name] for name in sorted(files)))
    if digest.hexdigest() != DIGITS_SHA256:
        raise OSError(
            f"spoken_digits: not the 3,000 recordings of release 1.0.10, got {len(files)}"
        )
    rows = [_spoken_digit(name, content) for name, content in files.items()]
    columns = ["digit", "speaker", "recording", "split", "signal"]
    frame = pd.DataFrame(rows, columns=columns)
    return frame.sort_values(["digit", "speaker", "recording"], ignore_index=True)


def fetch_tinyshakespeare(verbose: bool = False) -> str:
    """Return 1,115,394 characters of Shakespeare's plays.

    Parameters
    ----------
    verbose : bool
        Show the progress of a download.

    Returns
    -------
    str
        The text.
    """
    return _get("tinyshakespeare/input.txt", verbose).read_text("utf-8")


@cache
def public_files() -> dict[str, Resource]:
    """Return the table of the public files, by their path below the data folder."""
    with shipped_file("public_files.csv").open("r", encoding="utf-8") as table:
        rows = list(csv.DictReader(table))
    return {
        row["path"]: Resource(
            row["path"],
            row["url"],
            row["sha256"] or None,
            tuple(row["members"].split("|")) if row["members"] else (),
        )
        for row in rows
    }


def _get(path: str, verbose: bool) -> Path:
    return fetch(public_files()[path], verbose)


def _check_choice(argument: str, value: str, known: list[str]) -> None:
    if value not in known:
        raise ValueError(f"{argument}={value!r}: expected one of {', '.join(known)}")


def _split_panel(
    rows: dict[str, NDArray[np.float64]],
    starts: dict[str, pd.Timestamp],
    freq: str,
    horizon: int,
) -> tuple[Panel, Panel]:
    """Give the rows their stamps and cut the last `horizon` steps off each."""
    whole = {
        name: pd.Series(values, pd.date_range(starts[name], periods=len(values), freq=freq))
        for name, values in rows.items()
    }
    train = {name: series.iloc[:-horizon] for name, series in whole.items()}
    test = {name: series.iloc[-horizon:] for name, series in whole.items()}
    train_panel, test_panel = (pd.concat(part, names=["series", "time"]) for part in (train, test))
    return train_panel.rename("value"), test_panel.rename("value")


def _tourism_csv(
    freq: str, verbose: bool
) -> tuple[dict[str, NDArray[np.float64]], dict[str, pd.Timestamp]]:
    info = pd.read_csv(_get("tourism/tourism_info.csv", verbose), index_col="id")
    chosen = info.loc[info["period"] == freq.upper(), "start"]
    train = ragged_csv(_get("tourism/tourism_train.csv", verbose), header=False)
    test = ragged_csv(_get("tourism/tourism_test.csv", verbose), header=False)
    rows = {str(name): np.concatenate([train[str(name)], test[str(name)]]) for name in chosen.index}
    return rows, {str(name): _decimal_year(start) for name, start in chosen.items()}


def _decimal_year(year: float) -> pd.Timestamp:
    """Return the first day of the month that 1979.75 (October 1979) means."""
    return pd.Timestamp(int(year), 1 + round(year % 1 * 12), 1)


def _household_zip(archive: Path) -> pd.DataFrame:
    member = "household_power_consumption.txt"
    with zipfile.ZipFile(archive) as opened, opened.open(member) as text:
        return pd.read_csv(text, sep=";", na_values="?")


def _spoken_digit(name: str, content: bytes) -> tuple[int, str, int, str, NDArray[np.float32]]:
    digit, speaker, recording, _ = re.split("[_.]", name)
    with wave.open(io.BytesIO(content)) as sound:
        samples = np.frombuffer(sound.readframes(sound.getnframes()), dtype="<i2")
    signal = samples.astype(np.float32) / np.float32(2**15)
    split = "test" if int(recording) < 5 else "train"
    return int(digit), speaker, int(recording), split, signal
