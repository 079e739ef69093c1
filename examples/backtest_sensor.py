"""A sensor a day ahead: LSTM, gradient boosting, ARIMA, exponential smoothing and naive forecasts.

Copy this script and put your own readings in the place of the sea surface temperature. All models
get the same rows of the same folds, an origin a day; the naive forecasts, last value and last day,
are the bar. The gradient boosting reads the same lags as a windowed network would.
"""

from __future__ import annotations

import argparse

from sklearn.ensemble import HistGradientBoostingRegressor

from tsrnn import (
    AutoARIMA,
    AutoETS,
    ExpandingWindowSplit,
    LSTMForecaster,
    SeasonalNaive,
    WindowForecaster,
    audit_leakage,
    backtest,
)
from tsrnn.datasets import load_sea_surface_temperature

HORIZON = 24  # hours


def main(quick: bool = False, report: str | None = None, plot: str | None = None) -> None:
    """Backtest the buoy; ``quick`` takes fewer hours and epochs, as the tests do."""
    # Hourly means; hours without a reading stay missing. No model minds.
    readings = load_sea_surface_temperature().resample("h").mean()
    readings = readings.rename("temperature").iloc[-24 * (20 if quick else 250) :]
    lstm = LSTMForecaster(HORIZON, max_epochs=2 if quick else "auto", random_state=0)
    trees = HistGradientBoostingRegressor(max_iter=10 if quick else 100, random_state=0)
    models = {
        "lstm": lstm,
        "boosting": WindowForecaster(trees, horizon=HORIZON),
        "arima": AutoARIMA(),
        "ets": AutoETS(),
        "last day": SeasonalNaive(),
    }
    n_folds = 3 if quick else 60
    # The folds before anything is fitted: one origin a day, whatever hours are missing.
    splitter = ExpandingWindowSplit(n_folds, horizon="1 day", step="1 day")
    print(splitter)

    result = backtest(
        models, y=readings, horizon=HORIZON, n_folds=n_folds, step="1 day", refit="none"
    )
    columns = ["MASE", "MAE", "skill_%", "skill_seasonal_%", "dm_p", "mcs_p", "coverage_80"]
    print(result.summary()[columns].round(3))
    print(result.verdict())
    for sentence in result.warnings():
        print(sentence)
    by_step = result.scores["step"].query("step in (1, 6, 12, 24)")
    print(by_step.pivot_table("MAE", "model", "step", sort=False).round(2))

    # What the loop costs: seconds of a fit, milliseconds of a forecast, memory.
    print(result.summary()[["fit_s", "predict_ms", "peak_mb"]].round(1))
    audit = audit_leakage(lstm, None, readings, cv=ExpandingWindowSplit(2, horizon=HORIZON))
    print(audit)
    if report:
        print(result.to_html(report, audit=audit))
    if plot:
        result.plot().figure.savefig(plot)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="few rows and epochs, as in the tests")
    parser.add_argument("--report", metavar="FILE", help="write the report, one HTML page")
    parser.add_argument("--plot", metavar="FILE", help="draw the last folds")
    main(**vars(parser.parse_args()))
