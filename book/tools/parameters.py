"""Parameters of notebooks: which ones a notebook has, and an error for any other.

papermill sets parameters in a cell of its own, after the cell tagged `parameters`; a name that the tagged cell does
not set changes nothing, and papermill only warns.
"""

import ast
from itertools import pairwise

PAGE_DIR = "ZSAD_PAGE_DIR"
"""Environment variable: the folder in which a notebook that is executed for the book leaves what it exports."""

LISTED = "ZSAD_LISTED"
"""Environment variable: set where the records of the study have just been listed, and can be taken as they are."""

_INJECTED = "# Parameters\n"


class UnknownParameter(ValueError):
    """A notebook was given a parameter that it does not have."""


def assigned_names(source: str) -> list[str]:
    """Names that a cell assigns at its top level, in order."""
    names: list[str] = []
    for node in ast.parse(source).body:
        targets = node.targets if isinstance(node, ast.Assign) else []
        targets = [node.target] if isinstance(node, ast.AnnAssign) else targets
        names += [target.id for target in targets if isinstance(target, ast.Name)]
    return names


def check_parameters(cells: list[str]) -> None:
    """Compare the cell that papermill injected with the one before it; `cells` are the sources executed so far, in
    order.

    Raises UnknownParameter.
    """
    for tagged, injected in pairwise(cells):
        if injected.startswith(_INJECTED):
            refuse_unknown(assigned_names(injected), assigned_names(tagged))


def refuse_unknown(given: list[str], known: list[str]) -> None:
    """Raise UnknownParameter, listing the known names, where `given` holds a name that is not `known`."""
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise UnknownParameter(f"unknown notebook parameter {', '.join(unknown)}; known: {', '.join(known)}")
