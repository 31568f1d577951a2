"""Execute the reference notebooks anew, after a change that is meant to change them: `python
tests/notebooks/refresh.py`.
"""

from pathlib import Path

import jupytext
import nbformat
from nbclient import NotebookClient

from book.tools.execute import normalise

FOLDER = Path(__file__).parent
NAMES = ("perturbations", "sweep")


def main() -> None:
    """Write `<name>.ipynb` beside each source; `git diff` then shows what changed."""
    for name in NAMES:
        notebook = jupytext.read(FOLDER / f"{name}.py")
        NotebookClient(notebook, kernel_name="python3", timeout=600, startup_timeout=300).execute()
        normalise(notebook, name)
        nbformat.write(notebook, FOLDER / f"{name}.ipynb")
        print(f"{name}.ipynb")


if __name__ == "__main__":
    main()
