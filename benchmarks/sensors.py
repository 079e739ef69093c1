"""Which model forecasts sensors best: an LSTM, ARIMA, exponential smoothing, boosting, last season?

Four sensors, the same folds for all models: fitted on what came before the test part, then given
each new row, never refitted; an origin a day (for the machine: an hour) over the last fifth:

    TSRNN_DATA=../shared/data python benchmarks/sensors.py

The gradient boosting reads lag windows of the same rows (``WindowForecaster``). All models have
their defaults; the test part is looked at for the scores only. Rows go to ``sensors.csv`` in
``--output``; those that are there for the same commit are not computed again, unless ``--again``
is given or the tree has changes that are not committed. A data set's models are backtested
together, so that the tests compare them; an interrupted run goes on where it was.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
from measured import CIRCUMSTANCES, ROOT, circumstances, current_commit, store_row, stored_row
from sklearn.ensemble import HistGradientBoostingRegressor

from tsrnn import (
    AutoARIMA,
    AutoETS,
    LSTMForecaster,
    SeasonalNaive,
    Theta,
    WindowForecaster,
    backtest,
)
from tsrnn.datasets import (
    fetch_beijing_pm25,
    fetch_ett,
    fetch_household_power,
    fetch_nab,
)

TEST_SHARE = 0.2
QUICK_ROWS, QUICK_FOLDS = 600, 3
KEY = ["dataset", "model", "seed", "commit"]
SCORES = ["MASE", "MAE", "RMSE", "WQL", "coverage_80", "skill_%", "skill_seasonal_%"]
SCORES += ["dm_p", "mcs_p", "fit_s", "predict_ms", "folds"]
COLUMNS = [*KEY[:-1], *SCORES, "commit", *CIRCUMSTANCES]


class Sensor(NamedTuple):
    """A series, how far ahead it is forecast, and how often."""

    load: Callable[[], pd.Series]
    horizon: int  # steps
    step: int  # steps from an origin to the next
    seasonality: int  # steps


def household() -> pd.Series:
    """Hourly means of the power in kW, NaN where no minute was read."""
    minutes = fetch_household_power()["Global_active_power"]
    return minutes.resample("h").mean().rename("power")


SENSORS = {
    "beijing-pm25": Sensor(lambda: fetch_beijing_pm25()["pm2.5"], 24, 24, 24),
    "household-power": Sensor(household, 24, 24, 24),
    "etth1": Sensor(lambda: fetch_ett("ETTh1")["OT"], 24, 24, 24),
    "nab-machine": Sensor(lambda: fetch_nab("machine_temperature_system_failure"), 12, 12, 288),
}


def models(horizon: int, seasonality: int, seed: int, quick: bool) -> dict[str, Any]:
    trees = HistGradientBoostingRegressor(max_iter=10 if quick else 100, random_state=seed)
    epochs = 2 if quick else "auto"
    return {
        "lstm": LSTMForecaster(horizon, max_epochs=epochs, random_state=seed),
        "boosting": WindowForecaster(trees, horizon=horizon),
        "arima": AutoARIMA(),
        "ets": AutoETS(),
        "theta": Theta(),
        "seasonal_naive": SeasonalNaive(seasonality),
    }


def measure(name: str, seed: int, quick: bool, checkpoint: Any) -> pd.DataFrame:
    """Backtest one sensor and print what came out."""
    sensor = SENSORS[name]
    y = sensor.load().iloc[-QUICK_ROWS if quick else 0 :]
    y = y.loc[y.first_valid_index() :]
    n_folds = QUICK_FOLDS if quick else int(TEST_SHARE * len(y)) // sensor.step
    result = backtest(
        models(sensor.horizon, sensor.seasonality, seed, quick),
        y=y,
        horizon=sensor.horizon,
        n_folds=n_folds,
        step=sensor.step,
        refit="none",
        seasonality=sensor.seasonality,
        checkpoint=checkpoint,
    )
    print(f"\n{name}: {len(y):,} rows, {sensor.horizon} steps ahead from {n_folds} origins")
    print(result.summary()[SCORES].to_string(float_format="{:.4g}".format))
    print(result.verdict(), *result.warnings(), sep="\n")
    return result.summary()


def main(datasets: Sequence[str], output: Path, seed: int, quick: bool, again: bool) -> None:
    """Measure each data set once a commit."""
    path, commit = output / "sensors.csv", current_commit()
    for name in datasets:
        key = {"dataset": name, "seed": seed, "commit": commit}
        if not (again or commit.endswith("dirty")) and stored_row(path, key):
            print(f"{name}: measured already")
            continue
        checkpoint = Path(tempfile.gettempdir()) / f"tsrnn-sensors-{commit}"
        summary = measure(name, seed, quick, None if again else checkpoint)
        for model, row in summary.iterrows():
            store_row(path, key | {"model": model} | row.to_dict() | circumstances(), KEY, COLUMNS)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--dataset", action="append", choices=SENSORS, help="default: all")
    parser.add_argument("--output", type=Path, default=ROOT / "benchmarks" / "results")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help="few rows and epochs, as in the tests")
    parser.add_argument("--again", action="store_true", help="measure again what is there")
    arguments = parser.parse_args()
    main(
        arguments.dataset or list(SENSORS),
        arguments.output,
        arguments.seed,
        arguments.quick,
        arguments.again,
    )
