# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Pictures at their worst
#
# **What to see.** A picture, the rotation, hue and saturation that hurt WinCLIP most on it, and both maps. The product
# is the same, and so is its defect.

# %% tags=["parameters"]
study = "demo"  # demo, quick, stangl, paper, or a YAML file
suite = None  # another suite than the study's
category = None  # one category alone
backbone = None  # another backbone
device = None  # "cuda" for a GPU
data_root = None  # the folder that holds the suites
limit = None  # at most so many test images a category
options = None  # of detectors, such as {"temperature": 0.01}

# %%
import pandas as pd

from book.tools import page as notebook
from book.tools import plots
from book.tools.probes.maps import maps_of_category, worst_map
from book.tools.worst import shown
from zsad.analysis import parameters, worst
from zsad.study.evaluate import sizes_of

page = notebook.start(globals(), "worst_gallery")

# %%
studies = shown(page)
chosen = []
for cases in studies:
    setting, backbone = "3d" if "3d" in cases.settings else cases.settings[0], cases.backbones[0]
    samples = cases.samples.query("setting == @setting and backbone == @backbone")
    by_suite = samples.groupby("suite", sort=False)
    chosen.append(pd.concat([worst.typical_and_largest(rows) for _, rows in by_suite], ignore_index=True))

if chosen:
    page.finding(" ".join(filter(None, (worst.examples_sentence(table) for table in chosen))))


# %%
def look_at(cases, detector, sample):
    dataset = cases.dataset(sample["suite"], sample["category"])
    asked = {"detector": detector, "dataset": dataset, "sizes": sizes_of(cases.study, cases.config)}
    how = {"device": cases.study.device, "batch_size": cases.study.batch_size}
    low, high = page.computed(maps_of_category, cases.study, how, index=0, **asked)["scale"]
    shift = {name: float(sample[name]) for name in ("angle", "hue", "saturation")}
    turned = {"id": sample["id"], "shift": shift, "rotation": cases.study.rotation}
    found = page.computed(worst_map, cases.study, how, **turned, **asked)
    titles = (sample["category"].replace("_", " "), parameters.in_words(sample), "map", "map at its worst")
    return plots.WorstCase(sample["rule"], titles, found, (float(low), float(high)))


# %%
for cases, table in zip(studies, chosen, strict=True):
    detector = cases.detector(cases.backbones[0])
    for suite, samples in table.groupby("suite", sort=False):
        page.figure(
            plots.worst_rows([look_at(cases, detector, sample) for _, sample in samples.iterrows()]),
            f"fig-worst-{suite}",
            f"<strong>Images of {suite} and their worst case ({worst.SETTINGS[samples['setting'].iloc[0]]})</strong>, "
            f"on {cases.backbones[0]}, study {cases.study.name}. Rows: the anomalous image with the median, and with "
            "the largest, drop of its own pixel AUROC; the normal image with the median, and with the largest, rise of "
            "its mean score. Columns: the image; its worst case with angle, hue and saturation shift; the map of each, "
            "the second turned back. Outlined: the true defect. Maps of a category share one logarithmic colour scale, "
            "the 1st (or the lowest median of a map) to 99.9th percentile of its unshifted test maps.",
            study=cases.study.name,
        )

# %%
for cases, table in zip(studies, chosen, strict=True):
    with page.folded("How these were chosen and made, and what was found on them"):
        page.say(
            "Which pictures are shown is not a matter of taste. The rule chooses from the records of every image, "
            "before any map is looked at: of each suite the anomalous picture with the median drop of its own pixel "
            "AUROC and that with the largest, and the same of normal pictures, whose mean score the search raises; on "
            "the first backbone, and for all three parameters at once where they were searched. Records hold no maps: "
            "the recorded worst case is done to the image once more, and the detector sees both. The scale of a "
            "category's maps is that of all its unshifted test images. The loss is what the attacker makes small; of a "
            "normal image it is minus the mean score."
        )
        page.table(
            parameters.examples_table(table),
            "tab-worst-gallery",
            f"<strong>The images above, study {cases.study.name}</strong>: parameters of the worst case, pixel AUROC "
            "of the image in percent, and the loss.",
            formats={
                "angle [degrees]": "{:+.1f}",
                **dict.fromkeys(("hue [π]", "saturation"), "{:+.2f}"),
                **dict.fromkeys(("AUROC", "AUROC at its worst"), "{:.1f}"),
                **dict.fromkeys(("loss", "loss at its worst"), "{:+.3f}"),
            },
            study=cases.study.name,
        )
