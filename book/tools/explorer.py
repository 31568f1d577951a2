"""The explorer's data: `python -m book.tools.explorer` fills results/explorer.

Eight test images of the demo suites under a grid of joint shifts of angle, hue and saturation: the scores and maps of
the study's first detector, and what the published search for worst cases tries. A page opened as a file can load no
data but scripts, so each image is one: a call with everything the page shows of it. `index.js` lists them. An image
whose file was made from the same pixels, weights, code and grid is left alone, so that a run that was stopped goes on.
"""

import argparse
import base64
import hashlib
import io
import json
import math
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from zsad.files import remove_stale, write_atomically
from zsad.metrics.decision import SHARE, good_share_thresholds, once
from zsad.progress import progress_bar
from zsad.study.code import function_code
from zsad.study.config import Study
from zsad.study.load import load_study
from zsad.study.manifest import load_records
from zsad.study.project import project_root
from zsad.study.provenance import commit, machine, versions
from zsad.study.results import load_table

FOLDER = project_root() / "results" / "explorer"
STUDY, SUITE, DETECTOR, BACKBONE = "demo", "demo-mvtec", "winclip", "demo-b"
# Of the images whose worst cases are kept, a damaged and a good one of four products.
IMAGES = {
    "washer/test/dent/012.png": "Washer, dented",
    "washer/test/good/045.png": "Washer, good",
    "biscuit/test/crack/012.png": "Biscuit, cracked",
    "biscuit/test/good/105.png": "Biscuit, good",
    "bottle_cap/test/discolouration/012.png": "Bottle cap, discoloured",
    "bottle_cap/test/good/075.png": "Bottle cap, good",
    "fabric/test/hole/012.png": "Fabric with a hole",
    "fabric/test/good/075.png": "Fabric, good",
}
GRID = {
    "angle": [float(degrees) for degrees in range(-90, 91, 15)],
    "hue": [math.radians(degrees) for degrees in range(-180, 180, 30)],  # a circle: 180 degrees are -180
    "saturation": [-0.5, -0.25, 0.0, 0.25, 0.5],
}
CALL, INDEX_CALL = "zsadExplorer.image(", "zsadExplorer.index("


def slug(id: str) -> str:
    """An image's name in files and addresses: "washer/test/dent/012.png" is "washer-dent-012"."""
    category, _, kind, name = id.split("/")
    return f"{category}-{kind}-{Path(name).stem}"


def read(path: Path) -> dict[str, Any]:
    """What a script of the explorer calls the page with."""
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8").partition("(")[2].rpartition(")")[0])
    return content


def code() -> dict[str, str]:
    """Room -> SHA-256 of the code that can touch the explorer's numbers; how errors are worded cannot."""
    computing = "book.tools.probes.shift_grid", "zsad.detectors.winclip"
    reached = function_code(*computing, apart=["zsad.detectors.given"])
    return {room: reached[room] for room in ("book", "clip", "detectors", "perturb", "robustness")}


def make(folder: Path = FOLDER, ids: Sequence[str] = tuple(IMAGES)) -> None:
    """Compute what is missing, and write the index of all."""
    folder.mkdir(parents=True, exist_ok=True)
    remove_stale(folder)
    kept = kept_of(ids)
    subjects = [_Subject(folder, id, kept[id]) for id in ids]
    for subject in subjects:
        subject.on_grid()
    _write_index(folder, subjects, kept)
    for subject in subjects:
        subject.searched()


def _write_index(folder: Path, subjects: Sequence["_Subject"], kept: dict[str, pd.DataFrame]) -> None:
    ids = [subject.id for subject in subjects]
    thresholds = thresholds_of(ids)
    index = {
        "grid": GRID,
        "scale": _scale([subject.found() for subject in subjects]),
        "false_alarms": SHARE,
        "images": [{"file": slug(id), "words": IMAGES[id], "id": id, "damaged": "/good/" not in id,
                    "threshold": thresholds[id], "ends": kept[id].to_dict("records")} for id in ids],
    }  # fmt: skip
    _write(folder / "index.js", INDEX_CALL, index)


def thresholds_of(ids: Sequence[str]) -> dict[str, float]:
    """Image -> the score from which its product is called damaged: 5 % of the good training pictures reach it."""
    of_study = _kept_table("none", "training", "default")
    scores = {str(category): rows["score"].to_numpy(float) for category, rows in of_study.groupby("category")}
    return {id: float(good_share_thresholds(once(good := scores[id.split("/")[0]]), good)[0]) for id in ids}


def kept_of(ids: Sequence[str]) -> dict[str, pd.DataFrame]:
    """Image -> where each kept search for its worst case has ended: search, angle, hue, saturation, auroc, score's."""
    samples = _kept_table("worst", "samples")
    named = samples["variant"] + np.where(samples["setting"] == "3d", "", ", " + samples["setting"] + " alone")
    columns = ["search", "angle", "hue", "saturation", "clean_auroc", "auroc", "clean_loss", "loss"]
    samples = samples.assign(search=named).astype(dict.fromkeys(columns[1:], float))
    return {id: samples.loc[samples["id"] == id, columns].replace({np.nan: None}) for id in ids}


def _kept_table(shift: str, table: str, variant: str | None = None) -> pd.DataFrame:
    records = load_records(STUDY)
    of = (records["detector"] == DETECTOR) & (records["backbone"] == BACKBONE) & (records["suite"] == SUITE)
    wanted = records[of & (records["shift"] == shift) & ((records["variant"] == variant) | (variant is None))]
    if shift == "worst":
        wanted = wanted[wanted["variant"].isin(["as published", "half", "tenth", "random 3d", "random half",
                                                "random tenth"])]  # fmt: skip
    return load_table(wanted, table, load_study(STUDY, check_models=False))


class _Subject:
    """One image with what sees it, and the file of what was found."""

    def __init__(self, folder: Path, id: str, ends: pd.DataFrame) -> None:
        from zsad.study.data import ensure_suite, read_suite
        from zsad.study.evaluate import load_study_images
        from zsad.study.run import load_study_detector

        self.id, self.category, self.path = id, id.split("/")[0], folder / f"{slug(id)}.js"
        self.study = load_study(STUDY, check_models=False)
        ensure_suite(self.study, SUITE, whole=False)
        dataset = read_suite(self.study, SUITE, self.category, None)
        index = dataset.ids.index(id)
        test_set = load_study_images(self.study, dataset[index : index + 1])
        assert test_set.image_masks is not None, "the demo suites have masks"
        self.image, self.mask = test_set.images.stacked(), test_set.image_masks[0][None]
        self.detector = load_study_detector(self.study, self.study.detectors[0], BACKBONE)
        alone = ends[ends["search"].str.endswith(" alone")]
        self.starts = [tuple(row) for row in alone[["angle", "hue", "saturation"]].to_numpy(float).tolist()]
        self.made_from = {
            "pixels": hashlib.sha256(self.image.numpy().tobytes()).hexdigest(),
            "weights_fingerprint": self.detector.fingerprint,
            "code": code(),
            "grid": GRID,
            "starts": [list(start) for start in self.starts],
        }

    def found(self) -> dict[str, Any]:
        """What the file holds, nothing where it was made from something else."""
        content = read(self.path) if self.path.is_file() else {}
        return content if content.get("made_from") == self.made_from else {}

    def on_grid(self) -> None:
        from book.tools.probes.shift_grid import on_grid

        if self.found():
            return
        clock, cells = time.perf_counter(), self.detector.backbone.grid[0]  # type: ignore[attr-defined]
        with progress_bar(math.prod(map(len, GRID.values())), 0, "shift", slug(self.id)) as bar:
            axes = (GRID["angle"], GRID["hue"], GRID["saturation"])
            scores, maps = on_grid(self.detector, self.image, self.category, *axes, cells, bar.update)
        content = {
            "id": self.id,
            "picture": _png((self.image[0].permute(1, 2, 0) * 255).round().byte().numpy()),
            "mask": _png(self.mask[0].byte().numpy() * 255),
            # A row of maps for each angle; in it hue by hue the maps of all saturations.
            "maps": _png(maps.transpose(0, 3, 1, 2, 4).reshape(len(maps) * cells, -1)),
            "cells": cells,
            "scores": np.round(scores.astype(float), 5).ravel().tolist(),
            "made_from": self.made_from,
            "provenance": {"grid": _provenance(self.study, clock)},
        }
        _write(self.path, CALL, content)

    def searched(self) -> None:
        from book.tools.probes.shift_grid import tried_by_search

        content = self.found()
        if "tries" in content:
            return
        clock = time.perf_counter()
        tries = tried_by_search(self.detector, self.image, self.mask, self.category, self.id, self.starts)
        content["tries"] = np.round(tries, 4).tolist()
        content["provenance"]["search"] = _provenance(self.study, clock)
        _write(self.path, CALL, content)


def _provenance(study: Study, clock: float) -> dict[str, Any]:
    return {
        **commit(),
        "ended_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": round(time.perf_counter() - clock, 1),
        "machine": machine(study.device),
        "versions": versions(),
        "dtype": study.dtype,
    }


def _scale(made: Sequence[dict[str, Any]]) -> tuple[float, float]:
    """The one colour scale of all maps of all images: it holds all but 1 in 1000 of their numbers at either end."""
    values = np.concatenate([unpacked(one["maps"]).ravel() for one in made]) / 255
    low, high = np.quantile(values, (0.001, 0.999))
    return math.floor(low * 20) / 20, math.ceil(high * 20) / 20


def unpacked(address: str) -> np.ndarray:
    """The pixels of an image that a data address holds."""
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(address.partition(",")[2]))))


def _png(pixels: np.ndarray) -> str:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


def _write(path: Path, call: str, content: dict[str, Any]) -> None:
    text = f"{call}{json.dumps(content, separators=(',', ':'), allow_nan=False)});\n"
    write_atomically(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def main(arguments: list[str] | None = None) -> int:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m book.tools.explorer", description="Compute the explorer's data.")
    parser.add_argument("--out", type=Path, default=FOLDER, help="default: results/explorer")
    options = parser.parse_args(arguments)
    make(options.out)
    size = sum(path.stat().st_size for path in options.out.glob("*.js"))
    print(f"{options.out}: {len(IMAGES)} images, {size / 1e6:.1f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
