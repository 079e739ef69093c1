"""Recurrent forecasters: one network runs along the series and forecasts from every step."""

from __future__ import annotations

from tsrnn.recurrent import RecurrentForecaster


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

    Covariates are columns of X: known in advance, unless named in ``past_only`` or ``static``;
    forecasts that came in vintages are given as :class:`AsOf`. A MultiIndex ``(series, time)`` is a
    panel, forecast by one network; a wide y is several targets, forecast jointly.

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
    loss : {"absolute_error", "squared_error", "huber", "quantile"} or head
        Loss of the errors in units of the running scale. "quantile" learns quantiles, from 2.5 to
        97.5 %; others: ``tsrnn.heads.Quantile([0.01, 0.5, 0.99])``. With the other losses quantiles
        and intervals come from the errors on the steps held out, step by step.
    strategy : {"direct", "recursive", "seq2seq"}
        "direct" reads all steps of the horizon from the state at once. "recursive" learns one step
        and is fed its own output. "seq2seq" runs a second cell over the horizon, so that a forecast
        sees the covariates of all steps up to its own.
    teacher_forcing : float in [0, 1], "linear", "exponential" or "sigmoid"
        With "recursive" the share of true values among those read while training, the others being
        the network's own forecasts: constant, or falling from 1 to 0 (scheduled sampling, Bengio et
        al. 2015). Below 1 the network learns to live with its own errors.
    attention : bool
        With "seq2seq" each step of the horizon also looks at the states before the origin.
    context : int, None or "auto"
        The last so many steps before an origin count; None: all the past, which every forecast
        then reads again; "auto": 64 segments.
    seasonality : int, sequence of int, None or "auto"
        Season lengths in steps; "auto": those of the calendar that the autocorrelation supports.
    segment : int or "auto"
        Steps that the network reads at once; "auto": the largest divisor of the season not above
        the horizon, 1 without a season and for short series.
    bptt : int, optional
        Steps through which gradients flow back at least; the state is carried further (truncated
        back-propagation). Default: all steps of the context.
    dilations : sequence of int, optional
        For each layer after how many segments its state comes back to it; default: 1 each.
    scaling : {"auto", "additive", "multiplicative"}
        "multiplicative" works on logs; "auto" takes logs of positive series whose changes grow with
        the level.
    transform : str, list or object, optional
        Transform of the target, fitted to the rows of each series, its forecasts mapped back: a
        name ("log", "log1p", "box-cox", "yeo-johnson", "difference", "seasonal_difference",
        "deseasonalise", "standardise"), "auto" to choose from the data, an object with ``fit``,
        ``transform`` and ``inverse_transform`` over (values, index), or a list of these.
    past_only : list of column names (numbers for arrays), optional
        Columns of X known only up to the origin of a forecast: their later values are not used, and
        X for ``predict`` need not have them.
    static : list of column names (numbers for arrays), optional
        Columns of X that are constant within a series: numbers, or categories, which are embedded.
        X for ``predict`` need not have them.
    calendar : None, "auto" or list of str
        Features made from the time stamps that join the covariates: of "minute", "hour", "weekday",
        "weekend", "monthday", "month_end", "yearday", "week", "month", "quarter"; "auto": those
        that the step of the index has room for and that repeat at least twice.
    freq : str or pandas offset, optional
        Step of the index, such as a ``CustomBusinessDay`` with the holidays of an exchange;
        default: learnt from the index.
    max_gap : int, optional
        Neither windows nor states run across more missing steps than that; default: across any.
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
        "mask" shows the network which values are missing and for how long, and leaves them out of
        the loss; "raise" refuses them.
    warm_start : bool
        A second ``fit`` goes on from the weights and choices of the first; ``chosen_["start"]``
        says so. By default each fit forgets the one before.
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
