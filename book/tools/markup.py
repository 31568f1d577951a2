"""Captions and names on their way to a page: a few tags are markup, everything else is shown as it stands."""

import html
import re

_TAGS = {"strong": "**", "em": "*", "code": "`"}
_TAG = re.compile(r"(</?(?:strong|em|code)>)")
# Characters that mean something to MyST wherever they stand, or between words.
_SPECIAL = re.compile(r"([\\`*_\[\]{}$|~<>&])")


def as_html(text: str) -> str:
    """Text in which only <strong>, <em> and <code> are markup; whatever else, a name with a tag in it, is shown."""
    shown = html.escape(text, quote=False)
    return re.sub(r"&lt;(/?(?:strong|em|code))&gt;", r"<\1>", shown)


def as_myst(text: str) -> str:
    """The same text for MyST, on one line."""
    parts, code = [], False
    for part in _TAG.split(text.replace("\n", " ")):
        if _TAG.fullmatch(part):
            code = part == "<code>"
            parts.append(_TAGS[part.strip("</>")])
        else:
            parts.append(part if code else _SPECIAL.sub(r"\\\1", part))
    return "".join(parts)


def as_markdown(text: str) -> str:
    """Markdown without HTML in it."""
    return text.replace("&", "&amp;").replace("<", "&lt;")


def without_markup(text: str) -> str:
    """The text of what `as_html` takes, without its tags."""
    return _TAG.sub("", text)
