"""Exact image and pixel metrics of anomaly detection, and bootstrap intervals over images.

All are fractions in [0, 1] and take NumPy arrays or torch tensors. Equal scores are one threshold: ROC and AUPRO run
straight across a tied group (trapezoid), average precision and F1-max step from distinct threshold to distinct
threshold.
"""

from zsad.metrics.bootstrap import (
    bootstrap_intervals,
    bootstrap_replicates,
    expanded,
    interval,
    intervals,
    resampled,
    small_sample_interval,
)
from zsad.metrics.image import f1max_floor, image_ap, image_auroc, image_f1max
from zsad.metrics.in_parts import pixel_metrics_in_parts
from zsad.metrics.pixel import aupro, pixel_ap, pixel_auroc, pixel_f1max
from zsad.metrics.summary import all_metrics

__all__ = [
    "all_metrics",
    "aupro",
    "bootstrap_intervals",
    "bootstrap_replicates",
    "expanded",
    "f1max_floor",
    "image_ap",
    "image_auroc",
    "image_f1max",
    "interval",
    "intervals",
    "pixel_ap",
    "pixel_auroc",
    "pixel_f1max",
    "pixel_metrics_in_parts",
    "resampled",
    "small_sample_interval",
]
