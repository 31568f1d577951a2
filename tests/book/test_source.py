"""The folder that jupyter-book reads."""

import json
import re

import pytest

from book.tools.source import DEMO_PAGES, assemble, main, page_names, without_demo
from zsad.study.project import project_root


@pytest.fixture
def project(tmp_path):
    book, pages = tmp_path / "book", tmp_path / "pages"
    (book / "_static").mkdir(parents=True)
    (book / "_ext").mkdir()
    (pages / "tables").mkdir(parents=True)
    (tmp_path / "_toc.yml").write_text("format: jb-book\nroot: index\nparts:\n- chapters:\n  - file: rotation\n")
    (book / "index.md").write_text("# Index\n")
    (book / "_static" / "a.css").write_text("p {}\n")
    (book / "_ext" / "x.py").write_text("")
    (pages / "rotation.ipynb").write_text("{}")
    items = [{"id": "tab-a", "kind": "table"}, {"id": "f", "kind": "figure"}]
    (pages / "rotation.json").write_text(json.dumps({"items": items}))
    (pages / "rotation.time.json").write_text("{}")
    (pages / "tables" / "tab-a.csv").write_text("a\n")
    (pages / "tables" / "tab-stale.csv").write_text("a\n")
    for name in ("bodies/f.svg", "bodies/stale.svg", "figures/f.png", "figures/f.svg", "sources/rotation.py",
                 "tables/records-rotation-quick.csv", "tables/records-other-quick.csv"):  # fmt: skip
        (pages / name).parent.mkdir(exist_ok=True)
        (pages / name).write_text("x")
    return tmp_path


def build(project):
    assemble(project / "book", project / "_toc.yml", project / "pages", project / "out")
    return {str(p.relative_to(project / "out")): p for p in (project / "out").rglob("*") if p.is_file()}


def test_prose_notebooks_exports_and_tables_come_together(project):
    assert sorted(build(project)) == [
        "_bodies/f.svg",
        "_extra/figures/f.png",
        "_extra/figures/f.svg",
        "_extra/sources/rotation.py",
        "_extra/tables/records-rotation-quick.csv",
        "_extra/tables/tab-a.csv",
        "_pages/rotation.json",
        "_pages/rotation.time.json",
        "_static/a.css",
        "_toc.yml",
        "index.md",
        "rotation.ipynb",
    ]


def test_only_what_changed_is_written_and_what_is_gone_goes(project):
    before = {name: path.stat().st_mtime_ns for name, path in build(project).items()}
    (project / "book" / "index.md").write_text("# Other\n")
    (project / "book" / "_static" / "a.css").unlink()
    after = {name: path.stat().st_mtime_ns for name, path in build(project).items()}
    assert set(before) - set(after) == {"_static/a.css"}
    assert {name for name in after if after[name] != before[name]} == {"index.md"}


def test_a_missing_page_is_named_and_nothing_is_written(project):
    (project / "pages" / "rotation.ipynb").unlink()
    with pytest.raises(FileNotFoundError, match="no page for rotation"):
        build(project)
    assert not (project / "out").exists()


def test_the_projects_own_book_lacks_its_notebooks_in_an_empty_folder(tmp_path, capsys):
    assert main(["--pages", str(tmp_path / "none"), "--out", str(tmp_path / "out")]) == 1
    assert "no page for answers, demo_world" in capsys.readouterr().err


def test_page_names_start_at_the_root(project):
    assert page_names(project / "_toc.yml") == ["index", "rotation"]


@pytest.mark.parametrize(
    ("world", "demo"),
    [
        ("Demo world: rendered products", True),
        ("Mixed world: rendered pictures (demo-visa) seen by ViT-L-14.", True),
        ("Real world: mvtec_ad seen by ViT-L-14.", False),
    ],
)
def test_the_book_of_other_pictures_has_no_demo_parts(project, world, demo):
    (project / "_toc.yml").write_text(
        "format: jb-book\nroot: index\nparts:\n- chapters:\n  - file: demo_world\n- chapters:\n  - file: rotation\n"
        "  - file: explorer\n"
    )
    (project / "book" / "explorer.md").write_text("# Explorer\n")
    (project / "book" / "index.md").write_text(
        "# Index\n\n% demo world\n\nRendered, see [](explorer.md).\n\n% end\n\n"
        "[How hard](demo_world.ipynb) and [turned](rotation.ipynb).\n"
    )
    for name in ("demo_world", "rotation"):
        (project / "pages" / f"{name}.ipynb").write_text("{}")
        (project / "pages" / f"{name}.json").write_text(json.dumps({"items": [], "world": world}))
    found = build(project)
    assert ("demo_world.ipynb" in found) == ("explorer.md" in found) == ("_pages/demo_world.json" in found) == demo
    assert page_names(project / "out" / "_toc.yml") == (
        ["index", "demo_world", "rotation", "explorer"] if demo else ["index", "rotation"]
    )
    text = found["index.md"].read_text()
    assert ("Rendered" in text) == ("(demo_world.ipynb)" in text) == demo
    assert "How hard" in text
    assert "[turned](rotation.ipynb)" in text


def test_the_projects_own_pages_keep_no_link_to_what_is_left_out():
    for path in (project_root() / "book").glob("*.md"):
        if path.stem not in DEMO_PAGES:
            text = without_demo(path.read_text(encoding="utf-8"))
            assert not re.search(rf"[(`](?:{'|'.join(DEMO_PAGES)})[.):]", text), path.name
            assert "% end" not in text, "every block that is opened is closed"
