"""Scores and heat maps of image files: read, scored and written one by one, so that memory does not grow with them.

A detector that compares images with each other is given all of them as one batch: of each its features are kept.
"""

import csv
import hashlib
import logging
import math
import os
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from zsad.data.decode import read_bytes
from zsad.data.image import read_image
from zsad.detectors import Detector, Prediction, wanted_references
from zsad.detectors.base import check_prediction
from zsad.detectors.batch import BatchDetector, check_batch, resize_maps
from zsad.detectors.references import References, check_aspect
from zsad.files import check_writable_folder, write_atomically
from zsad.heatmap import UNIT, Scale, overlay
from zsad.image_files import HEATMAP, find_images, output_paths
from zsad.limits import check_sides
from zsad.robustness.feature_store import FeatureStore
from zsad.wording import describe

SCORES, UNFINISHED = "scores.csv", "scores.unfinished.csv"
_NARROW = 0.1  # share of a colour scale, less of which looks like one colour
FORMATS = {"jpg": "JPEG", "png": "PNG"}

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Threshold:
    """Images that score above `value` are called anomalous; `origin` says where the value is from."""

    value: float
    origin: str


@dataclass(frozen=True)
class Scored:
    """One image: its score, its heat map's file, and what it is called where there is a threshold."""

    image: Path
    score: float
    heatmap: Path
    decision: str | None = None


@dataclass
class Report:
    """What became of a run: images scored, files that could not be, with the cause, seconds a part of the work, the
    scale of the heat maps' colours, and the least and the largest value that the maps hold.
    """

    scored: int = 0
    bad: dict[Path, str] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    scale: Scale = UNIT
    least: float = math.inf
    largest: float = -math.inf

    def colours_remark(self) -> str:
        """What to say of heat maps whose colours tell little: values beyond the scale, or all close together on it;
        otherwise nothing.
        """
        low, high = self.scale
        if not self.scored:
            return ""
        rounding = 1e-5 * (high - low)
        values = f"the maps hold values from {self.least:.4g} to {self.largest:.4g}, and their colours"
        if self.least < low - rounding or self.largest > high + rounding:
            return f"{values} end at {low:.4g} and {high:.4g}: what lies beyond has the colour of the end"
        if self.largest - self.least < _NARROW * (high - low):
            return f"{values} reach from {low:.4g} to {high:.4g}: the maps look almost of one colour"
        return ""


def check_company(detector: Detector, count: int, category: str, calibrated: bool = False) -> None:
    """Raise a ValueError for fewer images than a detector compares with each other, or for good images that one of its
    scores would be compared with.
    """
    if not isinstance(detector, BatchDetector):
        return
    check_batch(detector, count, category)
    if calibrated:
        raise ValueError(
            f"{detector.name} compares images with each other: what good ones score among themselves says nothing of "
            "scores among others. Give a threshold, or choose a detector that looks at one image at a time"
        )


def check_category(category: str) -> None:
    """Raise a ValueError for a category without a letter or digit: prompts are made of it."""
    if not any(sign.isalnum() for sign in category):
        raise ValueError(f"category {category!r} names nothing; it names the product, such as 'metal nut'")


def check_scale(scale: Scale | None) -> None:
    """Raise a ValueError for a scale of colours whose ends are not the lower and the higher one."""
    if scale is not None and not scale[0] < scale[1]:
        raise ValueError(f"the scale must rise, and {scale[0]:g} to {scale[1]:g} does not: give the lower end first")


def check_references(detector: Detector) -> None:
    """Raise a ValueError for a detector that wants good images and was given none."""
    if count := wanted_references(detector):
        images = "1 good image" if count == 1 else f"{count} good images"
        raise ValueError(
            f"{detector.name} compares with {images} and was given none: give a folder of them with --reference, or "
            "choose winclip, which needs none"
        )


@dataclass(frozen=True)
class GoodImages:
    """Files of good images that others are compared with: as a detector takes them, and their heights and widths."""

    references: References
    sizes: tuple[tuple[int, int], ...]


def read_references(
    good: Sequence[Path], scored: Iterable[Path], read: Callable[[Path], None] = lambda _: None
) -> GoodImages:
    """Good images as references; `read` is called after each.

    Args:
        scored: the images that are to be compared with them.

    Raises:
        ImageError or ValueError: a reference that cannot be read (fewer of them are another detector), or is to be
            scored too.
    """
    digests, sizes = dict[str, Path](), list[tuple[int, int]]()
    for path in good:
        content = read_bytes(path)
        image = read_image(path, content)
        check_sides(image.shape[1], image.shape[2], str(path))
        digests[hashlib.sha256(content).hexdigest()] = path
        sizes.append((image.shape[1], image.shape[2]))
        read(path)
    for path in scored:
        if path.is_file() and (twin := digests.get(hashlib.sha256(path.read_bytes()).hexdigest())):
            raise ValueError(
                f"{path} is to be scored, and {twin} among the references is the same image: compared with itself it "
                "scores as good whatever it shows. Leave it out of either"
            )
    fingerprint = hashlib.sha256(" ".join(digests).encode()).hexdigest()
    names = tuple(str(path) for path in good)
    return GoodImages(References(names, fingerprint, lambda: (read_image(path) for path in good)), tuple(sizes))


def threshold_from(good: Path, score: Callable[[Path], float]) -> Threshold:
    """The highest score of some good images.

    If the images to come are as good and taken alike, the next good one scores higher than all n with a chance of 1 in
    n + 1. Raises ImageError or ValueError for a file that cannot be scored: a threshold from part of them is another.
    """
    images = find_images([good])
    value = max(score(image) for image in images)
    count = len(images)
    return Threshold(
        value, f"the highest of {count} good images in {good}; the next good one exceeds it once in {count + 1} times"
    )


def predict_images(
    detector: Detector,
    images: Sequence[Path],
    category: str,
    out: Path,
    *,
    device: str | torch.device = "cpu",
    threshold: Threshold | None = None,
    image_format: str = "jpg",
    report: Report | None = None,
    framed_like: Sequence[tuple[int, int]] = (),
    scale: Scale | None = None,
) -> Iterator[Scored]:
    """Score image files; yields each when its heat map is written. All are one batch of a `BatchDetector`; any other
    detector sees one at a time.

    `out` receives a heat map an image and `scores.csv`, a row an image, with the scale of the heat maps' colours. While
    this runs the rows stand in `scores.unfinished.csv`, each written when its image is done.

    Args:
        images: see `find_images`. category: what they show, as a folder name or in words.
        threshold: adds what each image is called, and the threshold.
        image_format: of the heat maps, one of `FORMATS`. PNG is exact, and takes longer to write than the model does.
        report: receives what could not be scored, the time, and the heat maps' scale.
        framed_like: heights and widths of references; an image of other proportions cannot be scored.
        scale: what the first and the last colour of all heat maps stand for. By default 0 and 1; of a `BatchDetector`,
            whose maps hold in this company alone, the least and the largest value of them all.

    `scores.csv` of an earlier run stays where not one image could be scored.

    Raises:
        ValueError: no category, a detector without the references that it wants, an unknown format, a scale that does
            not rise, a heat map would replace an image, or too few images, or too few that can be read, for a detector
            that compares them with each other; before anything is written. OSError: `out` cannot be written.
    """
    check_category(category)
    check_references(detector)
    check_company(detector, len(images), category)
    if image_format not in FORMATS:
        raise ValueError(f"unknown format {image_format!r}; known: {', '.join(FORMATS)}")
    check_scale(scale)
    report = Report() if report is None else report
    report.scale = scale or UNIT
    outputs = output_paths(images, out, f"{HEATMAP}.{image_format}")
    check_writable_folder(out)
    with (out / UNFINISHED).open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        columns = ["image", "score", "heatmap", "colours_from", "colours_to"]
        table.writerow([*columns, *(["decision", "threshold"] if threshold else [])])
        given = (images, outputs, category, device, report)
        if isinstance(detector, BatchDetector):
            found = _together(detector, *given, own_scale=scale is None)
        else:
            found = _one_by_one(detector, *given, framed_like)
        for path, output, image, prediction in found:
            with _timed(report, "writing"):
                _write_heatmap(image, prediction, output, FORMATS[image_format], report)
            score = float(prediction.score[0])
            decision = None if threshold is None else ("anomalous" if score > threshold.value else "normal")
            scored = Scored(path, score, output, decision)
            decided = [scored.decision, threshold.value] if threshold else []
            table.writerow([path, scored.score, output.name, *report.scale, *decided])
            file.flush()
            report.scored += 1
            yield scored
    if report.scored:
        os.replace(out / UNFINISHED, out / SCORES)
    else:
        (out / UNFINISHED).unlink()


Found = Iterator[tuple[Path, Path, Float[Tensor, "3 height width"], Prediction]]


def _one_by_one(
    detector: Detector,
    images: Sequence[Path],
    outputs: Sequence[Path],
    category: str,
    device: str | torch.device,
    report: Report,
    framed_like: Sequence[tuple[int, int]],
) -> Found:
    """Image files that can be scored: file, heat map's file, image and prediction of each."""
    for path, output in zip(images, outputs, strict=True):
        if (image := _read_or_report(path, report)) is None:
            continue
        try:
            check_aspect(image.shape[1], image.shape[2], framed_like)
            prediction = _predicted(detector, image, category, device, report)
        except (ValueError, MemoryError) as error:
            report.bad[path] = describe(error)
            continue
        yield path, output, image, prediction


def _together(
    detector: BatchDetector,
    images: Sequence[Path],
    outputs: Sequence[Path],
    category: str,
    device: str | torch.device,
    report: Report,
    own_scale: bool,
) -> Found:
    """As `_one_by_one`, of a batch, whose maps give the colours' scale where it is to be their own. Images are read
    twice: for their features, and to be drawn under their maps.
    """
    store, rows = FeatureStore(len(images)), list[int]()
    for index, path in enumerate(images):
        if (image := _read_or_report(path, report)) is None:
            continue
        try:
            with _timed(report, "model"), torch.no_grad():
                store.put([len(rows)], detector.features(image[None].to(device)))
        except (ValueError, MemoryError) as error:
            report.bad[path] = describe(error)
            continue
        rows.append(index)
    _check_left(detector, len(rows), category, report)
    kept = {name: values[: len(rows)] for name, values in store.features.items()}
    with _timed(report, "model"), torch.no_grad():
        compared = check_prediction(detector.compare(kept, category), detector.name, category)
    if own_scale:
        least, largest = (float(value) for value in compared.map.aminmax())
        report.scale = (least, largest if largest > least else least + 1)
    for row, index in enumerate(rows):
        if (image := _read_or_report(images[index], report)) is not None:
            maps = resize_maps(compared.map[row : row + 1], image.shape[1:])
            yield images[index], outputs[index], image, Prediction(compared.score[row : row + 1], maps)


def _check_left(detector: BatchDetector, count: int, category: str, report: Report) -> None:
    """As `check_batch`, of the images that are left without bad ones, which the error names."""
    try:
        check_batch(detector, count, category)
    except ValueError as error:
        bad = "; ".join(f"{path}: {cause.removeprefix(f'{path}: ')}" for path, cause in report.bad.items())
        raise ValueError(f"{error}. Not among them: {bad}") from None


def score_image(
    detector: Detector,
    path: Path,
    category: str,
    device: str | torch.device = "cpu",
    framed_like: Sequence[tuple[int, int]] = (),
) -> float:
    """The score of one image file; `framed_like` as for `predict_images`, here an error."""
    report = Report()
    image = _read(path, report)
    try:
        check_aspect(image.shape[1], image.shape[2], framed_like)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    return float(_predicted(detector, image, category, device, report).score[0])


def _read(path: Path, report: Report) -> Float[Tensor, "3 height width"]:
    with _timed(report, "reading"):
        image = read_image(path)
        check_sides(image.shape[1], image.shape[2], str(path))
    return image


def _read_or_report(path: Path, report: Report) -> Float[Tensor, "3 height width"] | None:
    try:
        return _read(path, report)
    except (ValueError, OSError, MemoryError) as error:
        report.bad[path] = describe(error)
        return None


def _predicted(
    detector: Detector,
    image: Float[Tensor, "3 height width"],
    category: str,
    device: str | torch.device,
    report: Report,
) -> Prediction:
    with _timed(report, "model"), torch.no_grad():
        return detector.predict(image[None].to(device), category=category)


def _write_heatmap(
    image: Float[Tensor, "3 height width"], prediction: Prediction, output: Path, kind: str, report: Report
) -> None:
    least, largest = (float(value) for value in prediction.map[0].aminmax())
    report.least, report.largest = min(report.least, least), max(report.largest, largest)
    heatmap = overlay(image, prediction.map[0], report.scale)
    quality = {"quality": 90} if kind == "JPEG" else {}
    write_atomically(output, lambda temporary: heatmap.save(temporary, kind, **quality))


@contextmanager
def _timed(report: Report, part: str) -> Iterator[None]:
    clock = time.perf_counter()
    try:
        yield
    finally:
        report.seconds[part] += time.perf_counter() - clock
