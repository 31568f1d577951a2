"""What pages take from the notebooks besides glued numbers: drawings, the world, the index of figures, the run times.

The notebooks leave their exports in `_pages/*.json` beside the sources. A key that is not there is a warning, hence
an error under -W.
"""

import json
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective, SphinxRole
from sphinx.util.nodes import make_refnode

from zsad.study.code import PACKAGE
from zsad.study.rewritten import rewritten

logger = logging.getLogger(__name__)


def _exports(env, suffix: str = ".json") -> dict[str, dict[str, Any]]:
    """Exports by notebook; the page that asks is read again when they change."""
    result = {}
    for path in sorted((Path(env.srcdir) / "_pages").glob("*.json")):
        if path.name.endswith(".time.json") == (suffix == ".time.json"):
            env.note_dependency(str(path))
            result[path.name.removesuffix(suffix)] = json.loads(path.read_text(encoding="utf-8"))
    return result


class Inlined(SphinxPostTransform):
    """Drawings of the notebooks stand in the page itself: their words take its colour, and can be found and copied."""

    default_priority = 200
    formats = ("html",)

    def run(self, **kwargs):
        for image in list(self.document.findall(nodes.image)):
            if image["uri"].startswith("_bodies/"):
                body = (Path(self.env.srcdir) / image["uri"]).read_text(encoding="utf-8")
                image.replace_self(nodes.raw("", body, format="html"))


class figure_number(nodes.Inline, nodes.Element):
    """Stands for the number of a figure or table until all pages are read."""


class Numbered(SphinxPostTransform):
    """Links with the numbers that Sphinx has given. Its own `numref` reads the whole page of each figure again."""

    default_priority = 200

    def run(self, **kwargs):
        for node in list(self.document.findall(figure_number)):
            page, label = self.env.domains["std"].anonlabels.get(node["of"], ("", ""))
            numbers = self.env.toc_fignumbers.get(page, {})
            found = [(kind, of[label]) for kind, of in numbers.items() if label in of]
            if not found:
                logger.warning("no figure or table has the id %s", node["of"], location=node)
                node.replace_self(nodes.Text(node["of"]))
                continue
            ((kind, number),) = found
            said = self.config.numfig_format[kind] % ".".join(map(str, number))
            shown = nodes.inline("", said, classes=["std", "std-numref"])
            node.replace_self(make_refnode(self.app.builder, self.env.docname, page, label, shown))


class Drawing(SphinxDirective):
    """The drawing of a notebook's figure, on another page too: nothing where no notebook has drawn it. Content is said
    below it.
    """

    required_arguments = 1
    has_content = True

    def run(self):
        (found,) = [*(Path(self.env.srcdir) / "_bodies").glob(f"{self.arguments[0]}.*")][:1] or [None]
        if found is None:
            return []
        self.env.note_dependency(str(found))
        below = nodes.paragraph("", "", classes=["zsad-below"])
        children, messages = self.state.inline_text(" ".join(self.content), self.lineno)
        below.extend(children)
        body = nodes.raw("", found.read_text(encoding="utf-8"), format="html")
        return [nodes.container("", body, below, classes=["zsad", "zsad-drawing"]), *messages]


class World(SphinxDirective):
    """The label that says which world a prose page's numbers come from; with content, that content is the label."""

    has_content = True

    def run(self):
        if self.content:
            children, messages = self.state.inline_text(" ".join(self.content), self.lineno)
            return [nodes.paragraph("", "", *children, classes=["zsad-world"]), *messages]
        exports = _exports(self.env)
        worlds = {(page["world"], page["study"]) for page in exports.values()}
        if not worlds:
            logger.warning("no executed notebook says which world this is", location=self.get_location())
        return [
            nodes.paragraph("", f"{world} Study {study}.", classes=["zsad-world"]) for world, study in sorted(worlds)
        ]


class Shown(SphinxRole):
    """{shown}`page/id`: the number of a figure or table with a link, where the executed notebook of that page shows it,
    and that it is not shown where it does not (a study may lack the records).
    """

    def run(self):
        page, _, id = self.text.partition("/")
        items = _exports(self.env).get(page, {"items": []})["items"]
        if any(item["id"] == id for item in items):
            return [figure_number(of=id)], []
        return [nodes.emphasis("", "not shown in this study")], []


class FigureIndex(SphinxDirective):
    """A table of every figure and table: its number with a link, caption, id, notebook, study, records, commit."""

    def run(self):
        rows = []
        for name, page in _exports(self.env).items():
            for item in page["items"]:
                number = figure_number(of=item["id"])
                rows.append([number, item["title"], item["id"], name, item["study"], item["records"], item["commit"]])
        if not rows:
            logger.warning("no figure or table in the executed notebooks", location=self.get_location())
        head = ["number", "what", "id", "notebook", "study", "records", "commit"]
        table = _table(head, rows, [9, 23, 18, 13, 7, 15, 15])
        table["classes"].append("zsad-index")
        return [table]


class RunTimes(SphinxDirective):
    """When each notebook was executed, how long it took, and on which machine with which versions."""

    def run(self):
        times = _exports(self.env, ".time.json")
        rows = [
            [
                name,
                page["started"].replace("T", " ").replace("+00:00", " UTC"),
                f"{page['seconds']:.1f} s",
                _machine(page["machine"]),
            ]
            for name, page in times.items()
        ]
        versions = sorted({item for page in times.values() for item in page["versions"].items()})
        total = sum(page["seconds"] for page in times.values())
        return [
            nodes.paragraph("", f"{len(rows)} notebooks, {total:.0f} s in all."),
            _table(["notebook", "started", "took", "machine"], rows),
            _table(["package", "version"], [list(item) for item in versions]),
        ]


class Proof(SphinxDirective):
    """What `zsad verify` found of the kept study; that there is none, where the book shows another."""

    def run(self):
        path = Path(self.env.srcdir) / "_pages" / "verified.proof"
        self.env.note_dependency(str(path))
        if not path.is_file():
            said = "This book shows a study that was computed for it, so there is nothing to compare."
            return [nodes.paragraph("", said)]
        found = json.loads(path.read_text(encoding="utf-8"))
        cells, tolerance = found["cells"], found["tolerance"]
        agree = sum(cell["agrees"] for cell in cells)
        changed = sum(not cell["same_inputs"] for cell in cells)
        said = (
            f"{agree} of {len(cells)} sampled cells of study {found['study']} agree with what is kept, within "
            f"{tolerance:g} standard deviations of the scores of a cell."
        )
        if changed:
            said += f" Of {changed} the code, the weights or the data have changed since."
        rows = [
            [
                f"{cell['suite']} {cell['category']}", f"{cell['detector']} on {cell['backbone']}",
                "as they are" if cell["shift"] == "none none" else cell["shift"], cell["images"],
                f"{cell['difference']:.1g}", "yes" if cell["agrees"] else "no",
            ]
            for cell in cells
        ]  # fmt: skip
        head = ["images of", "detector", "shift", "images", "largest difference", "agrees"]
        lacking = [nodes.paragraph("", f"Not computed: {reason}") for reason in found["failures"]]
        return [nodes.paragraph("", said), *lacking, _table(head, rows, [22, 28, 22, 8, 12, 8]), *_rewritten()]


def _rewritten() -> list[nodes.Node]:
    """Which code stands for that which computed what is kept, and what was seen before it was said to."""
    together: dict[tuple[str, str], list[str]] = {}
    for row in rewritten(PACKAGE).values():
        together.setdefault((row.why, row.seen), []).append(row.module.removeprefix("zsad."))
    if not together:
        return []
    said = (
        "Some code was written anew since, and stands for that which computed the kept records. Before that was "
        "written down, a sample of them was computed with it and agreed."
    )
    rows = [[", ".join(modules), why, seen] for (why, seen), modules in together.items()]
    return [nodes.paragraph("", said), _table(["modules", "what is new", "what was seen"], rows, [30, 40, 30])]


def _machine(found: dict[str, Any]) -> str:
    return ", ".join(
        [found["processor"], f"{found['cores']} cores", found["system"], *([found["gpu"]] if "gpu" in found else [])]
    )


def _table(head: list[str], rows: list[list[Any]], widths: list[int] | None = None) -> nodes.Element:
    """A table; `widths` of its columns in percent, by default all alike."""
    shares = widths or [1] * len(head)
    group = nodes.tgroup("", *[nodes.colspec(colwidth=share) for share in shares], cols=len(head))
    group += nodes.thead("", _row(head))
    group += nodes.tbody("", *[_row(row) for row in rows])
    return nodes.container("", nodes.table("", group, classes=["table"]), classes=["zsad-scroll"])


def _row(cells: list[Any]) -> nodes.row:
    return nodes.row(
        "",
        *[
            nodes.entry("", nodes.paragraph("", "", cell if isinstance(cell, nodes.Node) else nodes.Text(str(cell))))
            for cell in cells
        ],
    )


def setup(app: Sphinx) -> dict:
    app.add_post_transform(Inlined)
    app.add_node(figure_number)
    app.add_post_transform(Numbered)
    app.add_directive("drawing", Drawing)
    app.add_directive("world", World)
    app.add_role("shown", Shown())
    app.add_directive("figure-index", FigureIndex)
    app.add_directive("run-times", RunTimes)
    app.add_directive("proof", Proof)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
