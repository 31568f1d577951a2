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
# # Reference: a small sweep, from pictures to means
#
# `tests/notebooks/sweep.ipynb` is this file executed; nbval runs it again and compares what is printed. After a change
# that is meant to change it: `python tests/notebooks/refresh.py`.

# %%
import tempfile
import warnings

warnings.filterwarnings("ignore", message="IProgress not found")  # a plain progress bar will do

from zsad.analysis.means import drop_sentence, drops, worst_drop
from zsad.study import compute, load_study
from zsad.study.results import load_table

# %%
study = load_study("quick").with_overrides(
    suite="demo-mvtec",
    category="washer",
    detector="winclip",
    limit=12,
    bootstrap=50,
    dtype="float32",  # the same on every processor, to the digits printed
    sweeps={"angle": [0.0, 90.0], "saturation": [-0.5, 0.0]},
    worst=[],
    corruptions=[],
    records_root=tempfile.mkdtemp(),  # nothing is taken from an earlier run
)
print(study.name, study.categories_of("demo-mvtec"), study.detectors[0].name, study.backbones, study.dtype)

# %%
records = compute(study, progress=False)
print(records[["setting", "value"]].drop_duplicates().to_string(index=False))
print(records.drop_duplicates("metric")[["n_images", "n_anomalous"]].drop_duplicates().to_string(index=False))

# %%
wide = records.assign(percent=(100 * records["estimate"]).round(1)).pivot_table(
    index="metric", columns=["setting", "value"], values="percent", sort=False
)
print(wide.to_string())

# %%
replicates = load_table(records, "replicates", study)
for setting, group in records[records["shift"] == "uniform"].groupby("setting"):
    headline = group[group["metric"] == "pixel_auroc"]
    drop = worst_drop(drops(headline, replicates), "pixel_auroc")
    print(setting, drop_sentence(drop, f"{drop.value:g}"))
