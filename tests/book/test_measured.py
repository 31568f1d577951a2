"""What a page says where its study lacks what it asks for."""

from book.tools import page as notebook
from book.tools.measured import measured
from book.tools.page import Page
from zsad.study import load_study


def test_a_page_that_lacks_two_things_concludes_once(tmp_path, monkeypatch):
    glued, shown = [], []
    monkeypatch.setattr(notebook, "glue", lambda key, value, display: glued.append(key))
    monkeypatch.setattr(notebook, "display", lambda item: shown.append(item.data))
    page = Page("answers", load_study("quick", check_models=False), {}, tmp_path)
    assert measured(page, ["matrix"], "shifts at two doses") is None
    assert measured(page, ["no such block"], "random shifts") is None
    assert glued == ["conclusion"]
    assert "shifts at two doses" in page.numbers["conclusion"]["text"]
    assert ["random shifts" in text for text in shown] == [False, True]
