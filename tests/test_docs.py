"""What the documentation says of the code holds."""

from __future__ import annotations

import re
from pathlib import Path

from bot.slack.manifest import SCOPES

ROOT = Path(__file__).parent.parent


def section(file: str, title: str) -> str:
    """Return what stands under a heading of a document, up to the next of its rank."""
    rank = title.split(" ")[0]
    text = (ROOT / file).read_text()
    assert f"\n{title}\n" in text
    return re.split(rf"^#{{1,{len(rank)}}} ", text.split(f"\n{title}\n")[1], flags=re.MULTILINE)[0]


def first_cells(text: str) -> list[str]:
    """Return what is code in the first column of a table."""
    cells = re.findall(r"^\| (`[^|]*) \|", text, re.MULTILINE)
    return [name for cell in cells for name in re.findall(r"`([^`]+)`", cell)]


def test_the_scopes_explained_are_those_that_the_manifest_asks_for() -> None:
    assert first_cells(section("docs/operating.md", "## Scopes")) == list(SCOPES)


def test_the_tests_that_prove_a_promise_exist() -> None:
    text = (ROOT / "docs/reliability.md").read_text()
    rows = re.findall(r"^\| (\d+) \|.*$", text, re.MULTILINE)
    assert rows == [str(number) for number in range(1, 12)]
    for row in re.findall(r"^\| \d+ \|.*$", text, re.MULTILINE):
        assert re.search(r"`tests/[\w/]+\.py`|\| none yet \|$", row), row
    for path in re.findall(r"`(tests/[^`]+)`", text):
        assert (ROOT / path).exists(), path


def test_pages_and_pictures_that_the_documentation_links_to_exist() -> None:
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    links = [
        (page, link)
        for page in pages
        for link in re.findall(r"\]\((?!\w+:|#)([^)#\s]+)", page.read_text())
    ]
    assert (ROOT / "docs" / "tour.md", "images/watch.png") in links
    assert [link for page, link in links if not (page.parent / link).exists()] == []
