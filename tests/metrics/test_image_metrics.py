"""Image metrics against scikit-learn."""

import inspect

import numpy as np
import pytest
import torch
from oracles import slow_f1max
from sklearn.metrics import average_precision_score, precision_recall_curve, roc_auc_score

from zsad.metrics import f1max_floor, image_ap, image_auroc, image_f1max

METRICS = pytest.mark.parametrize("metric", [image_auroc, image_ap, image_f1max])


def cases():
    random = np.random.default_rng(0)
    for count in (2, 3, 10, 57, 200):
        for levels in (1, 3, 20, None):
            for share in (0.1, 0.5, 0.9):
                labels = random.random(count) < share
                labels[:2] = [False, True]
                scores = random.random(count) + 0.3 * labels
                yield (np.round(scores * levels) if levels else scores), labels


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_agrees_with_scikit_learn(dtype):
    for scores, labels in cases():
        scores = scores.astype(dtype)
        precision, recall, _ = precision_recall_curve(labels, scores)
        with np.errstate(invalid="ignore"):
            best = np.nanmax(2 * precision * recall / (precision + recall))
        assert image_auroc(scores, labels) == pytest.approx(roc_auc_score(labels, scores), abs=1e-12)
        assert image_ap(scores, labels) == pytest.approx(average_precision_score(labels, scores), abs=1e-12)
        assert image_f1max(scores, labels) == pytest.approx(best, abs=1e-12)
        assert image_f1max(scores, labels) == pytest.approx(slow_f1max(scores, labels), abs=1e-12)
        assert image_f1max(scores, labels) >= f1max_floor(labels)


@METRICS
def test_order_alone_matters(metric):
    for scores, labels in cases():
        value = metric(scores, labels)
        assert metric(np.exp(3 * scores) - 7, labels) == value
        assert metric(np.argsort(np.argsort(scores)) if len(set(scores)) == len(scores) else scores, labels) == value


def test_swapping_the_sign_mirrors_the_auroc():
    for scores, labels in cases():
        assert image_auroc(-scores, labels) == pytest.approx(1 - image_auroc(scores, labels), abs=1e-12)


def test_values_with_a_closed_form():
    labels = np.arange(10) >= 7
    assert image_auroc(labels * 1.0, labels) == image_ap(labels * 1.0, labels) == image_f1max(labels * 1.0, labels) == 1
    flat = np.zeros(10)
    assert image_auroc(flat, labels) == 0.5
    assert image_ap(flat, labels) == pytest.approx(0.3)
    assert image_f1max(flat, labels) == f1max_floor(labels) == pytest.approx(2 * 3 / (3 + 10))
    # anomalous, normal, anomalous: precision 1 then 2/3
    assert image_ap([3.0, 2.0, 1.0], [True, False, True]) == pytest.approx((1 + 2 / 3) / 2)


@METRICS
def test_lists_arrays_and_tensors_give_the_same_python_float(metric):
    scores, labels = [0.5, 0.25, 0.75, 0.25], [True, False, False, True]
    value = metric(scores, labels)
    assert type(value) is float
    for make in (np.array, torch.tensor, lambda values: torch.tensor(values).float().to(torch.bfloat16)):
        given = make(labels) if make is not np.array else np.array(labels)
        assert metric(make(scores), given) == value
    assert metric(torch.tensor(scores, requires_grad=True), torch.tensor(labels)) == value


def test_floor():
    assert f1max_floor([True] * 63 + [False] * 20) == pytest.approx(0.863, abs=5e-4)  # MVTec AD bottle
    assert f1max_floor([False, False]) == 0
    assert f1max_floor(torch.tensor([True])) == 1


@METRICS
@pytest.mark.parametrize(
    ("scores", "labels", "message"),
    [
        ([1.0, 2.0], [True, True], "NAME compares normal with anomalous images, but all 2 images are anomalous"),
        ([1.0, 2.0], [False, False], "all 2 images are normal: evaluate a test split that also has anomalous images"),
        ([1.0, float("nan")], [True, False], "the score of image 1 is nan"),
        ([float("inf"), 1.0], [True, False], "the score of image 0 is inf"),
        ([1.0], [True, False], r"scores have shape \(1,\), labels have shape \(2,\)"),
        ([], [], "there are no images"),
        ([1.0, 2.0], [1, 2], "labels hold the value 2"),
        ([1.0, 2.0], [[True, False]], r"labels have shape \(1, 2\)"),
    ],
)
def test_bad_input_is_refused_with_the_reason(metric, scores, labels, message):
    # Unwrapped: the type checks that tests put around every function would speak first.
    with pytest.raises(ValueError, match=message.replace("NAME", metric.__name__)):
        inspect.unwrap(metric)(scores, labels)
