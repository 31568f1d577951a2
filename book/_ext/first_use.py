"""Words of the glossary are linked where a page first uses them: in its running text, not in headings, captions,
tables, code, or what is a link already. Where the page says {term} itself, that is the link.
"""

import re
from typing import Any

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.nodes import make_refnode

# What a word may stand in without being running text.
_NOT_RUNNING = (nodes.title, nodes.table, nodes.caption, nodes.reference, nodes.literal, nodes.raw, pending_xref)
_NOT_SAID = {"zsad-world", "zsad-lacking", "zsad-below"}


class FirstUse(SphinxPostTransform):
    """Link the first use of each word, once all pages are read."""

    default_priority = 7  # after glued words have come in, before links are resolved

    def run(self, **kwargs: Any) -> None:
        terms = {
            name: (page, anchor)
            for kind, name in self.env.domains["std"].objects  # type: ignore[attr-defined]
            if kind == "term"
            for page, anchor in [self.env.domains["std"].objects[kind, name]]  # type: ignore[attr-defined]
        }
        linked = {
            node["reftarget"].lower() for node in self.document.findall(pending_xref) if node.get("reftype") == "term"
        }
        if self.env.docname in {page for page, _ in terms.values()}:
            return
        for name, (page, anchor) in terms.items():
            if name.lower() not in linked:
                self._link(name, page, anchor)

    def _link(self, name: str, page: str, anchor: str) -> None:
        word = re.compile(rf"\b{re.escape(name)}(?:s|es)?\b", re.IGNORECASE)
        for text in self.document.findall(nodes.Text):
            found = word.search(text)
            if found is None or not _is_running(text):
                continue
            shown = nodes.inline("", found[0])
            link = make_refnode(self.app.builder, self.env.docname, page, anchor, shown, f"{name}: what it means here")
            link["classes"].append("zsad-term")
            parts = [nodes.Text(text[: found.start()]), link, nodes.Text(text[found.end() :])]
            text.parent.replace(text, [part for part in parts if not isinstance(part, nodes.Text) or part.astext()])
            return


def _is_running(text: nodes.Text) -> bool:
    """Whether a piece of text belongs to a paragraph of the page itself."""
    node, inside = text.parent, False
    while node is not None:
        if isinstance(node, _NOT_RUNNING) or _NOT_SAID & set(getattr(node, "get", lambda *_: [])("classes", [])):
            return False
        inside = inside or isinstance(node, nodes.paragraph)
        node = node.parent
    return inside


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_post_transform(FirstUse)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
