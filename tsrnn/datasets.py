"""Data sets: `load_*` come with the package, `fetch_*` are downloaded once and checked.

The shipped files lie in the folder ``datasets`` of the repository, whose README has their sources
and licences; in an installed package it is ``tsrnn/_data``.
"""

from __future__ import annotations

import pandas as pd
from statsmodels.datasets import co2

from tsrnn.download import data_home, shipped_file
from tsrnn.public_data import (
    fetch_beijing_pm25,
    fetch_cmapss,
    fetch_ett,
    fetch_exchange_rate,
    fetch_household_power,
    fetch_japanese_vowels,
    fetch_m4_hourly,
    fetch_m4_published,
    fetch_nab,
    fetch_ptb,
    fetch_sp500_stocks,
    fetch_spoken_digits,
    fetch_sst,
    fetch_tinyshakespeare,
    fetch_tourism,
)

__all__ = [
    "data_home",
    "fetch_beijing_pm25",
    "fetch_cmapss",
    "fetch_ett",
    "fetch_exchange_rate",
    "fetch_household_power",
    "fetch_japanese_vowels",
    "fetch_m4_hourly",
    "fetch_m4_published",
    "fetch_nab",
    "fetch_ptb",
    "fetch_sp500_stocks",
    "fetch_spoken_digits",
    "fetch_sst",
    "fetch_tinyshakespeare",
    "fetch_tourism",
    "load_co2",
    "load_sea_surface_temperature",
    "load_stocks",
    "load_wti",
]


def load_stocks(ticker: str | None = None) -> pd.DataFrame:
    """Return daily prices of AAPL, FB, GOOG, IBM and MSFT, 2000-03-01 to 2013-03-01.

    Parameters
    ----------
    ticker : str, optional
        One stock in full; None for the adjusted closes of all.

    Returns
    -------
    DataFrame
        DatetimeIndex "Date", the sessions of the exchange, without time zone. Without `ticker` a
        column a stock: closes in dollars, adjusted for splits and dividends, NaN before a stock was
        listed. With `ticker` Open, High, Low, Close (dollars), Volume (shares) and Adj Close.

    Raises
    ------
    ValueError
        Unknown ticker.

    Examples
    --------
    >>> from tsrnn.datasets import load_stocks
    >>> load_stocks()["MSFT"].tail(2).round(2)
    Date
    2013-02-28    24.55
    2013-03-01    24.68
    Name: MSFT, dtype: float64
    >>> load_stocks("GOOG").shape
    (2148, 6)
    """
    frame = _read_shipped("stocks.csv.gz", time="Date")
    if ticker is None:
        closes = frame.pivot(columns="Ticker", values="Adj Close")
        return closes.sort_index(axis="columns").rename_axis(columns=None)
    known = sorted(frame["Ticker"].unique())
    if ticker not in known:
        raise ValueError(f"ticker={ticker!r}: expected one of {', '.join(known)}")
    return frame[frame["Ticker"] == ticker].drop(columns="Ticker")


def load_sea_surface_temperature() -> pd.Series:
    """Return half-hourly sea surface temperatures of a NERACOOS buoy, 2016-02-15 to 2017-03-22.

    The stamp 2017-03-21 16:30 occurs twice (4.276 and 4.289 degrees). The first row is kept:
    nothing in the file says which is wrong, and a later row must not change a reading already
    given. The two gaps, of 1 and of 12 hours between two readings, stay gaps.

    "The data may be used and redistributed for free but is not intended for legal use."

    Returns
    -------
    Series
        19,225 temperatures in degrees Celsius, DatetimeIndex "time" in UTC.

    Examples
    --------
    >>> from tsrnn.datasets import load_sea_surface_temperature
    >>> hourly = load_sea_surface_temperature().resample("h").mean()
    >>> print(hourly.index[0], round(hourly.iloc[0], 3))
    2016-02-15 00:00:00+00:00 4.908
    """
    frame = _read_shipped("sea_surface_temperature.csv.gz", time="time (UTC)")
    series = frame["temperature (celsius)"].rename("temperature").rename_axis("time")
    return series[~series.index.duplicated(keep="first")]


def load_wti() -> pd.Series:
    """Return daily prices of West Texas Intermediate crude oil, 1986-01-02 to 2019-01-03.

    Source: U.S. Energy Information Administration.

    Returns
    -------
    Series
        8,611 weekdays in dollars a barrel, DatetimeIndex "Date"; NaN on the 290 of them without a
        price (holidays).

    Examples
    --------
    >>> from tsrnn.datasets import load_wti
    >>> load_wti().loc["2018-12-28":]
    Date
    2018-12-28    45.15
    2018-12-31      NaN
    2019-01-01      NaN
    2019-01-02    46.31
    2019-01-03    46.92
    Name: WTI, dtype: float64
    """
    return _read_shipped("wti.csv.gz", time="Date")["DCOILWTICO"].rename("WTI")


def load_co2() -> pd.Series:
    """Return weekly carbon dioxide over Mauna Loa, 1958-03-29 to 2001-12-29, from statsmodels.

    Returns
    -------
    Series
        2,284 Saturdays in parts per million, 59 of them NaN; DatetimeIndex "date".

    Examples
    --------
    >>> from tsrnn.datasets import load_co2
    >>> load_co2().tail(2)
    date
    2001-12-22    371.3
    2001-12-29    371.5
    Freq: W-SAT, Name: co2, dtype: float64
    """
    return co2.load_pandas().data["co2"].rename_axis("date")


def _read_shipped(name: str, time: str) -> pd.DataFrame:
    with shipped_file(name).open("rb") as packed:
        frame = pd.read_csv(packed, compression="gzip", na_values=".")
    frame[time] = pd.to_datetime(frame[time])
    return frame.set_index(time)
