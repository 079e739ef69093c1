"""Defaults of the forecasters, chosen from the data, each with its reason.

Only the rows given to ``fit`` are looked at. Conventions: T steps, K targets, H horizon, S segment.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from tsrnn.forking import Anchor, fill
from tsrnn.scaling import causal_mean, evenly, growth_of_changes

LARGEST_PANEL = 200  # series of a panel, evenly spaced, that are looked at
LARGEST_SCALED_PANEL = 2_000  # the same for the scaling, which is quick to tell
ORIGINS = 64  # origins of a pass
# An autocorrelation supports a season when it is no accident (1.645 standard errors, one-sided 5 %)
# and large enough to be of use.
STANDARD_ERRORS = 1.645
LEAST_CORRELATION = 0.1
WINDOW, LONGEST_WINDOW = 8, 24  # steps
WIDEST_WINDOW = 200  # steps of a context given that are read all at once
STRETCH = 24  # steps whose level and changes are compared to choose the scaling
RATES = (1.0, 0.3, 0.1)  # of seasonal profiles


class Choice(NamedTuple):
    """A value and why it was taken."""

    value: Any
    reason: str


def choose(value: Any, found: Choice) -> Choice:
    """Take what the user gave, or what was found in the data for "auto"."""
    return found if isinstance(value, str) and value == "auto" else Choice(value, "given")


def find_seasons(ys: Sequence[np.ndarray], candidates: Sequence[int]) -> Choice:
    """Keep the seasons of the calendar that the autocorrelation supports in most series."""
    kept, reasons = [], []
    for season in candidates:
        votes = [supports(y, season) for y in evenly(ys, LARGEST_PANEL) if len(y) >= 2 * season]
        if votes and np.mean(votes) > 0.5:
            kept.append(season)
        why = "supported by" if season in kept else "not supported by"
        reasons.append(
            f"{season}: {why} the autocorrelation" if votes else f"{season}: fewer than two seen"
        )
    return Choice(tuple(kept), "; ".join(reasons) or "the index names no season")


def supports(y: np.ndarray, season: int) -> bool:
    """Tell whether the changes of y (T, K) repeat after a season, by their autocorrelation."""
    change = np.diff(y, axis=0)
    observed = np.isfinite(change)
    change = np.where(observed, change - change[observed].mean() if observed.any() else 0, 0.0)
    pairs = int((observed[season:] & observed[:-season]).sum())
    variance = (change**2).sum() / max(1, observed.sum())
    if not pairs or variance == 0:
        return False
    correlation = (change[season:] * change[:-season]).sum() / pairs / variance
    return bool(correlation > max(STANDARD_ERRORS / np.sqrt(pairs), LEAST_CORRELATION))


def find_anchor(w: np.ndarray, seasons: Sequence[int], span: int, horizon: int) -> Anchor:
    """Return the simple forecast of w (T, K) that did best over the horizon."""
    level = causal_mean(w, span)
    candidates = [Anchor(1), Anchor(0)]
    candidates += [Anchor(m, rate) for m in seasons for rate in (None, *RATES)]
    errors = [forecast_error(w, level, anchor, horizon) for anchor in candidates]
    return candidates[int(np.argmin(errors))]


def forecast_error(w: np.ndarray, level: np.ndarray, anchor: Anchor, horizon: int) -> float:
    """Average an anchor's absolute errors from all origins, over 4 steps of the horizon."""
    season = max(1, anchor.season)
    pattern = anchor.pattern(fill(w, season), level)
    errors = []
    for h in np.unique(np.linspace(1, horizon, 4).round().astype(int)):
        lag = season * -(-h // season)
        first = max(lag, 2 * season)  # the same origins for all anchors but the shortest
        if first >= len(w):
            continue
        forecast = pattern[first - lag : len(w) - lag]
        if anchor.around_level:
            forecast = forecast + level[first - h : len(w) - h]
        error = np.abs(w[first:] - forecast)
        errors.append(error[np.isfinite(error)])
    seen = [error.mean() for error in errors if len(error)]
    return float(np.mean(seen)) if seen else np.inf


def find_scaling(ys: Sequence[np.ndarray], span: int = STRETCH) -> Choice:
    """Take logs where the values are positive and their changes clearly grow with the level."""
    if any(np.nanmin(y) <= 0 for y in ys):
        return Choice("additive", "some values are not positive")
    columns = [y[:, k] for y in evenly(ys, LARGEST_SCALED_PANEL) for k in range(y.shape[1])]
    found = [growth for column in columns if (growth := growth_of_changes(column, span))]
    if not found:
        return Choice("additive", "the level hardly varies")
    slopes, errors = np.array(found).T
    weight = 1 / np.maximum(errors, np.median(errors)) ** 2  # no series rules the panel
    slope, error = np.average(slopes, weights=weight), 1 / np.sqrt(weight.sum())
    reason = f"changes grow with the level to the power {slope:.2f} +- {error:.2f}"
    return Choice("multiplicative" if slope - error > 0.5 else "additive", reason)


def find_segment(seasons: Sequence[int], horizon: int, length: int) -> Choice:
    """Take the largest divisor of the shortest season not above the horizon; 1 for short series."""
    if not seasons:
        return Choice(1, "no season")
    segment = max(d for d in range(1, min(seasons[0], horizon) + 1) if seasons[0] % d == 0)
    if length < 10 * segment:
        return Choice(1, f"short series: {length} steps are fewer than 10 segments of {segment}")
    return Choice(segment, f"largest divisor of season {seasons[0]} up to horizon {horizon}")


def find_span(ys: Sequence[np.ndarray], seasons: Sequence[int], horizon: int) -> Choice:
    """Take as many steps behind the running level as bring it nearest to what follows.

    Candidates are the longest season (else twice the horizon, at least 16) and multiples of it.
    """
    shortest = max(seasons) if seasons else max(16, 2 * horizon)
    spans = [k * shortest for k in (1, 4, 16)]
    votes = []
    for y in evenly(ys, LARGEST_PANEL):
        usable = [s for s in spans if s < len(y) // 2] or spans[:1]
        errors = [forecast_error(y, causal_mean(y, s), Anchor(0), horizon) for s in usable]
        votes.append(usable[int(np.argmin(errors))])
    span = sorted(votes)[len(votes) // 2]
    return Choice(span, f"best level forecast among spans of {', '.join(map(str, spans))}")


def find_window(segment: int, seasons: Sequence[int], context: int | None = None) -> Choice:
    """Last steps read at each origin: a short context given, else a short season or WINDOW steps.

    So the linear part of the network spans what it may know (Zeng et al. 2023).
    """
    if context is not None and segment <= context <= WIDEST_WINDOW:
        return Choice(context, "the context")
    season = seasons[0] if seasons and seasons[0] <= LONGEST_WINDOW else WINDOW
    return Choice(max(segment, season), "the segment, else a short season, else 8")


def find_context(segment: int) -> Choice:
    """Let the network read ORIGINS segments before an origin."""
    return Choice(ORIGINS * segment, f"{ORIGINS} segments of {segment}; levels look back further")


def find_hidden_size(observed: int) -> Choice:
    """Half the root of the number of observed values, as a power of 2 within 16 and 128."""
    size = 2 ** round(np.log2(np.sqrt(observed) / 2))
    return Choice(int(np.clip(size, 16, 128)), f"{observed} observed values")


def find_learning_rate(hidden_size: int) -> Choice:
    """Larger steps for smaller networks: 0.004 for 128 units, 0.011 for 16."""
    rate = 4e-3 * float(np.sqrt(128 / hidden_size))
    return Choice(rate, f"0.004 for 128 units, with the root of {hidden_size}")


def find_batch_size(passes: int) -> Choice:
    """Make four batches of an epoch's passes, within 8 and 64 passes a batch."""
    return Choice(int(np.clip(passes // 4, 8, 64)), f"{passes} passes an epoch")


def find_epochs(observed: int, batches: int) -> Choice:
    """As many epochs as make 200 optimiser steps for 3,000 values, 4 times as many for 300,000."""
    steps = int(200 * max(1.0, observed / 3000) ** 0.3)
    return Choice(max(10, round(steps / batches)), f"{steps} steps for {observed} observed values")
