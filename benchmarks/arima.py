"""Is our ARIMA as quick and as good as the others'?

    pip install pmdarima statsforecast
    TSRNN_DATA=../shared/data python benchmarks/arima.py

- ``speed``: the search on the airline passengers, by ours, pmdarima's and statsforecast's.
- ``airline``, ``tourism-monthly``, ``sp500``: orders and forecasts of ours and of statsforecast's,
  each series fitted once on its training part: the last two years of passengers; the competition's
  366 series, 24 months; 20 stocks, 20 sessions ahead from five origins, after 1,000 sessions each.
- ``rolling``: forecasts from 100 origins, ours by a backtest without refit (and by ``update`` and
  ``predict`` alone), statsmodels fitted anew at each of them, from its own starting values or from
  the last estimates.

Rows go to ``arima.csv`` in ``--output``, one a series and model. Series that are there for the same
commit are not searched again, unless ``--again`` is given or the tree has changes that are not
committed. One thread; most of an hour, nearly all of it statsforecast's.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from measured import CIRCUMSTANCES, ROOT, circumstances, current_commit, store_row
from numpy.typing import NDArray
from passengers import passengers
from statsmodels.tsa.statespace.sarimax import SARIMAX
from tasks import DATASETS, by_series
from threadpoolctl import threadpool_limits

from tsrnn import ARIMA, AutoARIMA, backtest
from tsrnn.css import MANY_CALLS
from tsrnn.datasets import fetch_sp500_stocks
from tsrnn.metrics import mean_absolute_scaled_error
from tsrnn.state_space import Specification, fit_complete

KEY = ["question", "series", "model", "commit"]
MEASURES = ["mase", "aicc", "seconds", "fastest", "slowest"]
COLUMNS = [*KEY[:3], "orders", "constant", *MEASURES, "peers", "commit", *CIRCUMSTANCES]
AIRLINE = ((0, 1, 1), (0, 1, 1, 12))  # Box and Jenkins 1976, for logarithms
SESSIONS, AHEAD, ORIGINS = 1000, 20, 5
QUICK_SERIES, REPEATS, QUICK_REPEATS = 4, 15, 2
ROLLING_ORIGINS, QUICK_ORIGINS = 100, 5

PEERS = ("statsforecast", "pmdarima", "statsmodels")

LAGS = r"(?<=\()\d+,|,\d+(?=\))"  # what is not differences in (p,d,q)(P,D,Q)m

Array = NDArray[np.float64]
Row = dict[str, Any]
Parts = dict[str, Callable[[], list[Row]]]  # what there is to measure of each series


class Split(NamedTuple):
    """A series that is fitted once."""

    train: Array  # (T,)
    test: Array  # (horizon,)


class Fitted(NamedTuple):
    """A model chosen by a search, and its forecast."""

    specification: Specification
    forecast: Array
    seconds: float  # of the search and the fit


def ours(y: Array, season: int, horizon: int) -> Fitted:
    model, seconds = timed(lambda: AutoARIMA(seasonality=season).fit(y=y))
    chosen = model.models_[None]
    specification = getattr(chosen, "specification", Specification((0, 0, 0), (0, 0, 0, 0), False))
    return Fitted(specification, np.asarray(model.predict(horizon=horizon)), seconds)


def statsforecast(y: Array, season: int, horizon: int) -> Fitted:
    from statsforecast.models import AutoARIMA as Theirs

    model, seconds = timed(lambda: Theirs(season_length=season).fit(y))
    p, q, P, Q, m, d, D = model.model_["arma"]
    constant = bool({"intercept", "drift"} & set(model.model_["coef"]))
    specification = Specification((p, d, q), (P, D, Q, m) if m > 1 else (0, 0, 0, 0), constant)
    return Fitted(specification, model.predict(horizon)["mean"], seconds)


def pmdarima_search(y: Array, season: int) -> Specification:
    import pmdarima

    model = pmdarima.auto_arima(y, m=season)
    return Specification(model.order, model.seasonal_order, model.with_intercept)


def speed(quick: bool) -> Parts:
    y = passengers().to_numpy()
    searches: dict[str, Callable[[], Specification]] = {
        "tsrnn": lambda: ours(y, 12, 1).specification,
        "statsforecast": lambda: statsforecast(y, 12, 1).specification,
        "pmdarima": lambda: pmdarima_search(y, 12),
    }

    def in_turn() -> list[Row]:
        orders = {name: search() for name, search in searches.items()}  # also loads what they need
        seconds: dict[str, list[float]] = {name: [] for name in searches}
        for _ in range(QUICK_REPEATS if quick else REPEATS):
            for name, search in searches.items():
                seconds[name].append(timed(search)[1])
        return [chosen(name, y, orders[name]) | spread(seconds[name]) for name in searches]

    return {"passengers": in_turn}


def compared(split: Split, season: int) -> list[Row]:
    """Search by both; score by the scale of the training part."""
    fits = {
        name: search(split.train, season, len(split.test))
        for name, search in {"tsrnn": ours, "statsforecast": statsforecast}.items()
    }
    return [
        chosen(name, split.train, fitted.specification)
        | {"mase": mase(split, fitted.forecast, season)}
        | spread([fitted.seconds])
        for name, fitted in fits.items()
    ]


def airline(quick: bool) -> Parts:
    y = passengers().to_numpy()
    return {"passengers": partial(compared, Split(y[:-24], y[-24:]), 12)}


def tourism_monthly(quick: bool) -> Parts:
    task = DATASETS["tourism-monthly"]()
    train, test = by_series(task.train), by_series(task.test)
    names = list(train)[: QUICK_SERIES if quick else None]
    return {name: partial(compared, Split(train[name], test[name]), 12) for name in names}


def sp500(quick: bool) -> Parts:
    """Weeks are the season searched; prices as they are, as in `accuracy.py`."""
    prices = fetch_sp500_stocks().drop(columns="SP500")
    parts = {}
    for name in list(prices)[: QUICK_SERIES if quick else None]:
        y = prices[name].dropna().to_numpy(dtype=float)
        for back in range(AHEAD, AHEAD * (1 if quick else ORIGINS) + 1, AHEAD):
            origin = len(y) - back
            split = Split(y[origin - SESSIONS : origin], y[origin : origin + AHEAD])
            parts[f"{name} -{back}"] = partial(compared, split, 5)
    return parts


def rolling(quick: bool) -> Parts:
    y, origins = np.log(passengers()), QUICK_ORIGINS if quick else ROLLING_ORIGINS
    values = y.to_numpy()
    split = Split(values[:-origins], values[-origins:])
    runs: dict[str, Callable[[], Array]] = {
        "tsrnn": lambda: carried(y, origins),
        "tsrnn, update and predict alone": lambda: updated(y, origins),
        "statsmodels": lambda: refitted(values, origins, warm=False),
        "statsmodels, from the last estimates": lambda: refitted(values, origins, warm=True),
    }

    def run_all() -> list[Row]:
        carried(y, QUICK_ORIGINS)  # loads what it needs
        outcomes = {name: timed(run) for name, run in runs.items()}
        return [
            chosen(name, split.train, Specification(*AIRLINE, False))
            | {"mase": mase(split, forecast, 12)}
            | spread([seconds])
            for name, (forecast, seconds) in outcomes.items()
        ]

    return {"logarithms of passengers": run_all}


def carried(y: pd.Series, origins: int) -> Array:
    """Forecast the last values by one fit to what precedes them all."""
    models = {"arima": ARIMA(*AIRLINE)}
    result = backtest(models, y=y, horizon=1, n_folds=origins, step=1, refit="none")
    return result.forecasts["y_pred"].to_numpy()


def updated(y: pd.Series, origins: int) -> Array:
    """Forecast the same without the folds, quantiles and scores of a backtest."""
    model = ARIMA(*AIRLINE).fit(y=y[:-origins])
    forecasts = [model.predict().iloc[0]]
    for origin in range(len(y) - origins, len(y) - 1):
        forecasts.append(model.update(y=y[origin : origin + 1]).predict().iloc[0])
    return np.array(forecasts)


def refitted(y: Array, origins: int, *, warm: bool) -> Array:
    """Forecast the last values, each by a fit to all before it."""
    order, seasonal_order = AIRLINE
    forecasts, params = [], None
    for origin in range(len(y) - origins, len(y)):
        model = SARIMAX(y[:origin], order=order, seasonal_order=seasonal_order)
        result = model.fit(start_params=params, disp=False)
        params = result.params if warm else None
        forecasts.append(float(result.forecast(1)[0]))
    return np.array(forecasts)


def chosen(model: str, y: Array, specification: Specification) -> Row:
    """Describe what a search chose; all are judged by the same, exact likelihood."""
    p, d, q = specification.order
    P, D, Q, m = specification.seasonal_order
    return {
        "model": model,
        "orders": f"({p},{d},{q})({P},{D},{Q}){m}",
        "constant": specification.constant,
        "aicc": exact_aicc(y, specification),
    }


def exact_aicc(y: Array, specification: Specification) -> float:
    arma, _ = fit_complete(y, None, specification, climb=MANY_CALLS)
    return arma.aicc(len(y) - specification.lost)


def mase(split: Split, forecast: Array, season: int) -> float:
    return mean_absolute_scaled_error(split.test, forecast, y_train=split.train, seasonality=season)


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    """Return what work gives and the seconds it takes, its remarks unprinted."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        started = perf_counter()
        return work(), perf_counter() - started


def spread(seconds: Sequence[float]) -> dict[str, float]:
    return {
        "seconds": float(np.median(seconds)),
        "fastest": float(np.min(seconds)),
        "slowest": float(np.max(seconds)),
    }


def answer(
    question: str, path: Path, commit: str, *, again: bool = False, quick: bool = False
) -> pd.DataFrame:
    """Return the rows of a question, from the CSV at `path` or measured and stored there."""
    again = again or commit.endswith("+dirty")  # the same mark may stand for other code
    name = f"{question}-quick" if quick else question
    known = pd.DataFrame(columns=COLUMNS) if again else stored(path, name, commit)
    rows = []
    for series, work in QUESTIONS[question](quick).items():
        found = known[known["series"] == series].to_dict("records")
        rows += found or measured(path, {"question": name, "series": series}, commit, work)
    return pd.DataFrame(rows, columns=COLUMNS)


def stored(path: Path, question: str, commit: str) -> pd.DataFrame:
    if not path.exists():
        return pd.DataFrame(columns=COLUMNS)
    rows = pd.read_csv(path, dtype={"commit": str})
    return rows[(rows["question"] == question) & (rows["commit"] == commit)]


def measured(
    path: Path, of: dict[str, str], commit: str, work: Callable[[], list[Row]]
) -> list[Row]:
    with threadpool_limits(1):
        rows = work()
    peers = " ".join(f"{peer} {version(peer)}" for peer in PEERS)
    rows = [{**of, **row, "peers": peers, "commit": commit, **circumstances()} for row in rows]
    for row in rows:
        store_row(path, row, KEY, COLUMNS)
    return rows


def summary(rows: pd.DataFrame) -> pd.DataFrame:
    """Average the rows of a question by model and compare them with ours.

    ``aicc_above_ours`` is over the series with the same differences: others are of other data.
    """
    orders, aicc = (
        rows.pivot(index="series", columns="model", values=c) for c in ("orders", "aicc")
    )
    differences = orders.apply(lambda column: column.str.replace(LAGS, "", regex=True))
    table = rows.groupby("model", sort=False).agg(
        series=("series", "size"),
        mase=("mase", "mean"),
        seconds=("seconds", "median"),
        fastest=("fastest", "min"),
        slowest=("slowest", "max"),
    )
    table["same_orders"] = orders.eq(orders["tsrnn"], axis=0).mean()
    comparable = differences.eq(differences["tsrnn"], axis=0)
    table["aicc_above_ours"] = aicc.sub(aicc["tsrnn"], axis=0).where(comparable).mean()
    return table


def verdict(question: str, table: pd.DataFrame) -> str:
    target = TARGETS[question]
    ratio = table.loc[target.above, target.measure] / table.loc[target.below, target.measure]
    reached = "reached" if target.least <= ratio <= target.most else "missed"
    return (
        f"{question}: {target.measure} of {target.above} over {target.below} {ratio:.4g}, "
        f"target {target.least:g} to {target.most:g}: {reached}"
    )


class Target(NamedTuple):
    """The ratio of a measure of two models should lie between limits."""

    measure: str
    above: str
    below: str
    least: float = 0.0
    most: float = np.inf


NOT_WORSE = Target("mase", "tsrnn", "statsforecast", most=1.02)
TARGETS = {
    "speed": Target("seconds", "pmdarima", "tsrnn", least=5),
    "airline": NOT_WORSE,
    "tourism-monthly": NOT_WORSE,
    "sp500": NOT_WORSE,
    "rolling": Target("seconds", "statsmodels", "tsrnn", least=20),
}

QUESTIONS: dict[str, Callable[[bool], Parts]] = {
    "speed": speed,
    "airline": airline,
    "tourism-monthly": tourism_monthly,
    "sp500": sp500,
    "rolling": rolling,
}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--questions", nargs="+", choices=QUESTIONS, default=list(QUESTIONS))
    parser.add_argument("--output", type=Path, default=ROOT / "benchmarks" / "results")
    parser.add_argument("--again", action="store_true", help="measure what is there already")
    parser.add_argument("--quick", action="store_true", help="a few series, to see whether it runs")
    asked = parser.parse_args(arguments)
    path, commit = asked.output / "arima.csv", current_commit()
    for question in asked.questions:
        rows = answer(question, path, commit, again=asked.again, quick=asked.quick)
        table = summary(rows)
        print(f"{question}\n{table.to_string(float_format='{:.4g}'.format, na_rep='')}")
        print(verdict(question, table), end="\n\n")


if __name__ == "__main__":
    main()
