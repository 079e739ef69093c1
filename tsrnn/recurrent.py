"""The interface of the recurrent forecasters: what fit chooses, trains and keeps, and reads later.

Conventions: T steps, S a segment, N origins of a pass, B passes, H horizon, K targets, F
covariates, L levels.
"""

from __future__ import annotations

import warnings
from collections.abc import Hashable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple, Self

import numpy as np
import pandas as pd
import torch
from sklearn.base import clone
from sklearn.utils import check_random_state

from tsrnn import defaults
from tsrnn.base import Forecaster, undone_on_failure
from tsrnn.calendar_features import explain_calendar, find_calendar
from tsrnn.cells import CELLS
from tsrnn.checks import (
    check_choice,
    check_count,
    check_flag,
    check_positive,
    check_rows,
    check_seed,
    check_share,
)
from tsrnn.defaults import Choice, choose
from tsrnn.explain import explain_forecasts, steps_that_count
from tsrnn.fitting import FORCING, Fitting, Start
from tsrnn.forking import OUTSIDE, Corpus, Layout
from tsrnn.heads import Head, ProbabilisticHead, find_head
from tsrnn.networks import Encoder, ForkingNetwork, Seq2SeqNetwork, StaticShape, build
from tsrnn.prediction import Predictor, cut_to, quantiles_of_errors
from tsrnn.preparation import Preparation, Series, first_of_last, seen_length
from tsrnn.records import Record, Request
from tsrnn.training import History, find_device
from tsrnn.transform_choice import find_transform

LEAST_OBSERVED = 3  # two changes: one to learn from, one to check against
LONGEST_FILLED = 50  # horizons of missing steps at the end that are forecast to bridge them
MOST_HELD_OUT = (
    2_000  # steps of all series together that choose the epoch, unless horizons need more
)
ORIGINS_OF_ERRORS = 64  # from which a recursive model runs on to learn its errors by step
# Parameters that may change between fits that go on from each other's weights.
FREE = {
    *("learning_rate", "batch_size", "max_epochs", "early_stopping", "patience", "clip_norm"),
    *("validation_fraction", "missing", "random_state", "verbose", "warm_start"),
}
STRATEGIES = ("direct", "recursive", "seq2seq")
SCALINGS = ("auto", "additive", "multiplicative")


class _Trained(NamedTuple):
    network: Any
    history: History
    trust: float
    errors: np.ndarray  # (n, H, K), on the steps held out
    trial: Any  # the network that these are errors of


class ParameterOnly:
    """A parameter that is no attribute: kept by ``get_params``, not found by ``hasattr``.

    scikit-learn takes everything with an attribute ``transform`` for a transformer.
    """

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, instance: Any, owner: type) -> Any:
        raise AttributeError(f"{self.name} is a parameter: get_params()[{self.name!r}]")

    def __set__(self, instance: Any, value: Any) -> None:
        vars(instance)[self.name] = value


class RecurrentForecaster(Forecaster):
    """Interface of the recurrent forecasters; see :class:`LSTMForecaster` for the parameters."""

    transform = ParameterOnly()
    default_cell: str
    _preparation: Preparation  # what fit learnt before the networks

    def __init__(
        self,
        horizon: int = 1,
        *,
        cell: str | None = None,
        hidden_size: int | str = "auto",
        num_layers: int = 1,
        dropout: float = 0.2,
        loss: str | Head = "absolute_error",
        strategy: str = "direct",
        teacher_forcing: float | str = 1.0,
        attention: bool = False,
        context: int | str | None = "auto",
        seasonality: int | Sequence[int] | str | None = "auto",
        segment: int | str = "auto",
        bptt: int | None = None,
        dilations: Sequence[int] | None = None,
        scaling: str = "auto",
        transform: Any = None,
        past_only: Sequence[Hashable] | None = None,
        static: Sequence[Hashable] | None = None,
        calendar: str | Sequence[str] | None = None,
        freq: Any = None,
        max_gap: int | None = None,
        learning_rate: float | str = "auto",
        batch_size: int | str = "auto",
        max_epochs: int | str = "auto",
        early_stopping: bool = True,
        patience: int | None = None,
        validation_fraction: float = 0.2,
        clip_norm: float | None = 1.0,
        n_estimators: int = 1,
        missing: str = "mask",
        warm_start: bool = False,
        dtype: str = "float32",
        device: str = "cpu",
        random_state: Any = None,
        verbose: int = 0,
    ) -> None:
        self.horizon = horizon
        self.cell = cell
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.dropout = dropout
        self.loss = loss
        self.strategy = strategy
        self.teacher_forcing = teacher_forcing
        self.attention = attention
        self.context = context
        self.seasonality = seasonality
        self.segment = segment
        self.bptt = bptt
        self.dilations = dilations
        self.scaling = scaling
        self.transform = transform
        self.past_only = past_only
        self.static = static
        self.calendar = calendar
        self.freq = freq
        self.max_gap = max_gap
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.max_epochs = max_epochs
        self.early_stopping = early_stopping
        self.patience = patience
        self.validation_fraction = validation_fraction
        self.clip_norm = clip_norm
        self.n_estimators = n_estimators
        self.missing = missing
        self.warm_start = warm_start
        self.dtype = dtype
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters by name; with ``deep`` those of a transform too."""
        own = {name: vars(self)[name] for name in self._get_param_names()}
        transform = own["transform"]
        if not deep or not hasattr(transform, "get_params") or isinstance(transform, type):
            return own
        nested = transform.get_params().items()
        return {f"transform__{name}": value for name, value in nested} | own

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def partial_fit(self, X: Any = None, y: Any = None) -> Self:
        """Take in new rows and go on training from the present weights, on all rows known.

        The first call is ``fit``. What was chosen from the data (``chosen_``) stays; the entry
        "start" of ``chosen_`` says that training went on.

        Parameters
        ----------
        X, y
            New rows, as for ``update``.

        Returns
        -------
        self
        """
        if not hasattr(self, "networks_"):
            return self.fit(X, y)
        with undone_on_failure(self):
            self.update(X, y)
            self._check_nothing_changed(self._records, "partial_fit")
            self._go_on_training(self._records, "partial_fit")
        return self

    def explain_windows(self, X: Any = None, y: Any = None, *, cv: Any = None) -> pd.DataFrame:
        """Tell which time stamps feed which sample, in training, in folds or in a forecast.

        ``explain_windows(X, y)`` tells what ``fit(X, y)`` would learn from, with ``cv`` what each
        fold would; the forecaster stays as it is, and nothing is trained. Without y it tells what
        feeds ``predict(X)``; the values of X do not matter then.

        Parameters
        ----------
        X : frame, AsOf or array of shape (n, C), or None
            Covariates, as for ``fit``; without y the rows to forecast, None for the next ones.
        y : Series, frame or array of shape (n,) or (n, K), optional
            The target.
        cv : splitter, optional
            ``TimeSeriesSplit``, :class:`ExpandingWindowSplit` and the like.

        Returns
        -------
        DataFrame, one row a sample: an origin and the targets forecast from there
            Arrays have row numbers for stamps; a step of the calendar without a row has the
            calendar's stamp.

            - ``fold`` (with ``cv``), ``series`` (in a panel).
            - ``role``: "train"; "held out" (judges the epoch and is trained on last of all);
              "test" (rows of a fold); "forecast" and "in sample" (without y).
            - ``origin``, the last step known; ``target_first``, ``target_last``.
            - ``window_first``: from here to the origin steps are read at the origin itself.
            - ``state_first``: from here on, at the earliest, the recurrent state has read.
            - ``target_lags_first``, ``target_lags_last``: outside, the target changes nothing.
              Levels, scales and seasons look further back than the state; differences, to the
              first value.
            - ``past_covariates_first``, ``past_covariates_last``: the same for covariates up to
              the origin. Those known in advance go back as far as the target lags, as their linear
              effect is taken off the target; past-only ones as far as the state.
            - ``future_covariates_first``, ``future_covariates_last``: of those known in advance.
              Missing where there are none.
            - ``missing_lags``, ``missing_targets``: steps there without an observed value.
            - ``issued_last`` (X is an AsOf): when the newest vintage about the targets was issued.

        Raises
        ------
        ValueError
            If ``cv`` is no splitter or comes without y.
        NotFittedError
            Without y, if the forecaster is not fitted.

        Notes
        -----
        What a fit chooses (``chosen_``, the units of a series, the effect of covariates) comes from
        all of its training rows, and never from others. Samples without an observed target are left
        out. Training draws, in each epoch, from the samples told here; those of
        ``strategy="recursive"`` are of one step. A first row, and rows in a gap longer than
        ``max_gap``, have no past to be forecast from in-sample and are left out.

        Examples
        --------
        >>> import pandas as pd
        >>> from sklearn.model_selection import TimeSeriesSplit
        >>> from tsrnn import LSTMForecaster
        >>> y = pd.Series(range(40), index=pd.date_range("2024-01-01", periods=40), dtype=float)
        >>> cv = TimeSeriesSplit(2, test_size=3, gap=1)
        >>> told = LSTMForecaster(horizon=3, context=10).explain_windows(y=y, cv=cv)
        >>> tests = told[told["role"] == "test"].set_index("fold")
        >>> tests[["target_lags_first", "origin", "target_first", "target_last"]].astype(str).T
        fold                        0           1
        target_lags_first  2024-01-24  2024-01-27
        origin             2024-02-02  2024-02-05
        target_first       2024-02-04  2024-02-07
        target_last        2024-02-06  2024-02-09
        """
        return explain_forecasts(self, X, y, cv)

    def _fit(self, records: dict[Hashable, Record]) -> None:
        self._check_parameters(records)
        if self.warm_start and hasattr(self, "networks_"):
            self._check_nothing_changed(records, "warm_start=True")
            known = replace(self._preparation, transforms={}, known={})
            self._preparation = self._learn_series(known, records)
            self._go_on_training(records, "warm_start=True")
            return
        series = self._make_choices(records)
        self._trained_with = self._fixed(records)
        seeds = check_random_state(self.random_state).randint(2**31 - 1, size=self.n_estimators)
        self._train_all(series, [(int(seed), None) for seed in seeds])

    def _forecast(self, requests: Sequence[Request]) -> list[np.ndarray]:
        return [point for point, _ in self._paths(requests, None)]

    def _quantiles(self, requests: Sequence[Request], levels: np.ndarray) -> list[np.ndarray]:
        return [quantiles for _, quantiles in self._paths(requests, levels)]

    def _in_sample(self, record: Record) -> np.ndarray:
        forecast = self._predictor().in_sample(self._preparation.series(record))
        return self._preparation.one_step_back(record, forecast)

    def _update(self, records: dict[Hashable, Record], new_steps: dict[Hashable, int]) -> None:
        preparation = self._preparation
        unseen = {key: r for key, r in records.items() if key not in preparation.known}
        self._preparation = self._learn_series(preparation, unseen)
        for key, record in records.items():
            y = self._preparation.transformed(record, len(record) - new_steps[key])
            if self._layout.multiplicative and np.nanmin(y, initial=1.0) <= 0:
                of = "" if key is None else f" of series {key!r}"
                raise ValueError(
                    f"y{of} has values <= 0, but fit chose scaling='multiplicative': fit again "
                    "with scaling='additive'"
                )

    def _steps_ahead(self) -> int:
        return 1 if self.strategy == "recursive" else int(self.horizon)

    @property
    def _layout(self) -> Layout:
        return self._preparation.layout

    def _check_parameters(self, records: dict[Hashable, Record]) -> None:
        find_head(self.loss)
        check_seed("random_state", self.random_state)
        check_choice("cell", self.cell or self.default_cell, list(CELLS))
        check_choice("strategy", self.strategy, STRATEGIES)
        check_choice("scaling", self.scaling, SCALINGS)
        check_choice("dtype", self.dtype, ("float32", "float64"))
        for name in ("num_layers", "n_estimators"):
            check_count(name, getattr(self, name))
        for name in ("hidden_size", "segment", "batch_size", "max_epochs"):
            check_count(name, getattr(self, name), also=("auto",))
        check_count("context", self.context, also=("auto", None))
        for name in ("patience", "bptt"):
            check_count(name, getattr(self, name), also=(None,))
        check_count("max_gap", self.max_gap, least=0, also=(None,))
        check_count("verbose", int(self.verbose), least=0)
        for name in ("early_stopping", "attention", "warm_start"):
            check_flag(name, getattr(self, name))
        for season in self._given_seasons():
            check_count("seasonality", season, least=2, also=("auto", None))
        for name in ("dropout", "validation_fraction"):
            check_share(name, getattr(self, name))
        if self.learning_rate != "auto":
            check_positive("learning_rate", self.learning_rate)
        if self.clip_norm is not None:
            check_positive("clip_norm", self.clip_norm)
        self._check_strategy()
        longest = max(records.values(), key=len)
        observed = int(np.isfinite(longest.y).sum(axis=0).min())
        check_rows(observed, LEAST_OBSERVED, "give a longer history, or use Naive")
        if not isinstance(self.segment, str) and self.segment > len(longest) // 2:
            raise ValueError(
                f"segment={self.segment}: the longest series has {len(longest)} steps, expected at "
                f"most {len(longest) // 2} or 'auto'"
            )

    def _check_strategy(self) -> None:
        """Check what belongs to one strategy or another, and to the layers."""
        forcing = self.teacher_forcing
        if isinstance(forcing, str):
            check_choice("teacher_forcing", forcing, [*FORCING, "a number in [0, 1]"])
        elif isinstance(forcing, bool) or not 0 <= forcing <= 1:
            raise ValueError(
                f"teacher_forcing={forcing!r}: expected a number in [0, 1] or one of {[*FORCING]}"
            )
        if forcing != 1 and self.strategy != "recursive":
            raise ValueError(
                f"teacher_forcing={forcing!r} needs strategy='recursive': with "
                f"strategy={self.strategy!r} no forecast is fed back in training"
            )
        if self.attention and self.strategy != "seq2seq":
            raise ValueError(
                f"attention=True needs strategy='seq2seq', got strategy={self.strategy!r}"
            )
        if self.strategy == "recursive" and self.segment not in ("auto", 1):
            raise ValueError(
                f"segment={self.segment}: strategy='recursive' forecasts one step, expected 1 or "
                "'auto'"
            )
        if self.dilations is not None:
            for dilation in np.atleast_1d(self.dilations).tolist():
                check_count("dilations", dilation)
            if np.size(self.dilations) != self.num_layers:
                raise ValueError(
                    f"dilations={self.dilations!r}: expected one number for each of "
                    f"num_layers={self.num_layers} layers"
                )

    def _fixed(self, records: dict[Hashable, Record]) -> dict[str, Any]:
        """Return all that must stay as it is while training goes on, by name."""
        parameters = self.get_params(deep=False).items()
        return {name: value for name, value in parameters if name not in FREE} | {
            "number of targets": next(iter(records.values())).y.shape[1],
            "columns of X": self._columns.names,
            "seasons of the index": self.calendar_.seasons,
        }

    def _check_nothing_changed(self, records: dict[Hashable, Record], why: str) -> None:
        """Refuse to go on training with other inputs, targets, layers or choices."""
        for name, now in self._fixed(records).items():
            if str(now) != str(self._trained_with[name]):
                raise ValueError(
                    f"{why}: {name} is {now!r}, but the networks to go on from were trained with "
                    f"{self._trained_with[name]!r}; fit with warm_start=False"
                )

    def _make_choices(self, records: dict[Hashable, Record]) -> list[Series]:
        """Choose what is left to the data; return the series as a network will read them."""
        everything = in_order(records)
        preparation = self._prepare(everything)
        series = [preparation.series(record) for record in everything]
        self.chosen_ |= self._choose(series, preparation)
        layout = self._lay_out(series)
        self._preparation = preparation.with_layout(layout).with_known(series)
        return series

    def _prepared(self, X: Any, y: Any) -> Self:
        """Return a copy that has read the rows and made its choices, but learnt no weights."""
        copy = clone(self)
        copy._read_rows(X, y)
        copy._check_parameters(copy._records)
        copy._make_choices(copy._records)
        return copy

    def _prepare(self, records: list[Record]) -> Preparation:
        """Learn what the covariates are, and the transform of the target."""
        longest = max(records, key=len)
        features = find_calendar(longest.stamps, self.calendar)
        ys = [record.y for record in records]
        given = tuple(season for season in self._given_seasons() if isinstance(season, int))
        supported = given or defaults.find_seasons(ys, self.calendar_.seasons).value
        transform, reason = find_transform(
            vars(self)["transform"], values=ys, seasons=supported or self.calendar_.seasons
        )
        automatic = isinstance(self.calendar, str)
        self.chosen_ = {
            "transform": Choice(transform, reason),
            "calendar": Choice(features, explain_calendar(features) if automatic else "given"),
        }
        return Preparation.of(
            records,
            self.calendar_,
            features=features,
            past_only=self._past_only,
            static_names=self._static_names,
            transform=transform,
            max_gap=self.max_gap,
        )

    def _learn_series(
        self, preparation: Preparation, records: dict[Hashable, Record]
    ) -> Preparation:
        """Learn what belongs to single series, leaving what belongs to all as it is."""
        preparation = preparation.with_transforms(records.values())
        return preparation.with_known(preparation.series(r) for r in records.values())

    def _go_on_training(self, records: dict[Hashable, Record], why: str) -> None:
        """Train from the present weights, with what was chosen at first."""
        self.chosen_ = self.chosen_ | {"start": Choice("previous weights", why)}
        for name in ("learning_rate", "batch_size", "max_epochs"):
            self.chosen_[name] = choose(getattr(self, name), self.chosen_[name])
        series = [self._preparation.series(record) for record in in_order(records)]
        seeds = check_random_state(self.random_state).randint(2**31 - 1, size=len(self.networks_))
        weights = [network.state_dict() for network in self.networks_]
        self._train_all(series, list(zip(map(int, seeds), weights, strict=True)))

    def _choose(self, series: list[Series], preparation: Preparation) -> dict[str, Choice]:
        """Choose what the user left to the data, each value with its reason."""
        ys, H = [s.y for s in series], self.horizon
        observed = sum(int(np.isfinite(y).sum()) for y in ys)
        self._check_scaling(ys)
        scaling = choose(self.scaling, defaults.find_scaling(ys))
        working = [preparation.working(s, scaling.value == "multiplicative")[0] for s in series]
        found = defaults.find_seasons(working, self.calendar_.seasons)
        given = tuple(season for season in self._given_seasons() if season is not None)
        seasons = found if self.seasonality == "auto" else Choice(given, "given")
        rows = self._given_context()
        if rows is not None and any(season > rows for season in seasons.value):
            within = tuple(season for season in seasons.value if season <= rows)
            seasons = Choice(within, f"{seasons.reason}; those within the context of {rows}")
        length = max(len(y) for y in ys)
        segment = choose(self.segment, defaults.find_segment(seasons.value, H, length))
        if self.strategy == "recursive":
            segment = Choice(1, "strategy='recursive' forecasts one step")
        window = defaults.find_window(segment.value, seasons.value, rows)
        span = defaults.find_span(working, seasons.value, H)
        context = choose(self.context, defaults.find_context(segment.value))
        if rows is not None and rows < span.value:
            span = Choice(rows, "the context")
        passes = sum(-(-len(y) // (segment.value * defaults.ORIGINS)) for y in ys)
        phases = min(segment.value, max(1, round(defaults.ORIGINS / passes)))
        batch_size = choose(self.batch_size, defaults.find_batch_size(passes * phases))
        batches = -(-passes * phases // batch_size.value)
        hidden = choose(self.hidden_size, defaults.find_hidden_size(observed))
        return {
            "seasonality": seasons,
            "segment": segment,
            "window": window,
            "span": span,
            "context": context,
            "scaling": scaling,
            "hidden_size": hidden,
            "learning_rate": choose(self.learning_rate, defaults.find_learning_rate(hidden.value)),
            "phases": Choice(phases, f"{passes} passes cover the series once"),
            "batch_size": batch_size,
            "max_epochs": choose(self.max_epochs, defaults.find_epochs(observed, batches)),
        }

    def _check_scaling(self, ys: list[np.ndarray]) -> None:
        low = sum(int((y <= 0).sum()) for y in ys)
        if self.scaling == "multiplicative" and low:
            raise ValueError(
                f"scaling='multiplicative' needs y > 0: {low} values <= 0; use 'additive' or 'auto'"
            )

    def _lay_out(self, series: list[Series]) -> Layout:
        chosen = {name: choice.value for name, choice in self.chosen_.items()}
        return Layout(
            horizon=1 if self.strategy == "recursive" else int(self.horizon),
            segment=chosen["segment"],
            window=chosen["window"],
            span=chosen["span"],
            seasons=chosen["seasonality"],
            multiplicative=chosen["scaling"] == "multiplicative",
            shows_missing=any(np.isnan(s.y).any() for s in series),
        )

    def _given_seasons(self) -> tuple[Any, ...]:
        """Return what the user gave as seasons, one or several."""
        if self.seasonality is None or isinstance(self.seasonality, str):
            return (self.seasonality,)
        return tuple(np.atleast_1d(self.seasonality).tolist())

    def _given_context(self) -> int | None:
        """Return the rows of a context that the user fixed."""
        return None if self.context in ("auto", None) else int(self.context)

    def _origins_of_a_pass(self) -> int:
        """Return how many origins lie within the context."""
        rows = self._given_context()
        if rows is not None:
            return max(1, rows // self._layout.segment)
        return OUTSIDE if self.context is None else defaults.ORIGINS

    def _train_all(self, series: list[Series], starts: list[tuple[int, Start]]) -> None:
        """Train a network from each (seed, start), start None being chosen from the data."""
        self._head = find_head(self.loss)
        pieces = [self._preparation.pieces(s) for s in series]
        lines = [self._preparation.line(piece) for parts in pieces for piece, _ in parts]
        latest = [i + 1 == len(parts) for parts in pieces for i in range(len(parts))]
        corpus = Corpus(lines, self._layout)
        if corpus.length.max() < 2:
            raise ValueError(
                f"max_gap={self.max_gap} leaves no two steps of y together: missing values lie "
                "beside all the others; set it higher, or None"
            )
        held_out = np.where(latest, self._held_out(corpus.length, len(series)), 0)
        trained: list[_Trained] = []
        for seed, start in starts:
            try:
                trained.append(self._train(corpus, held_out, seed, start))
            except KeyboardInterrupt:
                if not trained:
                    raise
                warnings.warn(
                    f"fit was interrupted in network {len(trained) + 1} of {len(starts)}: those "
                    "before it are used",
                    UserWarning,
                    stacklevel=2,
                )
                break
            if trained[-1].history.interrupted:
                break
        self.networks_ = [t.network for t in trained]
        self.histories_ = [t.history for t in trained]
        self.trust_ = [t.trust for t in trained]
        errors = [t.errors for t in trained]
        if self._is_fed():
            errors = [self._errors_by_step(series, held_out[latest], t.trial) for t in trained]
        self._errors = quantiles_of_errors(np.concatenate(errors))

    def _train(self, corpus: Corpus, held_out: np.ndarray, seed: int, start: Start) -> _Trained:
        """Find start, epoch and trust on the latest part, then train that long on everything."""
        options = {
            "max_epochs": self.chosen_["max_epochs"].value,
            "learning_rate": self.chosen_["learning_rate"].value,
            "clip_norm": self.clip_norm,
            "verbose": self.verbose,
        }
        trial = self._fitting(corpus, seed, corpus.length - held_out)
        if not held_out.any():
            history = trial.run(start, **options)
            return _Trained(trial.network, history, 1.0, trial.errors(), trial.network)
        begun = start if start is not None else trial.best_penalty()
        history = trial.run(begun, patience=self.patience, **options)
        trust = 1.0 if start is not None else trial.trust()  # weights went through this before
        final = trial if history.interrupted else self._final(trial, history, begun, seed, options)
        with torch.no_grad():
            for network in {trial.network, final.network}:  # one and the same after Ctrl-C
                for weights in network.read_out():
                    weights.mul_(trust)
        return _Trained(final.network, history, trust, trial.errors(), trial.network)

    def _final(
        self, trial: Fitting, history: History, begun: Start, seed: int, options: dict[str, Any]
    ) -> Fitting:
        """Train on everything up to the best epoch; if that is interrupted, the trial has to do."""
        final = self._fitting(trial.corpus, seed, trial.corpus.length)
        if not history.best_epoch:
            final.start_from(begun)
            return final
        try:
            final.run(begun, stop_after=history.best_epoch, interruptible=False, **options)
        except KeyboardInterrupt:
            history.interrupted = True
            warnings.warn(
                "fit was interrupted after the search for the best epoch: the network of the "
                "search is used, which has not learnt from the steps held out",
                UserWarning,
                stacklevel=2,
            )
            return trial
        return final

    def _fitting(self, corpus: Corpus, seed: int, until: np.ndarray) -> Fitting:
        """Lay out a fresh network and its targets before ``until`` (n,)."""
        generator = torch.Generator(find_device(self.device)).manual_seed(seed)
        return Fitting(
            network=self._network(corpus, self._head.parameters, generator),
            head=self._head,
            corpus=corpus,
            until=until,
            origins=self._origins_of_a_pass(),
            phases=self.chosen_["phases"].value,
            batch_size=self.chosen_["batch_size"].value,
            generator=generator,
            rng=np.random.default_rng(seed),
            forcing=None if self.teacher_forcing == 1 else self._share_of_truth,
        )

    def _share_of_truth(self, done: float) -> float:
        """Return the share of true values read after a share of the epochs."""
        forcing = self.teacher_forcing
        return FORCING[forcing](done) if isinstance(forcing, str) else float(forcing)

    def _held_out(self, lengths: np.ndarray, n_series: int) -> np.ndarray:
        """Return the steps at the end of each line that judge, none without early stopping.

        A horizon of them at least, unless the series is too short for that: then a share of it,
        which judges the first steps of the horizon.
        """
        if not self.early_stopping or not self.validation_fraction:
            return np.zeros_like(lengths)
        share = np.minimum(self.validation_fraction * lengths, MOST_HELD_OUT / n_series)
        steps = np.maximum(self.horizon, np.round(share)).astype(int)
        few = np.round(self.validation_fraction * lengths).astype(int)
        few = np.clip(few, 0, np.maximum(0, lengths - 2))
        return np.where(
            lengths >= 3 * steps + self._layout.segment, steps, np.maximum(few, lengths > 2)
        )

    def _network(
        self, corpus: Corpus, parameters: int, generator: torch.Generator
    ) -> ForkingNetwork | Seq2SeqNetwork:
        targets = corpus.w.shape[1]
        covariates = 0 if corpus.X is None else corpus.X.shape[1]
        known = 0 if corpus.X is None else 2 * corpus.n_known
        inputs = self._layout.size(targets, covariates)
        statics = self._preparation.statics
        static = StaticShape() if statics is None else StaticShape(*statics.shape)
        hidden = int(self.chosen_["hidden_size"].value)
        encoder = Encoder(
            self.cell or self.default_cell,
            inputs + static.width,
            hidden,
            self.num_layers,
            self.dropout,
            None if self.dilations is None else tuple(np.atleast_1d(self.dilations).tolist()),
            None if self.bptt is None else -(-self.bptt // self._layout.segment),
        )
        shape = (self._layout.horizon, targets, parameters)
        network: ForkingNetwork | Seq2SeqNetwork
        if self.strategy == "seq2seq":
            network = Seq2SeqNetwork(
                encoder, inputs, hidden, shape, known, static, attention=self.attention
            )
        else:
            network = ForkingNetwork(encoder, inputs, hidden, shape, known, static)
        build(network, generator, getattr(torch, self.dtype))
        return network

    def _predictor(self) -> Predictor:
        """Read the trained networks."""
        # A head fed with its own point forecasts does not know how wrong these are.
        says_itself = isinstance(self._head, ProbabilisticHead) and not self._is_fed()
        return self._reading(self.networks_, None if says_itself else self._errors)

    def _reading(self, networks: Sequence[Any], errors: np.ndarray | None) -> Predictor:
        """Read networks whose errors have these quantiles (None: not known)."""
        return Predictor(
            networks,
            self._head,
            self._preparation,
            self._origins_of_a_pass(),
            self._given_context(),
            errors,
        )

    def _is_fed(self) -> bool:
        """Tell whether forecasts within the horizon rest on forecasts before them."""
        return self.strategy == "recursive" and self.horizon > 1

    def _paths(
        self, requests: Sequence[Request], levels: np.ndarray | None
    ) -> list[tuple[Any, ...]]:
        """Forecast the steps of requests, (n, K), and their quantiles (n, K, L) if asked for.

        Missing steps at the end of a history are forecast too: the last value seen is the origin.
        """
        recent = [self._recent(request) for request in requests]
        wanted = [
            len(request.record) - end + request.n
            for request, (_, end) in zip(requests, recent, strict=True)
        ]
        paths = self._predictor().ahead([series for series, _ in recent], wanted, levels)
        found = []
        for request, (_, end), path in zip(requests, recent, paths, strict=True):
            both = self._preparation.back(request.record, end, request.index, *path)
            found.append(tuple(None if part is None else part[-request.n :] for part in both))
        return found

    def _recent(self, request: Request) -> tuple[Series, int]:
        """Return the part of a record that counts, and how many of its steps are known.

        That part ends with the last value seen, or at a gap too long to fill.
        """
        y = request.record.y
        end = max(seen_length(y), len(y) - LONGEST_FILLED * self.horizon)
        start = self._first_that_counts(request.record.key, y[:end])
        series = self._preparation.series(request.record, request, start).cut(0, end - start)
        _, begin = self._preparation.pieces(series)[-1]
        series = series.cut(begin, end - start)
        return cut_to(series, len(series), self._given_context()), end

    def _first_that_counts(self, key: Hashable, y: np.ndarray) -> int:
        """Return the step before which nothing changes a forecast from the end of y (T, K)."""
        if self.context is None:
            return 0
        anchor = self._preparation.known[key].anchor
        return first_of_last(y, steps_that_count(self._layout, anchor, self._origins_of_a_pass()))

    def _errors_by_step(
        self, series: list[Series], held_out: np.ndarray, network: Any
    ) -> np.ndarray:
        """Run a recursive model on from origins before the steps held out: errors (n, H, K).

        In units of the scale; where nothing is held out, over the last fifth of the series.
        """
        predictor, H = self._reading([network], None), int(self.horizon)
        share = max(1, ORIGINS_OF_ERRORS // len(series))
        cuts, futures = [], []
        for s, steps in zip(series, held_out, strict=True):
            first = max(2, len(s) - max(int(steps), len(s) // 5))
            ends = np.unique(np.linspace(first, max(first, len(s) - H), share).astype(int))
            standing = s.with_covariates_standing(H)  # where the horizon ends after the series
            for end in ends[ends < len(s)]:
                cut = cut_to(standing, int(end), self._given_context())
                if np.isfinite(cut.y).any():
                    cuts.append(cut)
                    futures.append(s.y[end : end + H])
        errors = np.full((len(cuts), H, series[0].y.shape[1]), np.nan)
        scales = [reading.scale[-1] for reading in predictor.from_ends(cuts)]
        paths = predictor.ahead(cuts, [H] * len(cuts))
        for error, path, future, scale, cut in zip(
            errors, paths, futures, scales, cuts, strict=True
        ):
            come, said = (
                self._preparation.working_values_of(cut.key, y)
                for y in (future, path.point[: len(future)])
            )
            error[: len(future)] = (come - said) / scale
        return errors


def in_order(records: dict[Hashable, Record]) -> list[Record]:
    """Sort by name, so that nothing learnt depends on the order in which series came."""
    return sorted(records.values(), key=lambda record: str(record.key))
