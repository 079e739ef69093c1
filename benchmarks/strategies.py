"""How does the error grow with the step, strategy by strategy?

A recursive model is trained on true values and then fed with its own forecasts: what it says of the
later steps rests on inputs that it has never seen (exposure bias, Ranzato et al. 2016). A direct
one has a read-out for every step, a decoder (seq2seq) runs over the steps without being fed:

    python benchmarks/strategies.py --plot strategies.png

Two series: the temperature of the sea, hourly, shipped with tsrnn, and a made wave in noise, whose
best possible error is known. Every model is fitted once and takes in the rows between the origins.
Rows, one a step, go to ``strategies.csv`` in ``--output``.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from measured import ROOT, circumstances, current_commit

from tsrnn import GRUForecaster, Naive, backtest
from tsrnn.datasets import load_sea_surface_temperature

HORIZON, FOLDS = 24, 60
STRATEGIES = {
    "direct": {},
    "recursive": {"strategy": "recursive"},
    "recursive, 70 % true": {"strategy": "recursive", "teacher_forcing": 0.7},
    "recursive, linear": {"strategy": "recursive", "teacher_forcing": "linear"},
    "seq2seq": {"strategy": "seq2seq"},
    "seq2seq, attention": {"strategy": "seq2seq", "attention": True},
}


def wave(n: int = 3000) -> pd.Series:
    """Two waves whose periods no calendar names, in noise of deviation 1."""
    t = np.arange(n)
    clean = 4 * np.sin(t / 5) + 2 * np.sin(t / 2.3)
    noise = np.random.default_rng(0).normal(size=n)
    return pd.Series(clean + noise, index=pd.date_range("2020-01-01", periods=n, freq="D"))


def sea() -> pd.Series:
    return load_sea_surface_temperature().resample("h").mean().iloc[-6000:]


SERIES = {"wave": wave, "sea": sea}


def errors_by_step(y: pd.Series, seeds: Sequence[int], quick: bool) -> pd.DataFrame:
    """Mean absolute error of each model at each step, over origins and seeds."""
    models = {"naive": Naive()} | {
        f"{name} {seed}": GRUForecaster(
            HORIZON, random_state=seed, max_epochs=2 if quick else "auto", **settings
        )
        for name, settings in STRATEGIES.items()
        for seed in seeds
    }
    folds = {"horizon": HORIZON, "n_folds": 3 if quick else FOLDS, "step": 7, "refit": "none"}
    table = backtest(models, y=y, **folds).forecasts
    table["model"] = table["model"].str.replace(r" \d+$", "", regex=True)
    error = (table["y_true"] - table["y_pred"]).abs()
    return error.groupby([table["model"], table["step"]]).mean().unstack("step")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--series", nargs="+", choices=SERIES, default=list(SERIES))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--output", type=Path, default=ROOT / "benchmarks" / "results")
    parser.add_argument("--plot", type=Path, help="draw the curves into this file")
    parser.add_argument("--quick", action="store_true", help="few epochs, to see whether it runs")
    asked = parser.parse_args(arguments)
    found = {
        name: errors_by_step(SERIES[name](), asked.seeds, asked.quick) for name in asked.series
    }
    for name, errors in found.items():
        shown = errors[[1, 2, 4, 8, 16, HORIZON]].assign(mean=errors.mean(axis=1))
        print(f"{name}: mean absolute error by step\n{shown.sort_values('mean').round(3)}\n")
    rows = pd.concat(found, names=["series"]).reset_index()
    rows = rows.melt(["series", "model"], var_name="step", value_name="mae")
    asked.output.mkdir(parents=True, exist_ok=True)
    rows.assign(commit=current_commit(), seeds=len(asked.seeds), **circumstances()).to_csv(
        asked.output / "strategies.csv", index=False, float_format="%.6g"
    )
    if asked.plot:
        draw(found, asked.plot)


def draw(found: dict[str, pd.DataFrame], path: Path) -> None:
    """Draw the curves, a panel a series."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5 * len(found), 4), layout="constrained")
    for axes, (name, errors) in zip(
        figure.subplots(1, len(found), squeeze=False)[0], found.items(), strict=True
    ):
        for model, curve in errors.iterrows():
            axes.plot(curve.index, curve, label=model, lw=1.5)
        highest = (
            1.3 * errors.drop("naive").to_numpy().max()
        )  # the naive curve may leave the picture
        axes.set(title=name, xlabel="step", ylabel="mean absolute error", ylim=(0, highest))
    axes.legend(fontsize=8)
    figure.savefig(path, dpi=120)


if __name__ == "__main__":
    main()
