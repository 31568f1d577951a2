"""A class of a module that anybody may write goes wherever a registered detector goes, by `module:Class`."""

import sys

import pytest
import torch
from tiny_clip import tiny_backbone
from toys import tiny_study, write_suite

from zsad import Prediction
from zsad.detectors import check_options, declared, known_to, load_detector, option_names, takes
from zsad.detectors.batch import BatchDetector
from zsad.detectors.checked import check_shapes, checked, said_by_name
from zsad.study import StudyError, compute, load_study
from zsad.study.checks import check_models
from zsad.study.code import cell_code, own_sources
from zsad.study.incomplete import IncompleteError
from zsad.study.results import load_sidecars

SOURCE = """
from dataclasses import dataclass
from helping import RED
from toys import Reddish

@dataclass(frozen=True)
class Options:
    gain: float = 1.0

class Mine(Reddish):
    title = "Mine of one file"
    def __init__(self, backbone, options: Options | None = None):
        super().__init__(name="mine")
        self.chosen = options
    @property
    def options(self):
        return {"gain": self.chosen.gain}

class Plain(Reddish):
    def __init__(self, backbone):
        super().__init__(name="plain")

class Untyped(Reddish):
    def __init__(self, backbone, options):
        super().__init__()

class Half:
    name = "half"
    def __init__(self, backbone):
        pass
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with the module; nothing of it stays imported."""
    (tmp_path / "mine_in_a_file.py").write_text(SOURCE)
    (tmp_path / "helping.py").write_text("RED = 0\n")
    monkeypatch.setattr(sys, "path", [*sys.path])
    yield tmp_path
    for name in ("mine_in_a_file", "helping"):
        sys.modules.pop(name, None)


MINE = "mine_in_a_file:Mine"


def test_a_class_in_the_working_directory_is_loaded_with_its_options(folder, monkeypatch):
    monkeypatch.chdir(folder)
    detector = load_detector(MINE, tiny_backbone(), gain=2.0)
    assert detector.options == {"gain": 2.0}
    assert load_detector("mine_in_a_file:Plain", tiny_backbone()).name == "plain"
    assert option_names(MINE) == ["gain", "defence"]
    assert option_names("mine_in_a_file:Plain") == ["defence"]
    assert declared(MINE, "title", MINE) == "Mine of one file"
    assert known_to(MINE) == known_to("winclip")
    assert str(folder) not in sys.path, "what was needed to find it is taken back"
    defended = load_detector(MINE, tiny_backbone(), defence="grey input")
    assert defended.options["defence"] == "grey input"


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("nowhere_at_all:Mine", {}, r"no module nowhere_at_all in .*PYTHONPATH"),
        ("mine_in_a_file:Yours", {}, r"has no such class; it has Options, Mine, Plain, Untyped, Half"),
        ("mine in a file:Mine", {}, "is not module:Class"),
        ("mine_in_a_file:Untyped", {}, "needs a dataclass as its type"),
        ("mine_in_a_file:Half", {}, "lacks league, options, fingerprint, predict"),
        (MINE, {"gain": "much"}, "gain must be a number"),
        (MINE, {"loss": 1}, r"has no option 'loss'; known: gain, defence"),
    ],
)
def test_what_is_wrong_with_a_class_is_said(folder, monkeypatch, name, options, message):
    monkeypatch.chdir(folder)
    with pytest.raises(ValueError, match=message):
        load_detector(name, tiny_backbone(), **options)


def test_a_missing_requirement_is_told_from_a_missing_module(folder, monkeypatch):
    monkeypatch.chdir(folder)
    (folder / "helping.py").write_text("import not_installed_anywhere\n")
    with pytest.raises(ValueError, match="its module needs not_installed_anywhere"):
        load_detector(MINE, tiny_backbone())


def test_names_in_options_of_ones_own_mean_what_their_class_says(folder, monkeypatch):
    """A `limit` of a study is a number of images; here it is anything."""
    monkeypatch.chdir(folder)
    text = SOURCE.replace("gain: float = 1.0", "gain: float = 1.0\n    limit: float = 0.5")
    (folder / "mine_in_a_file.py").write_text(text)
    assert check_options(MINE, {"limit": 0.25}).limit == 0.25


def test_a_study_beside_the_module_is_computed_and_its_code_is_part_of_the_key(folder, monkeypatch):
    write_suite(folder / "data" / "toys")
    (folder / "own.yaml").write_text(
        "suites: {toys: {reader: mvtec_ad, root: toys, categories: [washer]}}\n"
        f'detectors: [winclip, {{name: "{MINE}", options: {{gain: 3.0}}}}]\n'
        "backbones: [demo-b]\ndata_root: data\nrecords_root: records\nresolution: 32\nbootstrap: 20\n"
    )
    monkeypatch.setattr("zsad.study.run.load_backbone_of", lambda *_, **__: tiny_backbone())
    study = load_study(folder / "own.yaml")
    assert [detector.label for detector in study.detectors] == ["winclip", "Mine"]
    assert study.titles["Mine"] == "Mine of one file"
    records = compute(study, "none", detectors=["Mine"], progress=False)
    (sidecar,) = load_sidecars(records, study).values()
    assert sidecar["spec"]["detector"] == MINE
    assert sidecar["spec"]["options"] == {"gain": 3.0}
    assert set(own_sources(MINE)) == {"mine_in_a_file", "helping"}
    first = sidecar["code"]
    (folder / "helping.py").write_text("RED = 1  # another channel\n")
    cell_code.cache_clear()
    assert cell_code(MINE, "none")["own"] != first["own"]
    (folder / "helping.py").write_text("RED = 0  # a comment\n")
    cell_code.cache_clear()
    assert cell_code(MINE, "none") == first
    cell_code.cache_clear()


def test_a_study_without_the_module_is_refused_with_the_way_out(tmp_path):
    with pytest.raises(StudyError, match=r"detectors\.Mine\.options: detector 'absent_module:Mine': no module"):
        check_models(tiny_study(tmp_path, detectors=["absent_module:Mine"]))


PREDICT = "def predict(self, images, category):"
FAULTS = {
    "__init__": ("def __init__(self, backbone):", 'raise RuntimeError("no head")', "raised RuntimeError: no head"),
    "fingerprint": ("@property\n    def fingerprint(self):", "return 1 / 0", "raised ZeroDivisionError"),
    "predict": (PREDICT, "return images.reshape(7)", r"raised RuntimeError: .*faulty\.py, line 8"),
    "nothing": (PREDICT, "return None", "gave NoneType, not a zsad.Prediction"),
    "half the size": (
        PREDICT,
        "return Prediction(images.amax((1, 2, 3)), images[:, 0, ::2, ::2])",
        r"gave maps of shape \(10, 16, 16\), not \(10, 32, 32\): .*interpolate",
    ),
    "not finite": (
        PREDICT,
        "return Prediction(images.amax((1, 2, 3)) / 0, images[:, 0])",
        "gave a score or map that is not finite for image 0",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_in_ones_own_detector_is_said_by_its_name_and_keeps_no_other_from_being_computed(
    folder, monkeypatch, fault
):
    head, body, message = FAULTS[fault]
    (folder / "faulty.py").write_text(
        "from zsad import Prediction\nfrom toys import Reddish\nclass Faulty(Reddish):\n"
        f"    def __init__(self, backbone):\n        super().__init__()\n\n    {head}\n        {body}\n"
    )
    write_suite(folder / "data" / "toys")
    (folder / "own.yaml").write_text(
        "suites: {toys: {reader: mvtec_ad, root: toys, categories: [washer]}}\n"
        'detectors: ["faulty:Faulty", "mine_in_a_file:Plain"]\n'
        "backbones: [demo-b]\ndata_root: data\nrecords_root: records\nresolution: 32\nbootstrap: 20\n"
    )
    monkeypatch.setattr("zsad.study.run.load_backbone_of", lambda *_, **__: tiny_backbone())
    try:
        with pytest.raises(IncompleteError, match=f"faulty:Faulty.*{message}") as caught:
            compute(load_study(folder / "own.yaml"), "none", progress=False)
        assert set(caught.value.records["detector"]) == {"Plain"}
    finally:
        sys.modules.pop("faulty", None)


def test_a_module_that_cannot_be_imported_says_why(folder, monkeypatch):
    monkeypatch.chdir(folder)
    (folder / "helping.py").write_text("RED = \n")
    with pytest.raises(ValueError, match="its module cannot be imported: SyntaxError: invalid syntax"):
        load_detector(MINE, tiny_backbone())


def test_scores_that_are_not_one_an_image_are_refused():
    found = object.__new__(Prediction)  # whose own types are checked in tests only
    object.__setattr__(found, "map", torch.rand(2, 8, 8))
    object.__setattr__(found, "score", found.map)
    with pytest.raises(ValueError, match=r"my:Own.* gave scores of shape \(2, 8, 8\) for 2 images, not \(2,\)"):
        check_shapes(found, "my:Own", 2, (8, 8))


class Brightness(BatchDetector):
    """A mean an image; faults on demand."""

    name, least_images = "brightness", 2

    def __init__(self, fault=""):
        self.fault = fault

    def features(self, images):
        return {"mean": images.nothing if self.fault == "features" else images.mean((1, 2, 3))}

    def compare(self, features, category):
        score = features["mean"][: -1 if self.fault == "fewer" else None]
        return Prediction(score, torch.ones(len(score), 8, 8))


def test_a_fault_of_a_batch_detector_is_said_by_its_name():
    images = torch.rand(3, 3, 8, 8)
    looked_at = checked(Brightness(), "my:Batch")
    assert isinstance(looked_at, BatchDetector)
    assert looked_at.least_images == 2
    assert torch.equal(looked_at.predict(images, "nut").score, images.mean((1, 2, 3)))
    with pytest.raises(ValueError, match=r"'my:Batch' raised AttributeError: .*nothing"):
        checked(Brightness("features"), "my:Batch").predict(images, "nut")
    with pytest.raises(ValueError, match=r"'my:Batch' gave scores of shape \(2,\) for 3 images"):
        checked(Brightness("fewer"), "my:Batch").predict(images, "nut")


def test_a_device_that_is_out_of_memory_is_not_the_detectors_fault():
    """Whoever calls it tries smaller batches then."""
    with pytest.raises(torch.OutOfMemoryError), said_by_name("my:Detector"):
        raise torch.OutOfMemoryError("too much")


def test_a_registered_detector_has_no_code_of_its_own_apart():
    assert "own" not in cell_code("winclip", "none")
    assert takes("winclip", "mine", "ViT-B-16")
    assert not takes("maeday", "mine", "ViT-B-16")
