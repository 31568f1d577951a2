"""What leaves for a page as HTML: everything is shown as it stands, but for a few tags without attributes."""

import html
import re

_TAG = re.compile(r"</?(?:strong|em|code)>")


def as_html(text: str) -> str:
    """Text in which only <strong>, <em> and <code> are markup; whatever else, a name with a tag in it, is shown."""
    shown = html.escape(text, quote=False)
    return re.sub(r"&lt;(/?(?:strong|em|code))&gt;", r"<\1>", shown)


def as_markdown(text: str) -> str:
    """Markdown without HTML in it."""
    return text.replace("&", "&amp;").replace("<", "&lt;")


def without_markup(text: str) -> str:
    """The text of what `as_html` takes, without its tags."""
    return _TAG.sub("", text)
