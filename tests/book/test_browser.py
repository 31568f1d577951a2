"""The built book in a real browser: what a reader meets on every page, in light and dark, without a network."""

import functools
import http.server
import threading
from pathlib import Path

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


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


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


def open_page(browser: Browser, address: str, name: str, scheme: str = "light") -> tuple[Page, list[str]]:
    """A page read to its end, and everything that went wrong: console messages, failed and foreign requests."""
    context = browser.new_context(color_scheme=scheme, viewport={"width": 1280, "height": 900})
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
    page.goto(f"{address}/{name}.html", wait_until="load")
    page.evaluate("async () => { for (let y = 0; y < document.body.scrollHeight; y += 800) "
                  "{ scrollTo(0, y); await new Promise(r => setTimeout(r, 20)); } }")  # fmt: skip
    page.wait_for_load_state("networkidle")
    return page, wrong


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_every_page_reads_well_without_a_network(browser, address, name, scheme):
    page, wrong = open_page(browser, address, name, scheme)
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
    words = {"CSV": page.get_by_role("link", name="CSV", exact=True)}
    words |= {word: page.locator("a.zsad-download", has_text=word) for word in ("SVG", "PNG", "notebooks", "records")}
    had = {word: links.first for word, links in words.items()}
    had = {word: page.request.get(link.evaluate("a => a.href")).body() for word, link in had.items()}
    assert b"pAUROC mean" in had["CSV"].splitlines()[0]
    assert had["records"].startswith(b"study,suite,category")
    assert had["SVG"].startswith(b"<?xml")
    assert had["PNG"].startswith(b"\x89PNG")
    assert b'tags=["parameters"]' in had["notebooks"]
    page.context.close()


def test_search_finds_a_page(browser, address):
    page, wrong = open_page(browser, address, "search")
    page.goto(f"{address}/search.html?q=saturation")
    page.locator("#search-results li a[href*='saturation']").first.wait_for(timeout=20_000)
    assert not wrong
    page.context.close()


def test_a_page_of_a_phone_does_not_scroll_sideways(browser, address):
    context = browser.new_context(viewport={"width": 390, "height": 800})
    page = context.new_page()
    page.goto(f"{address}/rotation.html")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth + 1")
    context.close()
