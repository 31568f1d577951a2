"""How a detector's results change when the picture does."""

from zsad.robustness.sweep import (
    SETTINGS,
    Shifted,
    TestSet,
    load_test_set,
    measure,
    predict_shifted,
    uniform_sweep,
)

__all__ = ["SETTINGS", "Shifted", "TestSet", "load_test_set", "measure", "predict_shifted", "uniform_sweep"]
