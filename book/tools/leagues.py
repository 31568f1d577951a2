"""What the page of leagues shows: the records of methods without a shift, and the map that each gives of one image."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np
import pandas as pd

from book.tools.absent import say_absent, say_not_kept
from book.tools.page import Page
from book.tools.plots import Method, to_uint8
from book.tools.probes.blocks import Measured
from book.tools.probes.maps import maps_of_category
from zsad.analysis.means import unshifted
from zsad.analysis.methods import InWords, in_words, ruled_out, shown_to
from zsad.analysis.trainings import Trained, compared_with, spread, trained, trainings_of
from zsad.detectors import Detector
from zsad.leagues import Shown
from zsad.study.config import DetectorConfig, Study, usual_label
from zsad.study.results import leagues_of

VECTORS = "learned vectors"  # as `zsad.detectors.april_gan` calls what stands in the place of text
FEW = 16  # images that methods which compare images are given for an illustration


@dataclass(frozen=True)
class Leagues:
    """The unshifted records of methods as they are, not of their variants, each on its first backbone."""

    page: Page
    records: pd.DataFrame

    def name(self, method: str) -> str:
        """What the detector behind a method's label is called, whatever its label; a part of an id."""
        return str(usual_label(_name_of(self.page, method)))

    @cached_property
    def methods(self) -> list[str]:
        """Their labels."""
        there = set(self.records["detector"])
        return [label for label in _methods_of(self.page) if label in there]

    @cached_property
    def of_scores(self) -> dict[str, str]:
        """The league of each method's image scores, by label."""
        return leagues_of(self.records, self.page.study, "scores")

    @cached_property
    def of_maps(self) -> dict[str, str]:
        """The league of each method's maps, by label."""
        return leagues_of(self.records, self.page.study, "maps")

    @cached_property
    def judged(self) -> tuple[pd.DataFrame, dict[str, pd.DataFrame]]:
        """`records` with false alarms and misses among them, and the draws of all: `Measured.judged`."""
        return Measured(self.page.study, self.records).judged

    def with_variants(self, method: str) -> tuple[pd.DataFrame, dict[str, pd.DataFrame]]:
        """The same of a method and its variants, which are read when they are asked for."""
        name = _name_of(self.page, method)
        labels = [detector.label for detector in self.page.study.detectors if detector.name == name]
        return Measured(self.page.study, _unshifted(self.page, labels)).judged

    @cached_property
    def spread(self) -> pd.DataFrame:
        """`zsad.analysis.trainings.spread` of the methods that were trained several times, on the suites they share."""
        study = self.page.study
        several = {}
        for label in self.methods:
            own = [other for suite in study.suites for other in trainings_of(study, label, suite)]
            several[label] = list(dict.fromkeys([label, *own]))
        labels = [label for of in several.values() if len(of) > 1 for label in of]
        if not labels:
            return spread(self.records, study, [])
        return spread(Measured(study, _unshifted(self.page, labels)).judged[0], study, several)

    def control_losses(self, method: str) -> list[tuple[str, list[Trained]]]:
        """Of each control of a method that has learned vectors in the place of text: its label, and how its trainings
        ended and those of the method that it is measured against, as the cards of those that ship with the package say.
        """
        study, plain = self.page.study, next(d for d in self.page.study.detectors if d.label == method)
        controls = [d for d in study.detectors if d.name == plain.name and d.options.get("compared_with") == VECTORS]
        backbone = study.first_backbones([method])[method]
        return [(d.label, _trained(study, d, method, backbone)) for d in controls if d.label != method]

    @property
    def maps(self) -> list[str]:
        """The methods that have maps."""
        there = set(self.records.loc[self.records["metric"] == "pixel_auroc", "detector"])
        return [label for label in self.methods if label in there]

    @property
    def place(self) -> tuple[str, str]:
        """The suite and category, the first of those that most methods with maps were measured on."""
        first = self.records[self.records["suite"] == self.records["suite"].iloc[0]]
        counts = first[first["detector"].isin(self.maps)].groupby("category", sort=False)["detector"].nunique()
        return str(first["suite"].iloc[0]), str(counts.idxmax())

    @cached_property
    def detectors(self) -> dict[str, Detector]:
        """Those of the methods with maps that are evaluated on the suite of `place`, by label."""
        from zsad.study.run import load_study_detector  # loads models

        if not self.maps:
            return {}
        study, towers = self.page.study, dict[str, object]()
        backbones, entries = study.first_backbones(self.maps), {d.label: d for d in study.detectors_on(self.place[0])}
        return {
            label: load_study_detector(study, entries[label], backbones[label], towers)
            for label in self.maps
            if label in entries
        }

    @cached_property
    def never_shown(self) -> dict[str, list[Shown]]:
        """League -> what no part behind a score or a map of this league was shown, of no method of it."""
        found: dict[str, list[Shown]] = {}
        for of_output in (self.of_scores, self.of_maps):
            for label in self.methods:
                league = of_output[label]
                never = ruled_out(league, shown_to(self.detectors.get(label), league))
                found[league] = [thing for thing in found.get(league, never) if thing in never]
        return found


def measured(page: Page) -> Leagues | None:
    """The page's methods; where there are none it says so, keeps that as the page's conclusion, and returns None."""
    found, what = Leagues(page, _unshifted(page, _methods_of(page))), "results without a shift"
    if found.methods:
        return found
    page.number("conclusion", say_not_kept(page, what) if page.shows_kept else say_absent(page, what))
    return None


def told_by(name: str) -> InWords | None:
    """What a detector's class says of it, where it says both what it sees and what was learned for it."""
    from zsad.detectors import declared  # imports every model's code

    sees, learned = (declared(name, attribute, None) for attribute in InWords._fields)
    return InWords(sees, learned) if sees and learned else None


def _methods_of(page: Page) -> list[str]:
    """A label a detector: that which is its name or, where each entry has a label, the first of them."""
    found: dict[str, str] = {}
    for detector in page.study.detectors:
        if detector.name not in found or detector.label == usual_label(detector.name):
            found[detector.name] = detector.label
    return list(found.values())


def _name_of(page: Page, method: str) -> str:
    return next(detector.name for detector in page.study.detectors if detector.label == method)


def _unshifted(page: Page, labels: list[str]) -> pd.DataFrame:
    """Records of some detectors, each on its first backbone."""
    records = unshifted(page.records("none", detectors=labels))
    first = page.study.first_backbones(records["detector"].unique())
    return records[records["backbone"] == records["detector"].map(first)]


def _trained(study: Study, control: DetectorConfig, method: str, backbone: str) -> list[Trained]:
    from zsad.clip import zoo  # imports every model's code
    from zsad.detectors.april_gan import part_of
    from zsad.detectors.learned import part_name

    found, entries = {}, {detector.label: detector for detector in study.detectors}
    for suite in study.suites:
        plain = entries[compared_with(study, method, control.label, suite)]
        options = [detector.on(suite).options for detector in (control, plain)]
        parts = [part_of(of.get("compared_with", "text")) for of in options]
        names = [part_name(part, backbone, str(of.get("trained_on"))) for part, of in zip(parts, options, strict=True)]
        cards = [zoo.WEIGHTS / f"{name}.json" for name in names]
        if all(card.is_file() for card in cards):
            found[names[0]] = trained(*(json.loads(card.read_text(encoding="utf-8")) for card in cards))
    return list(found.values())


def pictured(found: Leagues) -> tuple[np.ndarray, np.ndarray, dict[str, Method]]:
    """An image with a large defect, (height, width, 3) bytes; its mask; and each method in a picture, by label."""
    from zsad.study.data import read_good_training  # imports every model's code
    from zsad.study.evaluate import load_study_images, sizes_of
    from zsad.study.references import with_drawn_references

    page, (suite, category) = found.page, found.place
    dataset = page.dataset(suite, category, few=FEW)
    test_set = load_study_images(page.study, dataset)
    masks = test_set.image_masks
    assert masks is not None, "pixel metrics are measured with masks"
    index = max(range(len(masks)), key=lambda i: int(masks[i].sum()))
    entries = {detector.label: detector for detector in page.study.detectors_on(suite)}
    how, maps = {"device": page.study.device}, dict[str, tuple[np.ndarray, tuple[float, float]]]()
    for label, detector in found.detectors.items():
        sizes = sizes_of(page.study, entries[label])
        good = partial(read_good_training, page.study, suite, category)
        fitted = with_drawn_references(detector, good, dataset, sizes)  # of a few-shot method
        asked = {"dataset": dataset, "sizes": sizes, "index": index}
        heat = page.computed(maps_of_category, how=how, detector=fitted, **asked)
        low, high = heat["scale"].tolist()
        maps[label] = heat["map"], (low, high)
    return to_uint8(test_set.images[index]), np.asarray(masks[index]), _methods(found, maps)


def _methods(found: Leagues, maps: Mapping[str, tuple[np.ndarray, tuple[float, float]]]) -> dict[str, Method]:
    names, titles = {d.label: d.name for d in found.page.study.detectors}, found.page.study.titles
    return {
        label: Method(
            titles[label],
            in_words(names[label], found.of_maps[label], told_by(names[label]), found.detectors.get(label)),
            *maps.get(label, (None, None)),
        )
        for label in found.methods
    }


def by_league(labels: Sequence[str], leagues: Mapping[str, str], order: Sequence[str]) -> dict[str, list[str]]:
    """League -> the labels of its methods as they come; leagues in the order given, those without methods left out."""
    grouped = {league: [label for label in labels if leagues[label] == league] for league in order}
    return {league: found for league, found in grouped.items() if found}
