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


def test_each_domain_is_a_suite_with_the_categories_of_the_whole(tmp_path):
    names = [f"demo-aebad-{domain}" for domain in ("same", "background", "illumination", "view")]
    demo = study(tmp_path, **{name: {} for name in names})
    assert [demo.suites[name].domain for name in names] == ["same", "background", "illumination", "view"]
    assert all(demo.is_demo(name) and demo.categories_of(name) == ["blade"] for name in names)
    real = study(tmp_path, **{"aebad-view": {"categories": ["AeBAD_S"]}})
    assert (str(real.suites["aebad-view"].root), real.suites["aebad-view"].domain) == ("aebad", "view")
    assert not real.is_demo("aebad-view")
    assert list(demo.with_overrides(suite="demo-aebad-view").suites) == ["demo-aebad-view"]
    with pytest.raises(ValueError, match="unknown category of demo-aebad-view 'wing'; known: blade"):
        study(tmp_path, **{"demo-aebad-view": {"categories": ["wing"]}})


def test_of_a_blocks_categories_a_chosen_suite_keeps_its_own(tmp_path):
    both = study(tmp_path, **{"demo-mvtec": {}, "demo-aebad-same": {}})
    block = {"over": ["washer", "blade"]}
    mixed = Study.model_validate({**both.model_dump(), "corruptions": [block]})
    for suite, left in (("demo-mvtec", ["washer"]), ("demo-aebad-same", ["blade"]), ("demo-visa", [])):
        narrowed = mixed.with_overrides(suite=suite)
        assert narrowed.covered(narrowed.corruptions[0], suite) == left
