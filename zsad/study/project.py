"""The project's folder, in which relative paths of a study begin."""

from pathlib import Path

from zsad.study.shipped import checkout, is_checkout


def project() -> Path | None:
    """The checkout the package was imported from, else the nearest one above the working directory; or None."""
    here = Path.cwd()
    return checkout() or next((folder for folder in (here, *here.parents) if is_checkout(folder)), None)


def project_root() -> Path:
    """The project's folder, else the working directory. A notebook kernel may start anywhere, so relative paths of a
    study are resolved against this folder.
    """
    return project() or Path.cwd()


def resolve(path: Path) -> Path:
    """The path, where it is relative, from the project's folder."""
    return path if path.is_absolute() else project_root() / path
