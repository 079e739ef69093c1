"""The outcome of a backtest: tidy frames, scores and tests, a report, a verdict in words."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import pandas as pd

from tsrnn.backtest_files import read_frames, write_frames
from tsrnn.backtest_scores import (
    KEYS,
    better_reference,
    compare_all,
    confidence,
    equal_accuracy,
    fold_losses,
    is_reference,
    reference_losses,
    score_table,
    with_errors,
)
from tsrnn.backtest_verdict import verdict
from tsrnn.checks import check_probability
from tsrnn.copying import detect_copies
from tsrnn.plotting import plot_backtest
from tsrnn.report import render_report

# Columns of the table that ``repr`` shows.
SHOWN = ["MASE", "RMSE", "MAE", "skill_%", "skill_seasonal_%", "dm_p", "mcs_p", "fit_s", "folds"]
FRAMES = ("forecasts", "references", "folds", "timings", "errors", "history")


@dataclass(frozen=True)
class BacktestResult:
    """What :func:`backtest` found, as tidy frames.

    Attributes
    ----------
    forecasts : DataFrame
        One row a model, fold, series and step: ``model, series, fold, origin, step, time, y_true,
        y_pred`` and a column a quantile, ``q0.05`` and so on (NaN for models without
        ``predict_quantiles``). ``origin`` is the last training stamp, ``step`` counts the stamps
        after it, ``series`` is the name of the target or, in a panel, of the series. ``y_true`` is
        NaN where nothing was observed.
    references : DataFrame
        One row a fold, series and step: ``fold, series, step, time, naive`` (the last value at the
        origin), ``seasonal_naive`` (the last value of the same phase of the season).
    folds : DataFrame
        One row a fold and series: ``fold, series, origin, train_rows, last_value, scale`` (the
        seasonal-naive error of the training rows, by which MASE is scaled), ``squared_scale`` (that
        of RMSSE).
    scores : dict of DataFrame
        Under "fold", "step" and "series": one row a model and fold (step, series) with ``MASE,
        RMSSE, MAE, RMSE, sMAPE, WQL, coverage_80, coverage_90, skill_%, skill_seasonal_%`` and what
        ``scoring`` asked for.
    timings : DataFrame
        One row a model and fold: ``action`` ("fit" or "update"), ``fit_seconds``,
        ``predict_seconds``, ``peak_mb`` (rise of resident memory; Linux, else NaN).
    errors : DataFrame
        One row a failure: ``model, fold, origin, stage, error, traceback``.
    history : DataFrame
        The series that were split: ``series, time, y``.
    settings : dict
        What is needed to do it again: arguments with their defaults resolved, ``models`` (name ->
        repr), ``versions``, ``machine``. All of it fits into JSON.

    Examples
    --------
    >>> from tsrnn import Drift, Naive, backtest
    >>> y = [1.0, 2.0, 4.0, 3.0, 5.0, 6.0, 8.0, 7.0]
    >>> result = backtest({"drift": Drift(), "naive": Naive()}, y=y, horizon=2, n_folds=2)
    >>> result.forecasts[["model", "fold", "step", "y_true", "y_pred"]].head(2)
       model  fold  step  y_true    y_pred
    0  drift     0     1     5.0  3.666667
    1  drift     0     2     6.0  4.333333
    """

    forecasts: pd.DataFrame
    references: pd.DataFrame
    folds: pd.DataFrame
    scores: dict[str, pd.DataFrame]
    timings: pd.DataFrame
    errors: pd.DataFrame
    history: pd.DataFrame
    settings: dict[str, Any]

    @property
    def levels(self) -> list[float]:
        """Levels of the quantiles."""
        return list(self.settings["levels"])

    @cached_property
    def baseline(self) -> str:
        """The better of the two references: "naive" or "seasonal naive"."""
        return better_reference(self._rows)

    def summary(self) -> pd.DataFrame:
        r"""Return one row a model, the best MASE first; those that failed in some fold come last.

        Returns
        -------
        DataFrame
            Index ``model``; every observed target of every fold counts the same in

            - ``MASE, RMSSE``: each error scaled by the in-sample seasonal-naive error of its fold's
              training rows; ``MAE, RMSE`` in the units of the target; ``sMAPE`` in percent, NaN for
              series with negative values;
            - ``WQL`` (weighted quantile loss) and ``coverage_80, coverage_90``: percent of targets
              in the intervals of that probability, NaN for models without quantiles in some fold;
            - ``skill_%``: 100 (1 - MAE / MAE of the last-value forecast of the same folds), and
              ``skill_seasonal_%`` over the seasonal naive forecast;
            - ``dm_p``: Diebold-Mariano test, with Harvey's correction, against the better of these
              two (:attr:`baseline`). A fold's steps share their shocks, so a fold gives one number,
              the difference of its mean absolute errors (the path-wise loss of Quaedvlieg 2021);
              folds whose spans overlap are allowed for. NaN for less than five folds;
            - ``mcs_p``: p-value of the model confidence set (Hansen, Lunde and Nason 2011) over all
              models that failed in no fold, on the same losses: models below 0.1 are outside of the
              90 % set of the best. NaN for a single model, and for less than ten folds that do
              not overlap;
            - ``fit_s`` (mean seconds of a fit, updates left out), ``predict_ms`` (mean of calls),
              ``peak_mb`` (largest over the folds);
            - ``folds``: number of folds scored, fewer than asked for where a model failed;
            - the mean over folds of each metric of ``scoring``.
        """
        return self._summary.copy()

    def compare(self) -> pd.DataFrame:
        """Test all models against each other.

        Returns
        -------
        DataFrame
            One row a pair, ``model, other, statistic, p_value``: the Diebold-Mariano test on the
            losses by fold, as ``dm_p`` of :meth:`summary`; the statistic is negative where
            ``model`` is the better one. The p-values are two-sided, uncorrected for their number,
            and NaN for too few folds.
        """
        return compare_all(self._losses, self.settings["overlap"])

    def verdict(self, alpha: float = 0.05) -> str:
        """Say in words which models beat the better naive forecast by more than luck.

        Several models are tried, so their p-values are corrected (Holm 1979) before they are
        held against ``alpha``. A model with the forecasts of the baseline does not count as tried,
        and one that failed in some fold is not judged: the others may have been the easy ones.

        Parameters
        ----------
        alpha : float between 0 and 1, default=0.05
            Chance of a false claim that is accepted.
        """
        check_probability("alpha", alpha)
        judged = self._summary.drop(index=list(self._failures))
        n_folds = self.folds["fold"].nunique()
        return " ".join(
            [
                verdict(judged, alpha, self.baseline),
                *(
                    f"{name} failed in {times} of {n_folds} folds and is not judged."
                    for name, times in self._failures.items()
                ),
            ]
        )

    def copies(self) -> pd.DataFrame:
        """Find the models whose forecasts copy the last value, or the last season.

        A model whose forecasts are those of a reference, as ``Naive``, copies on purpose; one whose
        absolute errors are smaller than those of the better reference (``dm_p`` at most 0.05) is
        no mere copy, close as it may stay to the last value.

        Returns
        -------
        DataFrame
            Of those models, what :func:`detect_copies` says; ``sentence`` says it in words.
        """
        others = self._rows[~is_reference(self._rows)]
        if others.empty:
            return pd.DataFrame(columns=["sentence"])
        checks = detect_copies(others, self.history, seasonality=self.settings["seasonality"])
        summary = self._summary
        better = summary.index[(summary["dm_p"] <= 0.05) & (summary["skill_%"] > 0)]
        return checks[checks["is_copy"] & ~checks.index.isin(better)]

    def warnings(self) -> list[str]:
        """Say what makes the scores doubtful: forecasts that copy the past, folds that failed."""
        return [*self.copies()["sentence"], *self._failure_sentences()]

    def to_html(self, path: Any, *, audit: Any = None, title: str | None = None) -> Path:
        """Write one self-contained page: ranking, forecasts, calibration, tests, settings.

        Parameters
        ----------
        path : path
            File to write; it opens in a browser without a network.
        audit : LeakageReport, optional
            What :func:`audit_leakage` found; its sentences stand among the warnings.
        title : str, optional
            Heading; by default it names the series and the folds.

        Returns
        -------
        Path

        Raises
        ------
        ImportError
            If plotly is not installed (``pip install tsrnn[report]``).
        """
        if audit is not None and not hasattr(audit, "sentences"):
            raise TypeError(f"audit={audit!r}: expected what audit_leakage returns")
        page = render_report(
            summary=self.summary(),
            scores=self.scores,
            forecasts=self.forecasts,
            history=self.history,
            folds=self.folds,
            references=self.references,
            settings=self.settings,
            verdict=self.verdict(),
            comparison=self.compare(),
            warnings=self.warnings(),
            audit=None if audit is None else audit.sentences(),
            errors=self.errors,
            title=title,
        )
        path = Path(path)
        path.write_text(page, encoding="utf-8", newline="\n")
        return path

    def plot(
        self,
        *,
        n_folds: int = 3,
        series: Any = None,
        coverage: float | None = 0.8,
        ax: Any = None,
    ) -> Any:
        """Draw the forecasts of the last folds over the series; returns the matplotlib axes.

        Parameters
        ----------
        n_folds : int, default=3
            How many of the latest folds are shown.
        series : optional
            Which series; the first by default.
        coverage : float or None, default=0.8
            Which interval is shaded, of the first model that has it; None for none. One that no
            model has is a ValueError, but for the default, which then shades nothing.
        ax : matplotlib Axes, optional
            Drawn on when given, else a new figure is made (``ax.figure.savefig("folds.png")``).
        """
        return plot_backtest(
            self.forecasts, self.history, n_folds=n_folds, series=series, coverage=coverage, ax=ax
        )

    def save(self, folder: Any, file_format: str = "parquet") -> None:
        """Write the frames to a folder, which :meth:`load` reads; a saved result is replaced.

        Parameters
        ----------
        folder : path
            A new folder, or one that holds a saved result.
        file_format : {"parquet", "csv"}
            Parquet needs pyarrow (``pip install tsrnn[parquet]``). Both give back the same numbers.

        Raises
        ------
        FileExistsError
            If there is something else of that name.
        """
        frames = {name: getattr(self, name) for name in FRAMES}
        frames |= {f"scores_by_{key}": self.scores[key] for key in KEYS}
        write_frames(folder, frames, self.settings, file_format)

    @classmethod
    def load(cls, folder: Any) -> Self:
        """Read a result that :meth:`save` wrote; no code from it is run.

        Raises
        ------
        FileNotFoundError
            If the folder holds no saved result.
        """
        frames, settings = read_frames(folder)
        scores = {key: frames[f"scores_by_{key}"] for key in KEYS}
        return cls(scores=scores, settings=settings, **{name: frames[name] for name in FRAMES})

    def __repr__(self) -> str:
        settings, origins = self.settings, self.folds["origin"]
        n_models, n_folds = self.timings["model"].nunique(), self.folds["fold"].nunique()
        refit = settings["refit"]
        often = f"every {refit} folds" if isinstance(refit, int) else refit
        return (
            f"BacktestResult: {n_models} models, {n_folds} folds of {settings['horizon']} steps, "
            f"origins {origins.iloc[0]} to {origins.iloc[-1]}, refit {often}, "
            f"{len(self.errors)} failures\n"
            f"{self._summary[SHOWN].to_string(float_format='{:.4g}'.format)}\n{self.verdict()}"
        )

    @cached_property
    def _rows(self) -> pd.DataFrame:
        return with_errors(self.forecasts, self.references, self.folds, self.levels)

    @cached_property
    def _summary(self) -> pd.DataFrame:
        """Tests and a bootstrap: verdict, warnings and page need it too."""
        summary = score_table(self._rows, ["model"], self.levels)
        losses, overlap = self._losses, self.settings["overlap"]
        reference = reference_losses(self._rows, self.baseline)
        summary["dm_p"] = [
            equal_accuracy(losses[name], reference, overlap).p_value for name in summary.index
        ]
        complete = [name for name in losses.columns if name not in self._failures]
        summary["mcs_p"] = confidence(losses[complete], overlap)
        summary = summary.reindex(pd.Index(self.settings["models"], name="model"))
        fits = self.timings[self.timings["action"] == "fit"].groupby("model")["fit_seconds"]
        summary["fit_s"] = fits.mean()
        calls = self.timings.groupby("model")
        summary["predict_ms"] = 1e3 * calls["predict_seconds"].mean()
        summary["peak_mb"] = calls["peak_mb"].max()
        by_model = self.scores["fold"].groupby("model")
        summary["folds"] = by_model.size().reindex(summary.index, fill_value=0)
        for name in self.scores["fold"].columns.difference([*summary.columns, "model", "fold"]):
            summary[name] = by_model[name].mean()
        ranked = summary.sort_values("MASE", kind="stable")
        failed = ranked.index.isin(self._failures)
        return pd.concat([ranked[~failed], ranked[failed]])

    def _failure_sentences(self) -> list[str]:
        n_folds = self.folds["fold"].nunique()
        return [
            f"{model} failed ({stage}) in {len(rows)} of {n_folds} folds: {rows['error'].iloc[0]}"
            for (model, stage), rows in self.errors.groupby(["model", "stage"], sort=False)
        ]

    @cached_property
    def _failures(self) -> dict[str, int]:
        """Count the folds without forecasts of each model that has such."""
        failed = self.errors[self.errors["stage"] != "predict_quantiles"]
        return {str(name): int(times) for name, times in failed.groupby("model").size().items()}

    @cached_property
    def _losses(self) -> pd.DataFrame:
        return fold_losses(self._rows)
