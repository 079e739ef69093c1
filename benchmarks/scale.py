"""How long and how much memory do large data take?

Each question runs in a process of its own, so that its peak memory is its own:

    TSRNN_DATA=../shared/data python benchmarks/scale.py

- ``household hours``: fit the hourly means of a household's power, four years of them.
- ``household minutes``: fit a month of its minutes, take in the other two million, forecast.
- ``panel``: fit 1,000 series of 1,000 points each, forecast all.
- ``stream``: readings one at a time, after a thousand rows and after a hundred thousand.

Rows go to ``scale.csv`` in ``--output``, with the commit, the machine and the versions.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from time import perf_counter

import numpy as np
import pandas as pd
from measured import ROOT, circumstances, current_commit

from tsrnn import LSTMForecaster
from tsrnn.datasets import fetch_household_power

MONTH = 30 * 24 * 60  # minutes
GIGABYTE = 2**20  # ru_maxrss counts in KiB


def household_hours(quick: bool) -> dict[str, float]:
    hours = power(quick).resample("h").mean()
    model, seconds = timed(lambda: LSTMForecaster(24, random_state=0).fit(y=hours))
    _, ahead = timed(model.predict)
    return {"rows": len(hours), "fit_s": seconds, "predict_ms": 1000 * ahead}


def household_minutes(quick: bool) -> dict[str, float]:
    minutes = power(quick)
    first, rest = minutes.iloc[:MONTH], minutes.iloc[MONTH:]
    model, seconds = timed(lambda: LSTMForecaster(60, random_state=0).fit(y=first))
    _, taken_in = timed(lambda: model.update(y=rest))
    forecast, ahead = timed(model.predict)
    assert np.isfinite(forecast).all()
    return {
        "rows": len(minutes),
        "fit_s": seconds,
        "update_s": taken_in,
        "predict_ms": 1000 * ahead,
    }


def panel(quick: bool) -> dict[str, float]:
    n, length = (20, 200) if quick else (1000, 1000)
    rng, t = np.random.default_rng(0), np.arange(length)
    week = np.sin(2 * np.pi * t / 7 + rng.uniform(0, 6, size=(n, 1)))
    walk = np.cumsum(0.1 * rng.normal(size=(n, length)), axis=1)
    values = 10 + 5 * rng.normal(size=(n, 1)) + week + walk + 0.3 * rng.normal(size=(n, length))
    days = pd.date_range("2020-01-01", periods=length)
    index = pd.MultiIndex.from_product([range(n), days], names=["series", "time"])
    y = pd.Series(values.ravel(), index=index)
    model, seconds = timed(lambda: LSTMForecaster(14, random_state=0).fit(y=y))
    _, ahead = timed(model.predict)
    return {"rows": len(y), "fit_s": seconds, "predict_ms": 1000 * ahead}


def stream(quick: bool) -> dict[str, float]:
    early, late, some = 1000, 2000 if quick else 100_000, 50
    index = pd.date_range("2020-01-01", periods=late + some, freq="h")
    wave = np.sin(np.arange(len(index)) * 2 * np.pi / 24)
    y = pd.Series(wave + 0.1 * np.random.default_rng(0).normal(size=len(index)), index=index)
    model, seconds = timed(lambda: LSTMForecaster(24, random_state=0).fit(y=y[:early]))
    answer = {"rows": len(y), "fit_s": seconds}
    for name, start in (("early", early), ("late", late)):
        if name == "late":
            model.update(y=y[early + some : late])
        _, updates = timed(
            lambda a=start: [model.update(y=y[i : i + 1]) for i in range(a, a + some)]
        )
        _, forecasts = timed(lambda: [model.predict() for _ in range(some)])
        answer |= {f"update_{name}_ms": 1000 * updates / some}
        answer |= {f"predict_{name}_ms": 1000 * forecasts / some}
    return answer


def power(quick: bool) -> pd.Series:
    minutes = fetch_household_power()["Global_active_power"]
    return minutes.iloc[: 2 * MONTH] if quick else minutes


def timed(work: Callable) -> tuple:
    """Return what work gives and the seconds it takes."""
    started = perf_counter()
    return work(), perf_counter() - started


QUESTIONS: dict[str, Callable[[bool], dict[str, float]]] = {
    "household hours": household_hours,
    "household minutes": household_minutes,
    "panel": panel,
    "stream": stream,
}


def answer(question: str, quick: bool) -> dict[str, float]:
    """Answer in a process of its own; ``peak_gb`` is the largest memory it held."""
    flags = ["--here", "--quick"] if quick else ["--here"]
    command = [sys.executable, __file__, *flags, "--questions", question]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}  # this checkout, installed or not
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    return json.loads(done.stdout)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--questions", nargs="+", choices=QUESTIONS, default=list(QUESTIONS))
    parser.add_argument("--output", type=Path, default=ROOT / "benchmarks" / "results")
    parser.add_argument("--quick", action="store_true", help="few rows, to see whether it runs")
    parser.add_argument("--here", action="store_true", help="answer one question in this process")
    asked = parser.parse_args(arguments)
    if asked.here:
        found = QUESTIONS[asked.questions[0]](asked.quick)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / GIGABYTE
        print(json.dumps(found | {"peak_gb": peak}))
        return
    path, commit = asked.output / "scale.csv", current_commit()
    for question in asked.questions:
        found = {"question": question} | answer(question, asked.quick)
        row = pd.DataFrame([found | {"commit": commit} | circumstances()])
        before = pd.read_csv(path) if path.exists() else row[:0]
        kept = before[(before["question"] != question) | (before["commit"] != commit)]
        path.parent.mkdir(parents=True, exist_ok=True)
        pd.concat([kept, row], ignore_index=True).to_csv(path, index=False, float_format="%.6g")
        print(
            "  ".join(
                f"{name} {value:.4g}" if name != "question" else f"{value}:"
                for name, value in found.items()
            )
        )


if __name__ == "__main__":
    main()
