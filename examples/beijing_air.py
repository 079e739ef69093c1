"""Fine dust in Beijing with the weather: measured (past only), and forecast (as of its origin).

Tomorrow's weather would help to forecast tomorrow's dust, but it is not known. Two ways are honest:
use the weather up to now, or what had been forecast of tomorrow's. An ``AsOf`` holds forecasts:
each row says which time it is about and when it was issued, and each origin, in ``fit``, in
``predict`` and in ``backtest``, sees only what had been issued by then.

The data set has no old weather forecasts, so this script makes simple ones: every midnight, for
each hour of the next two days, the mean of the last reading (persistence) and of the reading at the
same hour of the past day. With a weather service in its place, the rest would stay the same.

What comes out: a check that forecasts rest on what was known, the next day with an interval, and a
backtest of both ways beside no weather, simple forecasts, and the usual leak: weather that came.
"""

from __future__ import annotations

import argparse

import numpy as np
import pandas as pd

from tsrnn import AsOf, LSTMForecaster, Naive, SeasonalNaive, backtest
from tsrnn.datasets import fetch_beijing_pm25

DAY = 24  # hours
WEATHER = ["DEWP", "TEMP", "PRES"]  # dew point and temperature (degrees Celsius), pressure (hPa)


def weather_vintages(weather: pd.DataFrame) -> pd.DataFrame:
    """Return what was said about each hour, and when: two forecasts, then the reading."""
    # A reading is a vintage too: about its own hour, and issued in it.
    parts = [weather.assign(issued=weather.index).reset_index(names="hour")]
    midnights = weather.index[weather.index.hour == 0][1:]
    for ahead in range(1, 2 * DAY + 1):
        same_hour = midnights + pd.Timedelta(hours=(ahead - 1) % DAY + 1 - DAY)
        said = (weather.loc[midnights].to_numpy() + weather.loc[same_hour].to_numpy()) / 2
        about = midnights + pd.Timedelta(hours=ahead)
        parts.append(pd.DataFrame(said, columns=WEATHER).assign(hour=about, issued=midnights))
    return pd.concat(parts, ignore_index=True)


def main(quick: bool = False, plot: str | None = None) -> None:
    """Forecast the dust of the next day; ``quick`` takes fewer hours and epochs."""
    hours = fetch_beijing_pm25().iloc[-40 * DAY if quick else -600 * DAY :]
    dust = hours["pm2.5"]  # some readings are missing: they stay missing
    vintages = weather_vintages(hours[WEATHER])
    known = AsOf(vintages, target_time="hour", issue_time="issued")
    options = {"max_epochs": 2 if quick else "auto", "random_state": 0}
    lstm = LSTMForecaster(DAY, **options)

    # Fit up to the evening before the last day. Rows meant are those of y.
    train, test = dust.iloc[:-DAY], dust.iloc[-DAY:]
    lstm.fit(known.reindex(train.index), train)
    forecast = lstm.predict(known.reindex(test.index))
    # What the origin knew, by hand: of each hour the newest vintage issued by then.
    origin = train.index[-1]
    issued = vintages[vintages["issued"] <= origin].sort_values("issued").groupby("hour").last()
    assert np.array_equal(known.values(test.index, origin), issued.loc[test.index, WEATHER])
    assert issued.loc[test.index, "issued"].max() == origin.normalize()  # midnight, 23 hours ago
    # The forecast rests on nothing else: without the later vintages it is the same to the bit.
    assert forecast.equals(lstm.predict(known.until(origin).reindex(test.index)))
    print(f"at {origin} the weather forecast of {origin.normalize()} was known, and used")

    interval = lstm.predict_interval(0.8, known.reindex(test.index))
    print(interval.assign(forecast=forecast, came=test).iloc[5::6].round(1))
    for name in ("seasonality", "scaling", "transform"):
        print(f"{name}: {lstm.chosen_[name].value} ({lstm.chosen_[name].reason})")

    # "hindsight" is the leak: readings of the weather passed as if they were known in advance.
    folds = {"horizon": DAY, "n_folds": 2 if quick else 60, "refit": 30}
    measured = LSTMForecaster(DAY, past_only=WEATHER, **options)
    others = {"no weather": lstm, "last day": SeasonalNaive(), "last value": Naive()}
    results = [
        backtest({"weather as forecast": lstm}, known.reindex(dust.index), dust, **folds),
        backtest({"weather up to now": measured}, hours[WEATHER], dust, **folds),
        backtest({"hindsight": lstm}, hours[WEATHER], dust, **folds),
        backtest(others, y=dust, **folds),
    ]
    table = pd.concat([result.summary() for result in results]).sort_values("MAE")
    print(table[["MAE", "RMSE", "MASE", "skill_%", "dm_p"]].round(3))
    if plot:
        results[0].plot().figure.savefig(plot)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="few rows and epochs, as in the tests")
    parser.add_argument("--plot", metavar="FILE", help="draw the last folds of the backtest")
    main(**vars(parser.parse_args()))
