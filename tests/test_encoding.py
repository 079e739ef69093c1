from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tsrnn.encoding import CovariateScaling, StaticEncoding, is_missing

NAN = np.nan


def test_columns_are_standardised_over_all_series():
    rng = np.random.default_rng(0)
    parts = [rng.normal(5, 3, size=(n, 2)) for n in (30, 50)]
    scaling = CovariateScaling.of(parts, np.zeros(2, dtype=bool))
    X = scaling.apply(np.concatenate(parts))
    np.testing.assert_allclose(X.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(X.std(axis=0), 1, rtol=1e-12)


def test_missing_values_are_the_mean_with_a_flag_where_fit_saw_some():
    X = np.array([[1.0, 5.0], [3.0, NAN], [2.0, 7.0]])
    scaling = CovariateScaling.of([X], np.zeros(2, dtype=bool))
    applied = scaling.apply(np.array([[NAN, NAN], [2.0, 6.0]]))
    np.testing.assert_allclose(applied, [[0, 0, 1], [0, 0, 0]])


def test_columns_known_in_advance_come_first_with_their_flags():
    X = np.array([[NAN, 1.0, NAN], [1.0, 3.0, 5.0], [2.0, 5.0, 7.0]])
    scaling = CovariateScaling.of([X], np.array([True, False, False]))
    assert scaling.n_known == 3  # columns 1 and 2, and the flag of column 2
    np.testing.assert_allclose(scaling.apply(X)[0], [-1.5 / np.sqrt(1.5), 0, 1, 0, 1])


def test_a_constant_column_is_left_at_zero():
    X = np.full((5, 1), 0.1)
    assert not CovariateScaling.of([X], np.zeros(1, dtype=bool)).apply(X).any()


def test_values_ahead_are_scaled_like_those_of_rows():
    X = np.random.default_rng(0).normal(size=(12, 2))
    scaling = CovariateScaling.of([X], np.zeros(2, dtype=bool))
    ahead = X[np.arange(9)[:, None] + np.arange(1, 4)]  # (9, 3, 2)
    np.testing.assert_array_equal(scaling.apply(ahead)[2, 1], scaling.apply(X)[4])


def test_numbers_are_standardised_and_categories_counted_from_one():
    statics = [("tech", 1.0), ("bank", 3.0), ("tech", 5.0)]
    encoding = StaticEncoding.of(statics, ["sector", "size"])
    assert encoding.shape == (1, (2,))
    np.testing.assert_allclose(encoding.encode(("bank", 3.0)), [0, 1])
    np.testing.assert_allclose(encoding.encode(("tech", 5.0)), [np.sqrt(1.5), 2])


@pytest.mark.parametrize("unknown", [None, NAN, pd.NA, pd.NaT])
def test_what_is_unknown_has_the_mean_and_the_code_zero(unknown):
    encoding = StaticEncoding.of([("a", 1.0), ("b", 2.0)], ["kind", "size"])
    assert is_missing(unknown)
    np.testing.assert_array_equal(encoding.encode((unknown, unknown)), [0, 0])


def test_a_category_that_fit_did_not_see_is_refused_by_name():
    encoding = StaticEncoding.of([("a",), ("b",)], ["kind"])
    with pytest.raises(ValueError, match=r"static column 'kind' has the category 'c', which fit"):
        encoding.encode(("c",))


def test_true_and_false_are_categories():
    assert StaticEncoding.of([(True,), (False,)], ["listed"]).shape == (0, (2,))
