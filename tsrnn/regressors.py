"""Window estimators: a row of X is one independent sequence, read by a recurrent network.

Conventions: n rows, T steps, F channels, O outputs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

import numpy as np
import torch
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data
from torch import Tensor

from tsrnn.base import undone_on_failure
from tsrnn.cells import CELLS
from tsrnn.checks import check_choice, check_count, check_positive, check_seed, check_share
from tsrnn.chronology import warn_out_of_order
from tsrnn.heads import POINT_HEADS
from tsrnn.memory import in_batches
from tsrnn.networks import LEAST_ROWS, Encoder, SequenceRegressor, build
from tsrnn.overlaps import comes_before, find_runs
from tsrnn.training import find_device, train

BLOCK = 2**22  # values of X that are looked at together: windows are views, a copy may be huge
STEPS = 2_000  # optimiser steps that max_epochs="auto" aims at, within EPOCHS
EPOCHS = 20, 200
LEAST_HELD_OUT = 20  # rows; with fewer in the validation part early stopping is left out
# A deviation below this share of the mean is a rounding error of float64: the column is constant.
CONSTANT = 1e-14
# Windows stay views of one buffer; finiteness is looked at block by block, NaN is a missing step.
READING: dict[str, Any] = {
    "allow_nd": True,
    "ensure_all_finite": False,
    "dtype": [np.float64, np.float32],
}


class RecurrentRegressor(RegressorMixin, BaseEstimator):
    """Interface of the window regressors; see :class:`LSTMRegressor` for the parameters."""

    default_cell: str

    def __init__(
        self,
        *,
        cell: str | None = None,
        hidden_size: int = 32,
        num_layers: int = 1,
        dropout: float = 0.0,
        loss: str = "squared_error",
        learning_rate: float = 0.01,
        batch_size: int | str | None = "auto",
        max_epochs: int | str = "auto",
        early_stopping: bool = True,
        patience: int = 20,
        validation_fraction: float = 0.1,
        clip_norm: float | None = 1.0,
        dtype: str = "float32",
        device: str = "cpu",
        random_state: Any = None,
        verbose: int = 0,
    ) -> None:
        self.cell = cell
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.dropout = dropout
        self.loss = loss
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.max_epochs = max_epochs
        self.early_stopping = early_stopping
        self.patience = patience
        self.validation_fraction = validation_fraction
        self.clip_norm = clip_norm
        self.dtype = dtype
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train a fresh network.

        Parameters
        ----------
        X : array of shape (n, T) or (n, T, F)
            Sequences of one or F channels. A step that is NaN in all channels is missing and left
            out, so rows padded with NaN on the left are shorter sequences. Must be free of inf.
        y : array of shape (n,) or (n, O)
            One target a row, or several (or the next O steps).
        sample_weight : array of shape (n,), optional

        Returns
        -------
        self

        Notes
        -----
        If ``fit`` fails or is interrupted in its first epoch, the estimator stays as it was before;
        a later interrupt ends it with a warning and the best weights so far.
        """
        with undone_on_failure(self):
            self._check_parameters()
            self._learn(*self._read_both(X, y), sample_weight)
        return self

    def _learn(self, X: np.ndarray, y: np.ndarray, sample_weight: Any) -> None:
        """Train a network on X (n, T, F) and y (n,) or (n, O)."""
        weight = _check_sample_weight(
            sample_weight, y, dtype=np.float64, ensure_non_negative=True, copy=True
        )
        self._one_output = y.ndim == 1
        self._runs = find_runs(X)
        y = y.reshape(len(y), -1)
        self._X_mean, self._X_scale, self._has_gaps = _channel_moments(X, weight)
        self._y_mean, self._y_scale = _moments(y, weight)
        target = (y - self._y_mean) / self._y_scale  # (n, O)
        head = POINT_HEADS[self.loss]()

        rng = check_random_state(self.random_state)
        self._device = find_device(self.device)
        generator = torch.Generator(self._device).manual_seed(rng.randint(2**31 - 1))
        inputs = X.shape[2] * (1 + self._has_gaps)
        encoder = Encoder(
            self.cell or self.default_cell, inputs, self.hidden_size, self.num_layers, self.dropout
        )
        dtype = getattr(torch, self.dtype)
        self.network_ = build(
            SequenceRegressor(encoder, self.hidden_size, y.shape[1]), generator, dtype
        )
        training, held_out = self._split(np.flatnonzero(weight), y.shape[1])
        size = self._batch_rows(len(training))

        def batches() -> list[np.ndarray]:
            shuffled = training if size >= len(training) else rng.permutation(training)
            return np.array_split(shuffled, -(-len(training) // size))

        def loss(rows: np.ndarray, dropout: torch.Generator | None = generator) -> Tensor:
            raw = self.network_(*self._tensors(X[rows]), dropout)[..., None]
            values = head.loss(raw, self._tensor(target[rows])).mean(dim=1)
            w = self._tensor(weight[rows])
            return (values * w).sum() / w.sum().clamp(min=torch.finfo(dtype).tiny)

        def validate() -> float:
            total, parts = 0.0, [held_out[a : a + 1024] for a in range(0, len(held_out), 1024)]
            with torch.inference_mode():
                for rows in parts:
                    total += float(loss(rows, None)) * weight[rows].sum()
            return total / max(weight[held_out].sum(), np.finfo(float).tiny)

        self.history_ = train(
            self.network_,
            batches,
            loss,
            validate if len(held_out) else None,
            max_epochs=self._epochs(-(-len(training) // size)),
            learning_rate=self.learning_rate,
            weight_decay=0.0,
            clip_norm=self.clip_norm,
            patience=self.patience if len(held_out) else None,
            schedule="cosine",
            verbose=self.verbose,
        )

    def predict(self, X: Any) -> np.ndarray:
        """Return the point forecasts of sequences: X (n, T) or (n, T, F) -> (n,) or (n, O)."""
        check_is_fitted(self)
        X = self._read(X)
        if comes_before(X, self._runs):
            warn_out_of_order(stacklevel=2)
        head = POINT_HEADS[self.loss]()
        raw = self._evaluate(self.network_, X)[..., None]
        values = head.point(raw).numpy() * self._y_scale + self._y_mean
        return values[:, 0] if self._one_output else values

    def hidden_states(self, X: Any) -> np.ndarray:
        """Return the states h_t of the last layer: X (n, T) or (n, T, F) -> (n, T, hidden_size).

        At a missing step the state is that of the step before, 0 at the start.
        """
        check_is_fitted(self)
        return self._evaluate(self.network_.states, self._read(X)).numpy()

    def _evaluate(self, function: Callable[..., Tensor], X: np.ndarray) -> Tensor:
        """Apply a function of the network block by block: (n, T, F) -> (n, ...) in float64."""

        def answer(part: slice, size: int) -> Tensor:
            block = X[part]
            extra = np.repeat(block[:1], max(0, min(LEAST_ROWS, size) - len(block)), axis=0)
            with torch.inference_mode():
                values = function(*self._tensors(np.concatenate([block, extra])))
            return values[: len(block)].double().cpu()

        return torch.cat(in_batches(answer, len(X), _rows_at_once(X)))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.three_d_array = True
        tags.target_tags.multi_output = True
        return tags

    def _check_parameters(self) -> None:
        check_choice("cell", self.cell or self.default_cell, list(CELLS))
        check_choice("loss", self.loss, list(POINT_HEADS))
        check_seed("random_state", self.random_state)
        check_choice("dtype", self.dtype, ("float32", "float64"))
        for name in ("hidden_size", "num_layers", "patience"):
            check_count(name, getattr(self, name))
        check_count("max_epochs", self.max_epochs, also=("auto",))
        check_count("batch_size", self.batch_size, also=("auto", None))
        check_share("dropout", self.dropout)
        check_share("validation_fraction", self.validation_fraction)
        check_positive("learning_rate", self.learning_rate)
        if self.clip_norm is not None:
            check_positive("clip_norm", self.clip_norm)

    def _read_both(self, X: Any, y: Any) -> tuple[np.ndarray, np.ndarray]:
        """Validate X into (n, T, F), a view where possible, and y into float64."""
        X, y = validate_data(self, X, y, multi_output=True, y_numeric=True, **READING)
        self.n_channels_ = X.shape[2] if X.ndim == 3 else 1
        return self._as_sequences(X), y.astype(np.float64)

    def _read(self, X: Any) -> np.ndarray:
        return self._as_sequences(validate_data(self, X, reset=False, **READING))

    def _as_sequences(self, X: np.ndarray) -> np.ndarray:
        if X.ndim > 3:
            raise ValueError(f"X has shape {X.shape}: expected (n, steps) or (n, steps, channels)")
        shape, X = X.shape, X.reshape(*X.shape, 1) if X.ndim == 2 else X
        if X.shape[2] != self.n_channels_:
            raise ValueError(
                f"X has shape {shape}, that is {X.shape[2]} channels, but {type(self).__name__} "
                f"was fitted on {self.n_channels_}: expected (n, {X.shape[1]}, {self.n_channels_})"
            )
        if any(np.isinf(block).any() for block in _blocks(X)):
            raise ValueError(
                f"Input X contains infinity or a value too large for {X.dtype!r}; "
                "NaN marks a missing step"
            )
        return X

    def _split(self, rows: np.ndarray, outputs: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the rows to train on and the latest ones, held out for early stopping.

        With several outputs (the next O steps) O - 1 rows in between belong to neither, because
        their targets would be seen by both.
        """
        held_out = round(self.validation_fraction * len(rows)) if self.early_stopping else 0
        left = len(rows) - held_out - (outputs - 1)
        if held_out < LEAST_HELD_OUT or left < 1:
            return rows, rows[:0]
        return rows[:left], rows[-held_out:]

    def _batch_rows(self, n: int) -> int:
        if self.batch_size is None:
            return n
        return int(np.clip(n // 20, 16, 256) if self.batch_size == "auto" else self.batch_size)

    def _epochs(self, steps: int) -> int:
        if self.max_epochs == "auto":
            return int(np.clip(STEPS // steps, *EPOCHS))
        return int(self.max_epochs)

    def _tensors(self, X: np.ndarray) -> tuple[Tensor, Tensor | None]:
        """Scale rows (b, T, F) for the network, and say which steps are missing (None: none)."""
        gone = np.isnan(X)
        x = np.where(gone, 0.0, (X - self._X_mean) / self._X_scale)
        if self._has_gaps:
            x = np.concatenate([x, gone], axis=2)
        missing = gone.all(axis=2)
        return self._tensor(x), torch.from_numpy(missing).to(
            self._device
        ) if missing.any() else None

    def _tensor(self, values: np.ndarray) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(values)).to(
            self._device, getattr(torch, self.dtype)
        )


class RNNRegressor(RecurrentRegressor):
    """Elman's recurrent network on sequences; the parameters are those of :class:`LSTMRegressor`.

    Examples
    --------
    >>> import numpy as np
    >>> from tsrnn import RNNRegressor
    >>> X = np.random.default_rng(0).normal(size=(300, 8))
    >>> model = RNNRegressor(random_state=0).fit(X, X[:, -1] - X[:, -2])
    >>> model.score(X, X[:, -1] - X[:, -2]) > 0.9
    True
    """

    default_cell = "rnn"


class LSTMRegressor(RecurrentRegressor):
    """Long short-term memory network on sequences: many steps in, one target or several out.

    X and y are standardised inside (a mean and a deviation a channel, of the training rows); the
    read-out is linear in the last state. scikit-learn's tools apply: pipelines behind
    :class:`tsrnn.SlidingWindow`, searches, cross-validation with ``TimeSeriesSplit``.

    Parameters
    ----------
    cell : {"rnn", "lstm", "gru"}, optional
        Recurrent cell; default: the one the class is named after.
    hidden_size : int
        Units of each layer.
    num_layers : int
        Layers; each but the first has a residual connection.
    dropout : float in [0, 1)
        Share of states dropped between layers and before the read-out while training.
    loss : {"squared_error", "absolute_error", "huber"}
        Loss of the standardised target.
    learning_rate : float
        Step of Adam at the start; it falls to 0 as half a cosine over ``max_epochs``.
    batch_size : int, "auto" or None
        Rows of a mini-batch; "auto": a twentieth of the rows within 16 and 256; None: all rows.
    max_epochs : int or "auto"
        Passes over the rows; "auto": as many as make 2000 batches, within 20 and 200.
    early_stopping : bool
        Hold out the latest rows, stop after ``patience`` epochs without a better loss there, and
        take the weights of the best epoch. Left out when fewer than 20 rows would be held out.
    patience : int
        Epochs to wait for a better validation loss.
    validation_fraction : float in [0, 1)
        Share of the rows held out: the last ones, as X is in the order of time.
    clip_norm : float or None
        Largest global norm of the gradient.
    dtype : {"float32", "float64"}
        Arithmetic inside the network; scaling is float64 always.
    device : str
        "cpu", "cuda", "cuda:1", "mps", or "auto": a GPU where there is one.
    random_state : int, RandomState or None
        Decides weights, shuffling and dropout.
    verbose : int
        1 shows a progress bar.

    Attributes
    ----------
    network_ : torch.nn.Module
    history_ : History
        Losses, gradient norms and learning rates by epoch; ``best_epoch``.
    n_features_in_ : int
        Steps of X.
    n_channels_ : int
        Channels of X, 1 for X of shape (n, T).

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.pipeline import make_pipeline
    >>> from tsrnn import LSTMRegressor, SlidingWindow
    >>> x = np.sin(np.arange(400) / 5)
    >>> model = make_pipeline(SlidingWindow(12), LSTMRegressor(random_state=0))
    >>> model = model.fit(x[:-1, None], x[1:])          # from the last 12 values to the next one
    >>> model.score(x[:-1, None], x[1:]) > 0.99
    True
    """

    default_cell = "lstm"


class GRURegressor(RecurrentRegressor):
    """Gated recurrent units on sequences; the parameters are those of :class:`LSTMRegressor`.

    Examples
    --------
    >>> import numpy as np
    >>> from tsrnn import GRURegressor
    >>> X = np.random.default_rng(0).normal(size=(300, 6, 2))         # two channels
    >>> y = X[:, -1, 0] * X[:, -1, 1]
    >>> GRURegressor(random_state=0).fit(X, y).predict(X).shape
    (300,)
    """

    default_cell = "gru"


def _blocks(X: np.ndarray) -> list[np.ndarray]:
    """Cut rows into blocks of a bounded number of values."""
    rows = _rows_at_once(X)
    return [X[a : a + rows] for a in range(0, len(X), rows)]


def _rows_at_once(X: np.ndarray) -> int:
    return max(1, BLOCK // max(1, X[0].size))


def _channel_moments(X: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray, bool]:
    """Weighted mean and deviation of each channel over observed steps, and whether gaps occur.

    A gap is a step with some channels missing and some not.
    """
    total, count, gaps = np.zeros(X.shape[2]), np.zeros(X.shape[2]), False
    weights = np.split(weight, np.cumsum([len(b) for b in _blocks(X)])[:-1])
    for block, w in zip(_blocks(X), weights, strict=True):
        seen = ~np.isnan(block)
        gaps = gaps or bool((seen.any(axis=2) != seen.all(axis=2)).any())
        total += np.einsum("n,ntf->f", w, np.where(seen, block, 0.0))
        count += np.einsum("n,ntf->f", w, seen)
    mean = total / np.where(count > 0, count, 1.0)
    square = np.zeros(X.shape[2])
    for block, w in zip(_blocks(X), weights, strict=True):
        square += np.einsum("n,ntf->f", w, np.where(np.isnan(block), 0.0, block - mean) ** 2)
    return mean, _deviation(square / np.where(count > 0, count, 1.0), mean), gaps


def _moments(y: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weighted mean and deviation of each column of y (n, O)."""
    mean = np.average(y, axis=0, weights=weight)
    return mean, _deviation(np.average((y - mean) ** 2, axis=0, weights=weight), mean)


def _deviation(variance: np.ndarray, mean: np.ndarray) -> np.ndarray:
    deviation = np.sqrt(variance)
    return np.where(deviation > CONSTANT * np.abs(mean), deviation, 1.0)
