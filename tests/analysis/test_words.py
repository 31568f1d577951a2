"""Numbers as a reader sees them."""

import pandas as pd

from zsad.analysis.differences import Difference
from zsad.analysis.words import number, percent, points, span, wide_percents


def test_one_minus_sign_and_signs_where_asked():
    assert number(-3.21) == "−3.2"
    assert number(3.21, sign=True) == "+3.2"
    assert number(3.215, 2) in ("3.21", "3.22")


def test_an_estimate_with_its_interval():
    assert span(87.61, 85.1, 89.94) == "87.6 (85.1 to 89.9)"
    assert points(Difference(1.1, -0.4, 2.5, 3)) == "+1.1 (−0.4 to +2.5)"
    assert percent(Difference(87.6, 85.5, 89.7, 3)) == "87.6 (85.5 to 89.7)"


def test_a_wide_table_keeps_the_order_and_leaves_out_what_is_not_there():
    long = pd.DataFrame({"who": ["z", "z", "a"], "column": ["second", "first", "second"], "estimate": [1.0, 2.0, -3.0]})
    table = wide_percents(long.assign(low=long["estimate"] - 1, high=long["estimate"] + 1), ["who"], "column")
    assert list(table.columns) == ["who", "second", "first"]
    assert list(table["second"]) == ["1.0 (0.0 to 2.0)", "−3.0 (−4.0 to −2.0)"]
    assert pd.isna(table.loc[1, "first"])
