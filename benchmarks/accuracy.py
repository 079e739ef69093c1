"""How accurate is a forecaster with its defaults on public series?

One network is trained on the training part of a data set, forecasts the test part by the protocol
of those who published scores, and is scored by their definitions beside naive forecasts, our ARIMA
and ETS, and the published rows:

    TSRNN_DATA=../shared/data python benchmarks/accuracy.py --dataset m4-hourly

Rows go to ``accuracy.csv`` in ``--output``. Those that are there for the same commit are not
computed again, unless ``--again`` is given or the tree has changes that are not committed.
The test part is looked at for the scores only: no default may be tuned by what comes out here.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from measured import CIRCUMSTANCES, ROOT, circumstances, current_commit, store_row, stored_row
from numpy.typing import NDArray
from statsmodels.tsa.seasonal import seasonal_decompose
from tasks import DATASETS, Target, Task, by_series, of_series, score, shortened

from tsrnn import (
    AutoARIMA,
    AutoETS,
    GRUForecaster,
    LSTMForecaster,
    Naive,
    RNNForecaster,
    SeasonalNaive,
)
from tsrnn.base import Forecaster
from tsrnn.metrics import overall_weighted_average

Z_90 = 1.645  # two-sided 90 % point of the normal distribution, as rounded by the competition
QUICK_EPOCHS = 2
KEY = ["dataset", "model", "seed", "commit"]
SECONDS = ["fit_seconds", "predict_seconds"]
SCORES = ["smape", "mase", "owa", "mse", "mae", *SECONDS]
HEADINGS = ["sMAPE", "MASE", "OWA", "MSE", "MAE", "fit s", "predict s"]
COLUMNS = ["dataset", "model", "seed", *SCORES, "commit", *CIRCUMSTANCES]


class Outcome(NamedTuple):
    """What a model forecast for each series, and how long it took."""

    forecasts: dict[str, NDArray[np.float64]]  # (origins, horizon) each
    fit_seconds: float
    predict_seconds: float


def is_seasonal(y: NDArray[np.float64], seasonality: int) -> bool:
    """Test the autocorrelation at lag m at 90 %, with Bartlett's standard error.

    ``SeasonalityTest`` of the M4 competition's benchmark code: |r_m| > 1.645 / sqrt(n) *
    sqrt(1 + 2 sum_{k<m} r_k^2); fewer than three seasons are never seasonal.
    """
    if seasonality < 2 or len(y) < 3 * seasonality:
        return False
    centred = y - y.mean()
    if not centred.any():
        return False
    r = np.array([centred[k:] @ centred[:-k] for k in range(1, seasonality + 1)])
    r /= centred @ centred
    return bool(abs(r[-1]) > Z_90 * np.sqrt((1 + 2 * (r[:-1] ** 2).sum()) / len(y)))


def naive2(y: NDArray[np.float64], seasonality: int, horizon: int) -> NDArray[np.float64]:
    """Repeat the last seasonally adjusted value and put the season back (M4's Naive2).

    The indices come from the classical multiplicative decomposition; without a season (see
    `is_seasonal`) this is the naive forecast.
    """
    if not is_seasonal(y, seasonality):
        return np.full(horizon, y[-1])
    index = seasonal_decompose(y, model="multiplicative", period=seasonality).seasonal
    ahead = index[np.arange(len(y), len(y) + horizon) % seasonality]
    return y[-1] / index[-1] * ahead


def run_naive2(task: Task) -> Outcome:
    """Forecast from one origin, the end of the training part."""
    start = perf_counter()
    forecasts = {
        name: naive2(y, task.seasonality, task.horizon)[None]
        for name, y in by_series(task.train).items()
    }
    return Outcome(forecasts, 0.0, perf_counter() - start)


def run_forecaster(model: Forecaster, task: Task) -> Outcome:
    """Fit once; at each origin take in the rows since the last one and forecast, without a refit.

    The rows to forecast are named by their stamps: holidays are not counted as steps.
    """
    start = perf_counter()
    model.fit(y=task.train)
    fitted = perf_counter()
    if task.known is not None:
        model.update(y=task.known)
    names = list(map(str, task.test.index.unique("series")))
    first = task.steps * np.arange(len(names))[:, None]  # row of test where a series starts
    forecasts, seen = [], 0
    for origin in task.origins:
        if origin:
            model.update(y=task.test.iloc[(first + np.arange(seen, origin)).ravel()])
        seen = origin
        ahead = (first + np.arange(origin, origin + task.horizon)).ravel()
        forecast = model.predict(pd.DataFrame(index=task.test.index[ahead]))
        forecasts.append(forecast.to_numpy().reshape(len(names), task.horizon))
    values = np.stack(forecasts, axis=1)  # (series, origins, horizon)
    return Outcome(dict(zip(names, values, strict=True)), fitted - start, perf_counter() - fitted)


def run_ets(task: Task) -> Outcome:
    """Forecast by ETS; series too short for it by their last value."""
    lengths = task.train.groupby(level="series", sort=False).size()
    parts = [
        run_forecaster(model, of_series(task, list(names)))
        for model, names in [
            (AutoETS(), lengths.index[lengths >= LEAST_ROWS]),
            (Naive(), lengths.index[lengths < LEAST_ROWS]),
        ]
        if len(names)
    ]
    return Outcome(
        {name: forecast for part in parts for name, forecast in part.forecasts.items()},
        sum(part.fit_seconds for part in parts),
        sum(part.predict_seconds for part in parts),
    )


def measure(dataset: str, model: str, seed: int, quick: bool, task: Task) -> dict[str, Any]:
    """Fit, forecast and score one model; OWA is still to come, it needs the row of Naive2."""
    if model in BASELINES:
        outcome = BASELINES[model](task)
    else:
        epochs = QUICK_EPOCHS if quick else "auto"
        network = NETWORKS[model](
            task.horizon, context=task.context, max_epochs=epochs, random_state=seed
        )
        outcome = run_forecaster(network, task)
    return {
        "dataset": dataset,
        "model": model,
        "seed": seed,
        **score(task, outcome.forecasts),
        "fit_seconds": outcome.fit_seconds,
        "predict_seconds": outcome.predict_seconds,
    }


def measure_all(
    task: Task,
    dataset: str,
    models: Sequence[str],
    seeds: Sequence[int],
    path: Path,
    commit: str,
    *,
    again: bool = False,
    quick: bool = False,
) -> pd.DataFrame:
    """Return one row a model and seed, each from the CSV at `path` or computed and stored there."""
    needed = ["naive2"] if "owa" in task.measures else []  # first: OWA is relative to it
    wanted = [
        (model, seed)
        for model in dict.fromkeys([*needed, *models])
        for seed in (seeds if model in NETWORKS else [0])
    ]
    again = again or commit.endswith("+dirty")  # the same mark may stand for other code
    rows: list[dict[str, Any]] = []
    for model, seed in wanted:
        key = dict(zip(KEY, (dataset, model, seed, commit), strict=True))
        row = None if again else stored_row(path, key)
        if row is None:
            row = measure(dataset, model, seed, quick, task)
            if "owa" in task.measures:
                row["owa"] = relative_to(rows[0] if rows else row, row)
            row |= {"commit": commit, **circumstances()}
            store_row(path, row, KEY, COLUMNS)
        found = ", ".join(f"{name} {row[name]:.4g}" for name in task.measures)
        print(f"{dataset} {model} seed {seed}: {found}", file=sys.stderr)
        rows.append(row)
    return pd.DataFrame(rows, columns=COLUMNS)


def relative_to(naive2: dict[str, Any], row: dict[str, Any]) -> float:
    return overall_weighted_average(
        row["smape"], row["mase"], smape_naive2=naive2["smape"], mase_naive2=naive2["mase"]
    )


def table(rows: pd.DataFrame, task: Task) -> str:
    """Lay out published rows, computed rows, and mean and deviation over the seeds."""
    judged = task.measures[-1] if "owa" in task.measures else task.measures[0]
    theirs = task.published.sort_values(judged, ascending=False) if len(task.published) else None
    ours = rows.set_index("model").assign(source="computed")
    seeded = rows["model"].isin(list(NETWORKS))
    ours["seed"] = rows["seed"].astype(str).where(seeded, "").to_numpy()
    over_seeds = []
    for model, runs in rows[seeded].groupby("model", sort=False):
        of = {"source": "computed", "seed": f"{len(runs)} seeds"}
        statistics = {"mean": runs[SCORES].mean(), "deviation": runs[SCORES].std()}
        over_seeds += [
            pd.DataFrame([{**values, **of}], index=[f"{model} {name}"])
            for name, values in statistics.items()
            if len(runs) > 1
        ]
    shown = [*task.measures, *SECONDS]
    frames = [] if theirs is None else [theirs.assign(source="published")]
    whole = pd.concat([*frames, ours, *over_seeds]).reindex(columns=["source", "seed", *shown])
    for name in shown:
        digits = 1 if name in SECONDS else 3
        whole[name] = [f"{v:.{digits}f}" if pd.notna(v) else "" for v in whole[name]]
    headings = dict(zip(SCORES, HEADINGS, strict=True))
    return whole.fillna("").rename(columns=headings).to_string()


def verdict(rows: pd.DataFrame, target: Target) -> str | None:
    """Say whether the mean over the seeds reaches a target; None where a model was not run."""
    scores = rows.groupby("model")[target.measure].mean()
    if target.model not in scores or (target.of or target.model) not in scores:
        return None
    limit, of = target.factor, ""
    if target.of is not None:
        limit *= scores[target.of]
        of = f" ({target.factor:g} x {target.of})"
    got = scores[target.model]
    reached = "reached" if got <= limit else "missed"
    return (
        f"target: mean {target.measure} of {target.model} at most {limit:.4g}{of}; "
        f"got {got:.4g}: {reached}"
    )


LEAST_ROWS = 10  # of a series, for ETS

BASELINES: dict[str, Callable[[Task], Outcome]] = {
    "naive2": run_naive2,
    "naive": lambda task: run_forecaster(Naive(), task),
    "seasonal_naive": lambda task: run_forecaster(SeasonalNaive(task.seasonality), task),
    "arima": lambda task: run_forecaster(AutoARIMA(), task),
    "ets": run_ets,
}

NETWORKS: dict[str, Callable[..., Forecaster]] = {
    "lstm": LSTMForecaster,
    "lstm_x5": partial(LSTMForecaster, n_estimators=5),
    "gru": GRUForecaster,
    "rnn": RNNForecaster,
}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--dataset", choices=DATASETS, required=True)
    parser.add_argument(
        "--models",
        nargs="+",
        choices=[*BASELINES, *NETWORKS],
        help="default: the data set's baselines and lstm",
    )
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--output", type=Path, default=ROOT / "benchmarks" / "results")
    parser.add_argument("--again", action="store_true", help="compute rows that are there already")
    parser.add_argument(
        "--quick", action="store_true", help="a few series and epochs, to see whether it runs"
    )
    asked = parser.parse_args(arguments)
    task, name = DATASETS[asked.dataset](), asked.dataset
    if asked.quick:
        task, name = shortened(task), f"{name}-quick"
    rows = measure_all(
        task,
        name,
        asked.models or [*task.baselines, "lstm"],
        asked.seeds,
        asked.output / "accuracy.csv",
        current_commit(),
        again=asked.again,
        quick=asked.quick,
    )
    print(table(rows, task))
    for target in task.targets:
        if line := verdict(rows, target):
            print(line)


if __name__ == "__main__":
    main()
