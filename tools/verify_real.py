"""What of print comes out with the released weights and the real data sets: one run, one line a fact.

    python tools/verify_real.py --data-root DIR --device cuda
    python tools/verify_real.py --data-root DIR --limit 8 --backbone demo-b    to try the script itself

Loads each released backbone, which is fetched if it is not here, and prints where it comes from and the SHA-256 of its
file; then measures WinCLIP on each data set under DIR (mvtec_ad, visa) and prints the published mean, the measured one
and their difference with the interval of the measurement. A mean stands only for all categories and all test pictures.
Results are kept as those of any study: a run that was stopped goes on. Exit status 1 if a backbone could not be loaded
or a category not be measured.
"""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path

import pandas as pd

from zsad.analysis.beside_print import means_beside_print
from zsad.analysis.unshifted import printed_means
from zsad.clip import load_backbone
from zsad.clip.released import RELEASED
from zsad.study import compute, load_study
from zsad.study.config import project_root
from zsad.study.incomplete import IncompleteError

DATA_SETS = ("mvtec_ad", "visa")
PUBLISHED_ON = "ViT-B-16-plus-240"  # WinCLIP's backbone in its paper
PRINTED = project_root() / "results" / "published" / "winclip_per_category.csv"


def loads(name: str, device: str) -> bool:
    """Whether a released backbone loads; its file and checksum are logged by what loads it."""
    try:
        backbone = load_backbone(name, device=device)
    except (OSError, ValueError) as error:
        print(f"{name}: NOT LOADED: {' '.join(str(error).split())}", flush=True)
        return False
    print(f"{name}: loaded, fingerprint of its values {backbone.fingerprint}", flush=True)
    return True


def measured(suite: str, backbone: str, data_root: Path, device: str, limit: int | None) -> tuple[pd.DataFrame, bool]:
    """Records of WinCLIP on the categories of a data set, unshifted, in float32, and whether all could be computed."""
    study = load_study("paper").with_overrides(
        suite=suite, backbone=backbone, data_root=data_root, device=device, limit=limit, dtype="float32"
    )
    try:
        return compute(study, "none", suites=[suite], detectors=["winclip"], backbones=[backbone]), True
    except (IncompleteError, OSError, ValueError) as error:
        print(f"{suite}: NOT MEASURED WHOLE: {' '.join(str(error).split())}", flush=True)
        return (error.records if isinstance(error, IncompleteError) else pd.DataFrame()), False


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-root", type=Path, required=True, help="folder that holds mvtec_ad and visa")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--limit", type=int, help="at most so many pictures a category: no mean then")
    parser.add_argument("--backbone", default=PUBLISHED_ON, help="that WinCLIP is measured on")
    a = parser.parse_args()
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    logging.getLogger("zsad").setLevel(logging.INFO)
    fine = [loads(name, a.device) for name in RELEASED]
    printed = printed_means(pd.read_csv(PRINTED))
    for suite in DATA_SETS:
        records, whole = measured(suite, a.backbone, a.data_root, a.device, a.limit)
        fine.append(whole)
        if len(records):
            shown = means_beside_print(printed, records)
            print(shown[shown["measured on"] == suite].to_string(index=False), flush=True)
    return 0 if all(fine) else 1


if __name__ == "__main__":
    sys.exit(main())
