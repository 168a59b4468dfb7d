"""Pictures of the gallery, one a builder, taken with Chromium."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import sync_playwright

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
WIDTH, HEIGHT = 1200, 900


def take(page: Path, into: Path) -> Iterator[Path]:
    """Take a picture of each builder's samples.

    Args:
        page: the gallery.
        into: the folder of the pictures.

    Raises:
        SystemExit: there is no browser.
    """
    found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if found is None:
        raise SystemExit("Pictures need Chromium: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        shown = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        shown.goto(page.as_uri())
        for sample in shown.locator(".sample").all():
            picture = into / f"{sample.get_attribute('id')}.png"
            sample.screenshot(path=picture)
            yield picture
        browser.close()
