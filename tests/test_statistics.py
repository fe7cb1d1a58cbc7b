"""Multiple correlation, held-out predictions, intervals and tau against plain computations."""

import math

import numpy as np
import pytest
from scipy import stats

from common.statistics import (
    bootstrap_interval,
    correlation,
    equal_rows,
    gain_interval,
    kendall_tau,
    multiple_correlation,
    out_of_fold,
    paired_difference,
    regressions,
)

RNG = np.random.default_rng(1)
X = RNG.standard_normal((60, 2))
Y = X @ [1.0, -2.0] + RNG.standard_normal(60) + 5


def test_paired_difference_has_the_t_interval_of_its_mean():
    a, b = RNG.standard_normal((2, 12))
    found = paired_difference(a, b)
    test = stats.ttest_rel(a, b)
    assert found.mean == pytest.approx(np.mean(a) - np.mean(b)) and found.n == 12
    assert found.interval == pytest.approx(tuple(test.confidence_interval(0.95)))
    assert paired_difference([2, 3, 4], [1, 2, 3]).interval == (1, 1)  # where scipy warns
    # differences 1, 2, 3: 2 -+ 4.3027 / sqrt(3)
    assert paired_difference([2, 4, 6], [1, 2, 3]).interval == pytest.approx(
        (-0.4841, 4.4841), abs=1e-4
    )
    for wrong in ([[1, 2], [1]], [[1], [2]], [[], []]):
        with pytest.raises(ValueError, match="expected n >= 2"):
            paired_difference(*wrong)


def test_r_of_one_feature_is_the_absolute_correlation():
    expected = abs(np.corrcoef(X[:, 1], Y)[0, 1])
    assert multiple_correlation(X[:, 1:], Y) == pytest.approx(expected, rel=1e-12)


def test_r_of_two_features_has_the_closed_form_of_pairwise_correlations():
    r1, r2 = (np.corrcoef(X[:, i], Y)[0, 1] for i in (0, 1))
    r12 = np.corrcoef(X.T)[0, 1]
    squared = (r1**2 + r2**2 - 2 * r1 * r2 * r12) / (1 - r12**2)
    assert multiple_correlation(X * 1e3 + 7, Y) == pytest.approx(math.sqrt(squared), rel=1e-9)


def test_rows_that_differ_by_rounding_are_equal_also_at_the_edge_of_a_digit():
    edge = 0.1234567890125  # rounds to 12 digits one way, and its neighbours the other
    column = np.array([edge, 7e12, np.nextafter(edge, 0), np.nextafter(edge, 1), edge + 1e-6])
    for scale in (1e-30, 1.0, 1e30):
        labels = equal_rows(column * scale)
        assert labels[0] == labels[2] == labels[3] and len(set(labels)) == 3
    both = equal_rows(column, np.array([1.0, 1, 1, 2, 1]))
    assert both[0] == both[2] != both[3]


def test_constants_correlate_with_nothing():
    assert multiple_correlation(X, np.full(60, 0.1)) == 0
    assert correlation(np.full(60, 0.1), Y) == 0
    assert kendall_tau(np.ones(60), Y) == 0


def test_held_out_predictions_equal_fits_without_the_row():
    predictions = out_of_fold(X, Y)
    for row in (0, 17, 59):
        rest = np.delete(np.arange(60), row)
        design = np.column_stack([np.ones(59), X[rest]])
        weights = np.linalg.solve(design.T @ design, design.T @ Y[rest])
        assert predictions[row] == pytest.approx(weights @ [1, *X[row]], rel=1e-9)


def test_rows_of_one_group_do_not_predict_each_other():
    groups = np.repeat(np.arange(6), 10)
    leak = np.eye(6)[groups]  # each group's mean, which only its own rows tell
    y = np.repeat(RNG.standard_normal(6), 10)
    assert correlation(out_of_fold(leak, y), y) > 0.99
    assert correlation(out_of_fold(leak, y, groups), y) < 0.5


def test_one_group_cannot_be_held_out():
    with pytest.raises(ValueError, match=r"found 1 group\(s\), expected two"):
        out_of_fold(X, Y, np.zeros(60))


def test_bootstrap_of_a_mean_is_near_its_normal_interval_and_groups_widen_it():
    values = RNG.standard_normal(400)
    low, high = bootstrap_interval(lambda rows: values[rows].mean(), np.arange(400), 2000)
    error = 1.96 * values.std() / 20
    assert low == pytest.approx(values.mean() - error, abs=0.02)
    assert high == pytest.approx(values.mean() + error, abs=0.02)
    copies = np.repeat(values[:40], 10)  # ten copies of 40 values are no more than 40 values
    low, high = bootstrap_interval(
        lambda rows: copies[rows].mean(), np.repeat(np.arange(40), 10), 2000
    )
    assert high - low == pytest.approx(2 * 1.96 * values[:40].std() / math.sqrt(40), rel=0.1)


def test_regressions_and_gain_of_a_useful_feature():
    fits = regressions({"one": X[:, :1], "both": X}, Y, np.arange(60), samples=200)
    both = fits["both"]
    assert both["r"] == multiple_correlation(X, Y)
    assert both["cross_validated_r"] == correlation(out_of_fold(X, Y), Y) < both["r"]
    for key in ("r", "cross_validated"):
        low, high = both[f"{key}_interval"]
        assert low < both["r" if key == "r" else "cross_validated_r"] < high
    low, high = gain_interval(X[:, :1], X, Y, np.arange(60), samples=200)
    assert 0 < low < both["r"] - fits["one"]["r"] < high


def test_tau_with_ties_equals_counting_pairs():
    a, b = RNG.integers(0, 5, (2, 40))
    signs = [(np.sign(a[i] - a[j]), np.sign(b[i] - b[j])) for i in range(40) for j in range(i)]
    agreement = sum(int(s * t) for s, t in signs)
    untied = [sum(bool(pair[k]) for pair in signs) for k in (0, 1)]
    assert kendall_tau(a, b) == pytest.approx(agreement / math.sqrt(untied[0] * untied[1]))
