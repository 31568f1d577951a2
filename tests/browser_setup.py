"""Finds a Chromium or Chrome that starts, or installs one: `python tests/browser_setup.py`."""

import os
import shutil
import subprocess
import sys

from playwright.sync_api import Error, sync_playwright

NAMES = ("chromium", "google-chrome", "google-chrome-stable", "chrome", "chromium-browser")
OPTIONS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]


def starts(executable: str | None) -> bool:
    """Whether a browser opens a page; None is playwright's own. (On Ubuntu, chromium may be a snap that cannot.)"""
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=executable, args=OPTIONS, timeout=60_000)
            works = browser.new_page().evaluate("1 + 1") == 2
            browser.close()
    except Error:
        return False
    return works


def find_browser() -> tuple[bool, str | None]:
    """Whether there is a browser, and its path (None for playwright's own). An installed one comes first."""
    for executable in (*filter(None, map(shutil.which, NAMES)), None):
        if starts(executable):
            return True, executable
    return False, None


def install_browser() -> None:
    """Playwright's own; where that cannot be had or lacks libraries, as root on Debian the package."""
    steps = [[sys.executable, "-m", "playwright", "install", "chromium"]]
    if os.geteuid() == 0 and shutil.which("apt-get"):
        steps += [["apt-get", "update"], ["apt-get", "install", "-y", "--no-install-recommends", "chromium"]]
    for step in steps:
        print("browser:", " ".join(step), flush=True)
        try:
            subprocess.run(step, check=False, timeout=300)
        except subprocess.TimeoutExpired:
            print("browser: gave up after 300 s", flush=True)
        if step[-1] == "chromium" and find_browser()[0]:
            return


def main() -> int:
    if not find_browser()[0]:
        install_browser()
    found, executable = find_browser()
    if not found:
        print("browser: none starts; install Chromium or Chrome (Debian: apt install chromium).", file=sys.stderr)
        return 1
    print("browser:", executable or "playwright's own Chromium")
    return 0


if __name__ == "__main__":
    sys.exit(main())
