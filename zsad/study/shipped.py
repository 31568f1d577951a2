"""What comes with the package: its studies and the published tables.

In a checkout they lie beside the package, in `study/` and `results/published/`; a wheel carries them inside it.
"""

from pathlib import Path

import pandas as pd

PACKAGE = Path(__file__).resolve().parents[1]


def is_checkout(folder: Path) -> bool:
    """Whether a folder is a checkout of this project."""
    return (folder / "study").is_dir() and (folder / "Snakefile").is_file()


def checkout(package: Path = PACKAGE) -> Path | None:
    """The checkout that the package was imported from; None where it is installed."""
    return package.parent if is_checkout(package.parent) else None


def studies_folder(package: Path = PACKAGE) -> Path:
    """The folder of the studies that may be named without a path."""
    root = checkout(package)
    return root / "study" if root else package / "studies"


def published_folder(package: Path = PACKAGE) -> Path:
    """The folder of the tables that papers have printed; its README.md says what each holds."""
    root = checkout(package)
    return root / "results" / "published" if root else package / "published"


def published_table(name: str) -> pd.DataFrame:
    """The numbers of one published table.

    Raises FileNotFoundError for a table that there is not, with those there are.
    """
    path = published_folder() / f"{name}.csv"
    if not path.is_file():
        known = ", ".join(sorted(p.stem for p in path.parent.glob("*.csv")))
        raise FileNotFoundError(f"no published table {name!r} in {path.parent}; known: {known or 'none'}")
    return pd.read_csv(path)
