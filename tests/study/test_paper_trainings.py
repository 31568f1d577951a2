"""The trainings that the page on reruns asks for make the parts that `study/paper.yaml` reads, no more and no fewer."""

import re
import subprocess
from pathlib import Path

from zsad.cli import _parser
from zsad.detectors.anomalyclip import AnomalyCLIPOptions
from zsad.detectors.april_gan import TEXT, part_of
from zsad.detectors.learned import part_name
from zsad.study.load import load_study

PROJECT = Path(__file__).parents[2]
PAGE = PROJECT / "book" / "rerun.md"
SUITES = ("mvtec_ad", "visa")


def part_called(detector, backbone, trained_on, options):
    """What the part is called that a detector with these options looks for."""
    if detector == "april_gan":
        part = part_of(options.get("compared_with", TEXT))
    else:
        part = AnomalyCLIPOptions(**options).part
    return part_name(part, backbone, trained_on)


def asked(command):
    """What the page's loops over data sets ask a command for, from what the shell makes of them."""
    loops = re.findall(r"```bash\n(for data in .*?)```", PAGE.read_text(encoding="utf-8"), re.S)
    said = "said() { printf '%s\\037' \"$@\"; echo; }\n" + "".join(loops).replace(".venv/bin/zsad", "said")
    spoken = subprocess.run(["bash", "-c", said], check=True, capture_output=True, text=True).stdout
    lines = [line.split("\037")[:-1] for line in spoken.splitlines()]
    return [_parser().parse_args(line) for line in lines if line[0] == command]


def made():
    """The parts that the page's commands make."""
    for given in asked("train"):
        assert given.called == f"{given.auxiliary}-{given.seed}"
        yield PROJECT / given.out / part_called(given.detector, given.backbone, given.called, dict(given.option))


def read():
    """The parts that the study reads of its own trainings: those of authors are called as the data set."""
    for detector in load_study("paper", check_models=False).detectors:
        for suite in SUITES if "trained_on" in detector.options else ():
            options = detector.on(suite).options
            trained_on, folder = options.pop("trained_on"), options.pop("weights_folder")
            assert trained_on.partition("-")[0] != suite
            if trained_on not in SUITES:
                yield Path(folder) / part_called(detector.name, *detector.backbones, trained_on, options)


def test_what_is_trained_is_what_is_read():
    parts = sorted(made())
    assert parts == sorted(read())
    assert len(set(parts)) == len(parts) == 20


def test_the_heads_that_are_trained_are_those_that_are_read():
    (acr,) = [detector for detector in load_study("paper", check_models=False).detectors if detector.label == "acr"]
    heads = {
        (acr.on(suite).options["weights_folder"], acr.on(suite).options["head"]) for suite in (*SUITES, "aebad-same")
    }
    commands = asked("meta-train")
    made = {(str(PROJECT / given.out), f"acr-{given.extractor}-{given.auxiliary}") for given in commands}
    assert heads == made
    assert len(made) == 2
    assert {given.extractor for given in commands} == {acr.options["extractor"]}
