"""Power of a household, where the calendar says what a person would look at: hour, weekday, season.

Features made of the time stamps are known as far ahead as one likes. With ``calendar="auto"`` those
are taken that the step of the series has room for and that repeat within it; a list of names takes
exactly these; ``chosen_["calendar"]`` says what they became.

What comes out: minutes become hours, missing ones stay missing; the next day with an interval; and
a backtest with and without the calendar, beside the last day and the last week repeated. Do not
expect much of the calendar here: every network already has the seasons of a day and a week, which
are found in the data.
"""

from __future__ import annotations

import argparse

from tsrnn import LSTMForecaster, SeasonalNaive, backtest
from tsrnn.datasets import fetch_household_power

DAY = 24  # hours
LEAST = 30  # minutes with a reading that make an hourly mean


def main(quick: bool = False, plot: str | None = None) -> None:
    """Forecast the power of the next day; ``quick`` takes fewer hours and epochs."""
    minutes = fetch_household_power()["Global_active_power"]  # kW
    # An hour with less than half of its readings is left missing rather than guessed.
    by_hour = minutes.resample("h")
    power = by_hour.mean().where(by_hour.count() >= LEAST).rename("kW")
    power = power.iloc[-DAY * (40 if quick else 750) :]  # two years, for the day of the year
    print(f"{len(power)} hours, {power.isna().sum()} of them missing")

    options = {"max_epochs": 2 if quick else "auto", "random_state": 0}
    lstm = LSTMForecaster(DAY, calendar="auto", **options).fit(y=power)
    forecast = lstm.predict_interval(0.8).assign(forecast=lstm.predict())
    print(forecast.iloc[2::6].round(2))
    for name in ("calendar", "seasonality", "scaling", "hidden_size"):
        print(f"{name}: {lstm.chosen_[name].value} ({lstm.chosen_[name].reason})")

    # Each fold is a day; the networks are fitted once and then told each day as it comes, which is
    # how such a model is used. Over eight weeks every weekday is there eight times.
    models = {
        "calendar": lstm,
        "hour only": LSTMForecaster(DAY, calendar=["hour"], **options),
        "no calendar": LSTMForecaster(DAY, **options),
        "last day": SeasonalNaive(seasonality=DAY),
        "last week": SeasonalNaive(seasonality=7 * DAY),
    }
    result = backtest(models, y=power, horizon=DAY, n_folds=3 if quick else 56, refit="none")
    print(result.summary()[["MASE", "MAE", "RMSE", "skill_%", "dm_p", "fit_s"]].round(3))
    print(result.verdict())
    # The forecast errors in a tidy frame: at which hours is this household hard to foresee?
    errors = result.forecasts.query("model == 'calendar'")
    missed = (errors["y_true"] - errors["y_pred"]).abs().groupby(errors["time"].dt.hour).mean()
    print(f"hardest hour: {missed.idxmax()}:00, MAE {missed.max():.2f} kW")
    if plot:
        result.plot().figure.savefig(plot)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="few rows and epochs, as in the tests")
    parser.add_argument("--plot", metavar="FILE", help="draw the last folds of the backtest")
    main(**vars(parser.parse_args()))
