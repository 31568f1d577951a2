"""What every notebook of the book begins with and shows its results through.

    page = notebook.start(globals(), "rotation")        # the first cell after the parameters
    records = page.records("uniform", "angle", **page.first)
    page.figure(plots.plot_sweep(...), "fig-rotation", "What to see.")
    page.number("drop", 3.21, "3.2 points")             # {glue:text}`rotation.ipynb::drop:s` in the book's prose

Each figure and table carries a line of origin: world, study, notebook, the leagues of the methods, records (hash), and
the commits that computed them; and one more where the code has moved on since. Where the runner of the book set
`ZSAD_PAGE_DIR`, what can be downloaded lies there, and figures, tables and numbers are listed for the index.
"""

import logging
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
from IPython.display import HTML, DisplayHandle, Markdown, display
from matplotlib.figure import Figure
from myst_nb import glue

import zsad.study
from book.tools.computed import Result, computed
from book.tools.exports import Exports
from book.tools.markup import as_html, as_markdown, without_markup
from book.tools.origin import PUBLISHED, Sources, short_commit
from book.tools.parameters import COMMON, DEVICE, LISTED, OUT, PAGE_DIR, SOURCE, check_parameters
from book.tools.plots.style import save, to_svg
from book.tools.shown import Bundle, figure_bundle, folded_bundle, notes, table_bundle, text_bundle
from book.tools.tables import told_once
from book.tools.unkept import Unkept
from book.tools.world import world
from zsad.analysis.words import MINUS
from zsad.devices import is_there
from zsad.leagues import in_words, league_of, leagues_of_outputs
from zsad.paths import expanded
from zsad.study.cells import Selection
from zsad.study.config import Study
from zsad.study.incomplete import IncompleteError
from zsad.study.kept import Kept, is_kept
from zsad.study.load import load_study
from zsad.study.manifest import manifest_records
from zsad.study.provenance import commit
from zsad.study.results import load_table
from zsad.study.schema import RECORD_COLUMNS

log = logging.getLogger(__name__)

OVERRIDES = ("suite", "category", "backbone", "device", "data_root", "limit", "options", *COMMON)


def start(variables: dict[str, Any], name: str) -> "Page":
    """Begin the notebook `name`: refuse unknown papermill parameters, apply the overrides, say which world this is.

    `variables` is the notebook's `globals()`: it holds `study` and those of suite, category, backbone, device,
    data_root, limit and options that the notebook lists as parameters; and, of any notebook, detector, weights,
    architecture, and `out`, the folder for figures and tables of a page that is no part of a book. None leaves what
    the study says. Raises UnknownParameter, StudyError, FileNotFoundError. Suites whose folder is not there are left
    out, and named; where all are missing, whatever asks for a record says so. Where this machine does not have the
    study's device, the page shows the records that are there, and asks models for what it shows besides on the CPU.
    """
    check_parameters(list(variables.get("In", [])))
    overrides = {key: variables[key] for key in OVERRIDES if variables.get(key) is not None}
    overrides = {key: value for key, value in overrides.items() if key not in COMMON or isinstance(value, str)}
    study = load_study(variables["study"], check_models=LISTED not in os.environ)
    study = study.with_overrides(**{"device": os.environ.get(DEVICE), **overrides})
    folder, out = os.environ.get(PAGE_DIR), variables.get(OUT)
    missing = study.missing_suites()
    shown = study.without(missing) if len(missing) < len(study.suites) else study
    if not is_there(study.device):
        log.warning("device %s is not available here: models are asked on the CPU", study.device)
        shown = shown.model_copy(update={"device": "cpu"})
    place = Path(folder) if folder else expanded(out) if isinstance(out, str) else None
    changed, asked = {k: str(v) for k, v in overrides.items()}, str(variables["study"])
    page = Page(name, shown, changed, place, linked=folder is not None, asked=asked, device=study.device)
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
    linked: bool = True  # whether what lies in the folder is offered beside the figures
    asked: str = ""  # the study as it was asked for, by its name or by its file; "": by its name
    device: str = ""  # on which records are computed that are missing; "": the study's
    _lacking: list[str] = field(default_factory=list)
    _world: DisplayHandle | None = None
    _used: set[str] = field(default_factory=set)
    _folding: list[Bundle] | None = None
    sources: Sources = field(init=False)
    _kept: Kept = field(init=False)
    _exports: Exports = field(init=False)
    _unkept: Unkept = field(init=False)

    def __post_init__(self) -> None:
        self.sources = Sources(self.study)
        self._kept = Kept(self.study)
        self._exports = Exports(self.folder)
        self._unkept = Unkept(self.name, self.study.name, self.asked)

    def banner(self) -> None:
        """Show the world, the study and its overrides; of a world that is not the demo's the models that the page has
        used, which the banner names once they are."""
        self._world = display(self._banner(), display_id=f"{self.name}-world")
        self._exports.write(self.name, self.study)

    def _banner(self) -> HTML:
        changed = "".join(f", {key} = {value}" for key, value in self.overrides.items())
        limit = f"at most {self.study.limit} test images a category" if self.study.limit else "every test image"
        text = f"{world(self.study, self._used)} Study <code>{self.study.name}</code> ({limit}{changed})."
        return HTML(f'<p class="zsad-world">{as_html(text)}</p>')

    def _uses(self, backbones: Iterable[str]) -> None:
        """Name further models in the banner."""
        before = world(self.study, self._used)
        self._used |= set(backbones)
        if self._world is not None and world(self.study, self._used) != before:
            self._world.update(self._banner())

    @property
    def items(self) -> list[dict[str, Any]]:
        """The figures and tables shown so far, as the index lists them."""
        return self._exports.items

    @property
    def numbers(self) -> dict[str, dict[str, Any]]:
        """The numbers kept for the prose so far."""
        return self._exports.numbers

    @property
    def source(self) -> str:
        """The file name of the notebook's source."""
        return os.environ.get(SOURCE, f"{self.name}.py")

    @property
    def study_file(self) -> str:
        """The file that says what the study is: the one that was asked for, else that of its name in `study/`."""
        return self.asked if self.asked.endswith((".yaml", ".yml")) else f"study/{self.asked or self.study.name}.yaml"

    @property
    def first(self) -> dict[str, list[str]]:
        """The study's first detector and first backbone, as a selection for `records`."""
        first = self.study.detectors[0]
        return {"detectors": [first.label], "backbones": self.study.runs_on(first)[:1]}

    def records(
        self, shift: str | None = None, setting: str | None = None, study: Study | None = None, **selection: Any
    ) -> pd.DataFrame:
        """Records of the study, or of a changed copy of it; see `zsad.study.compute`.

        Of a study that is kept in `results/<study>` they are those that are kept, none where there are none, and the
        page says what is not; a copy, and a study that papermill parameters have changed, are computed where they are
        not there.

        While the book is made they have just been computed and listed, and are read without loading a model. Where some
        cannot be computed the page says which, and why, and goes on with the others. There are none of a shift that
        the study does not make, nor of no category, detector or backbone.

        Raises IncompleteError where there is none.
        """
        wanted = Selection(shift, setting, **selection)
        if [] in selection.values() or not _makes(study or self.study, wanted):
            return self.uses(pd.DataFrame(columns=RECORD_COLUMNS))
        if study is None and self.shows_kept:
            return self.uses(self._kept_records(wanted))
        if study is None and not self.overrides and LISTED in os.environ:
            listed = manifest_records(self.study, wanted)
            if listed is not None:
                return self.uses(listed)
        try:
            return self.uses(zsad.study.compute(self._computing(study or self.study), shift, setting, **selection))
        except IncompleteError as error:
            if error.records.empty:
                raise
            self.lacks(error.reasons)
            return self.uses(error.records)

    def _computing(self, study: Study) -> Study:
        return study.model_copy(update={"device": self.device}) if self.device else study

    @property
    def shows_kept(self) -> bool:
        """Whether the page shows what is kept of its study, and computes none of its records."""
        return not self.overrides and is_kept(self.study.name)

    def _kept_records(self, wanted: Selection) -> pd.DataFrame:
        found, lacking = self._kept.select(wanted)
        self._unkept.add(lacking)
        return found

    def lacks(self, reasons: Iterable[str]) -> None:
        """Say what this page cannot show and why, each reason once."""
        for reason in reasons:
            if reason not in self._lacking:
                self._lacking.append(reason)
                display(HTML(f'<p class="zsad-lacking"><strong>Not shown.</strong> {as_html(reason)}</p>'))

    def titled(self, labels: Iterable[str]) -> dict[str, str]:
        """Each of some detectors once, with its title."""
        titles = self.study.titles
        return {label: titles.get(label, label) for label in labels}

    def details(self, table: str, records: pd.DataFrame) -> pd.DataFrame:
        """What lies beside some records: "images", "replicates", or of worst cases "samples" and "curve"; see
        `zsad.study.results.load_table`.
        """
        return load_table(records, table, self.study)

    # What follows needs the renderer or the models, whose import takes seconds that most pages can spare.
    def dataset(self, suite: str, category: str, few: int | None = None) -> Any:
        """The test pictures of one category (a `zsad.Dataset`), up to the study's limit, or to `few`, which an
        illustration can do with.
        """
        from zsad.study.data import ensure_suite, read_suite

        limit = min((limit for limit in (self.study.limit, few) if limit is not None), default=None)
        ensure_suite(self.study, suite, whole=False)
        found = read_suite(self.study, suite, category, limit)
        self.sources.data[f"{suite}/{category}"] = found.fingerprint()
        return found

    def detector(self, **options: Any) -> Any:
        """The study's first detector on its first backbone; `options` are set on top of the study's."""
        from zsad.study.run import load_study_detector

        config = self.study.detectors[0]
        changed = config.model_copy(update={"options": {**config.options, **options}})
        return load_study_detector(self.study, changed, self.first["backbones"][0])

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
        for thing in (thing for thing in arguments.values() if hasattr(thing, "league") or hasattr(thing, "shown")):
            league = in_words(leagues_of_outputs(thing)) if hasattr(thing, "league") else league_of(thing.shown)
            self.sources.used[config.name, thing.name] = league
            self._uses([getattr(thing, "backbone", thing).name])
        found = computed(config, function, how, **arguments)
        self.sources.computed[config.name, found.contents] = found.provenance
        self._exports.computed.add(found.provenance["key"])
        self._exports.write(self.name, self.study)
        return found.result

    def remark(self, text: str) -> None:
        """Say of results that they are left out, in the folded note on what is not kept."""
        self._unkept.remark(text)

    def uses(self, records: pd.DataFrame) -> pd.DataFrame:
        """Count records that came from elsewhere among those this page has read."""
        self.sources.read.append(records)
        if {"study", "backbone"} <= {*records.columns}:
            self._uses(records.loc[records["study"] == self.study.name, "backbone"].unique())
        return records

    def published(self, name: str) -> pd.DataFrame:
        """The numbers that others have printed, from results/published/<name>.csv."""
        return self.sources.published(name)

    def figure(self, figure: Figure | str, id: str, caption: str, study: str | None = None) -> None:
        """Show a figure (drawn, or ready HTML) under a stable id with its caption (text with <strong>, <em> and <code>;
        any other tag is shown as it stands) and origin. A drawn one is offered as SVG and PNG; and with any the records
        of its study that this page has read, as CSV. Raises ValueError for an id that the page has already.
        """
        self._exports.check_new(id)
        if isinstance(figure, str):
            body, suffix, links = figure, ".html", {}
        else:
            body, suffix = to_svg(figure, id, without_markup(caption)), ".svg"
            links = self._exports.offered({name: f"figures/{id}.{name.lower()}" for name in ("SVG", "PNG")})
            for target in links.values():
                save(figure, self._exports.file(target))
        of = study or self.study.name
        links |= self._exports.records(f"{self.name}-{of}", self.sources.of(of))
        if self.folder:
            self._exports.file(f"bodies/{id}{suffix}").write_text(body, encoding="utf-8")
        notes = self._notes(links, id, study)
        self._show("figure", id, figure_bundle(id, body, f"_bodies/{id}{suffix}", caption, notes), caption, study)

    def table(
        self,
        frame: pd.DataFrame,
        id: str,
        caption: str,
        formats: dict[str, str] | None = None,
        study: str | None = None,
        csv: pd.DataFrame | None = None,
    ) -> None:
        """Show a table and offer it, or the fuller `csv`, with all digits as a CSV file beside the page. What is the
        same in every row is said in the caption instead.

        `formats` maps a column to a format such as "{:.1f}"; `study` is that of `origin`. Raises ValueError for an id
        that the page has already.
        """
        self._exports.check_new(id)
        shown = frame.rename_axis(columns=None)
        for column, template in (formats or {}).items():
            shown[column] = [template.format(x).replace("-", MINUS) if pd.notna(x) else "–" for x in frame[column]]
        shown, said = told_once(shown)
        caption = f"{caption} {said}".rstrip()
        links = self._exports.offered({"CSV": f"tables/{id}.csv"})
        for target in links.values():
            (frame if csv is None else csv).to_csv(self._exports.file(target), index=False)
        notes = self._notes(links, id, study)
        self._show("table", id, table_bundle(id, shown, caption, notes), caption, study)

    def number(self, key: str, value: float | str, text: str | None = None) -> None:
        """Keep a number for the prose, {glue:text}`page.ipynb::key:s`: `text` is what the reader sees."""
        self.numbers[key] = {"value": value, "text": str(value) if text is None else text}
        glue(key, _Words(self.numbers[key]["text"]), display=False)
        self._exports.write(self.name, self.study)

    def say(self, text: str) -> None:
        """Show computed Markdown; HTML in it is shown as it stands."""
        if self._folding is None:
            display(Markdown(as_markdown(text)))
            self._unkept.begin()
        else:
            self._folding.append(text_bundle(text))

    def finding(self, text: str) -> None:
        """Say what the page found, in a sentence or two that follow from the records: how much, how sure, on how many
        images. It stands before any figure, and is kept as the number `conclusion`.
        """
        self.say(f"**Finding.** {text}")
        self.number("conclusion", text.replace("**", ""))

    @contextmanager
    def folded(self, title: str) -> Iterator[None]:
        """What is shown meanwhile lies behind one click on `title`: how it was measured, tables, every category."""
        inside: list[Bundle] = []
        self._folding = inside
        try:
            yield
        finally:
            self._folding = None
        if inside:
            display(folded_bundle(title, inside), raw=True)

    def origin(self, study: str | None = None) -> str:
        """The line below each figure and table; `study` names the one it shows where that is not the page's own,
        `PUBLISHED` what others have printed.
        """
        if study == PUBLISHED:
            source = "In print, not measured here · results/published"
        else:
            shown = load_study(study, check_models=False) if study not in (None, self.study.name) else self.study
            source = f"{world(shown).split(':')[0]} · study {shown.name}"
        made_from = filter(None, [self.sources.leagues(study), *self.sources.made_from(study)])
        return " · ".join([source, f"notebook {self.name}", *made_from])

    def _notes(self, links: dict[str, str], id: str, study: str | None) -> str:
        source = self._exports.offered(
            {f"notebooks/{self.source} at {short_commit(commit())}": f"sources/{self.source}"}
        )
        moved = "" if study == PUBLISHED else self.sources.moved_on(study)
        offered = {**source, **links} if self.linked else {}
        return notes(f"{id} · {self.origin(study)}", moved, offered)

    def _show(self, kind: str, id: str, bundle: Bundle, caption: str, study: str | None) -> None:
        made_from, commits = self.sources.made_from(study)
        if self._folding is None:
            display(bundle, raw=True)
            self._unkept.begin()
        else:
            self._folding.append(bundle)
        self._exports.add(kind, id, caption, study or self.study.name, made_from, commits)
        self._exports.write(self.name, self.study)


def _makes(study: Study, wanted: Selection) -> bool:
    """Whether some block of a study makes the shift that is wanted; the unshifted results are there always."""
    if wanted.shift in (None, "none"):
        return True
    return any(
        block.kind == wanted.shift
        and wanted.variant in (None, block.variant)
        and (wanted.setting is None or any(shift.setting == wanted.setting for shift in block.shifts()))
        for block in study.blocks
    )


class _Words(str):
    """Text that is glued as it stands, not as a literal of Python."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)
