"""How a detector's results change when the image does."""

from zsad.robustness.corruption import Corruption
from zsad.robustness.search_space import WORST_SETTINGS, Bounds
from zsad.robustness.shifted import SETTINGS, Shifted, predict_shifted
from zsad.robustness.sweep import measure, uniform_sweep
from zsad.robustness.test_set import Images, TestSet, load_test_set
from zsad.robustness.worst_case import SEARCHES, WorstCase, worst_case

__all__ = [
    "SEARCHES",
    "SETTINGS",
    "WORST_SETTINGS",
    "Bounds",
    "Corruption",
    "Images",
    "Shifted",
    "TestSet",
    "WorstCase",
    "load_test_set",
    "measure",
    "predict_shifted",
    "uniform_sweep",
    "worst_case",
]
