"""The explorer: its data against the detector and the records, and its page in a browser, opened as a file."""

import base64
import math
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from browser_setup import OPTIONS, find_browser
from playwright.sync_api import Page, sync_playwright

from book.tools import explorer
from book.tools.probes.shift_grid import coarse
from zsad import load_detector
from zsad.perturb import semantic
from zsad.study.load import load_study
from zsad.study.manifest import load_records
from zsad.study.results import load_table

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted(path.stem for path in explorer.FOLDER.glob("*.js") if path.stem != "index")
INDEX = explorer.read(explorer.FOLDER / "index.js")
# Pixels go to the page and back as base64: lists of numbers take ten seconds.
TEXT = """const text = all => { let s = ''; for (const v of all) s += String.fromCharCode(v); return btoa(s); };"""
PIXELS = f"""part => {{ {TEXT} return text(document.querySelector(`canvas[data-part=${{part}}]`).getContext('2d')
  .getImageData(0, 0, 240, 240).data); }}"""
SHIFT = f"""([data, ...how]) => {{ {TEXT}
  return text(zsadExplorer.shift(Uint8ClampedArray.from(atob(data), c => c.charCodeAt(0)), 240, ...how)); }}"""
AGAIN = "run `python -m book.tools.explorer`"


@pytest.fixture(scope="module")
def detector():
    return load_detector("winclip", backbone="demo-b")


@pytest.fixture(scope="module")
def found():
    return {file: explorer.read(explorer.FOLDER / f"{file}.js") for file in FILES}


def test_eight_images_of_four_products_are_there_and_small(found):
    listed = INDEX["images"]
    assert [one["file"] for one in listed] == [explorer.slug(id) for id in explorer.IMAGES]
    assert sorted(FILES) == sorted(one["file"] for one in listed)
    assert [one["damaged"] for one in listed] == [True, False] * 4
    assert len({one["id"].split("/")[0] for one in listed}) == 4
    sizes = [(explorer.FOLDER / f"{file}.js").stat().st_size for file in FILES]
    assert max(sizes) < 550_000
    assert all(found[one["file"]]["id"] == one["id"] for one in listed)


def test_the_data_are_of_todays_weights_code_and_grid(found, detector):
    for file, content in found.items():
        made = content["made_from"]
        assert made["weights_fingerprint"] == detector.fingerprint, f"{file} is of other weights: {AGAIN}"
        assert made["code"] == explorer.code(), f"{file} is of other code: {AGAIN}"
        assert made["grid"] == explorer.GRID == INDEX["grid"], f"{file} is of another grid: {AGAIN}"


def test_thresholds_and_ends_are_those_of_the_kept_records():
    ids = list(explorer.IMAGES)
    thresholds, kept = explorer.thresholds_of(ids), explorer.kept_of(ids)
    for one in INDEX["images"]:
        assert one["threshold"] == thresholds[one["id"]]
        assert one["ends"] == kept[one["id"]].to_dict("records")
        assert {"as published", "half", "tenth", "random 3d"} <= {end["search"] for end in one["ends"]}


def test_at_most_5_percent_of_good_training_images_reach_the_threshold():
    records = load_records("demo")
    plain = records[(records["detector"] == "winclip") & (records["backbone"] == "demo-b")
                    & (records["shift"] == "none") & (records["variant"] == "default")]  # fmt: skip
    plain = plain[plain["suite"] == "demo-mvtec"]
    training = load_table(plain, "training", load_study("demo", check_models=False)).drop_duplicates(["key", "id"])
    for one in INDEX["images"]:
        scores = training.loc[training["category"] == one["id"].split("/")[0], "score"].to_numpy(float)
        assert len(scores) == 100
        assert (scores >= one["threshold"]).sum() == 5


def test_scores_of_the_images_as_they_are_are_the_kept_ones(found):
    grid = explorer.GRID
    records = load_records("demo")
    plain = records[(records["detector"] == "winclip") & (records["backbone"] == "demo-b")
                    & (records["suite"] == "demo-mvtec") & (records["shift"] == "none")
                    & (records["variant"] == "default")]  # fmt: skip
    images = load_table(plain, "images", load_study("demo", check_models=False))
    place = [grid[name].index(0.0) if name != "hue" else 6 for name in grid]
    for content in found.values():
        kept = float(images.loc[images["id"] == content["id"], "score"].iloc[0])
        assert scores_of(content)[tuple(place)] == pytest.approx(kept, abs=1e-4)


def scores_of(content):
    return np.array(content["scores"]).reshape([len(values) for values in explorer.GRID.values()])


def maps_of(content):
    cells, (angles, hues, saturations) = content["cells"], map(len, explorer.GRID.values())
    packed = explorer.unpacked(content["maps"]).reshape(angles, cells, hues, saturations, cells)
    return packed.transpose(0, 2, 3, 1, 4) / 255


@pytest.mark.parametrize("place", [(6, 6, 2), (0, 3, 4), (9, 8, 0)])
@pytest.mark.parametrize("file", [FILES[0], FILES[-1]])
def test_scores_and_maps_are_what_the_detector_says(found, detector, file, place):
    content = found[file]
    angle, hue, saturation = (explorer.GRID[name][index] for name, index in zip(explorer.GRID, place, strict=True))
    shifted = semantic(picture(content), angle=angle, hue=hue, saturation=saturation)
    with torch.no_grad():
        prediction = detector.predict(shifted, category=content["id"].split("/")[0].replace("_", " "))
    # The picture is kept in 8 bits, as are the maps.
    assert scores_of(content)[place] == pytest.approx(float(prediction.score[0]), abs=2e-3)
    assert np.abs(maps_of(content)[place] - coarse(prediction.map, content["cells"])[0].numpy()).max() < 5e-3


def test_numbers_that_maps_were_drawn_from_are_found_again():
    small = torch.rand(2, 15, 15, generator=torch.Generator().manual_seed(0))
    drawn = torch.nn.functional.interpolate(small[None], size=(240, 240), mode="bilinear", align_corners=False)[0]
    assert torch.allclose(coarse(drawn, 15).float(), small, atol=1e-5)


def test_what_the_search_tried_begins_with_the_image_and_its_starts(found):
    for content in found.values():
        tries = np.array(content["tries"])
        assert tries.shape == (256, 4)
        assert (tries[0, :3] == 0).all()
        assert np.allclose(tries[1:4, :3], content["made_from"]["starts"], atol=1e-4)
        assert (np.abs(tries[:, :3]) <= np.array([90, math.pi + 1e-4, 0.5])).all()


def picture(content):
    pixels = torch.from_numpy(explorer.unpacked(content["picture"]).copy())
    return pixels.permute(2, 0, 1)[None].float() / 255


# The page, opened as a file.


@pytest.fixture(scope="module")
def page_file(tmp_path_factory):
    """The explorer's part of its page with its scripts, and nothing else of the book."""
    folder = tmp_path_factory.mktemp("explorer")
    source = (ROOT / "book" / "explorer.md").read_text(encoding="utf-8")
    body = re.search(r"```\{raw\} html\n(.*?)\n```", source, re.DOTALL)[1]
    (folder / "explorer").symlink_to(ROOT / "book" / "_extra" / "explorer")
    body = body.replace("explorer/data", explorer.FOLDER.as_uri())
    theme = ":root{--pst-color-text-base:#222;--pst-color-surface:#eee;--pst-color-text-muted:#555}" + (
        "[data-theme=dark]{--pst-color-text-base:#ddd;--pst-color-surface:#222;--pst-color-text-muted:#aaa;"
        "background:#111;color:#ddd}"
    )
    html = f"<!doctype html><meta charset=utf-8><style>{theme}</style><article>{body}</article>"
    (folder / "explorer.html").write_text(html, encoding="utf-8")
    return (folder / "explorer.html").as_uri()


@pytest.fixture(scope="module")
def browser():
    works, executable = find_browser()
    if not works:
        pytest.fail("no browser starts; `make browser` finds or installs one")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=OPTIONS)
        yield browser
        browser.close()


@pytest.fixture
def opened(browser, page_file):
    """The page once its first image is there; it has not said a word on the console."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    wrong: list[str] = []
    page.on("console", lambda message: wrong.append(message.text))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("requestfailed", lambda request: wrong.append(request.url))
    page.goto(page_file)
    shown(page, f"{explorer.slug(next(iter(explorer.IMAGES)))} 0 0 0")
    yield page
    page.close()
    assert not wrong


def shown(page: Page, what: str):
    page.wait_for_function(
        "what => document.getElementById('zsad-explorer').dataset.shown === what", arg=what, timeout=20_000
    )


def from_page(text: str) -> np.ndarray:
    """Red, green and blue of 240 x 240 pixels."""
    return np.frombuffer(base64.b64decode(text), np.uint8).reshape(240, 240, 4)[..., :3].astype(float)


def part(page: Page, name: str):
    return page.locator(f"#zsad-explorer [data-part='{name}']")


@pytest.mark.parametrize(
    ("angle", "hue", "saturation"),
    [(0, 0, 0), (30, 0, 0), (-77, 0, 0), (90, 0, 0), (45, 0, 0), (0, 2.0, 0), (0, 0, 0.5), (0, -3.0, -0.3),
     (-12, 1.3, 0.2), (64, -0.7, 0.45)],
)  # fmt: skip
def test_the_page_shifts_as_the_study_does(opened, found, angle, hue, saturation):
    """Every pixel within 1 of 255 levels, of which rounding to 8 bits takes half."""
    for file in (FILES[0], FILES[-1]):
        image = picture(found[file])
        rgba = np.dstack([explorer.unpacked(found[file]["picture"]), np.full(image.shape[2:], 255, np.uint8)])
        drawn = from_page(opened.evaluate(SHIFT, [base64.b64encode(rgba.tobytes()).decode(), angle, hue, saturation]))
        wanted = semantic(image.double(), angle=angle, hue=hue, saturation=saturation)[0].permute(1, 2, 0).numpy() * 255
        off = np.abs(drawn - wanted).max(2)
        assert off.max() <= 1


def test_the_canvas_shows_the_shifted_image(opened, found):
    for name, value in {"angle": 20, "hue": -40, "saturation": 0.1}.items():
        part(opened, name).fill(str(value))
    shown(opened, f"{explorer.slug(next(iter(explorer.IMAGES)))} 20 -40 0.1")
    drawn = from_page(opened.evaluate(PIXELS, "picture"))
    content = found[explorer.slug(next(iter(explorer.IMAGES)))]
    wanted = semantic(picture(content).double(), angle=20.0, hue=math.radians(-40), saturation=0.1)[0]
    off = np.abs(drawn - wanted.permute(1, 2, 0).numpy() * 255).max(2)
    assert off.max() <= 1


@pytest.mark.parametrize(("shift", "place"), [((0, 0, 0), (6, 6, 2)), ((38, 172, -0.4), (9, 0, 0)),
                                              ((-7, -44, 0.13), (6, 5, 3))])  # fmt: skip
def test_score_decision_and_map_are_those_of_the_nearest_grid_point(opened, found, shift, place):
    for name, value in zip(explorer.GRID, shift, strict=True):
        part(opened, name).fill(str(value))
    one = INDEX["images"][0]
    shown(opened, " ".join([one["file"], *map(str, shift)]))
    score = scores_of(found[one["file"]])[place]
    text = part(opened, "score").inner_text()
    assert f"Score {score:.3f}, threshold {one['threshold']:.3f}" in text
    assert ("called damaged" in text) == (score >= one["threshold"])
    grid = [list(values)[index] for values, index in zip(explorer.GRID.values(), place, strict=True)]
    said = f"angle {grid[0]:.0f}°, hue {math.degrees(grid[1]):.0f}°, saturation {grid[2]:.2f}".replace("-", "−")
    assert said in part(opened, "nearest").inner_text()
    drawn = from_page(opened.evaluate(PIXELS, "map"))
    small = torch.from_numpy(maps_of(found[one["file"]])[place])[None, None]
    large = torch.nn.functional.interpolate(small, size=(240, 240), mode="bilinear", align_corners=False)[0, 0].numpy()
    order = np.argsort(large.ravel())
    light = drawn.sum(2).ravel()[order]
    assert (np.diff(light) <= 2).all(), "a higher number is not lighter"
    assert np.unique(light).size > 20


def test_it_can_be_used_by_keyboard_alone(opened):
    second = INDEX["images"][1]
    opened.keyboard.press("Tab")
    assert opened.evaluate("document.activeElement.dataset.part") == "image"
    opened.keyboard.press("ArrowDown")
    shown(opened, f"{second['file']} 0 0 0")
    reached = []
    for _ in range(6):
        opened.keyboard.press("Tab")
        reached.append(opened.evaluate("document.activeElement.dataset.part"))
        if reached[-1] in explorer.GRID:
            opened.keyboard.press("ArrowRight")
    assert reached == ["angle", "hue", "saturation", "reset", "worst", "mask"]
    shown(opened, f"{second['file']} 1 1 0.01")
    opened.keyboard.press("Shift+Tab")
    opened.keyboard.press("Enter")  # the worst that the kept search has found
    worst = next(end for end in second["ends"] if end["search"] == "as published")
    opened.wait_for_function("document.querySelector('[data-part=angle]').value !== '1'")
    assert float(part(opened, "angle").input_value()) == pytest.approx(worst["angle"], abs=0.51)
    assert float(part(opened, "saturation").input_value()) == pytest.approx(worst["saturation"], abs=0.006)


def test_points_of_the_search_are_drawn_and_a_click_goes_there(opened, found):
    tries = np.array(found[INDEX["images"][0]["file"]]["tries"])
    near = np.abs(tries[:, 2][:, None] - np.array(explorer.GRID["saturation"])).argmin(1) == 2
    assert opened.locator("svg circle.tried").count() == near.sum()
    assert opened.locator("svg rect.end").count() >= 1
    assert f"{near.sum()} of the 256" in part(opened, "points").inner_text()
    opened.locator("svg > rect:not(.end)", has_text="angle 75°, hue −150°").first.click()
    opened.wait_for_function("document.querySelector('[data-part=angle]').value === '75'")
    assert part(opened, "hue").input_value() == "-150"


@pytest.mark.parametrize("width", [1280, 400])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_reads_in_both_themes_and_fits_a_phone(opened, width, scheme):
    opened.set_viewport_size({"width": width, "height": 800})
    opened.evaluate("scheme => { document.documentElement.dataset.theme = scheme; }", scheme)
    assert opened.evaluate("document.documentElement.scrollWidth <= innerWidth + 1")
    sizes = opened.eval_on_selector_all(
        "#zsad-explorer svg text, #zsad-explorer p",
        """all => all.map(e => parseFloat(getComputedStyle(e).fontSize) *
          (e.ownerSVGElement ? e.ownerSVGElement.getBoundingClientRect().width / 290 : 1))""",
    )
    assert min(sizes) >= 11
    for name in ("image", "angle", "hue", "saturation", "mask"):
        assert part(opened, name).evaluate("e => e.labels.length") == 1
    assert part(opened, "score").get_attribute("aria-live") == "polite"
    for name in ("picture", "map", "landscape"):
        assert part(opened, name).get_attribute("aria-label")


def test_every_image_loads_and_a_clean_map_is_not_black(opened):
    for one in INDEX["images"]:
        part(opened, "image").select_option(one["file"])
        shown(opened, f"{one['file']} 0 0 0")
        mean = np.mean(from_page(opened.evaluate(PIXELS, "map")))
        assert one["damaged"] or mean > 100


def test_the_program_is_short():
    lines = (ROOT / "book" / "_extra" / "explorer" / "explorer.js").read_text(encoding="utf-8").splitlines()
    assert len(lines) < 300
    assert max(map(len, lines)) <= 120


def test_the_grid_is_the_one_that_the_page_speaks_of():
    text = " ".join((ROOT / "book" / "explorer.md").read_text(encoding="utf-8").split())
    angle, hue, saturation = (np.diff(values) for values in explorer.GRID.values())
    said = f"every {angle[0]:.0f}° of angle, every {math.degrees(hue[0]):.0f}° of hue and every {saturation[0]} of sat"
    assert said in text
    assert f"{math.prod(map(len, explorer.GRID.values()))} shifts an image" in text
    assert all(np.allclose(steps, steps[0]) for steps in (angle, hue, saturation))
