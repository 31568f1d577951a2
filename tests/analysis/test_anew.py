"""What setting the threshold anew is worth, told from means written down by hand."""

import pandas as pd

from zsad.analysis import anew
from zsad.analysis.decisions import ANEW, BEST_F1, TRAINING
from zsad.analysis.matrix import EXTREME, PLAUSIBLE

WHERE = {"suite": "s", "detector": "d", "backbone": "b", "categories": 6, "images": 1470, "shifts": 9}


def means() -> pd.DataFrame:
    rows = []
    for detector, more in (("d", 0.0), ("e", 1.0)):
        for level, (alarms, misses, new_alarms, new_misses) in {
            PLAUSIBLE: (22.0, 32.0, 6.0, 40.0),
            EXTREME: (59.0, 27.0, 7.0, 50.0),
        }.items():
            for rule, before, after in (
                (TRAINING, (10.0, 33.0), (alarms, misses)),
                (ANEW, (6.5, 38.0), (new_alarms, new_misses)),
                (BEST_F1, (20.0, 20.0), (99.0, 99.0)),
            ):
                for metric, was, now in zip(("false_alarms", "misses"), before, after, strict=True):
                    row = {**WHERE, "detector": detector, "level": level, "rule": rule, "metric": metric}
                    for name, value in (("before", was + more), ("after", now + more)):
                        row |= {name: value, f"{name}_low": value - 1, f"{name}_high": value + 2}
                    rows.append(row)
    return pd.DataFrame(rows)


def test_both_thresholds_stand_side_by_side():
    table = anew.side_by_side(means())
    assert len(table) == 2 * 2 * 2
    row = table[(table["detector"] == "e") & (table["level"] == EXTREME)].set_index("metric").loc["misses"]
    assert row[["before", "stays", "stays_low", "anew", "anew_high", "unshifted_anew"]].tolist() == [
        34, 28, 27, 51, 53, 39,
    ]  # fmt: skip


def test_the_sentence_is_about_the_first_detector():
    said = anew.sentence(anew.side_by_side(means()), {"d": "The First"})
    assert "of The First on s under plausible shifts 6.0 (5.0 to 8.0) % of good parts raise an alarm" in said
    assert "where 22.0 % do at the threshold that stays, and 40.0 (39.0 to 42.0) % of damaged ones raise none" in said
    assert "under extreme shifts 7.0 (6.0 to 9.0) %" in said
    assert said.endswith("Without a shift the same rule misses 38.0 (37.0 to 40.0) %.")
    first = means()
    alone = anew.side_by_side(first[first["rule"] != ANEW])
    assert anew.sentence(alone, {}) == "Some category has too few good images to set a threshold anew."


def test_squares_have_the_images_as_they_are_once_and_readers_a_row_a_level():
    table = anew.side_by_side(means())
    squares = anew.squares(table)
    assert len(squares) == 2 * 2 * len(anew.COLUMNS)
    assert set(squares["column"]) == set(anew.COLUMNS)
    of = squares[(squares["row"] == "d") & (squares["panel"] == "false_alarms")].set_index("column")["value"]
    assert of[["unshifted", "plausible stays", "plausible anew", "extreme anew"]].tolist() == [10, 22, 6, 7]
    shown = anew.for_readers(table)
    assert shown[["detector", "level"]].to_numpy().tolist() == [
        ["d", PLAUSIBLE], ["d", EXTREME], ["e", PLAUSIBLE], ["e", EXTREME],
    ]  # fmt: skip
    assert shown["false alarms, it is set anew"].tolist()[0] == "6.0 (5.0 to 8.0)"
