"""How wide the intervals of drops are: whether the suites have as many test images as was asked of them."""

import pandas as pd

from zsad.analysis.effects import beside_unshifted, effects
from zsad.analysis.matrix import SHIFTS, SUBJECT, dose_in_words
from zsad.analysis.words import number

METRIC = "image_auroc"
ASKED = 2.0
"""Points to either side of a suite's mean drop in image AUROC, asked of the 95 % interval under one shift."""
DOSE = ["setting", "value"]


def half_widths(records: pd.DataFrame, draws: pd.DataFrame) -> pd.DataFrame:
    """Half of the 95 % interval of each suite's mean drop in image AUROC under each shift, in points: `SUBJECT`,
    setting, value, half. Of whole suites: a shift counts where it has a record of every category with all its images.

    Args:
        records: the study's own unshifted ones (variant "default"), and shifted ones; what several blocks ask for
            counts once.
        draws: of image AUROC, a row a draw, a column a key (`zsad.analysis.differences.by_key`).
    """
    records = records[records["metric"] == METRIC]
    own = (records["shift"] == "none") & (records["variant"] == "default")
    same = ["study", *SUBJECT, "category", "n_images"]
    shifted = records[(records["shift"] != "none") & (records["value"] != 0)].drop_duplicates([*same, *DOSE])
    shifted = shifted.merge(records.loc[own, same], on=same)
    categories = records[own].groupby(SUBJECT)["category"].nunique().rename("categories").reset_index()
    there = shifted.groupby([*SUBJECT, *DOSE])["category"].nunique().rename("there").reset_index()
    whole = there.merge(categories, on=SUBJECT).query("there == categories")
    shifted = shifted.merge(whole[[*SUBJECT, *DOSE]], on=[*SUBJECT, *DOSE])
    if shifted.empty:
        return pd.DataFrame(columns=[*SUBJECT, *DOSE, "half"])
    paired = beside_unshifted(pd.concat([records[own], shifted], ignore_index=True))
    found = effects(paired, {METRIC: draws}, [*SUBJECT, *DOSE])
    return found[[*SUBJECT, *DOSE]].assign(half=(found["change_high"] - found["change_low"]) / 2)


def widths(halves: pd.DataFrame, asked: float = ASKED) -> pd.DataFrame:
    """Of `half_widths`, a row a suite: suite, doses, within (of them, those of at most `asked` points), median, largest
    (points), and under, the dose of the largest in words.
    """
    rows = []
    for suite, of in halves.groupby("suite", sort=False):
        widest = of.loc[of["half"].idxmax()]
        under = f"{SHIFTS[widest['setting']]}, {dose_in_words(widest['setting'], widest['value'])}"
        within = int((of["half"] <= asked).sum())
        rows.append((suite, len(of), within, of["half"].median(), widest["half"], under))
    return pd.DataFrame(rows, columns=["suite", "doses", "within", "median", "largest", "under"])


def widths_table(found: pd.DataFrame, asked: float = ASKED) -> pd.DataFrame:
    """`widths` as a reader sees them."""
    shown = found.assign(**{name: [number(value) for value in found[name]] for name in ("median", "largest")})
    return shown.rename(columns={"within": f"at most {number(asked)} points", "under": "largest under"})


def sentence(found: pd.DataFrame, asked: float = ASKED) -> str:
    """Which suites of `widths` have intervals that are wider than was asked."""
    short, points = found[found["within"] < found["doses"]], number(asked)
    said = f"Asked are at most {points} points to either side of a mean drop under one dose."
    if short.empty:
        return f"{said} All {found['doses'].sum()} doses of {len(found)} suites keep to that."
    named = [
        f"{row['suite']} under {row['doses'] - row['within']} of {row['doses']} doses, most under {row['under']}, with "
        f"{number(row['largest'])}"
        for _, row in short.iterrows()
    ]
    kept = found.loc[found["within"] == found["doses"], "suite"]
    others = f" {' and '.join(kept)} keep{'s' if len(kept) == 1 else ''} to it under every dose." if len(kept) else ""
    return f"{said} Wider are those of {'; '.join(named)}.{others}"
