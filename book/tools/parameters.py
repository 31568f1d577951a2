"""Parameters of notebooks: which ones a notebook has, and an error for any other.

papermill sets parameters in a cell of its own, after the cell tagged `parameters`; a name that the tagged cell does
not set changes nothing, and papermill only warns.
"""

from itertools import pairwise

from nbformat.v4 import new_code_cell
from papermill.translators import PythonTranslator

PAGE_DIR = "ZSAD_PAGE_DIR"
"""Environment variable: the folder in which a notebook that is executed for the book leaves what it exports."""

LISTED = "ZSAD_LISTED"
"""Environment variable: set where the records of the study have just been listed, and can be taken as they are."""

DEVICE = "ZSAD_DEVICE"
"""Environment variable: the device on which the book is made, in place of the study's."""

SOURCE = "ZSAD_SOURCE"
"""Environment variable: the file name of the source that is executed, where a page has another name than that."""

COMMON = ("detector", "weights", "architecture")
"""Parameters that every notebook takes besides those of its own: a detector, and a backbone of one's own."""

OUT = "out"
"""Another: the folder in which a notebook that is run by itself leaves its figures and tables."""

_INJECTED = "# Parameters\n"


class UnknownParameter(ValueError):
    """A notebook was given a parameter that it does not have."""


def assigned_names(source: str) -> list[str]:
    """Names of the parameters that a cell sets, as papermill reads them."""
    return [parameter.name for parameter in PythonTranslator.inspect(new_code_cell(source))]


def check_parameters(cells: list[str]) -> None:
    """Compare the cell that papermill injected with the one before it; `cells` are the sources executed so far, in
    order.

    Raises UnknownParameter.
    """
    for tagged, injected in pairwise(cells):
        if injected.startswith(_INJECTED):
            refuse_unknown(assigned_names(injected), assigned_names(tagged))


def refuse_unknown(given: list[str], known: list[str]) -> None:
    """Raise UnknownParameter, listing the known names, where `given` holds a name that is neither `known` nor every
    notebook's."""
    everywhere = [*known, *(name for name in (*COMMON, OUT) if name not in known)]
    unknown = sorted(set(given) - set(everywhere))
    if unknown:
        raise UnknownParameter(f"unknown notebook parameter {', '.join(unknown)}; known: {', '.join(everywhere)}")
