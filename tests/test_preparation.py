from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from tsrnn.calendars import calendar_of
from tsrnn.forking import Covariates
from tsrnn.preparation import Preparation, Series, first_of_last, seen_length
from tsrnn.records import Record, Request
from tsrnn.transforms import Difference, Log

NAN = np.nan


def days(n, start="2024-01-01"):
    return pd.date_range(start, periods=n)


def record(y, X=None, key=None, static=()):
    y = np.asarray(y, dtype=float).reshape(len(y), -1)
    index = days(len(y))
    return Record.start(key, index, y, X, calendar_of(index), static)


def preparation(records, **changes):
    chosen = {
        "features": (),
        "past_only": np.zeros(0 if records[0].X is None else records[0].X.shape[1], dtype=bool),
        "static_names": [],
        "transform": None,
        "max_gap": None,
    }
    return Preparation.of(records, calendar_of(days(30)), **(chosen | changes))


def request(known, n, X=None):
    return Request(known, n, X, calendar_of(days(30)).after(known.last, n))


# Gaps ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("max_gap", "pieces"),
    [(None, [(0, 14)]), (3, [(0, 14)]), (2, [(0, 4), (7, 14)]), (1, [(2, 4), (7, 9), (11, 14)])],
)
def test_a_series_is_cut_where_more_steps_are_missing_than_max_gap(max_gap, pieces):
    y = [NAN, NAN, 1, 2, NAN, NAN, NAN, 3, 4, NAN, NAN, 5, 6, NAN]
    known = record(y)
    prepared = preparation([known], max_gap=max_gap)
    found = prepared.pieces(prepared.series(known))
    assert [(start, start + len(piece)) for piece, start in found] == pieces
    for piece, start in found:
        np.testing.assert_array_equal(piece.y[:, 0], y[start : start + len(piece)])


def test_the_last_value_seen_is_found_from_the_end():
    y = np.full((1000, 2), NAN)
    assert seen_length(y) == 0
    y[3, 1] = 1.0
    assert seen_length(y) == 4


@pytest.mark.parametrize("count", [1, 5, 40, 900, 5000])
def test_so_many_steps_are_counted_back_from_the_end(count):
    y = np.where(np.random.default_rng(0).random((2000, 1)) < 0.7, NAN, 1.0)
    seen = np.flatnonzero(np.isfinite(y[:, 0]))
    expected = seen[-count] if count < len(seen) else 0
    assert first_of_last(y, count) == expected


# Covariates ---------------------------------------------------------------------------------------


def test_covariates_of_a_request_follow_those_of_the_record():
    X = np.arange(20.0).reshape(10, 2)
    known = record(np.arange(10.0), X)
    prepared = preparation([known], past_only=np.array([False, True]))
    future = np.array([[20.0, NAN], [22.0, NAN]])
    covariates = prepared.series(known, request(known, 2, future)).covariates
    np.testing.assert_allclose(np.diff(covariates.X[:, 0]), np.diff(covariates.X[:2, 0])[0])
    assert (covariates.X[10:, 1] == covariates.X[9, 1]).all()  # unknown: the last one goes on


def test_calendar_features_come_before_the_columns_given():
    X = np.random.default_rng(0).normal(size=(28, 1))
    known = record(np.arange(28.0), X)
    prepared = preparation([known], features=("weekday",))
    covariates = prepared.series(known, request(known, 3, X[:3])).covariates
    assert covariates.X.shape == (31, 8)
    assert covariates.n_known == 8
    weekday = (covariates.X[:, :7] > 0).argmax(axis=1)
    np.testing.assert_array_equal(weekday, np.arange(31) % 7)  # 2024-01-01 was a Monday


def test_a_series_that_starts_later_is_the_end_of_the_whole_one():
    X = np.random.default_rng(0).normal(size=(28, 1))
    known = record(np.exp(np.arange(28.0)), X)
    prepared = preparation([known], features=("weekday",), transform=Log())
    whole, part = prepared.series(known), prepared.series(known, start=20)
    np.testing.assert_array_equal(part.y, whole.y[20:])
    np.testing.assert_array_equal(part.covariates.X, whole.covariates.X[20:])


def test_the_effect_of_covariates_is_taken_off_only_where_their_future_is_known():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 1))
    series = Series(None, 2 * X + 0.1 * rng.normal(size=(300, 1)), Covariates(X, 1), None)
    hinted = replace(series, covariates=Covariates(X, 1, np.zeros((300, 2, 1))))
    prepared = preparation([record(np.arange(9.0), X[:9])])
    assert prepared.working(series, False)[2][0, 0] == pytest.approx(2, rel=0.02)
    w, origin, effect = prepared.working(hinted, False)
    assert not effect.any()
    np.testing.assert_array_equal(w, series.y - origin)


@pytest.mark.parametrize("transform", [Difference(), Log()])
def test_a_series_that_cannot_be_transformed_is_named(transform):
    records = [record(np.arange(1.0, 9.0), key="a"), record([-1.0, NAN, 5, NAN, 2, NAN], key="b")]
    with pytest.raises(ValueError, match="of series 'b'"):
        preparation(records, transform=transform)


def test_what_is_static_is_encoded_with_the_series():
    records = [record([1, 2, 3], key=k, static=(k, 7.0)) for k in ("a", "b")]
    prepared = preparation(records, static_names=["kind", "size"])
    np.testing.assert_array_equal(prepared.series(records[1]).static, [0, 2])


# Transforms ---------------------------------------------------------------------------------------


def test_each_series_has_a_transform_of_its_own():
    records = [record(np.exp(np.arange(9.0) + 3), key="a"), record(np.arange(9.0) + 1, key="b")]
    prepared = preparation(records, transform=Difference())
    for known in records:
        w = prepared.series(known).y
        np.testing.assert_array_equal(w[1:], np.diff(known.y, axis=0))
    assert prepared.transforms["a"] is not prepared.transforms["b"]


def test_forecasts_of_differences_are_added_up_from_the_last_known_step():
    known = record([1.0, 4.0, 6.0, NAN])
    prepared = preparation([known], transform=Difference())
    steps = np.array([[1.0], [1.0], [1.0]])  # the missing one, and two more
    point, _ = prepared.back(known, 3, request(known, 2).index, steps)
    np.testing.assert_array_equal(point[:, 0], [7, 8, 9])


def test_quantiles_of_differences_spread_like_a_random_walk():
    known = record(np.arange(10.0))
    prepared = preparation([known], transform=Difference())
    point = np.zeros((9, 1))
    quantiles = point[..., None] + np.array([-1.0, 0.0, 1.0])
    _, found = prepared.back(known, 10, request(known, 9).index, point, quantiles)
    expected = 9 + np.sqrt(np.arange(1, 10))[:, None] * [-1, 0, 1]
    np.testing.assert_allclose(found[:, 0], expected)


def test_quantiles_map_through_a_transform_of_single_values():
    known = record(np.exp(np.arange(10.0) / 5))
    prepared = preparation([known], transform=Log())
    quantiles = np.log([[[1.0, 2.0, 3.0]], [[4.0, 5.0, 6.0]]])
    index = request(known, 2).index
    point, found = prepared.back(known, 10, index, quantiles[..., 1], quantiles)
    np.testing.assert_allclose(found, np.exp(quantiles))
    np.testing.assert_allclose(point, np.exp(quantiles[..., 1]))


def test_cutting_a_series_keeps_the_covariates_that_follow():
    X, ahead = np.arange(12.0).reshape(12, 1), np.arange(20.0).reshape(10, 2, 1)
    series = Series(None, np.arange(10.0)[:, None], Covariates(X, 1, ahead), None)
    part = series.cut(3, 8)
    np.testing.assert_array_equal(part.y[:, 0], np.arange(3, 8))
    np.testing.assert_array_equal(part.covariates.X[:, 0], np.arange(3, 12))
    assert part.covariates.ahead[0, 0, 0] == 6


class Own:
    """A transform of a user, wrong in one way or none."""

    def __init__(self, forward, backward):
        self.forward, self.backward = forward, backward

    def fit(self, values, index):
        return self

    def transform(self, values, index):
        return self.forward(values)

    def inverse_transform(self, values, index):
        return self.backward(values)


def subtract_in_place(values):
    values -= 5
    return values


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (
            Own(lambda v: v[1:], lambda v: v),
            r"gave ndarray of shape \(8, 1\): expected an array of",
        ),
        (Own(pd.DataFrame, np.asarray), "gave DataFrame of shape"),
        (
            Own(lambda v: np.sqrt(np.maximum(v, 0)) / (v > 3), lambda v: v**2),
            "is not finite for 3 ",
        ),
        (Own(lambda v: v + 1, lambda v: v), "inverse_transform does not give y back"),
    ],
    ids=["shorter", "frame", "loses values", "no inverse"],
)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_transform_of_the_user_is_checked_at_the_door(wrong, message):
    with pytest.raises(ValueError, match=message):
        preparation([record(np.arange(1.0, 10.0))], transform=wrong)


def test_a_transform_that_writes_into_its_argument_changes_no_data():
    known = record(np.arange(1.0, 10.0))
    prepared = preparation([known], transform=Own(subtract_in_place, lambda v: v + 5))
    for _ in range(2):
        np.testing.assert_array_equal(prepared.series(known).y[:, 0], np.arange(-4.0, 5.0))
    np.testing.assert_array_equal(known.y[:, 0], np.arange(1.0, 10.0))


def test_quantiles_ascend_under_a_falling_transform():
    known = record(np.arange(1.0, 10.0))
    prepared = preparation([known], transform=Own(np.negative, np.negative))
    quantiles = np.array([[[1.0, 2.0, 3.0]]])
    _, found = prepared.back(known, 9, request(known, 1).index, quantiles[..., 1], quantiles)
    np.testing.assert_array_equal(found, [[[-3, -2, -1]]])


def test_an_inverse_that_is_not_finite_is_refused_with_its_stamp():
    known = record(np.arange(1.0, 10.0))
    prepared = preparation([known], transform=Own(lambda v: v**2, np.sqrt))
    with (
        pytest.raises(ValueError, match="inverse of a forecast is not finite, first at 2024-01-10"),
        np.errstate(invalid="ignore"),
    ):
        prepared.back(known, 9, request(known, 1).index, np.array([[-1.0]]))
