"""A study of AeBAD-S, demo or real, is named like any other suite."""

import pytest

from zsad.study.config import Study


def study(root, **suites) -> Study:
    return Study.model_validate(
        {"name": "s", "suites": suites, "detectors": ["winclip"], "backbones": ["demo-b"], "data_root": str(root)}
    )


def test_the_demo_suite_has_the_blade(tmp_path):
    demo = study(tmp_path, **{"demo-aebad": {}})
    assert demo.suites["demo-aebad"].reader == "aebad"
    assert demo.categories_of("demo-aebad") == ["blade"]
    with pytest.raises(ValueError, match="unknown category of demo-aebad 'wing'; known: blade"):
        study(tmp_path, **{"demo-aebad": {"categories": ["wing"]}})


def test_the_real_set_is_found_on_disk_without_its_videos(tmp_path):
    for folder in ("AeBAD_S/test/good/same", "AeBAD_V/test/video1/good"):
        (tmp_path / "aebad" / folder).mkdir(parents=True)
    assert study(tmp_path, aebad={}).categories_of("aebad") == ["AeBAD_S"]
    with pytest.raises(FileNotFoundError, match="'test/good' folder"):
        study(tmp_path / "elsewhere", aebad={}).categories_of("aebad")
