"""What of print comes out with the released weights and the real data sets: one run, one line a fact.

    python tools/verify_real.py --data-root DIR --device cuda
    python tools/verify_real.py --data-root DIR --limit 8 --backbone demo-b    to try the script itself

Loads all released weights as detectors load them (CLIPs, masked autoencoders, the tiling pipeline's IS-Net, SAMs and
CLIPSeg, ACR's ImageNet net, and what the authors of APRIL-GAN and AnomalyCLIP trained, from weights/), which are
fetched if they are not here, and prints of each which file it is, at which revision and with which SHA-256, or why it
could not be loaded. IS-Net, SAM, the ImageNet net and the authors' files are fetched by hand: what is said then names
file, place and folder. Then measures WinCLIP on each data set under DIR (mvtec_ad, visa) and prints the published mean,
the measured one and their difference with the interval of the measurement. A mean stands only for all categories and
all test pictures. Results are kept as those of any study: a run that was stopped goes on. Exit status 1 if weights
could not be loaded or a category not be measured.
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pandas as pd

from zsad import arguments
from zsad.analysis.beside_print import means_beside_print
from zsad.analysis.unshifted import printed_means
from zsad.clip import load_backbone, released
from zsad.clip.origin import file_digest, hub_file
from zsad.detectors import load_detector
from zsad.detectors.anomalyclip_checkpoint import FOLDERS, PUBLISHED_EPOCH
from zsad.detectors.patch_features import WIDE_RESNET, WideResNetFeatures
from zsad.mae import load_autoencoder
from zsad.mae import zoo as autoencoders
from zsad.study import compute, load_study
from zsad.study.config import Study
from zsad.study.incomplete import IncompleteError
from zsad.study.project import project_root
from zsad.tiling import clipseg, isnet
from zsad.tiling import zoo as segmenters
from zsad.tiling.weights import download_folder

DATA_SETS = ("mvtec_ad", "visa")
PUBLISHED_ON = "ViT-B-16-plus-240"  # WinCLIP's backbone in its paper
PRINTED = project_root() / "results" / "published" / "winclip_per_category.csv"
AUTHORS = project_root() / "weights"  # holds the files of APRIL-GAN's and AnomalyCLIP's authors, as in study/paper.yaml


@dataclass(frozen=True)
class Weights:
    """Released weights, what loads them, and where they come from, in words. Which `file` was read, with its checksum,
    is logged by the loaders of CLIPs and autoencoders; of the others it is found afterwards.
    """

    name: str
    load: Callable[[], object]
    source: str = ""
    file: Callable[[], Path | None] | None = None


def released_weights(device: str, folder: Path | None = None) -> list[Weights]:
    """All that the project's detectors can be asked to load; `folder` holds those of the tiling pipeline, instead of
    the caches.
    """
    place = folder or download_folder()
    clips = [Weights(name, partial(load_backbone, name, device=device)) for name in released.RELEASED]
    maes = [Weights(name, partial(load_autoencoder, name, device=device)) for name in autoencoders.RELEASED]
    soft = Weights(
        "isnet-general-use",
        partial(segmenters.load_soft_foreground, "isnet-general-use", device, folder),
        f"{isnet.SOURCE}, md5 {isnet.MD5} as pinned",
        lambda: place / isnet.FILE,
    )
    parts = [
        Weights(
            name,
            partial(segmenters.load_part_segmenter, name, None, device, folder),
            f"facebookresearch/segment-anything, md5 {md5}... as pinned",
            partial(Path, place, f"sam_{kind}_{md5}.pth"),
        )
        for name, (kind, md5, _) in segmenters.SAM.items()
    ]
    pixels = "clipseg-rd64-refined"
    maps = Weights(
        pixels,
        partial(segmenters.load_pixel_model, pixels, device, folder),
        f"{clipseg.REPOSITORY} at {clipseg.REVISION}" if folder is None else "a given folder",
        lambda: hub_file(clipseg.REPOSITORY, clipseg.REVISION, None if folder is None else folder / pixels),
    )
    image_net = Weights(
        "wide_resnet50_2",
        partial(WideResNetFeatures, device),
        "torchvision's IMAGENET1K_V1, sha256 begins as the file's name ends",
        lambda: download_folder() / WIDE_RESNET,
    )
    layers = [
        of_authors("april_gan", "ViT-L-14-336-APRIL-GAN", name, "exps/pretrained/ of ByChelsea/VAND-APRIL-GAN", device)
        for name in ("mvtec_pretrained.pth", "visa_pretrained.pth")
    ]
    prompts = [
        of_authors(
            "anomalyclip", "ViT-L-14-336-AnomalyCLIP", f"{name}/{PUBLISHED_EPOCH}",
            "checkpoints/ of zqhang/AnomalyCLIP", device,
        )
        for name in FOLDERS
    ]  # fmt: skip
    return [*clips, *maes, soft, *parts, maps, image_net, *layers, *prompts]


def of_authors(detector: str, backbone: str, name: str, source: str, device: str) -> Weights:
    """A file of a method's authors, which its detector reads on the backbone that it was trained with."""
    path = AUTHORS / name

    def load() -> object:
        if not path.is_file():  # before the backbone is loaded for it
            raise FileNotFoundError(f"no file {path}: take {name} from {source} on GitHub")
        tower = load_backbone(backbone, device=device)
        return load_detector(detector, tower, device=device, trained_on=str(path))

    return Weights(f"{detector} {name}", load, f"{source} on GitHub", lambda: path)


def loads(weights: Weights) -> bool:
    """Whether released weights load; says so, and from which file."""
    try:
        weights.load()
        path = weights.file() if weights.file else None
        which = f"sha256 {file_digest(path)} ({path})" if path else "of an unknown file"
    except Exception as error:  # each library raises its own kinds, and the others are to be tried too
        print(f"{weights.name}: NOT LOADED: {' '.join(str(error).split()) or type(error).__name__}", flush=True)
        return False
    if weights.file:
        print(f"{weights.name}: {weights.source}, {which}", flush=True)
    print(f"{weights.name}: loaded", flush=True)
    return True


def asked(suite: str, a: argparse.Namespace) -> Study:
    """WinCLIP on a data set, unshifted, in float32."""
    return load_study("paper").with_overrides(
        suite=suite, backbone=a.backbone, data_root=a.data_root, device=a.device, limit=a.limit, dtype="float32"
    )


def measured(study: Study) -> tuple[pd.DataFrame, bool]:
    """Records of the categories of a data set, and whether all could be computed."""
    (suite,) = study.suites
    try:
        return compute(study, "none", suites=[suite], detectors=["winclip"], backbones=study.backbones), True
    except (IncompleteError, OSError, ValueError) as error:
        print(f"{suite}: NOT MEASURED WHOLE: {' '.join(str(error).split())}", flush=True)
        return (error.records if isinstance(error, IncompleteError) else pd.DataFrame()), False


def main(given: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-root", type=arguments.path, required=True, help="folder that holds mvtec_ad and visa")
    parser.add_argument("--device", default="cpu")
    parser.add_argument(
        "--limit", type=arguments.number("limit"), help="at most so many pictures a category: no mean then"
    )
    parser.add_argument("--backbone", default=PUBLISHED_ON, help="that WinCLIP is measured on")
    parser.add_argument(
        "--weights-folder", type=arguments.path, help="holds IS-Net, SAM and CLIPSeg, instead of the usual caches"
    )
    a = parser.parse_args(given)
    try:
        studies = [asked(suite, a) for suite in DATA_SETS]
    except (ValueError, OSError) as error:
        parser.error(str(error))
    # What the loaders say of files belongs to the facts, and stands among them.
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stdout)
    logging.getLogger("zsad").setLevel(logging.INFO)
    fine = [loads(weights) for weights in released_weights(a.device, a.weights_folder)]
    printed = printed_means(pd.read_csv(PRINTED))
    for suite, study in zip(DATA_SETS, studies, strict=True):
        records, whole = measured(study)
        fine.append(whole)
        if len(records):
            shown = means_beside_print(printed, records)
            print(shown[shown["measured on"] == suite].to_string(index=False), flush=True)
    return 0 if all(fine) else 1


if __name__ == "__main__":
    sys.exit(main())
