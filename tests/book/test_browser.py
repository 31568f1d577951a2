"""The built book in a real browser: what a reader meets on every page, in light and dark, without a network."""

import functools
import http.server
import re
import threading
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from browser_setup import OPTIONS, find_browser
from playwright.sync_api import Browser, Page, sync_playwright

from book.tools.source import page_names

ROOT = Path(__file__).resolve().parents[2]
HTML = ROOT / "_build" / "html"
PAGES = page_names(ROOT / "_toc.yml")
CONTRAST = """selector => {
  const channel = v => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  const parse = c => (c.match(/[\\d.]+/g) || []).map(Number);
  const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const behind = e => { for (; e; e = e.parentElement) {
    const c = parse(getComputedStyle(e).backgroundColor); if (c.length === 3 || c[3] > 0.5) return c; }
    return matchMedia('(prefers-color-scheme: dark)').matches ? [0, 0, 0] : [255, 255, 255]; };
  return [...document.querySelectorAll(selector)].filter(e => e.textContent.trim() && e.checkVisibility()).map(e => {
    const style = getComputedStyle(e), ink = e instanceof SVGElement ? style.fill : style.color;
    const [a, b] = [light(parse(ink)), light(behind(e))].sort((x, y) => y - x);
    return [(a + 0.05) / (b + 0.05), e.textContent.trim().slice(0, 60)]; });
}"""

# What would have to be moved sideways to be read, with everything unfolded.
CLIPPED = """() => {
  document.querySelectorAll('article details').forEach(e => e.open = true);
  const boxes = [...document.querySelectorAll('article .pst-scrollable-table-container, article .zsad-scroll')];
  const beyond = e => e.getBoundingClientRect().right > innerWidth || e.scrollWidth > e.clientWidth + 1;
  return boxes.filter(beyond).map(e => e.querySelector('table').id || e.innerText.slice(0, 60));
}"""
# The smallest words of every figure in CSS pixels, as they are drawn.
SMALLEST = """() => [...document.querySelectorAll('article svg')].map(svg => {
  const sizes = [...svg.querySelectorAll('text')].filter(t => t.textContent.trim()).map(t => {
    const m = t.getScreenCTM(); return parseFloat(getComputedStyle(t).fontSize) * Math.hypot(m.a, m.b); });
  return [Math.min(Infinity, ...sizes), svg.closest('[id]').id];
})"""
# Sections with more than one fold of code, and code of cells that is in none.
UNFOLDED = """() => [
  ...[...document.querySelectorAll('article section')].filter(e =>
    e.querySelectorAll(':scope > details.zsad-code').length > 1).map(e => e.id),
  ...[...document.querySelectorAll('article .cell_input')].filter(e => !e.closest('details.zsad-code'))
    .map(e => e.innerText.slice(0, 60)),
]"""
NOT_SIDEWAYS = "document.documentElement.scrollWidth <= innerWidth + 1"
PATIENCE = 120_000  # ms: beside other tests a small machine may take longer over a page than the usual half minute
LEAST = 11
HEAVIEST = 2_000_000


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def end_headers(self):
        self.send_header("Cache-Control", "max-age=3600")  # what pages share is not asked for again
        super().end_headers()


@pytest.fixture(scope="module")
def address():
    if not (HTML / "index.html").is_file():
        pytest.fail(f"no built book in {HTML}: run `make book`")
    handler = functools.partial(_Quiet, directory=str(HTML))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="module")
def browser():
    found, executable = find_browser()
    if not found:
        pytest.fail("no browser starts; `make browser` finds or installs one")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=OPTIONS)
        yield browser
        browser.close()


def open_window(browser: Browser, address: str, scheme: str) -> tuple[Page, list[str]]:
    """An empty page, and everything that will go wrong: console messages, failed and foreign requests."""
    context = browser.new_context(color_scheme=scheme, viewport={"width": 1280, "height": 900})
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    wrong: list[str] = []
    page.on("console", lambda message: wrong.append(f"console {message.type}: {message.text}"))
    page.on("pageerror", lambda error: wrong.append(f"error: {error}"))
    page.on("requestfailed", lambda request: wrong.append(f"failed: {request.url}"))
    page.on(
        "request",
        lambda r: None if r.url.startswith((address, "data:", "blob:")) else wrong.append(f"foreign: {r.url}"),
    )
    page.on("response", lambda response: response.ok or wrong.append(f"status {response.status}: {response.url}"))
    return page, wrong


def read(page: Page, address: str, name: str) -> None:
    """Goes to a page and reads it to its end."""
    page.goto(f"{address}/{name}.html", wait_until="load")
    page.evaluate("async () => { for (let y = 0; y < document.body.scrollHeight; y += 800) "
                  "{ scrollTo(0, y); await new Promise(r => setTimeout(r, 20)); } }")  # fmt: skip
    page.wait_for_load_state("networkidle")


def open_page(browser: Browser, address: str, name: str) -> tuple[Page, list[str]]:
    """A page read to its end in a window of its own, and everything that went wrong."""
    page, wrong = open_window(browser, address, "light")
    read(page, address, name)
    return page, wrong


@pytest.fixture(scope="module")
def windows(browser, address):
    """A window a scheme, in which one page is read after another, as a reader does: what they share is loaded once."""
    return {scheme: open_window(browser, address, scheme) for scheme in ("light", "dark")}


@pytest.fixture(scope="module")
def phone(browser):
    """A window that changes its size."""
    page = browser.new_context().new_page()
    page.set_default_timeout(PATIENCE)
    return page


def weight(page: Page, address: str, name: str) -> int:
    """Bytes of a page with the scripts, styles, fonts and data that it loads, without its images."""
    loaded = page.evaluate("performance.getEntriesByType('resource').map(e => e.name)")
    kept = {url for url in loaded if url.startswith(address) and not url.endswith((".png", ".svg", ".jpg"))}
    text = (HTML / f"{name}.html").read_text(encoding="utf-8")
    text = re.sub(r"data:image/[a-z+]+;base64,[A-Za-z0-9+/=\s]*", "", text)
    return len(text.encode()) + sum((HTML / unquote(urlsplit(url).path).lstrip("/")).stat().st_size for url in kept)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_every_page_reads_well_without_a_network(windows, address, name, scheme):
    page, wrong = windows[scheme]
    wrong.clear()
    read(page, address, name)
    assert not wrong
    broken = page.eval_on_selector_all(
        "img", "all => all.filter(i => !i.complete || !i.naturalWidth).map(i => i.alt || i.src)"
    )
    assert not broken
    label = page.locator("p.zsad-world").first
    assert label.is_visible()
    assert label.inner_text().strip()
    assert page.evaluate("document.documentElement.dataset.theme") == scheme
    low = [
        item
        for item in page.evaluate(CONTRAST, "article p, article li, figure.zsad figcaption, figure.zsad svg text")
        if item[0] < 4.5
    ]
    assert not low
    article = page.locator("article").inner_text()
    assert not any(mark in article for mark in ("{glue", "{numref", ":::"))
    assert " nan" not in article.lower()
    assert not page.locator(".problematic, .system-message").count()
    if scheme == "light":
        assert weight(page, address, name) < HEAVIEST
        assert not page.evaluate(UNFOLDED)
        assert not page.evaluate(CLIPPED)
        assert page.evaluate(NOT_SIDEWAYS)
        assert not [found for found in page.evaluate(SMALLEST) if found[0] < LEAST]


@pytest.mark.parametrize("name", PAGES)
def test_every_page_is_read_on_a_phone_and_prints_to_its_end(phone, address, name):
    """On paper nothing reaches beyond a sheet of A4 (180 mm of it), and what is folded is printed too."""
    page = phone
    page.emulate_media(media="screen")
    page.set_viewport_size({"width": 680, "height": 960})
    page.goto(f"{address}/{name}.html")
    page.emulate_media(media="print")
    beyond = page.evaluate("""() => [...document.querySelectorAll('article :is(table, svg, img, p)')]
        .filter(e => e.checkVisibility() && e.getBoundingClientRect().right > innerWidth + 1)
        .map(e => e.closest('[id]').id)""")
    assert not beyond
    folded = page.locator("article details:not(.zsad-code) :is(table, figure)")
    assert all(one.bounding_box()["height"] > 0 for one in folded.all())
    last = page.locator("article :is(p, table, figure, li)").last
    assert last.evaluate("e => e.getBoundingClientRect().bottom <= document.documentElement.scrollHeight + 1")
    page.emulate_media(media="screen")
    page.set_viewport_size({"width": 400, "height": 800})
    page.evaluate("document.querySelectorAll('article details').forEach(e => e.open = true)")
    assert page.evaluate(NOT_SIDEWAYS)
    assert not [found for found in page.evaluate(SMALLEST) if found[0] < LEAST]


def test_icons_are_drawn_without_the_icon_font(browser, address):
    page, _ = open_page(browser, address, "index")
    icons = page.locator("i[class*='fa-'], span[class*='fa-']")
    assert icons.count() > 5
    for icon in icons.all():
        if icon.is_visible():
            assert "svg" in icon.evaluate("e => getComputedStyle(e).maskImage"), icon.get_attribute("class")
    page.context.close()


def test_a_word_of_the_glossary_leads_there(browser, address):
    page, _ = open_page(browser, address, "worst_cases")
    links = page.locator("article a.zsad-term")
    targets = [link.get_attribute("href") for link in links.all()]
    assert targets
    assert len(targets) == len(set(targets)), "once a page"
    links.first.click()
    assert page.locator(f"dt[id='{targets[0].partition('#')[2]}']").is_visible()
    page.context.close()


def test_the_papers_index_leads_to_figures(browser, address):
    page, _ = open_page(browser, address, "papers")
    targets = page.eval_on_selector_all("table a[href*='#']", "all => all.map(a => [a.href, a.textContent])")
    figures = [href for href, words in targets if words.startswith(("Figure ", "Table "))]
    assert len(figures) >= 12
    for target in figures:
        page.goto(target)
        assert page.locator(f"[id='{target.partition('#')[2]}']").count() == 1
    page.context.close()


def test_figures_fit_the_column_and_say_where_they_come_from(browser, address):
    page, _ = open_page(browser, address, "rotation")
    figures = page.locator("figure.zsad-figure")
    assert figures.count() >= 1
    for figure in figures.all():
        drawing, column = figure.locator("svg").bounding_box(), page.locator("article").bounding_box()
        assert drawing["width"] > 500
        assert drawing["x"] + drawing["width"] <= column["x"] + column["width"] + 1
        assert "records" in figure.locator(".zsad-origin").inner_text()
    page.context.close()


def test_the_index_of_figures_leads_to_them_and_tables_can_be_downloaded(browser, address):
    page, _ = open_page(browser, address, "figures")
    targets = page.eval_on_selector_all("table a", "all => all.map(a => a.href)")
    assert len(targets) >= len(PAGES) - 4  # every page but prose ones has at least one
    for target in targets:
        page.goto(target)
        assert page.locator(f"[id='{target.partition('#')[2]}']").count() == 1
    page.goto(f"{address}/rotation.html")
    words = {"CSV": page.locator("a.zsad-download[href$='/tab-rotation.csv']")}  # of a table that may be folded
    words |= {word: page.locator("a.zsad-download", has_text=word) for word in ("SVG", "PNG", "notebooks", "records")}
    had = {word: links.first for word, links in words.items()}
    had = {word: page.request.get(link.evaluate("a => a.href")).body() for word, link in had.items()}
    assert b"image AUROC mean" in had["CSV"].splitlines()[0]
    assert had["records"].startswith(b"study,suite,category")
    assert had["SVG"].startswith(b"<?xml")
    assert had["PNG"].startswith(b"\x89PNG")
    assert b'tags=["parameters"]' in had["notebooks"]
    page.context.close()


def test_one_key_unfolds_the_code_of_a_section_and_no_program_is_needed(browser, address):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{address}/rotation.html")
    cells, fold = page.locator("article .cell_input"), page.locator("details.zsad-code").first
    assert cells.count() > page.locator("details.zsad-code").count() > 1
    assert not any(cell.is_visible() for cell in cells.all())
    fold.locator("summary").focus()
    page.keyboard.press("Enter")
    inside = fold.locator(".cell_input")
    assert inside.count() > 1
    assert all(cell.is_visible() for cell in inside.all())
    assert sum(cell.is_visible() for cell in cells.all()) == inside.count()
    page.emulate_media(media="print")
    assert not any(cell.is_visible() for cell in cells.all())
    context.close()


def test_search_finds_a_page(browser, address):
    page, wrong = open_page(browser, address, "search")
    page.goto(f"{address}/search.html?q=saturation")
    page.locator("#search-results li a[href*='saturation']").first.wait_for(timeout=20_000)
    assert not wrong
    page.context.close()
