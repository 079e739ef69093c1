"""Recurrent forecasters: one network runs along the series and forecasts from every step.

Conventions: T steps, S a segment, N origins of a pass, B passes, H horizon, K targets, F
covariates.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from sklearn.utils import check_random_state

from tsrnn import defaults
from tsrnn.base import Forecaster
from tsrnn.cells import CELLS
from tsrnn.checks import (
    check_choice,
    check_count,
    check_flag,
    check_positive,
    check_rows,
    check_share,
)
from tsrnn.defaults import Choice, choose
from tsrnn.fitting import ORIGINS_AT_ONCE, Fitting, as_tensor
from tsrnn.forking import (
    OUTSIDE,
    Corpus,
    Known,
    Layout,
    Line,
    Pass,
    last_passes,
    make_line,
    pass_ending_at,
    stacked,
)
from tsrnn.heads import HEADS
from tsrnn.networks import LEAST_ROWS, Encoder, ForkingNetwork, build
from tsrnn.records import Record, Request
from tsrnn.scaling import (
    linear_effect,
    origin_of,
    original_values,
    usual_deviation,
    working_values,
)
from tsrnn.training import History, find_device

LEAST_OBSERVED = 3  # two changes: one to learn from, one to check against
LONGEST_FILLED = 50  # horizons of missing steps at the end that are forecast to bridge them
CUTS_AT_ONCE = 512  # histories of an exact context that are forecast together in-sample
MOST_HELD_OUT = (
    2_000  # steps of all series together that choose the epoch, unless horizons need more
)
SCALINGS = ("auto", "additive", "multiplicative")


class RecurrentForecaster(Forecaster):
    """Interface of the recurrent forecasters; see :class:`LSTMForecaster` for the parameters."""

    default_cell: str

    def __init__(
        self,
        horizon: int = 1,
        *,
        cell: str | None = None,
        hidden_size: int | str = "auto",
        num_layers: int = 1,
        dropout: float = 0.2,
        loss: str = "absolute_error",
        context: int | str | None = "auto",
        seasonality: int | Sequence[int] | str | None = "auto",
        segment: int | str = "auto",
        scaling: str = "auto",
        learning_rate: float | str = "auto",
        batch_size: int | str = "auto",
        max_epochs: int | str = "auto",
        early_stopping: bool = True,
        patience: int | None = None,
        validation_fraction: float = 0.2,
        clip_norm: float | None = 1.0,
        n_estimators: int = 1,
        missing: str = "mask",
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
        self.context = context
        self.seasonality = seasonality
        self.segment = segment
        self.scaling = scaling
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.max_epochs = max_epochs
        self.early_stopping = early_stopping
        self.patience = patience
        self.validation_fraction = validation_fraction
        self.clip_norm = clip_norm
        self.n_estimators = n_estimators
        self.missing = missing
        self.dtype = dtype
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def _fit(self, records: dict[Hashable, Record]) -> None:
        self._check_parameters(records)
        self._covariates = CovariateScaling.of([record.X for record in records.values()])
        self.chosen_ = self._choose(list(records.values()))
        self._layout = self._lay_out(list(records.values()))
        self._known: dict[Hashable, Known] = {}
        self._learn_known(records)
        corpus = Corpus([self._line(record) for record in records.values()], self._layout)
        seeds = check_random_state(self.random_state).randint(2**31 - 1, size=self.n_estimators)
        self.networks_, self.histories_, self.trust_ = map(
            list, zip(*(self._train(corpus, int(seed)) for seed in seeds), strict=True)
        )

    def _forecast(self, requests: Sequence[Request]) -> list[np.ndarray]:
        """Forecast H steps, append them to the history as if observed, and so on.

        Missing steps at the end of a history are forecast too: the last value seen is the origin.
        """
        records = [self._recent(request) for request in requests]
        known = [len(record) for record in records]
        wanted = [
            len(request.record) - end + request.n
            for request, end in zip(requests, map(self._last_seen, requests), strict=True)
        ]
        for _ in range(0, max(wanted), self.horizon):
            working = self._next(records)
            records = [
                replace(record, y=np.concatenate([record.y, self._original(record.key, w[-1])]))
                for record, w in zip(records, working, strict=True)
            ]
        return [
            record.y[length + steps - request.n : length + steps]
            for record, length, steps, request in zip(records, known, wanted, requests, strict=True)
        ]

    def _in_sample(self, record: Record) -> np.ndarray:
        length, rows = len(record), self._given_context()
        forecast = np.empty_like(record.y)
        forecast[0] = self._known[record.key].origin  # nothing is known before
        if rows is not None and rows < length:
            cuts = [self._cut(record, end, rows) for end in range(1, length)]
            for start in range(0, len(cuts), CUTS_AT_ONCE):
                some = cuts[start : start + CUTS_AT_ONCE]
                next_w = np.array([w[-1, 0] for w in self._next(some)])
                forecast[1 + start : 1 + start + len(some)] = self._original(record.key, next_w)
            return forecast
        corpus, segment = Corpus([self._line(record)], self._layout), self._layout.segment
        most = self._origins_of_a_pass()
        if length <= segment * most:
            # One pass an offset visits every origin: the state reaches back to the start anyway.
            ends = range(max(0, length - 1 - segment), length - 1)
            passes = [Pass(0, pass_ending_at(end, segment, most)) for end in ends]
            passes += [Pass(0, np.array([t])) for t in range(min(segment - 1, length - 1))]
            for part, w in zip(passes, self._read(corpus, passes), strict=True):
                forecast[part.origins + 1] = self._original(record.key, w[:, 0])
        else:
            passes = [Pass(0, pass_ending_at(end, segment, most)) for end in range(length - 1)]
            last = [w[-1, 0] for w in self._read(corpus, passes)]
            forecast[1:] = self._original(record.key, np.array(last))
        return forecast

    def _update(self, records: dict[Hashable, Record], new_steps: dict[Hashable, int]) -> None:
        if self._layout.multiplicative:
            for key, record in records.items():
                if np.nanmin(record.y) <= 0:
                    of = "" if key is None else f" of series {key!r}"
                    raise ValueError(
                        f"y{of} has values <= 0, but fit chose scaling='multiplicative': fit again "
                        "with scaling='additive'"
                    )
        self._learn_known({key: r for key, r in records.items() if key not in self._known})

    def _check_parameters(self, records: dict[Hashable, Record]) -> None:
        check_choice("cell", self.cell or self.default_cell, list(CELLS))
        check_choice("loss", self.loss, list(HEADS))
        check_choice("scaling", self.scaling, SCALINGS)
        check_choice("dtype", self.dtype, ("float32", "float64"))
        for name in ("num_layers", "n_estimators"):
            check_count(name, getattr(self, name))
        for name in ("hidden_size", "segment", "batch_size", "max_epochs"):
            check_count(name, getattr(self, name), also=("auto",))
        check_count("context", self.context, also=("auto", None))
        check_count("patience", self.patience, also=(None,))
        check_count("verbose", int(self.verbose), least=0)
        check_flag("early_stopping", self.early_stopping)
        for season in self._given_seasons():
            check_count("seasonality", season, least=2, also=("auto", None))
        for name in ("dropout", "validation_fraction"):
            check_share(name, getattr(self, name))
        if self.learning_rate != "auto":
            check_positive("learning_rate", self.learning_rate)
        if self.clip_norm is not None:
            check_positive("clip_norm", self.clip_norm)
        longest = max(records.values(), key=len)
        observed = int(np.isfinite(longest.y).sum(axis=0).min())
        check_rows(observed, LEAST_OBSERVED, "give a longer history, or use Naive")
        if not isinstance(self.segment, str) and self.segment > len(longest) // 2:
            raise ValueError(
                f"segment={self.segment}: the longest series has {len(longest)} steps, expected at "
                f"most {len(longest) // 2} or 'auto'"
            )
        if self.scaling == "multiplicative":
            for record in records.values():
                low = record.y <= 0
                if low.any():
                    raise ValueError(
                        f"scaling='multiplicative' needs y > 0: {int(low.sum())} values <= 0; "
                        "use 'additive' or 'auto'"
                    )

    def _choose(self, records: list[Record]) -> dict[str, Choice]:
        """Choose what the user left to the data, each value with its reason."""
        ys, H = [record.y for record in records], self.horizon
        observed = sum(int(np.isfinite(y).sum()) for y in ys)
        scaling = choose(self.scaling, defaults.find_scaling(ys))
        working = [
            self._working(record, scaling.value == "multiplicative")[0] for record in records
        ]
        found = defaults.find_seasons(working, self.calendar_.seasons)
        given = tuple(season for season in self._given_seasons() if season is not None)
        seasons = found if self.seasonality == "auto" else Choice(given, "given")
        length = max(len(y) for y in ys)
        segment = choose(self.segment, defaults.find_segment(seasons.value, H, length))
        window = defaults.find_window(segment.value, seasons.value)
        span = defaults.find_span(working, seasons.value, H)
        context = choose(self.context, defaults.find_context(segment.value))
        rows = self._given_context()
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

    def _lay_out(self, records: list[Record]) -> Layout:
        chosen = {name: choice.value for name, choice in self.chosen_.items()}
        return Layout(
            horizon=self.horizon,
            segment=chosen["segment"],
            window=chosen["window"],
            span=chosen["span"],
            seasons=chosen["seasonality"],
            multiplicative=chosen["scaling"] == "multiplicative",
            shows_missing=any(np.isnan(record.y).any() for record in records),
        )

    def _learn_known(self, records: dict[Hashable, Record]) -> None:
        """Learn to what every forecast of a series refers."""
        span, logs = self._layout.span, self._layout.multiplicative
        for key, record in records.items():
            w, origin, effect = self._working(record, logs)
            size = np.ones_like(origin) if logs else np.abs(origin)
            anchor = defaults.find_anchor(w, self._layout.seasons, span, self.horizon)
            self._known[key] = Known(origin, usual_deviation(w, span, size), effect, anchor)

    def _working(self, record: Record, logs: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return working values free of the linear effect of covariates, origin and effect."""
        origin = origin_of(record.y)
        w = working_values(record.y, origin, logs)
        if record.X is None:
            return w, origin, np.zeros((0, w.shape[1]))
        X = self._covariates.apply(record.X)
        effect = linear_effect(w, X)
        return w - X @ effect, origin, effect

    def _line(self, record: Record) -> Line:
        X = None if record.X is None else self._covariates.apply(record.X)
        return make_line(record.y, X, self._known[record.key], self._layout)

    def _original(self, key: Hashable, w: np.ndarray) -> np.ndarray:
        return original_values(w, self._known[key].origin, self._layout.multiplicative)

    def _last_seen(self, request: Request) -> int:
        """Return the steps of a record up to its last value, or up to a gap too long to fill."""
        record = request.record
        seen = int(np.flatnonzero(np.isfinite(record.y).any(axis=1))[-1]) + 1
        return max(seen, len(record) - LONGEST_FILLED * self.horizon)

    def _recent(self, request: Request) -> Record:
        """Append the covariates of the steps to forecast, and cut the record to its context."""
        record = request.record
        if record.X is not None and request.X is not None:
            record = replace(record, X=np.concatenate([record.X, request.X]))
        return self._cut(record, self._last_seen(request), self._given_context())

    def _cut(self, record: Record, end: int, rows: int | None) -> Record:
        """Keep the last ``rows`` steps before ``end`` (None: all), and at least one value seen."""
        rows = end if rows is None else rows
        seen = np.flatnonzero(np.isfinite(record.y[:end]).any(axis=1))
        start = max(0, min(end - rows, seen[-1] if len(seen) else 0))
        X = None if record.X is None else record.X[start:]
        return replace(record, y=record.y[start:end], X=X)

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

    def _train(self, corpus: Corpus, seed: int) -> tuple[ForkingNetwork, History, float]:
        """Find start, epoch and trust on the latest part, then train that long on everything."""
        options = {
            "max_epochs": self.chosen_["max_epochs"].value,
            "learning_rate": self.chosen_["learning_rate"].value,
            "clip_norm": self.clip_norm,
            "verbose": self.verbose,
        }
        held_out = self._held_out(corpus.length)
        if not held_out.any():
            fitting = self._fitting(corpus, seed, corpus.length)
            return fitting.network, fitting.run(None, **options), 1.0
        trial = self._fitting(corpus, seed, corpus.length - held_out)
        penalty = trial.best_penalty()
        history = trial.run(penalty, patience=self.patience, **options)
        trust = trial.trust()
        final = self._fitting(corpus, seed, corpus.length)
        if history.best_epoch:
            final.run(penalty, stop_after=history.best_epoch, **options)
        else:
            final.start_from(penalty)
        with torch.no_grad():
            for weights in final.network.read_out():
                weights.mul_(trust)
        return final.network, history, trust

    def _fitting(self, corpus: Corpus, seed: int, until: np.ndarray) -> Fitting:
        """Lay out a fresh network and its targets before ``until`` (n,)."""
        generator = torch.Generator(find_device(self.device)).manual_seed(seed)
        head = HEADS[self.loss]()
        return Fitting(
            network=self._network(corpus, head.parameters, generator),
            head=head,
            corpus=corpus,
            until=until,
            origins=self._origins_of_a_pass(),
            phases=self.chosen_["phases"].value,
            batch_size=self.chosen_["batch_size"].value,
            generator=generator,
            rng=np.random.default_rng(seed),
        )

    def _held_out(self, lengths: np.ndarray) -> np.ndarray:
        """Return the steps at the end of each series that judge, none without early stopping.

        A horizon of them at least, unless the series is too short for that: then a share of it,
        which judges the first steps of the horizon.
        """
        if not self.early_stopping or not self.validation_fraction:
            return np.zeros_like(lengths)
        share = np.minimum(self.validation_fraction * lengths, MOST_HELD_OUT / len(lengths))
        steps = np.maximum(self.horizon, np.round(share)).astype(int)
        few = np.round(self.validation_fraction * lengths).astype(int)
        few = np.clip(few, 0, np.maximum(0, lengths - 2))
        return np.where(
            lengths >= 3 * steps + self._layout.segment, steps, np.maximum(few, lengths > 2)
        )

    def _network(
        self, corpus: Corpus, parameters: int, generator: torch.Generator
    ) -> ForkingNetwork:
        targets = corpus.w.shape[1]
        covariates = 0 if corpus.X is None else corpus.X.shape[1]
        inputs = self._layout.size(targets, covariates)
        hidden = int(self.chosen_["hidden_size"].value)
        cell = self.cell or self.default_cell
        encoder = Encoder(cell, inputs, hidden, self.num_layers, self.dropout)
        shape = (int(self.horizon), targets, parameters)
        network = ForkingNetwork(encoder, inputs, hidden, shape, 2 * covariates)
        build(network, generator, getattr(torch, self.dtype))
        return network

    def _next(self, records: Sequence[Record]) -> list[np.ndarray]:
        """Forecast from the end of each record: working values (N, H, K), the last of N counts."""
        corpus = Corpus([self._line(record) for record in records], self._layout)
        most = self._origins_of_a_pass()
        return self._read(corpus, last_passes(corpus.length, self._layout.segment, most))

    def _read(self, corpus: Corpus, passes: Sequence[Pass]) -> list[np.ndarray]:
        """Forecast from each origin with the median network: working values (N, H, K) a pass."""
        like = self.networks_[0].linear.weight
        head = HEADS[self.loss]()
        size = max(1, ORIGINS_AT_ONCE // max(len(p.origins) for p in passes))
        forecasts = []
        for start in range(0, len(passes), size):
            part = passes[start : start + size]
            batch = corpus.batch(*stacked([*part, *[part[0]] * (LEAST_ROWS - len(part))]))
            x, known = (as_tensor(a, like) for a in (batch.x, batch.known))
            with torch.inference_mode():
                points = [
                    head.point(network(x, known)).double().cpu() for network in self.networks_
                ]
            correction = np.median([point.numpy() for point in points], axis=0)  # (B, N, H, K)
            w = batch.base + batch.effect + batch.scale[:, :, None] * correction
            forecasts += [values[: len(p.origins)] for values, p in zip(w, part, strict=False)]
        return forecasts


class RNNForecaster(RecurrentForecaster):
    """Forecast with Elman's recurrent network; the parameters are those of :class:`LSTMForecaster`.

    Examples
    --------
    >>> import pandas as pd
    >>> from tsrnn import RNNForecaster
    >>> months = pd.date_range("2015-01-31", periods=60, freq="ME")
    >>> y = pd.Series([float(m % 12) for m in range(60)], index=months)
    >>> RNNForecaster(horizon=3, random_state=0).fit(y=y).predict().round(1)
    2020-01-31    0.0
    2020-02-29    1.0
    2020-03-31    2.0
    dtype: float64
    """

    default_cell = "rnn"


class LSTMForecaster(RecurrentForecaster):
    """Forecast with a long short-term memory network.

    The network runs once along the series and forecasts the next ``horizon`` steps from every step
    (forking sequences, Wen et al. 2017), relative to a level and a scale known at the time, after
    the linear effect of covariates is taken off. It corrects a simple forecast, the one that did
    best in fit: the last value, the level, the last season or a smoothed one. Where the network
    gains nothing on the latest steps, that simple forecast is what remains. Longer horizons come
    from feeding forecasts back.

    Parameters
    ----------
    horizon : int
        Steps forecast directly.
    cell : {"rnn", "lstm", "gru"}, optional
        Recurrent cell; default: the one the class is named after.
    hidden_size : int or "auto"
        Units of each layer; "auto": by the number of observed values, 16 to 128.
    num_layers : int
        Layers; each but the first has a residual connection.
    dropout : float in [0, 1)
        Share of states dropped between layers and before the read-out while training.
    loss : {"absolute_error", "squared_error", "huber"}
        Loss of the errors in units of the running scale.
    context : int, None or "auto"
        The last so many steps before an origin count; None: all the past; "auto": 64 segments.
    seasonality : int, sequence of int, None or "auto"
        Season lengths in steps; "auto": those of the calendar that the autocorrelation supports.
    segment : int or "auto"
        Steps that the network reads at once; "auto": the largest divisor of the season not above
        the horizon, 1 without a season and for short series.
    scaling : {"auto", "additive", "multiplicative"}
        "multiplicative" works on logs; "auto" takes logs of positive series whose changes grow with
        the level.
    learning_rate : float or "auto"
        Highest step of Adam, in one cycle over ``max_epochs``; "auto": larger for fewer units.
    batch_size : int or "auto"
        Passes of a mini-batch.
    max_epochs : int or "auto"
        Passes over the series; "auto": by the number of observed values.
    early_stopping : bool
        Hold out the latest part of each series to find where to start (from a ridge regression or
        from no correction), the best epoch, and how far the corrections are to be trusted; then
        train on everything for so many epochs. Without it, all epochs on everything.
    patience : int, optional
        Stop the search for the best epoch after so many epochs without a better one.
    validation_fraction : float in [0, 1)
        Share of the latest steps held out, at least the horizon, and at most 2,000 steps of all
        series together unless their horizons need more.
    clip_norm : float or None
        Largest global norm of the gradient.
    n_estimators : int
        Networks trained from different seeds; their median is the forecast.
    missing : {"mask", "raise"}
        "mask" shows missing values to the network as such and leaves them out of the loss.
    dtype : {"float32", "float64"}
        Arithmetic inside the network; scaling is float64 always.
    device : str
        "cpu", "cuda", "cuda:1", "mps", or "auto": a GPU where there is one.
    random_state : int, RandomState or None
        Decides weights, batches and dropout.
    verbose : int
        1 shows a progress bar.

    Attributes
    ----------
    chosen_ : dict of name to (value, reason)
        What was chosen from the data, and why.
    networks_ : list of torch.nn.Module
    histories_ : list of History
        Losses by epoch of the search for the best epoch, one for each network.
    trust_ : list of float in [0, 1]
        Factor of the corrections, one for each network: near 0 where the gain on the held-out steps
        may be luck, near 1 where it is beyond doubt.
    calendar_ : Calendar
        How steps are counted.

    Examples
    --------
    >>> from tsrnn import LSTMForecaster
    >>> from tsrnn.datasets import load_stocks
    >>> prices = load_stocks()["MSFT"]
    >>> model = LSTMForecaster(horizon=5, max_epochs=5, random_state=0).fit(y=prices)
    >>> model.predict().index.strftime("%a %Y-%m-%d").tolist()
    ['Mon 2013-03-04', 'Tue 2013-03-05', 'Wed 2013-03-06', 'Thu 2013-03-07', 'Fri 2013-03-08']
    >>> model.chosen_["seasonality"].reason
    '5: not supported by the autocorrelation'
    """

    default_cell = "lstm"


class GRUForecaster(RecurrentForecaster):
    """Forecast with gated recurrent units; the parameters are those of :class:`LSTMForecaster`.

    Examples
    --------
    >>> import numpy as np
    >>> from tsrnn import GRUForecaster
    >>> y = np.sin(np.arange(200) / 3)
    >>> forecast = GRUForecaster(horizon=4, random_state=0).fit(y=y).predict()
    >>> bool(np.abs(forecast - np.sin(np.arange(200, 204) / 3)).max() < 0.1)
    True
    """

    default_cell = "gru"


@dataclass(frozen=True)
class CovariateScaling:
    """Standardise covariates; missing ones become 0, with a flag where fit saw missing ones."""

    mean: np.ndarray  # (F,)
    deviation: np.ndarray  # (F,)
    flagged: np.ndarray  # (F,) bool

    @classmethod
    def of(cls, covariates: Sequence[np.ndarray | None]) -> CovariateScaling:
        seen = [X for X in covariates if X is not None]
        if not seen:
            return cls(np.zeros(0), np.ones(0), np.zeros(0, dtype=bool))
        X = np.concatenate(seen)
        missing = np.isnan(X)
        count = np.maximum(1, (~missing).sum(axis=0))
        mean = np.where(missing, 0.0, X).sum(axis=0) / count
        deviation = np.sqrt((np.where(missing, 0.0, X - mean) ** 2).sum(axis=0) / count)
        constant = deviation <= 1e-14 * np.abs(mean)
        return cls(mean, np.where(constant, 1.0, deviation), missing.any(axis=0))

    def apply(self, X: np.ndarray) -> np.ndarray:
        missing = np.isnan(X)
        values = np.where(missing, 0.0, (X - self.mean) / self.deviation)
        return np.concatenate([values, missing[:, self.flagged]], axis=1)
