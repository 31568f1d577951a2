"""The demo world: rendered product images with exact masks, written in the layouts of the published data sets."""

from zsad.data.demo.drawn import DrawnDataset, drawn_dataset
from zsad.data.demo.suites import SUITES, CategorySpec, Suite
from zsad.data.demo.write import write_suite, write_suites

__all__ = ["SUITES", "CategorySpec", "DrawnDataset", "Suite", "drawn_dataset", "write_suite", "write_suites"]
