"""Data sets as they are forecast and scored, each by the protocol of those who published scores.

A task is a panel of series: a training part, rows that are known before the first origin but not
trained on (where a protocol keeps a validation part), and a test part of equally many steps of
each series. There is one origin at the start of the test part, or one every ``stride`` steps of it.

Published scores lie in ``published.csv``, each with its source; those of M4 come with its data.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tsrnn.datasets import (
    fetch_beijing_pm25,
    fetch_ett,
    fetch_exchange_rate,
    fetch_m4_hourly,
    fetch_m4_published,
    fetch_sp500_stocks,
    fetch_tourism,
)
from tsrnn.metrics import (
    mean_absolute_scaled_error,
    symmetric_mean_absolute_percentage_error,
)

PUBLISHED = Path(__file__).with_name("published.csv")
BASELINES = ("naive", "seasonal_naive", "arima", "ets")
# Rows of M4's published table to print; numbers are the competitors' ids.
M4_METHODS = {
    "Naive": "Naive",
    "sNaive": "sNaive",
    "Naive2": "Naive2",
    "Theta": "Theta",
    "MLP": "MLP (benchmark)",
    "RNN": "RNN (benchmark)",
    "245": "Montero-Manso et al. (2nd overall)",
    "72": "Jaganathan and Prakash (4th overall)",
    "237": "Pawlikowski et al. (3rd overall)",
    "118": "Smyl (winner)",
    "238": "Doornik et al. (best on hourly)",
}
# Zhou et al. 2021, Informer: 12, 4 and 4 months of 30 days to train, validate and test
ETT_BORDERS = [24 * 30 * months for months in (0, 12, 16, 20)]
EXCHANGE_SHARES = {"train": 0.7, "test": 0.2}  # Wu et al. 2021, Autoformer
LOOK_BACK = 96  # steps, for ETTh1 and the exchange rates
QUICK_SERIES, QUICK_ORIGINS = 5, 3

Array = NDArray[np.float64]


class Target(NamedTuple):
    """A model's score should be at most ``factor``, or so many times the score of another model."""

    model: str
    measure: str
    factor: float
    of: str | None = None


class Task(NamedTuple):
    """A data set as it is forecast and scored."""

    train: pd.Series  # MultiIndex (series, time)
    test: pd.Series  # the steps after train and known, equally many of each series
    horizon: int
    seasonality: int  # steps, of the seasonal naive forecast
    measures: tuple[str, ...]
    published: pd.DataFrame  # index: method; columns: measures
    targets: tuple[Target, ...] = ()
    baselines: tuple[str, ...] = BASELINES
    known: pd.Series | None = None  # between train and test: never trained on
    stride: int | None = None  # steps from an origin to the next; None: one origin
    context: int | str = "auto"  # steps before an origin that a network reads
    mase_season: int = 1  # steps, of the forecast that scales MASE

    @property
    def steps(self) -> int:
        """Return the steps of each series in the test part."""
        return len(self.test) // self.test.index.unique("series").size

    @property
    def origins(self) -> range:
        """Steps of the test part that are known, for each forecast."""
        return range(0, self.steps - self.horizon + 1, self.stride or self.steps)


class Scored(NamedTuple):
    """One series as a measure sees it."""

    y_true: Array  # (origins, horizon), NaN where missing
    y_pred: Array  # (origins, horizon)
    y_train: Array  # (n,)
    mase_season: int


def m4_hourly() -> Task:
    """414 series, one origin, scored by the competition's OWA."""
    train, test = fetch_m4_hourly()
    scores = fetch_m4_published().loc[list(M4_METHODS)]
    published = pd.DataFrame(
        {measure.lower(): scores[measure, "Hourly"] for measure in ("sMAPE", "MASE", "OWA")}
    ).rename(index=M4_METHODS)
    return Task(
        train,
        test,
        horizon=48,
        seasonality=24,
        measures=("smape", "mase", "owa"),
        published=published,
        targets=(Target("lstm", "owa", 0.455), Target("lstm_x5", "owa", 0.447)),
        baselines=("naive2", *BASELINES),
        mase_season=24,
    )


def tourism(freq: str) -> Task:
    """One origin, scored as in the Monash archive: season 12, 4 or 1 for MASE."""
    train, test = fetch_tourism(freq)
    season = {"monthly": 12, "quarterly": 4, "yearly": 1}[freq]
    return Task(
        train,
        test,
        horizon=len(test) // test.index.unique("series").size,
        seasonality=season,
        measures=("smape", "mase"),
        published=published_rows(f"tourism-{freq}"),
        targets=(Target("lstm", "smape", 19.7),) if freq == "monthly" else (),
        mase_season=season,
    )


def etth1() -> Task:
    """96 hours ahead of seven columns as a panel, from every hour of the test part.

    A panel rather than seven joint targets, chosen on 60 daily origins of the validation part, one
    seed: MSE 0.73 against 0.80.
    """
    hours = fetch_ett("ETTh1")
    train, known, test = (hours.iloc[first:last] for first, last in pairwise(ETT_BORDERS))
    target = Target("lstm", "mse", 0.395)
    return long_horizon("etth1", train, known, test, seasonality=24, targets=(target,))


def exchange_rate() -> Task:
    """96 days ahead of eight currencies as a panel, from every day of the test part."""
    rates = fetch_exchange_rate()
    first = int(len(rates) * EXCHANGE_SHARES["train"])
    last = len(rates) - int(len(rates) * EXCHANGE_SHARES["test"])
    parts = rates.iloc[:first], rates.iloc[first:last], rates.iloc[last:]
    target = Target("lstm", "mse", 1.05, of="naive")
    return long_horizon("exchange-rate", *parts, seasonality=7, targets=(target,))


def long_horizon(
    name: str,
    train: pd.DataFrame,
    known: pd.DataFrame,
    test: pd.DataFrame,
    seasonality: int,
    targets: tuple[Target, ...],
) -> Task:
    """Lay out the long-horizon protocol: columns standardised by their training part, all origins.

    MSE and MAE are averages over columns, steps and all windows, the last ones included.
    """
    mean, deviation = train.mean(), train.std(ddof=0)
    parts = [stacked((part - mean) / deviation) for part in (train, known, test)]
    return Task(
        parts[0],
        parts[2],
        horizon=96,
        seasonality=seasonality,
        measures=("mse", "mae"),
        published=published_rows(name),
        targets=targets,
        known=parts[1],
        stride=1,
        context=LOOK_BACK,
    )


def beijing_pm25() -> Task:
    """24 hours ahead from every midnight of 2014, in ug/m3; trained on 2010 to 2013."""
    dust = fetch_beijing_pm25()[["pm2.5"]]
    train, test = dust.loc[:"2013"], dust.loc["2014":]
    return Task(
        stacked(train),
        stacked(test),
        horizon=24,
        seasonality=24,
        measures=("mae",),
        published=published_rows("beijing-pm25"),
        targets=(
            Target("lstm", "mae", 1.0, of="arima"),
            Target("lstm", "mae", 1.0, of="seasonal_naive"),
        ),
        stride=24,
    )


def sp500() -> Task:
    """One session ahead of 20 stocks, from every session of 2018 to 2022; trained on 1990 to 2017.

    MASE is scaled by the training part's one-step naive error.
    """
    prices = fetch_sp500_stocks().drop(columns="SP500")
    return Task(
        stacked(prices.loc[:"2017"]),
        stacked(prices.loc["2018":]),
        horizon=1,
        seasonality=5,
        measures=("mase", "smape"),
        published=published_rows("sp500"),
        targets=(Target("lstm", "mase", 1.01, of="naive"),),
        stride=1,
    )


def stacked(frame: pd.DataFrame) -> pd.Series:
    """Turn a frame with a column a series into a panel, one series after the other."""
    return pd.concat({str(name): frame[name] for name in frame}, names=["series", "time"])


def published_rows(dataset: str) -> pd.DataFrame:
    rows = pd.read_csv(PUBLISHED, index_col="method")
    return rows[rows.pop("dataset") == dataset].dropna(axis=1, how="all")


def of_series(task: Task, names: list[str]) -> Task:
    """Keep some series; published rows and targets do not hold for them."""
    parts = {
        name: part[part.index.get_level_values("series").isin(names)]
        for name in ("train", "test", "known")
        if (part := getattr(task, name)) is not None
    }
    return task._replace(**parts, published=task.published.iloc[:0], targets=())


def shortened(task: Task) -> Task:
    """Keep the first few series and origins."""
    few = of_series(task, list(task.test.index.unique("series")[:QUICK_SERIES]))
    steps = task.horizon + (QUICK_ORIGINS - 1) * (task.stride or 0)
    return few._replace(test=few.test.groupby(level="series", sort=False).head(steps))


def by_series(panel: pd.Series) -> dict[str, Array]:
    groups = panel.groupby(level="series", sort=False)
    return {str(name): values.to_numpy(dtype=float) for name, values in groups}


def score(task: Task, forecasts: dict[str, Array]) -> dict[str, float]:
    """Average each measure over origins and steps of a series, then over the series."""
    train, test = by_series(task.train), by_series(task.test)
    scored = [
        Scored(windows(y, task), forecasts[name], train[name], task.mase_season)
        for name, y in test.items()
    ]
    return {
        name: float(np.mean([MEASURES[name](one) for one in scored]))
        for name in task.measures
        if name in MEASURES
    }


def windows(y: Array, task: Task) -> Array:
    """Return what came after each origin: (steps,) -> (origins, horizon)."""
    return y[np.array(task.origins)[:, None] + np.arange(task.horizon)]


def mse(one: Scored) -> float:
    return float(np.nanmean((one.y_true - one.y_pred) ** 2))


def mae(one: Scored) -> float:
    return float(np.nanmean(np.abs(one.y_true - one.y_pred)))


def mase(one: Scored) -> float:
    return mean_absolute_scaled_error(
        one.y_true.ravel(),
        one.y_pred.ravel(),
        y_train=one.y_train,
        seasonality=one.mase_season,
    )


def smape(one: Scored) -> float:
    return symmetric_mean_absolute_percentage_error(one.y_true.ravel(), one.y_pred.ravel())


# OWA needs the row of Naive2 and is added by `accuracy.py`.
MEASURES: dict[str, Callable[[Scored], float]] = {
    "smape": smape,
    "mase": mase,
    "mse": mse,
    "mae": mae,
}

DATASETS: dict[str, Callable[[], Task]] = {
    "m4-hourly": m4_hourly,
    "tourism-monthly": lambda: tourism("monthly"),
    "tourism-quarterly": lambda: tourism("quarterly"),
    "tourism-yearly": lambda: tourism("yearly"),
    "etth1": etth1,
    "exchange-rate": exchange_rate,
    "beijing-pm25": beijing_pm25,
    "sp500": sp500,
}
