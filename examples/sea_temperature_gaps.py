"""Sea temperature from a buoy, with gaps: short ones, long ones, and a third of it thrown away.

Real sensors fail. Nothing is filled in here: steps without a reading are found by the calendar
that is learnt from the time stamps, shown to the network as missing, and left out of the loss.

What comes out: the forecast of the next day with an interval; the forecast of a day that begins
after a gap of twelve hours; what it costs to lose 30 % of all readings; and what ``max_gap`` does
with gaps too long to be bridged.
"""

from __future__ import annotations

import argparse

import numpy as np
import pandas as pd

from tsrnn import LSTMForecaster, Naive, SeasonalNaive
from tsrnn.datasets import load_sea_surface_temperature

DAY = 24  # hours


def daily_errors(model: LSTMForecaster | Naive | SeasonalNaive, future: pd.Series) -> float:
    """Return the mean absolute error of forecasts of a day each, day after day, without a refit."""
    errors = []
    for start in range(0, len(future) - DAY + 1, DAY):
        day = future.iloc[start : start + DAY]
        # The index of an X without columns says which rows are meant.
        errors.append((model.predict(day.to_frame()[[]]) - day).abs())
        model.update(y=day)
    return float(pd.concat(errors).mean())


def main(quick: bool = False, plot: str | None = None) -> None:
    """Forecast the buoy's temperature; ``quick`` takes fewer hours and epochs."""
    # Hourly means; hours without a reading are dropped rather than filled, as in a log file.
    hourly = load_sea_surface_temperature().resample("h").mean().dropna()
    if quick:
        hourly = hourly.loc["2016-06-20":"2016-07-20"]
    gaps = hourly.index.to_series().diff()
    print(f"{len(hourly)} hours; longest gap {gaps.max()}, before {gaps.idxmax()}")

    options = {"max_epochs": 2 if quick else "auto", "random_state": 0}
    lstm = LSTMForecaster(DAY, **options).fit(y=hourly)
    forecast = lstm.predict_interval(0.9).assign(forecast=lstm.predict())
    print(forecast[["lower", "forecast", "upper"]].iloc[[0, DAY - 1]].round(2))
    for name in ("seasonality", "segment", "context"):
        print(f"{name}: {lstm.chosen_[name].value} ({lstm.chosen_[name].reason})")

    # Rows may be asked for across a gap: fit on what came before it, ask for the day behind it.
    resumed = int(gaps.argmax())
    before, after = hourly.iloc[:resumed], hourly.iloc[resumed : resumed + DAY]
    across = LSTMForecaster(DAY, **options).fit(y=before).predict(after.to_frame()[[]])
    naive = (before.iloc[-1] - after).abs().mean()
    error = (across - after).abs().mean()
    print(f"the day after the gap: MAE {error:.2f}, last value {naive:.2f} degrees")

    # A hold-out: two months of summer. (In winter the water hardly knows day from night, and the
    # last value is hard to beat.) 30 % of the readings of training are thrown away; the test part
    # stays whole, so that errors can be compared. Each model goes through it day by day.
    test = hourly.iloc[-5 * DAY :] if quick else hourly.loc["2016-08-01":"2016-09-30"]
    train = hourly[hourly.index < test.index[0]]
    lost = np.random.default_rng(0).random(len(train)) < 0.3
    rows = {}
    for name, y in {"all readings": train, "30 % lost": train[~lost]}.items():
        models = {"lstm": lstm, "last value": Naive(), "last day": SeasonalNaive()}
        rows[name] = {kind: daily_errors(m.fit(y=y), test) for kind, m in models.items()}
    print(pd.DataFrame(rows).T.round(3))

    # With max_gap the state is not carried over longer gaps: what comes after is a series of its
    # own, for sensors that come back changed. Compare the error with that of "all readings".
    cut = LSTMForecaster(DAY, max_gap=6, **options).fit(y=train)
    print(f"with max_gap=6: {daily_errors(cut, test):.3f}")
    if plot:
        axes = hourly.iloc[-5 * DAY :].plot()
        forecast["forecast"].plot(ax=axes)
        axes.fill_between(forecast.index, forecast["lower"], forecast["upper"], alpha=0.3)
        axes.figure.savefig(plot)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="few rows and epochs, as in the tests")
    parser.add_argument("--plot", metavar="FILE", help="draw the forecast of the next day")
    main(**vars(parser.parse_args()))
