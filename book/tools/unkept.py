"""What a page says of results that it asks for and that are not kept, or not shown."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from IPython.display import HTML, DisplayHandle, display

from book.tools.markup import as_html
from zsad.study.cells import Request
from zsad.study.kept import Name, lacking_in_words, name_of


@dataclass
class Unkept:
    """One folded note on the page `name`, which grows. `asked`: the study, as `lacking_in_words` takes it."""

    name: str
    study: str
    asked: str
    _lacking: dict[Name, Request] = field(default_factory=dict)
    _remarks: list[str] = field(default_factory=list)
    _begun: bool = False
    _note: DisplayHandle | None = None

    def add(self, lacking: Iterable[Request]) -> None:
        """Results that are not kept, those that were named already once."""
        new = {name_of(request): request for request in lacking}
        if not new.keys() <= self._lacking.keys():
            self._lacking |= new
            if self._begun:
                self._show()

    def remark(self, text: str) -> None:
        """A sentence on results that are not shown, though they are kept."""
        if text not in self._remarks:
            self._remarks.append(text)
            if self._begun:
                self._show()

    def begin(self) -> None:
        """What the page says first has been said: the note stands behind it."""
        if not self._begun:
            self._begun = True
            if self._lacking or self._remarks:
                self._show()

    def _show(self) -> None:
        lacking = [lacking_in_words(self.study, self._lacking.values(), self.asked)] if self._lacking else []
        said = " ".join([*lacking, *self._remarks])
        said = as_html(re.sub(r"`(.+?)`", r"<code>\1</code>", said))
        count = f"{len(self._lacking)} of the results that this page asks for are not kept yet"
        count = count if self._lacking else "Some results are left out on this page"
        note = HTML(f'<details class="zsad-lacking"><summary>{count}</summary>{said}</details>')
        if self._note is None:
            self._note = display(note, display_id=f"{self.name}-unkept")
        else:
            self._note.update(note)
