"""How accurate is a forecaster with its defaults on public panels of series?

One network is trained on all series of a data set, forecasts the test part once, and is scored by
the competition's own definitions beside the naive forecasts and the published rows:

    TSRNN_DATA=../shared/data python benchmarks/accuracy.py --dataset m4-hourly

Rows go to ``accuracy.csv`` in ``--output``. Those that are there for the same commit are not
computed again, unless ``--again`` is given or the tree has changes that are not committed.
The test part is looked at for the scores only: no default may be tuned by what comes out here.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from statsmodels.tsa.seasonal import seasonal_decompose

import tsrnn
from tsrnn import GRUForecaster, LSTMForecaster, Naive, RNNForecaster, SeasonalNaive
from tsrnn.base import Forecaster
from tsrnn.datasets import fetch_m4_hourly, fetch_m4_published
from tsrnn.metrics import (
    mean_absolute_scaled_error,
    overall_weighted_average,
    symmetric_mean_absolute_percentage_error,
)

ROOT = Path(__file__).resolve().parents[1]
Z_90 = 1.645  # two-sided 90 % point of the normal distribution, as rounded by the competition
QUICK_SERIES, QUICK_EPOCHS = 5, 2
KEY = ["dataset", "model", "seed", "commit"]
SCORES = ["smape", "mase", "owa", "fit_seconds", "predict_seconds"]
VERSIONS = ["python", "torch", "tsrnn"]
COLUMNS = ["dataset", "model", "seed", *SCORES, "commit", *VERSIONS, "machine", "date"]
# Rows of the published table to print; numbers are the competitors' ids.
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


class Task(NamedTuple):
    """A data set as it is forecast and scored."""

    train: pd.Series  # MultiIndex (series, time)
    test: pd.Series  # the next `horizon` steps of the same series
    seasonality: int  # steps; scales MASE, and the season of the naive forecasts
    horizon: int
    published: pd.DataFrame  # index: method; columns smape, mase, owa
    target: float | None  # mean OWA that the default LSTM should not exceed


class Outcome(NamedTuple):
    """What a model forecast for each series, and how long it took."""

    forecasts: dict[str, NDArray[np.float64]]  # (horizon,) each
    fit_seconds: float
    predict_seconds: float


def m4_hourly() -> Task:
    train, test = fetch_m4_hourly()
    scores = fetch_m4_published().loc[list(M4_METHODS)]
    published = pd.DataFrame(
        {measure.lower(): scores[measure, "Hourly"] for measure in ("sMAPE", "MASE", "OWA")}
    ).rename(index=M4_METHODS)
    return Task(train, test, seasonality=24, horizon=48, published=published, target=0.46)


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


def score(task: Task, forecasts: dict[str, NDArray[np.float64]]) -> tuple[float, float]:
    """Return sMAPE (%) and MASE, each averaged over the steps, then over the series."""
    train, test = _by_series(task.train), _by_series(task.test)
    smape = [
        symmetric_mean_absolute_percentage_error(y, forecasts[name]) for name, y in test.items()
    ]
    mase = [
        mean_absolute_scaled_error(
            y, forecasts[name], y_train=train[name], seasonality=task.seasonality
        )
        for name, y in test.items()
    ]
    return float(np.mean(smape)), float(np.mean(mase))


def run_naive2(task: Task) -> Outcome:
    start = perf_counter()
    forecasts = {
        name: naive2(y, task.seasonality, task.horizon)
        for name, y in _by_series(task.train).items()
    }
    return Outcome(forecasts, 0.0, perf_counter() - start)


def run_forecaster(model: Forecaster, task: Task) -> Outcome:
    start = perf_counter()
    model.fit(y=task.train)
    fitted = perf_counter()
    forecast = model.predict(horizon=task.horizon)
    done = perf_counter()
    return Outcome(_by_series(forecast.loc[task.test.index]), fitted - start, done - fitted)


def measure(dataset: str, model: str, seed: int, quick: bool, task: Task) -> dict[str, Any]:
    """Fit, forecast and score one model; OWA is still to come, it needs the row of Naive2."""
    if model in BASELINES:
        outcome = BASELINES[model](task)
    else:
        epochs = QUICK_EPOCHS if quick else "auto"
        network = NETWORKS[model](task.horizon, max_epochs=epochs, random_state=seed)
        outcome = run_forecaster(network, task)
    smape, mase = score(task, outcome.forecasts)
    return {
        "dataset": dataset,
        "model": model,
        "seed": seed,
        "smape": smape,
        "mase": mase,
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
    wanted = [(model, 0) for model in BASELINES]  # Naive2 first: OWA is relative to it
    wanted += [(model, seed) for model in models for seed in seeds]
    again = again or commit.endswith("+dirty")  # the same mark may stand for other code
    rows: list[dict[str, Any]] = []
    for model, seed in wanted:
        key = dict(zip(KEY, (dataset, model, seed, commit), strict=True))
        row = None if again else stored_row(path, key)
        if row is None:
            row = measure(dataset, model, seed, quick, task)
            reference = rows[0] if rows else row
            row["owa"] = overall_weighted_average(
                row["smape"],
                row["mase"],
                smape_naive2=reference["smape"],
                mase_naive2=reference["mase"],
            )
            row |= {"commit": commit, **circumstances()}
            store_row(path, row)
        print(f"{dataset} {model} seed {seed}: OWA {row['owa']:.3f}", file=sys.stderr)
        rows.append(row)
    return pd.DataFrame(rows, columns=COLUMNS)


def stored_row(path: Path, key: dict[str, Any]) -> dict[str, Any] | None:
    if not path.exists():
        return None
    frame = _stored(path)
    found = _matching(frame, key)
    return dict(frame[found].iloc[-1]) if found.any() else None


def store_row(path: Path, row: dict[str, Any]) -> None:
    """Write the row into the CSV, in the place of one with the same key."""
    frame = pd.DataFrame([row], columns=COLUMNS)
    if path.exists():
        stored = _stored(path)
        frame = pd.concat([stored[~_matching(stored, row)], frame])
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".part")  # an interruption must not lose the rows so far
    frame.to_csv(unfinished, index=False, float_format="%.6g")
    unfinished.replace(path)


def circumstances() -> dict[str, Any]:
    cores, threads = os.cpu_count(), torch.get_num_threads()
    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "tsrnn": tsrnn.__version__,
        "machine": f"{platform.machine()} {cores} cores {threads} threads",
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
    }


def current_commit() -> str:
    """Return the commit, marked where the package or the benchmarks differ from it."""
    if not (ROOT / ".git").exists():
        return "unknown+dirty"
    commit = _git("rev-parse", "--short=12", "HEAD")
    changed = _git("status", "--porcelain", "--", "tsrnn", "benchmarks/*.py")
    return f"{commit}+dirty" if changed else commit


def table(rows: pd.DataFrame, published: pd.DataFrame) -> str:
    """Lay out published rows, computed rows, and mean and deviation over the seeds."""
    theirs = published.sort_values("owa", ascending=False).assign(source="published")
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
    whole = pd.concat([theirs, ours, *over_seeds])[["source", "seed", *SCORES]]
    for name in SCORES:
        digits = 1 if name.endswith("seconds") else 3
        whole[name] = [f"{v:.{digits}f}" if pd.notna(v) else "" for v in whole[name]]
    headings = dict(zip(SCORES, ["sMAPE", "MASE", "OWA", "fit s", "predict s"], strict=True))
    return whole.fillna("").rename(columns=headings).to_string()


def verdict(rows: pd.DataFrame, target: float) -> str:
    owa = rows.loc[rows["model"] == "lstm", "owa"].mean()
    reached = "reached" if owa <= target else "missed"
    return f"target: mean OWA of lstm at most {target}; got {owa:.3f}: {reached}"


def shortened(task: Task) -> Task:
    """Keep the first few series; the published rows do not hold for them."""
    few = task.test.index.unique("series")[:QUICK_SERIES]
    return task._replace(
        train=task.train.loc[few],
        test=task.test.loc[few],
        published=task.published.iloc[:0],
        target=None,
    )


def _by_series(panel: pd.Series) -> dict[str, NDArray[np.float64]]:
    groups = panel.groupby(level="series", sort=False)
    return {str(name): values.to_numpy(dtype=float) for name, values in groups}


def _stored(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, dtype={"commit": str})  # a commit may look like a number


def _matching(frame: pd.DataFrame, key: dict[str, Any]) -> pd.Series:
    return (frame[KEY] == pd.Series({name: key[name] for name in KEY})).all(axis=1)


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.strip()


DATASETS: dict[str, Callable[[], Task]] = {"m4-hourly": m4_hourly}

BASELINES: dict[str, Callable[[Task], Outcome]] = {
    "naive2": run_naive2,
    "naive": lambda task: run_forecaster(Naive(), task),
    "seasonal_naive": lambda task: run_forecaster(SeasonalNaive(task.seasonality), task),
}

NETWORKS = {"lstm": LSTMForecaster, "gru": GRUForecaster, "rnn": RNNForecaster}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--dataset", choices=DATASETS, required=True)
    parser.add_argument("--models", nargs="+", choices=NETWORKS, default=["lstm"])
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
        asked.models,
        asked.seeds,
        asked.output / "accuracy.csv",
        current_commit(),
        again=asked.again,
        quick=asked.quick,
    )
    print(table(rows, task.published))
    if task.target is not None and "lstm" in asked.models:
        print(verdict(rows, task.target))


if __name__ == "__main__":
    main()
