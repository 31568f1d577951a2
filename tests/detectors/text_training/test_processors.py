"""A training on texts ends alike on every processor, here on one that is asked to do without its wide instructions."""

import os
import subprocess
import sys
from pathlib import Path

import torch
from torch.nn import functional as F

import zsad
from zsad.clip import load_backbone
from zsad.clip.store import read_tensors

HERE = Path(__file__)
PLAIN = {"ATEN_CPU_CAPABILITY": "default", "MKL_ENABLE_INSTRUCTIONS": "SSE4_2", "ONEDNN_MAX_CPU_ISA": "SSE41"}
FEW = {
    "text_fnn": {"diversity_words": 6, "distribution_words": 2, "word_steps": 12, "epochs": 20, "noise": 0.01},
    "rwda": {"sentences": 200, "epochs": 10},
}


def train(folder):
    for name, options in FEW.items():
        zsad.load_detector(name, load_backbone("demo-b"), **options).save("washer", Path(folder) / name)


def test_two_kinds_of_processors_learn_the_same(tmp_path):
    (tmp_path / "plain").mkdir()
    train(tmp_path)
    environment = {**os.environ, **PLAIN}
    subprocess.run([sys.executable, HERE, tmp_path / "plain"], check=True, env=environment, timeout=600)
    images = F.normalize(torch.randn(100, 128, generator=torch.Generator().manual_seed(0)), dim=1)
    for name, options in FEW.items():
        here, there = (read_tensors(folder / name)[0] for folder in (tmp_path, tmp_path / "plain"))
        assert here.keys() == there.keys()
        words = [key for key in here if not key.startswith("head.")]
        assert bool(words) == (name == "text_fnn")
        assert all(torch.equal(here[key], there[key]) for key in words)
        scores = []
        for folder in (tmp_path, tmp_path / "plain"):
            detector = zsad.load_detector(name, load_backbone("demo-b"), **options)
            detector.load("washer", folder / name)
            scores.append(detector.train("washer")(images).softmax(dim=1))
        assert (scores[0] - scores[1]).abs().max() < 1e-3 * scores[0][:, 1].std()


if __name__ == "__main__":
    train(sys.argv[1])
