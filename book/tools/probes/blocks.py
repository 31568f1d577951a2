"""Records of some blocks of a study, and what is computed of all of them together: seconds of work that several pages
share.
"""

import hashlib
from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from zsad.analysis import anew, costs, matrix
from zsad.analysis.decisions import TRAINING, Decisions, decide, decide_anew
from zsad.analysis.differences import headline_draws
from zsad.analysis.doses import dose_effects
from zsad.study.config import Study
from zsad.study.results import load_sidecars, load_table


@dataclass(frozen=True)
class Measured:
    """Records of some blocks of a study and, with variant "default", of the same subjects as they are."""

    study: Study
    records: pd.DataFrame

    @property
    def fingerprint(self) -> str:
        """SHA-256 (hex) of the records, whose keys name all that lies beside them, and of what pages read of the
        study.
        """
        said = f"{self.study.name}\n{self.rotation_invariant}\n{self.records.to_csv(index=False)}"
        return hashlib.sha256(said.encode()).hexdigest()

    @cached_property
    def draws(self) -> dict[str, pd.DataFrame]:
        """Metric -> a row a bootstrap draw, a column a key."""
        return headline_draws(load_table(self.records, "replicates", self.study))

    @cached_property
    def decisions(self) -> Decisions:
        """False alarms and misses in every cell. Takes seconds for thousands of cells."""
        return decide(load_table(self.records, "images", self.study), self.training)

    @cached_property
    def decisions_anew(self) -> Decisions:
        """The same with a threshold set anew under each shift, where there are good images enough."""
        return decide_anew(load_table(self.records, "images", self.study))

    @cached_property
    def judged(self) -> tuple[pd.DataFrame, dict[str, pd.DataFrame]]:
        """The records, with false alarms and misses at each cell's own threshold among them, where good training images
        have set one; and the draws of all of them.
        """
        decided = self.decisions.records
        decided = decided.loc[decided["rule"] == TRAINING, list(self.records.columns)]
        return pd.concat([self.records, decided], ignore_index=True), {**self.draws, **self.decisions.draws}

    @property
    def training(self) -> pd.DataFrame | None:
        """The scores of good training images, of the cells that have some; None where none has."""
        beside = {
            key for key, sidecar in load_sidecars(self.records, self.study).items() if "training" in sidecar["tables"]
        }
        judged = self.records[self.records["key"].isin(beside)]
        return load_table(judged, "training", self.study) if len(judged) else None

    @property
    def rotation_invariant(self) -> dict[str, list[str]]:
        """Suite -> the categories that may lie any way, where it names some."""
        return {name: list(suite.groups.get("rotation_invariant", [])) for name, suite in self.study.suites.items()}

    @property
    def who(self) -> str:
        """Suites, categories and images in words."""
        return self.who_on()

    def who_on(self, *suites: str) -> str:
        """The same of some suites, by default of all."""
        clean = self.records[self.records["shift"] == "none"].drop_duplicates(["suite", "category"])
        clean = clean[clean["suite"].isin(suites or clean["suite"])]
        counts = clean.groupby("suite", sort=False)["n_images"].agg(["count", "sum"])
        return "; ".join(
            f"{suite}: {row['count']} {'category' if row['count'] == 1 else 'categories'}, {row['sum']} test images"
            for suite, row in counts.iterrows()
        )


def costs_by(found: Measured, by: list[str]) -> pd.DataFrame:
    """What the shifts cost, at image level and at pixel level: `zsad.analysis.costs.costs`."""
    return costs.costs(found.records, found.draws, found.decisions, by)


def whole_matrix(found: Measured) -> pd.DataFrame:
    """Every detector under every shift: `zsad.analysis.matrix.matrix`, with labels."""
    table = matrix.matrix(found.records, found.draws, found.decisions, found.rotation_invariant)
    return matrix.with_labels(table)


def mean_over_shifts(found: Measured) -> pd.DataFrame:
    """The same with all shifts of a level as one: `zsad.analysis.matrix.over_shifts`."""
    return matrix.over_shifts(found.records, found.draws, found.decisions, found.rotation_invariant)


def with_threshold_anew(found: Measured) -> pd.DataFrame:
    """Means over all shifts of a level at a threshold that stays and at one that is set anew:
    `zsad.analysis.anew.side_by_side`, with labels; empty where there are too few good images.
    """
    both = [found.decisions, found.decisions_anew]
    if any(of_rule.records.empty for of_rule in both):
        return pd.DataFrame(columns=[*matrix.SUBJECT, "level", "metric"])
    means = [matrix.over_shifts(found.records[:0], {}, of_rule, found.rotation_invariant) for of_rule in both]
    return matrix.with_labels(anew.side_by_side(pd.concat(means, ignore_index=True)))


def matrix_anew(found: Measured) -> pd.DataFrame:
    """The matrix of false alarms and misses with a threshold set anew under each shift, with labels; empty where there
    are too few good images.
    """
    if found.decisions_anew.records.empty:
        return pd.DataFrame(columns=[*matrix.SUBJECT, "level"])
    renewed = matrix.matrix(found.records[:0], {}, found.decisions_anew, found.rotation_invariant)
    return matrix.with_labels(renewed)


def all_doses(found: Measured) -> pd.DataFrame:
    """What each dose does: `zsad.analysis.doses.dose_effects`, with labels."""
    table = dose_effects(found.records, found.draws, found.decisions, found.rotation_invariant)
    return matrix.with_labels(table)


def moved_scores(found: Measured) -> pd.DataFrame:
    """How far good images move: `zsad.analysis.matrix.mean_moves`."""
    return matrix.mean_moves(found.decisions.moved)
