"""The code of a page folds: that of a whole section behind one small word at the section's end, and what it shows stays
where it is. A browser unfolds it without a program, by mouse or by key.
"""

from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.writers.html5 import HTML5Translator


class CodeFold(nodes.Element):
    """The code cells of one section."""


class FoldCode(SphinxPostTransform):
    """Gather what each section's own cells hold of code; sections within it have a fold of their own."""

    default_priority = 190  # before MyST-NB folds every cell by itself
    formats = ("html",)

    def run(self, **kwargs: Any) -> None:
        for section in list(self.document.findall(nodes.section)):
            cells = [child for child in section.children if _is_code(child)]
            fold = CodeFold()
            for cell in cells:
                code = cell.children[0]
                cell.remove(code)
                fold.append(code)
                if not cell.children:  # it shows nothing
                    section.remove(cell)
            if cells:
                within = (at for at, child in enumerate(section.children) if isinstance(child, nodes.section))
                section.insert(next(within, len(section.children)), fold)


def _is_code(node: nodes.Node) -> bool:
    """Whether a node is a cell whose code is to be folded."""
    is_cell = isinstance(node, nodes.container) and node.get("nb_element") == "cell_code"
    return is_cell and node.get("hide_mode") == "input" and node.children[0].get("nb_element") == "cell_code_source"


def _open(translator: HTML5Translator, node: CodeFold) -> None:
    translator.body.append('<details class="zsad-code"><summary aria-label="code of this section">code</summary>\n')


def _close(translator: HTML5Translator, node: CodeFold) -> None:
    translator.body.append("</details>\n")


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_node(CodeFold, html=(_open, _close))
    app.add_post_transform(FoldCode)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
