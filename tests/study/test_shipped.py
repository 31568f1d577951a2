"""Studies and published tables are found in a checkout and in an installed package."""

from pathlib import Path

import pytest

from zsad.study import load_records, load_study
from zsad.study.config import StudyError
from zsad.study.kept import is_kept
from zsad.study.project import project_root, resolve
from zsad.study.provenance import commit
from zsad.study.shipped import checkout, published_folder, published_table, studies_folder

ROOT = Path(__file__).parents[2]


def test_a_checkout_shows_its_own_folders():
    assert checkout() == ROOT == project_root()
    assert studies_folder() == ROOT / "study"
    assert published_folder() == ROOT / "results" / "published"


def test_an_installed_package_shows_what_it_carries(tmp_path):
    package = tmp_path / "site-packages" / "zsad"
    assert checkout(package) is None
    assert studies_folder(package) == package / "studies"
    assert published_folder(package) == package / "published"


def test_a_table_that_there_is_not_is_answered_with_those_there_are():
    assert "method" in published_table("leagues").columns
    with pytest.raises(FileNotFoundError, match=r"no published table 'league' in .+; known: .*leagues, poster_table"):
        published_table("league")


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """A package in a folder of its own, which carries one study, used from a working directory elsewhere."""
    package, here = tmp_path / "site-packages" / "zsad", tmp_path / "here"
    (package / "studies").mkdir(parents=True)
    here.mkdir()
    text = (ROOT / "study" / "quick.yaml").read_text()
    (package / "studies" / "quick.yaml").write_text(text + "data_root: pictures\n")
    monkeypatch.chdir(here)
    monkeypatch.setattr("zsad.study.project.checkout", lambda: None)
    monkeypatch.setattr("zsad.study.provenance.checkout", lambda: None)
    monkeypatch.setattr("zsad.study.load.studies_folder", lambda: package / "studies")
    return here


def test_a_study_of_the_package_keeps_its_results_where_one_works(installed):
    study = load_study("quick", check_models=False)
    assert study.data_root == installed / "pictures"
    assert resolve(study.records_root) == installed / "build" / "records"


def test_a_study_of_ones_own_goes_first(installed):
    (installed / "study").mkdir()
    text = (ROOT / "study" / "quick.yaml").read_text()
    (installed / "study" / "quick.yaml").write_text(text.replace("limit: 16", "limit: 7"))
    assert load_study("quick", check_models=False).limit == 7
    with pytest.raises(FileNotFoundError, match=r"no study 'slow' in .+here.study or .+studies; known: quick"):
        load_study("slow", check_models=False)


def test_of_an_installed_package_no_commit_is_known(installed):
    """Not that of a repository around the working directory either."""
    assert commit() == {"commit": "unknown", "dirty": True}


def test_a_study_of_ones_own_that_is_called_like_one_of_the_projects_is_not_taken_for_it(tmp_path):
    text = (ROOT / "study" / "demo.yaml").read_text()
    for name in ("demo.yaml", "own-demo.yaml", "mine.yaml"):
        (tmp_path / name).write_text(text + ("name: demo\n" if name == "mine.yaml" else ""))
    found = {path.stem: load_study(path, check_models=False).name for path in sorted(tmp_path.glob("*.yaml"))}
    assert found == {"demo": "own-demo", "own-demo": "own-demo", "mine": "own-demo"}
    (tmp_path / "pages.yaml").write_text(text)
    assert load_study(tmp_path / "pages.yaml", check_models=False).name == "own-pages", "a folder of results/"
    assert is_kept("demo")
    assert not is_kept("own-demo")
    for path in ("demo", ROOT / "study" / "demo.yaml", ROOT / "zsad" / ".." / "study" / "demo.yaml"):
        assert load_study(path, check_models=False).name == "demo"
    with pytest.raises(FileNotFoundError, match="no records of study 'own-demo'"):
        load_records(load_study(tmp_path / "demo.yaml", check_models=False))


def test_a_file_that_no_study_can_be_called_after_says_the_way_out(tmp_path):
    path, text = tmp_path / "My Parts.yaml", (ROOT / "study" / "quick.yaml").read_text()
    path.write_text(text)
    with pytest.raises(StudyError, match=r"'My Parts' is no name .* rename that, or .* `name: my-parts`") as caught:
        load_study(path, check_models=False)
    assert str(caught.value).startswith(f"{path}: name: ")
    path.write_text(text + "name: my-parts\n")
    assert load_study(path, check_models=False).name == "my-parts"
