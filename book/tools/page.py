"""What every notebook of the book begins with and shows its results through.

    page = notebook.start(globals(), "rotation")        # the first cell after the parameters
    records = page.records("uniform", "angle", **page.first)
    page.figure(plots.plot_sweep(...), "fig-rotation", "What to see.")
    page.number("drop", 3.21, "3.2 points")             # {num}`rotation:drop` in the book's prose

Each figure and table carries a line of origin: world, study, notebook, records (hash), and the commits that computed
them; and one more where the code has moved on since. Where the runner of the book set `ZSAD_PAGE_DIR`, figures, tables
(as CSV) and numbers are also listed there for the index and the prose.
"""

import html
import json
import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
from IPython.display import HTML, Markdown, display
from matplotlib.figure import Figure

import zsad.study
from book.tools.computed import Result, computed
from book.tools.markup import as_html, as_markdown, without_markup
from book.tools.origin import PUBLISHED, Sources
from book.tools.parameters import LISTED, PAGE_DIR, check_parameters
from book.tools.plots.style import to_svg
from zsad.study.cells import Selection
from zsad.study.committed import load_table
from zsad.study.config import Study, load_study
from zsad.study.incomplete import IncompleteError
from zsad.study.manifest import manifest_records

OVERRIDES = ("suite", "category", "backbone", "device", "data_root", "limit", "options")


def world(study: Study) -> str:
    """One sentence: which world the study's numbers come from."""
    demo_data = all(name.startswith("demo-") for name in study.suites)
    demo_model = all(name.startswith("demo-") for name in study.backbones)
    suites, backbones = ", ".join(study.suites), ", ".join(study.backbones)
    if demo_data and demo_model:
        models = "a small CLIP" if len(study.backbones) == 1 else "small CLIPs"
        return (
            f"Demo world: rendered products ({suites}) seen by {models} trained on rendered products "
            f"({backbones}). Measurements of that world, not a claim about CLIP."
        )
    if not demo_data and not demo_model:
        return f"Real world: {suites} seen by {backbones}."
    return f"Mixed world: {'rendered' if demo_data else 'real'} pictures ({suites}) seen by {backbones}."


def start(variables: dict[str, Any], name: str) -> "Page":
    """Begin the notebook `name`: refuse unknown papermill parameters, apply the overrides, say which world this is.

    `variables` is the notebook's `globals()`: it holds `study` and those of suite, category, backbone, device,
    data_root, limit and options that the notebook lists as parameters. None leaves what the study says. Raises
    UnknownParameter, StudyError, FileNotFoundError. Suites whose folder is not there are left out, and named; where all
    are missing, whatever asks for a record says so.
    """
    check_parameters(list(variables.get("In", [])))
    overrides = {key: variables[key] for key in OVERRIDES if variables.get(key) is not None}
    study = load_study(variables["study"], check_models=LISTED not in os.environ).with_overrides(**overrides)
    folder = os.environ.get(PAGE_DIR)
    missing = study.missing_suites()
    shown = study.without(missing) if len(missing) < len(study.suites) else study
    page = Page(name, shown, {k: str(v) for k, v in overrides.items()}, Path(folder) if folder else None)
    page.banner()
    page.lacks(f"suite {suite}: no folder {root}" for suite, root in missing.items())
    return page


@dataclass
class Page:
    """One notebook's study, and the ways it shows and keeps what it found."""

    name: str
    study: Study
    overrides: dict[str, str]
    folder: Path | None
    items: list[dict[str, Any]] = field(default_factory=list)
    numbers: dict[str, dict[str, Any]] = field(default_factory=dict)
    _lacking: list[str] = field(default_factory=list)
    sources: Sources = field(init=False)

    def __post_init__(self) -> None:
        self.sources = Sources(self.study)

    def banner(self) -> None:
        """Show the world, the study and its overrides."""
        changed = "".join(f", {key} = {value}" for key, value in self.overrides.items())
        limit = f"at most {self.study.limit} test images a category" if self.study.limit else "every test image"
        text = f"{world(self.study)} Study <code>{self.study.name}</code> ({limit}{changed})."
        display(HTML(f'<p class="zsad-world">{as_html(text)}</p>'))
        self._write()

    @property
    def first(self) -> dict[str, list[str]]:
        """The study's first detector and first backbone, as a selection for `records`."""
        return {"detectors": [self.study.detectors[0].label], "backbones": self.study.backbones[:1]}

    def records(
        self, shift: str | None = None, setting: str | None = None, study: Study | None = None, **selection: Any
    ) -> pd.DataFrame:
        """Records of the study (or of a changed copy of it), computing the missing ones; see `zsad.study.compute`.

        While the book is made they have just been computed and listed, and are read without loading a model. Where some
        cannot be computed the page says which, and why, and goes on with the others.

        Raises IncompleteError where there is none.
        """
        if study is None and not self.overrides and LISTED in os.environ:
            listed = manifest_records(self.study, Selection(shift, setting, **selection))
            if listed is not None:
                return self.uses(listed)
        try:
            return self.uses(zsad.study.compute(study or self.study, shift, setting, **selection))
        except IncompleteError as error:
            if error.records.empty:
                raise
            self.lacks(error.reasons)
            return self.uses(error.records)

    def lacks(self, reasons: Iterable[str]) -> None:
        """Say what this page cannot show and why, each reason once."""
        for reason in reasons:
            if reason not in self._lacking:
                self._lacking.append(reason)
                display(HTML(f'<p class="zsad-lacking"><strong>Not shown.</strong> {as_html(reason)}</p>'))

    def details(self, table: str, records: pd.DataFrame) -> pd.DataFrame:
        """What lies beside some records: "images", "replicates", or of worst cases "samples" and "curve"; see
        `zsad.study.committed.load_table`.
        """
        return load_table(records, table, self.study)

    # What follows needs the renderer or the models, whose import takes seconds that most pages can spare.
    def dataset(self, suite: str, category: str) -> Any:
        """The test pictures of one category (a `zsad.Dataset`), up to the study's limit; demo suites are written if
        missing.
        """
        from zsad.study.run import ensure_suite, read_suite

        ensure_suite(self.study, suite)
        found = read_suite(self.study, suite, category, self.study.limit)
        self.sources.data[f"{suite}/{category}"] = found.fingerprint()
        return found

    def detector(self, **options: Any) -> Any:
        """The study's first detector on its first backbone; `options` are set on top of the study's."""
        from zsad.study.run import load_study_detector

        config = self.study.detectors[0]
        changed = config.model_copy(update={"options": {**config.options, **options}})
        return load_study_detector(self.study, changed, self.study.backbones[0])

    def computed(
        self,
        function: Callable[..., Result],
        study: Study | None = None,
        how: Mapping[str, Any] | None = None,
        **arguments: Any,
    ) -> Result:
        """What a function of the package gives for some arguments, computed where it is not kept already, and counted
        among what this page was made from; see `book.tools.computed`. `study` is that of the page by default.
        """
        config = study or self.study
        found = computed(config, function, how, **arguments)
        self.sources.computed[config.name, found.contents] = found.provenance
        return found.result

    def uses(self, records: pd.DataFrame) -> pd.DataFrame:
        """Count records that came from elsewhere among those this page has read."""
        self.sources.read.append(records)
        return records

    def published(self, name: str) -> pd.DataFrame:
        """The numbers that others have printed, from results/published/<name>.csv."""
        return self.sources.published(name)

    def figure(self, figure: Figure | str, id: str, caption: str, study: str | None = None) -> None:
        """Show a figure (drawn, or ready HTML) under a stable id with its caption (text with <strong>, <em> and <code>;
        any other tag is shown as it stands) and origin.
        """
        body = figure if isinstance(figure, str) else to_svg(figure, id, without_markup(caption))
        self._show("figure", id, body, caption, study)

    def table(
        self,
        frame: pd.DataFrame,
        id: str,
        caption: str,
        formats: dict[str, str] | None = None,
        study: str | None = None,
        csv: pd.DataFrame | None = None,
    ) -> None:
        """Show a table and offer it, or the fuller `csv`, with all digits as a CSV file beside the page.

        `formats` maps a column to a format such as "{:.1f}"; `study` is that of `origin`.
        """
        shown = frame.rename_axis(columns=None)
        for column, template in (formats or {}).items():
            shown[column] = [template.format(x) if pd.notna(x) else "–" for x in frame[column]]
        body = shown.to_html(index=False, border=0, classes=["dataframe", "table"], justify="left", na_rep="–")
        numeric = [str(i + 1) for i, c in enumerate(frame) if pd.api.types.is_numeric_dtype(frame[c])]
        align = ", ".join(f"#{id} tr > :nth-child({i})" for i in numeric)
        style = f"<style>{align} {{ text-align: right; }}</style>" if numeric else ""
        link = ""
        if self.folder:
            target = self.folder / "tables" / f"{id}.csv"
            target.parent.mkdir(parents=True, exist_ok=True)
            (frame if csv is None else csv).to_csv(target, index=False)
            link = f'<a class="zsad-download" href="tables/{id}.csv" download>Download as CSV</a>'
        self._show("table", id, f'{style}<div class="zsad-scroll">{body}</div>{link}', caption, study)

    def number(self, key: str, value: float | str, text: str | None = None) -> None:
        """Keep a number for the prose: `text` is what the reader sees."""
        self.numbers[key] = {"value": value, "text": str(value) if text is None else text}
        self._write()

    def say(self, text: str) -> None:
        """Show computed Markdown; HTML in it is shown as it stands."""
        display(Markdown(as_markdown(text)))

    def origin(self, study: str | None = None) -> str:
        """The line below each figure and table; `study` names the one it shows where that is not the page's own,
        `PUBLISHED` what others have printed.
        """
        if study == PUBLISHED:
            source = "In print, not measured here · results/published"
        else:
            shown = load_study(study, check_models=False) if study not in (None, self.study.name) else self.study
            source = f"{world(shown).split(':')[0]} · study {shown.name}"
        return " · ".join([source, f"notebook {self.name}", *filter(None, self.sources.made_from(study))])

    def _show(self, kind: str, id: str, body: str, caption: str, study: str | None) -> None:
        if any(item["id"] == id for item in self.items):
            raise ValueError(f"two figures or tables of notebook {self.name!r} have the id {id!r}")
        made_from, commits = self.sources.made_from(study)
        origin, moved = self.origin(study), "" if study == PUBLISHED else self.sources.moved_on(study)
        note = f'<span class="zsad-moved">{as_html(moved)}</span>' if moved else ""
        display(
            HTML(
                f'<figure class="zsad zsad-{kind}" id="{html.escape(id)}">{body}<figcaption>{as_html(caption)} '
                f'<span class="zsad-origin">{as_html(f"{id} · {origin}")}</span>{note}</figcaption></figure>'
            )
        )
        self.items.append(
            {
                "id": id,
                "kind": kind,
                "title": _title(caption),
                "caption": without_markup(caption),
                "study": study or self.study.name,
                "records": made_from.removeprefix("records "),
                "commit": commits.removeprefix("commits ").removeprefix("commit "),
            }
        )
        self._write()

    def _write(self) -> None:
        if self.folder is None:
            return
        content = {
            "notebook": self.name,
            "study": self.study.name,
            "world": world(self.study),
            "items": self.items,
            "numbers": self.numbers,
        }
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / f"{self.name}.json").write_text(
            json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
        )


def _title(caption: str) -> str:
    """The emphasised beginning of a caption, else all of it."""
    strong = re.match(r"<strong>(.*?)</strong>", caption)
    return without_markup(strong.group(1) if strong else caption).rstrip(".")
