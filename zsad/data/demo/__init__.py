"""The demo world: rendered product images with exact masks, written in the layouts of the published data sets."""

from zsad.data.demo.suites import SUITES, CategorySpec, Suite
from zsad.data.demo.write import write_suite, write_suites

__all__ = ["SUITES", "CategorySpec", "Suite", "write_suite", "write_suites"]
