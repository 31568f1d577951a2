"""What cannot be said in pyproject.toml: which folders go into the wheel, and the addresses of the project.

Studies and published tables lie beside the package, where people look for them, and are carried inside it
(`zsad.study.shipped` finds them in both places).
"""

import os

from setuptools import find_packages, setup

CARRIED = {"zsad.studies": "study", "zsad.published": "results/published", "zsad.weights": "zsad/weights"}

URLS = {  # the works that are reproduced
    "WinCLIP (CVPR 2023)": "https://arxiv.org/abs/2303.14814",
    "Image tiles (2023)": "https://arxiv.org/abs/2306.09269",
    "Semantic robustness (2024)": "https://arxiv.org/abs/2405.07969",
}
# Where the repository lies is known to whoever releases it (.github/workflows/release.yml), not to the repository.
if home := os.environ.get("PROJECT_URL"):
    URLS = {"Repository": home, "Issues": f"{home}/issues", "Changelog": f"{home}/blob/main/CHANGELOG.md", **URLS}

setup(packages=[*find_packages(include=["zsad", "zsad.*"]), *CARRIED], package_dir=CARRIED, project_urls=URLS)
