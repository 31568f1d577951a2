"""Whether what is kept of a study is what today's code, weights and data give: a small sample of its cells, computed
again of a few images each, and held against the kept scores of the same images.
"""

import json
from collections.abc import Sequence

import numpy as np
import pandas as pd

from zsad.detectors.batch import BatchDetector
from zsad.devices import require_device, whole_floats
from zsad.progress import progress_bar
from zsad.robustness import predict_shifted
from zsad.study.cells import Request, requests
from zsad.study.config import Study
from zsad.study.evaluate import evaluate, load_images
from zsad.study.incomplete import Failures
from zsad.study.kept import Kept
from zsad.study.parts import LEARNING
from zsad.study.run import Evaluator

IMAGES = 4
TOLERANCE = 0.01
"""Largest difference of a score, in standard deviations of the scores of its cell."""

WHOLE_TOLERANCE = 0.001
"""Largest difference of a metric, or of one of its bootstrap draws, of a cell that is computed whole."""

ESTIMATES = ["estimate", "low", "high"]
COLUMNS = ["suite", "category", "detector", "backbone", "shift", "images", "difference", "agrees", "same_inputs"]


@whole_floats()
def prove(study: Study, images: int = IMAGES, progress: bool = True) -> tuple[pd.DataFrame, list[str]]:
    """Compute a sample of a kept study's cells again (see `sample`): every detector, backbone and kind of shift, of the
    first `images` images that a limit takes.

    Worst cases are not among them, since a search goes on from what it found; nor are detectors that compare the images
    of a batch, which a few images cannot stand for.

    Returns:
        A row a cell, with `COLUMNS`: the largest difference of a score in standard deviations of the kept scores of the
        cell, whether that is within `TOLERANCE`, and whether data, weights, options and code have the fingerprints they
        were kept with; and why cells, a line a reason, could not be computed.

    Raises:
        FileNotFoundError: nothing of the study is kept.
        ValueError: this machine does not have the study's device.
    """
    require_device(study.device)
    kept, evaluator, failures = Kept(study), Evaluator(study), Failures()
    chosen = sample(kept)
    rows = []
    with progress_bar(len(chosen), 0, "cell", f"{study.name} again", progress) as bar:
        for request, key in chosen:
            wanted = evaluator.of_request(request, failures)
            if wanted is not None and not isinstance(wanted.detector, BatchDetector):
                few = load_images(wanted.cell, wanted.dataset.subset(images))
                shift = request.shift
                uniform = shift.kind == "uniform"
                found = predict_shifted(
                    wanted.detector, few.images, request.category,
                    shift.setting if uniform else "none", shift.value if uniform else 0.0,
                    batch_size=images, rotation=wanted.cell.rotation, device=study.device,
                )  # fmt: skip
                table = evaluator.results.of(key).table(key, "images")
                before = table.set_index("id")["score"].astype(float)
                apart = np.abs(found.score.double().numpy() - before.loc[few.ids].to_numpy()).max() / before.std(ddof=0)
                rows.append([
                    *_subject(request), len(few.ids), float(apart), bool(apart <= TOLERANCE), wanted.key == key
                ])  # fmt: skip
            bar.update()
    return pd.DataFrame(rows, columns=COLUMNS), failures.lines()


@whole_floats()
def prove_whole(
    study: Study, chosen: Sequence[tuple[Request, str]], progress: bool = True
) -> tuple[pd.DataFrame, list[str]]:
    """Compute cells again with all their images: metrics and bootstrap draws.

    Args:
        chosen: requests and the keys of their kept cells, such as `sample` gives.

    Returns what `prove` does; `difference` is that of the metric or draw that differs most, and `agrees` is whether it
    is within `WHOLE_TOLERANCE`.
    """
    require_device(study.device)
    evaluator, failures = Evaluator(study), Failures()
    rows = []
    with progress_bar(len(chosen), 0, "cell", f"{study.name} whole", progress) as bar:
        for request, key in chosen:
            wanted = evaluator.of_request(request, failures)
            if wanted is not None:
                found = evaluate(
                    wanted.cell, wanted.detector, load_images(wanted.cell, wanted.dataset),
                    batch_size=study.batch_size, device=study.device, progress=False,
                )  # fmt: skip
                place = evaluator.results.of(key)
                draws = place.table(key, "replicates")
                apart = max(
                    _furthest(found.metrics.set_index("metric"), place.rows(key).set_index("metric")[ESTIMATES]),
                    _furthest(found.tables["replicates"].set_index("replicate"), draws.set_index("replicate")),
                )
                rows.append([
                    *_subject(request), len(wanted.dataset), apart, apart <= WHOLE_TOLERANCE, wanted.key == key
                ])  # fmt: skip
            bar.update()
    return pd.DataFrame(rows, columns=COLUMNS), failures.lines()


def _furthest(found: pd.DataFrame, before: pd.DataFrame) -> float:
    """Largest difference of two tables' numbers, row by row and column by column; infinite where one lacks a number."""
    numbers = before.select_dtypes("number").dropna(axis=1, how="all").astype(float)
    both = found.reindex(index=numbers.index, columns=numbers.columns).astype(float)
    return float(np.nan_to_num(np.abs(both - numbers), nan=np.inf).max())


def _subject(request: Request) -> list[str]:
    return [request.suite, request.category, request.detector.label, request.backbone, str(request.shift)]


def sample(kept: Kept) -> list[tuple[Request, str]]:
    """Requests and the keys of their kept cells, each of the first category that has it and at the strength furthest
    from none: of the first detector on its first backbone unshifted and under each setting of each shift; of every
    other unshifted and under one, which goes round. Detectors that learn from texts, which takes longer than all the
    rest, stand there once, and not with each of their settings.
    """
    found: dict[tuple[str, str], dict[tuple[str, str], tuple[Request, str]]] = {}
    learning: dict[str, tuple[str, str]] = {}
    for request in requests(kept.study):
        shift, key = request.shift, kept.key(request)
        if key is None or shift.kind == "worst" or request.limit != kept.study.limit:
            continue
        if "share" in json.loads(shift.how):  # which images are shifted depends on how many there are
            continue
        if shift.is_none and shift.kind != "none":  # the unshifted cell once more
            continue
        subject = (request.detector.label, request.backbone)
        if request.detector.name in LEARNING and learning.setdefault(request.detector.name, subject) != subject:
            continue
        of = found.setdefault(subject, {})
        name = (shift.kind, shift.setting)
        if name not in of or abs(shift.value) > abs(of[name][0].shift.value):
            of[name] = request, key
    first, *others = found.values() if found else [{}]
    return [*first.values(), *(cell for place, of in enumerate(others) for cell in _two(list(of.values()), place))]


def _two(cells: list[tuple[Request, str]], place: int) -> list[tuple[Request, str]]:
    """The unshifted cell, and one of those under a shift."""
    shifted = [cell for cell in cells if not cell[0].shift.is_none]
    plain = [cell for cell in cells if cell[0].shift.is_none]
    return plain + ([shifted[place % len(shifted)]] if shifted else [])
