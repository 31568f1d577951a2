"""Seeds of a detector as a list in a study's file: the same study as one that writes every seed out."""

from pathlib import Path

import pytest

from zsad.study.config import Study
from zsad.study.load import load_study
from zsad.study.shifts import StudyError

HEAD = """
suites: {demo-mvtec: {}}
backbones: [demo-b]
"""
LISTED = f"""{HEAD}
detectors:
- winclip
- {{name: text_fnn, seeds: [0, 1, 2]}}
- {{name: text_fnn, label: linear, options: {{head: linear}}, seeds: [3, 4]}}
corruptions:
- {{name: some, detectors: [winclip, text_fnn], severities: [0, 3]}}
- {{name: every, detectors: [winclip, text_fnn, linear], seeds: all, severities: [0, 3]}}
"""
WRITTEN_OUT = f"""{HEAD}
detectors:
- winclip
- {{name: text_fnn, options: {{seed: 0}}}}
- {{name: text_fnn, label: text_fnn 1, options: {{seed: 1}}}}
- {{name: text_fnn, label: text_fnn 2, options: {{seed: 2}}}}
- {{name: text_fnn, label: linear, options: {{head: linear, seed: 3}}}}
- {{name: text_fnn, label: linear 4, options: {{head: linear, seed: 4}}}}
corruptions:
- {{name: some, detectors: [winclip, text_fnn], severities: [0, 3]}}
- {{name: every, detectors: [winclip, text_fnn, text_fnn 1, text_fnn 2, linear, linear 4], severities: [0, 3]}}
"""


def study_of(text: str, folder: Path) -> Study:
    (folder / "some.yaml").write_text(text)
    return load_study(folder / "some.yaml")


def test_a_list_of_seeds_is_an_entry_a_seed(tmp_path: Path) -> None:
    assert study_of(LISTED, tmp_path) == study_of(WRITTEN_OUT, tmp_path)


def test_a_study_that_is_narrowed_keeps_the_seed_it_names(tmp_path: Path) -> None:
    narrowed = study_of(LISTED, tmp_path).with_overrides(detector="text_fnn 2")
    assert [(d.label, d.options) for d in narrowed.detectors] == [("text_fnn 2", {"seed": 2})]


def test_the_demo_study_trains_each_text_ablation_with_three_seeds() -> None:
    labels = {d.label: d.options.get("seed") for d in load_study("demo").detectors if d.name == "text_fnn"}
    first = [label for label, seed in labels.items() if seed == 0]
    assert len(first) == 9
    assert labels == {f"{label} {seed}".removesuffix(" 0"): seed for label in first for seed in (0, 1, 2)}


@pytest.mark.parametrize(
    ("entry", "block", "message"),
    [
        ("seeds: 3", "", "detectors.text_fnn.seeds: expected a list of different whole numbers"),
        ("seeds: []", "", "detectors.text_fnn.seeds: expected a list of different whole numbers"),
        ("seeds: [1, 1]", "", "detectors.text_fnn.seeds: expected a list of different whole numbers"),
        ("seeds: [0, true]", "", "detectors.text_fnn.seeds: expected a list of different whole numbers"),
        ("seeds: [-1]", "", "detectors.text_fnn.seeds: expected a list of different whole numbers"),
        ("seeds: [0, 1], options: {seed: 2}", "", "seeds and the option seed both say"),
        ("seeds: [0, 1]", "seeds: some", "corruptions.seeds: expected all or first, found 'some'"),
        ("seeds: [0, 1], label: none", "detectors: [text_fnn], seeds: all", "'text_fnn' is not in this study"),
    ],
)
def test_what_is_no_list_of_seeds_is_refused(tmp_path: Path, entry: str, block: str, message: str) -> None:
    text = f"{HEAD}\ndetectors: [{{name: text_fnn, {entry}}}]\n"
    with pytest.raises(StudyError, match=f"some.yaml: .*{message}"):
        study_of(text + (f"corruptions: {{{block}}}\n" if block else ""), tmp_path)


def test_a_detector_without_a_seed_is_given_none(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="winclip has no option 'seed'"):
        study_of(f"{HEAD}\ndetectors: [{{name: winclip, seeds: [0, 1]}}]\n", tmp_path)
