"""A real browser: Debian's Chromium, headless, driven by Playwright."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Page, sync_playwright

SCREENSHOTS = "STYLEDROP_SCREENSHOTS"
"""Names a folder, if screenshots are wanted."""


@contextmanager
def open_page(width: int = 1280, height: int = 860) -> Iterator[Page]:
    """A page of a fresh browser. While it is open an event loop runs: no calls into Prefect that could be async."""
    executable = shutil.which("chromium")
    if executable is None:
        pytest.skip("no Chromium on this machine; on Debian: apt-get install --yes --no-install-recommends chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=executable,
            args=[
                "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
                "--disable-component-update", "--disable-sync",
                "--disable-3d-apis",  # or Prefect draws a run's graph in software, and all cores are busy
            ],
        )  # fmt: skip
        page = browser.new_page(viewport={"width": width, "height": height})
        page.set_default_timeout(180_000)  # the machine may be busy
        yield page
        browser.close()


def screenshot(page: Page, name: str) -> None:
    """Keep what is to be seen, if somebody asked for it."""
    if SCREENSHOTS in os.environ:
        page.screenshot(path=Path(os.environ[SCREENSHOTS]) / f"{name}.png")
