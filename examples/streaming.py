"""Readings that arrive one at a time: forecast, take in the reading, forecast again.

``update`` takes in new readings without training, in time that depends on how many are new and not
on how many there have been; ``predict`` then starts after the last of them. With the default
context it reads the last 64 segments, so a step stays as cheap as it was, however long the stream.
Nothing is lost: the forecast is that of the same model given all the readings at once.

What comes out: the time of a step, early and late in the stream; the largest difference between
the two ways; the error and the coverage of the forecasts made on the way, each before its reading;
and how training goes on from the weights there are (``partial_fit``).
"""

from __future__ import annotations

import argparse
from copy import deepcopy
from time import perf_counter

import numpy as np
import pandas as pd

from tsrnn import GRUForecaster
from tsrnn.datasets import load_sea_surface_temperature

HORIZON = 6  # hours


def main(quick: bool = False, plot: str | None = None) -> None:
    """Run through the readings of a buoy; ``quick`` takes fewer hours and epochs."""
    hourly = load_sea_surface_temperature().resample("h").mean()
    n_train, n_stream = (300, 40) if quick else (3_000, 1_000)
    history, stream = hourly.iloc[:n_train], hourly.iloc[n_train : n_train + n_stream]

    gru = GRUForecaster(HORIZON, max_epochs=2 if quick else "auto", random_state=0)
    gru.fit(y=history)
    for name in ("seasonality", "segment", "context"):
        print(f"{name}: {gru.chosen_[name].value} ({gru.chosen_[name].reason})")
    at_once = deepcopy(gru)  # as fitted, to be given everything in one go

    steps, seconds = [], []
    for k in range(n_stream):
        began = perf_counter()
        # What an application would do at each hour: an interval for the next hours, then the
        # reading. A row keeps its stamp, so a late one (a gap) is seen as such.
        ahead = gru.predict_interval(0.8)
        forecast = gru.predict()
        gru.update(y=stream.iloc[[k]])
        seconds.append(perf_counter() - began)
        steps.append((forecast.iloc[0], *ahead.iloc[0]))
    table = pd.DataFrame(steps, stream.index, ["forecast", "lower", "upper"])
    tenth = n_stream // 10
    early, late = (1e3 * np.median(part) for part in (seconds[:tenth], seconds[-tenth:]))
    print(f"a step takes {early:.1f} ms at the start and {late:.1f} ms {n_stream} readings later")

    began = perf_counter()
    at_once.update(y=stream)
    whole, piecewise = at_once.predict(), gru.predict()
    assert whole.index.equals(piecewise.index)
    print(f"all at once: {1e3 * (perf_counter() - began):.1f} ms")
    difference = float((whole - piecewise).abs().max())
    assert difference < 1e-6, difference
    print(f"largest difference of forecasts, one at a time and at once: {difference:.0e} degrees")

    # One hour ahead, each forecast made before its reading came.
    error = (table["forecast"] - stream).abs().mean()
    naive = hourly.diff().abs().loc[stream.index].mean()
    inside = stream.between(table["lower"], table["upper"])[stream.notna()].mean()
    print(f"MAE one hour ahead {error:.4f}, last value {naive:.4f} degrees")
    print(f"{inside:.0%} of the readings within the 80 % interval of the hour before")

    # Once in a while it pays to learn from what has come: train on from the present weights.
    coming = hourly.iloc[n_train + n_stream : n_train + n_stream + HORIZON]
    before = (gru.predict() - coming).abs().mean()
    gru.partial_fit(y=coming)
    print(f"start: {gru.chosen_['start'].value} ({gru.chosen_['start'].reason})")
    print(f"the last {HORIZON} hours: MAE {before:.3f}; next: {gru.predict().iloc[0]:.2f} degrees")
    if plot:
        axes = stream.plot()
        axes.fill_between(table.index, table["lower"], table["upper"], alpha=0.3)
        axes.figure.savefig(plot)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="few rows and epochs, as in the tests")
    parser.add_argument("--plot", metavar="FILE", help="draw the readings and their intervals")
    main(**vars(parser.parse_args()))
