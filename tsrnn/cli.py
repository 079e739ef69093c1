"""The command line: ``tsrnn compare`` and ``tsrnn forecast``.

It reads files, asks the library and prints; no modelling here. What a user got wrong (ValueError,
TypeError, OSError raised by us) is one line on stderr and exit code 2; anything else is a bug and
shows its traceback.
"""

from __future__ import annotations

import os
import sys
import traceback
import warnings
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import pandas as pd
import sklearn
from sklearn.exceptions import FitFailedWarning

import tsrnn
from tsrnn.backtest_result import BacktestResult
from tsrnn.backtesting import REFITS, backtest
from tsrnn.csv_series import listed, read_series, read_table
from tsrnn.datasets import load_sea_surface_temperature, load_stocks
from tsrnn.plotting import plot_backtest, plot_forecast

try:
    import typer
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )
    from rich.table import Table
except ModuleNotFoundError as error:  # the extra `cli` is not installed: main() says so
    MISSING_PACKAGE: str | None = error.name
else:
    MISSING_PACKAGE = None

# Four fits of eight models on both shipped data sets take less than two minutes on two cores.
FOLDS = 20
REFIT = "5"
SEED = 0
PLOT_FOLDS = 3
DPI = 130
PICTURE_SUFFIXES = (".png", ".pdf", ".svg", ".jpg")
PLAIN_WIDTH = 100  # columns where the output is no terminal

# Heading, column of the summary, how it is written.
COLUMNS = (
    ("MASE", "MASE", "{:.3f}"),
    ("RMSE", "RMSE", "{:.4g}"),
    ("skill over naive", "skill_%", "{:z.1f} %"),
    ("p-value", "dm_p", "{:.3f}"),
    ("fit seconds", "fit_s", "{:.2f}"),
    ("predict ms", "predict_ms", "{:.1f}"),
)

# Name -> estimator for a horizon and a seed. Classes are loaded on use: --version needs no torch.
MODELS: dict[str, Callable[[int, int], Any]] = {
    "lstm": lambda horizon, seed: tsrnn.LSTMForecaster(horizon=horizon, random_state=seed),
    "gru": lambda horizon, seed: tsrnn.GRUForecaster(horizon=horizon, random_state=seed),
    "rnn": lambda horizon, seed: tsrnn.RNNForecaster(horizon=horizon, random_state=seed),
    "arima": lambda horizon, seed: tsrnn.AutoARIMA(),
    "ets": lambda horizon, seed: tsrnn.AutoETS(),
    "theta": lambda horizon, seed: tsrnn.Theta(),
    "naive": lambda horizon, seed: tsrnn.Naive(),
    "seasonal_naive": lambda horizon, seed: tsrnn.SeasonalNaive(),
}


class Task(NamedTuple):
    """A series to compare models on."""

    name: str  # for file names
    title: str
    y: pd.Series
    horizon: int
    unit: str


def compare(
    file: Annotated[
        Path | None, typer.Argument(help="CSV file, may be gzipped; without it the shipped data.")
    ] = None,
    time: Annotated[str | None, typer.Option(help="Column of time stamps in FILE.")] = None,
    target: Annotated[str | None, typer.Option(help="Column to forecast in FILE.")] = None,
    horizon: Annotated[int | None, typer.Option(help="Steps to forecast in FILE.")] = None,
    folds: Annotated[
        int, typer.Option(help="Number of origins; the last fold ends at the last row.")
    ] = FOLDS,
    refit: Annotated[
        str, typer.Option(help="cold: every fold; K: every K-th fold, updates between; none: once.")
    ] = REFIT,
    models: Annotated[str, typer.Option(help="Names with commas between.")] = ",".join(MODELS),
    plot: Annotated[
        Path | None, typer.Option(help="Picture of the last folds (default: compare-NAME.png).")
    ] = None,
    report: Annotated[
        Path | None, typer.Option(help="Report, one HTML page (two data sets: report-NAME.html).")
    ] = None,
    output: Annotated[Path | None, typer.Option(help="All forecasts as CSV.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of the networks.")] = SEED,
    jobs: Annotated[int, typer.Option(help="Processes.")] = 1,
) -> None:
    """Backtest recurrent networks, ARIMA, ETS and naive forecasts with the same folds.

    Without FILE: a stock (MSFT, next 5 sessions) and a sensor (sea surface temperature as hourly
    means, next 24 hours).
    """
    names = _model_names(models)
    refits = _check_refit(refit)
    plot, pictures = _check_pictures(plot)
    _check_folder("output", output)
    _check_report(report)
    tasks = _shipped_tasks() if file is None else [_file_task(file, time, target, horizon)]
    if file is None and (time, target, horizon) != (None, None, None):
        raise ValueError(
            "--time, --target and --horizon belong to a FILE: tsrnn compare FILE.csv ..."
        )
    console = _console()
    forecasts = []
    for task in tasks:
        _say(console, _headline(task, folds, refits))
        estimators = {name: MODELS[name](task.horizon, seed) for name in names}
        result = _backtest_with_bar(estimators, task, folds, refits, jobs)
        _print_result(console, result)
        if pictures:
            named = plot is not None and len(tasks) == 1
            path = _path_of(plot or Path("compare.png"), task, several=not named)
            _save(
                plot_backtest(
                    result.forecasts, result.history, n_folds=PLOT_FOLDS, ylabel=task.unit
                ),
                path,
            )
            _say(console, f"Picture of the last {min(PLOT_FOLDS, folds)} folds: {path}")
        if report is not None:
            page = _path_of(report, task, several=len(tasks) > 1)
            _say(console, f"Report: {result.to_html(page, title=task.title)}")
        console.print()
        result.forecasts.insert(0, "dataset", task.name)
        forecasts.append(result.forecasts)
    if output is not None:
        pd.concat(forecasts).to_csv(output, index=False)
        _say(console, f"Forecasts: {output}")


def forecast(
    file: Annotated[Path, typer.Argument(help="CSV file, may be gzipped.")],
    time: Annotated[str, typer.Option(help="Column of time stamps.")],
    target: Annotated[str, typer.Option(help="Column to forecast.")],
    horizon: Annotated[int, typer.Option(help="Steps to forecast.")],
    model: Annotated[str, typer.Option(help="One of " + ", ".join(MODELS) + ".")] = "lstm",
    output: Annotated[Path, typer.Option(help="CSV with the columns time and forecast.")] = Path(
        "forecast.csv"
    ),
    plot: Annotated[Path | None, typer.Option(help="Picture (default: forecast.png).")] = None,
    seed: Annotated[int, typer.Option(help="Seed of the network.")] = SEED,
) -> None:
    """Fit one model on a CSV file and write its forecast of the next steps."""
    (name,) = _model_names(model, most=1)
    plot, pictures = _check_pictures(plot)
    _check_folder("output", output)
    task = _file_task(file, time, target, horizon)
    ahead = MODELS[name](horizon, seed).fit(y=task.y).predict(horizon=horizon)
    table = pd.DataFrame({"time": ahead.index, "forecast": ahead.to_numpy()})
    table.to_csv(output, index=False)
    console = _console()
    _say(console, f"Forecast of {target} by {name}, next {horizon} steps: {output}")
    if pictures:
        path = plot or Path("forecast.png")
        _save(plot_forecast(task.y, ahead, ylabel=target), path)
        _say(console, f"Picture: {path}")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and leave with its exit code: 0, or 2 for what the user got wrong."""
    if MISSING_PACKAGE is not None:
        _leave(f"the command line needs {MISSING_PACKAGE}: pip install tsrnn[cli]")
    # Networks of this size run fastest on one thread; torch reads this when it is first imported.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    try:
        code = _command()(arguments or ["--help"], prog_name="tsrnn", standalone_mode=False)
    except (ValueError, TypeError, OSError) as error:
        if not _is_ours(error):
            raise
        _leave(str(error))
    except Exception as error:
        if not hasattr(error, "format_message"):  # what typer raises for a wrong option
            raise
        _leave(error.format_message())
    raise SystemExit(code or 0)


def _command() -> Any:
    app = typer.Typer(
        help="Recurrent networks for time series, compared honestly.",
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    app.callback()(_options)
    app.command()(compare)
    app.command()(forecast)
    return typer.main.get_command(app)


def _options(
    version: Annotated[bool, typer.Option("--version", help="Print the version.", is_eager=True,
                                          callback=lambda value: _print_version(value))] = False,
) -> None:  # fmt: skip
    """Recurrent networks for time series, compared honestly."""


def _print_version(wanted: bool) -> None:
    if wanted:
        print(tsrnn.__version__)
        raise typer.Exit


def _leave(message: str) -> None:
    print("tsrnn: " + " ".join(message.split()), file=sys.stderr)
    raise SystemExit(2)


def _is_ours(error: Exception) -> bool:
    """Tell whether an error was raised on purpose: by tsrnn, scikit-learn's checks, or a file."""
    if isinstance(error, OSError):
        return True
    folders = [Path(package.__file__ or "").parent for package in (tsrnn, sklearn)]
    raised_in = Path(traceback.extract_tb(error.__traceback__)[-1].filename)
    return any(raised_in.is_relative_to(folder) for folder in folders)


def _model_names(text: str, most: int | None = None) -> list[str]:
    names = [name.strip() for name in text.split(",")]
    for name in names:
        if name not in MODELS:
            raise ValueError(
                f"model {name!r}: expected {'one' if most else 'some'} of {', '.join(MODELS)}"
            )
        if names.count(name) > 1:
            raise ValueError(f"model {name!r} is named {names.count(name)} times")
    if most is not None and len(names) > most:
        raise ValueError(f"--model {text}: expected one model")
    return names


def _check_refit(text: str) -> str | int:
    if text not in REFITS and not text.isdecimal():
        raise ValueError(
            f"--refit {text}: expected one of {', '.join(REFITS)}, or a number of folds"
        )
    return int(text) if text.isdecimal() else text


def _check_pictures(plot: Path | None) -> tuple[Path | None, bool]:
    """Refuse a picture that cannot be written; draw none by default without matplotlib."""
    _check_folder("plot", plot)
    if plot is not None and plot.suffix not in PICTURE_SUFFIXES:
        raise ValueError(
            f"--plot {plot}: expected a name that ends in {', '.join(PICTURE_SUFFIXES)}"
        )
    drawable = find_spec("matplotlib") is not None
    if plot is not None and not drawable:
        raise ValueError("--plot needs matplotlib: pip install tsrnn[plot]")
    if not drawable:
        print("tsrnn: no picture without matplotlib: pip install tsrnn[plot]", file=sys.stderr)
    return plot, drawable


def _check_report(report: Path | None) -> None:
    _check_folder("report", report)
    if report is not None and report.suffix != ".html":
        raise ValueError(f"--report {report}: expected a name that ends in .html")
    if report is not None and find_spec("plotly") is None:
        raise ValueError("--report needs plotly: pip install tsrnn[report]")


def _check_folder(option: str, path: Path | None) -> None:
    if path is not None and not path.parent.is_dir():
        raise ValueError(f"--{option} {path}: there is no folder {path.parent}")


def _shipped_tasks() -> list[Task]:
    hourly = load_sea_surface_temperature().resample("h").mean().rename("sea surface temperature")
    return [
        Task("msft", "MSFT, adjusted close", load_stocks()["MSFT"], 5, "US dollars"),
        Task(
            "sea-surface-temperature",
            "Sea surface temperature, hourly means",
            hourly,
            24,
            "degrees Celsius",
        ),
    ]


def _file_task(file: Path, time: str | None, target: str | None, horizon: int | None) -> Task:
    if time is None or target is None or horizon is None:
        raise ValueError(
            f"{file} needs --time COLUMN, --target COLUMN and --horizon STEPS; "
            f"its columns are {listed(read_table(file))}"
        )
    if horizon < 1:
        raise ValueError(f"--horizon {horizon}: expected an integer >= 1")
    y = read_series(file, time, target)
    return Task(file.name.split(".")[0], f"{file.name}, {target}", y, horizon, target)


def _console() -> Any:
    console = Console()
    return console if console.is_terminal else Console(width=PLAIN_WIDTH)


def _say(console: Any, line: str) -> None:
    console.print(line, highlight=False, soft_wrap=True, markup=False)


def _headline(task: Task, folds: int, refit: str | int) -> str:
    often = {
        "cold": "refitted in every fold",
        "warm": "fitted on in every fold",
        "none": "fitted once, then updated",
    }
    first, last = (
        stamp.date() if isinstance(stamp, pd.Timestamp) else stamp
        for stamp in task.y.index[[0, -1]]
    )
    unit = "" if task.unit == task.y.name else f" in {task.unit}"
    return (
        f"{task.title}{unit}: {len(task.y):,} rows from {first} to {last}\n"
        f"Next {task.horizon} steps from {folds} origins; every model "
        + often.get(
            "none" if not isinstance(refit, str) and refit >= folds else str(refit),
            f"refitted in one fold of {refit} and updated in the others",
        )
    )


def _backtest_with_bar(
    estimators: dict[str, Any], task: Task, folds: int, refit: str | int, jobs: int
) -> BacktestResult:
    progress = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("left"),
        console=Console(stderr=True),
        transient=True,
        speed_estimate_period=600,
        disable=not sys.stderr.isatty(),
    )
    with progress, warnings.catch_warnings():
        warnings.simplefilter("ignore", FitFailedWarning)  # printed below the table
        bar = progress.add_task(task.name, total=len(estimators) * folds)
        return backtest(
            estimators,
            y=task.y,
            horizon=task.horizon,
            n_folds=folds,
            refit=refit,
            n_jobs=jobs,
            progress=lambda done, total: progress.update(bar, completed=done, total=total),
        )


def _print_result(console: Any, result: BacktestResult) -> None:
    table = Table(box=SIMPLE_HEAD)
    table.add_column("model")
    for heading, _, _ in COLUMNS:
        table.add_column(heading, justify="right")
    for name, row in result.summary().iterrows():
        table.add_row(
            str(name),
            *(
                "-" if pd.isna(row[column]) else form.format(row[column])
                for _, column, form in COLUMNS
            ),
        )
    console.print(table)
    _say(console, result.verdict())
    copies = result.copies()
    if len(copies):
        _say(console, f"Hardly more than a copy of the past: {', '.join(copies.index)}.")
    for sentence in result.warnings()[len(copies) :]:
        _say(console, sentence)


def _path_of(path: Path, task: Task, *, several: bool) -> Path:
    """Return where to write for a task: with several, its name is added."""
    return path.with_stem(f"{path.stem}-{task.name}") if several else path


def _save(ax: Any, path: Path) -> None:
    ax.figure.savefig(path, dpi=DPI)
