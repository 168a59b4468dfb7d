"""`python -m demo.gallery`: writes the gallery (`--pictures`: also as pictures) or the words."""

from __future__ import annotations

import argparse
from pathlib import Path

from demo.gallery.page import gallery

ROOT = Path(__file__).parent.parent.parent
WORDS = ROOT / "docs" / "words.md"


def main() -> None:
    """Write what the command line asks for, and print where it is."""
    asked = argparse.ArgumentParser(prog="python -m demo.gallery", description=__doc__)
    asked.add_argument("--into", type=Path, default=ROOT / ".gallery", help="folder of the page")
    asked.add_argument("--pictures", action="store_true", help="also take pictures, with Chromium")
    asked.add_argument("--words", action="store_true", help="write docs/words.md instead")
    given = asked.parse_args()
    if given.words:
        from demo.gallery.words import words_page

        WORDS.write_text(words_page())
        print(WORDS)
        return
    given.into.mkdir(parents=True, exist_ok=True)
    page = given.into / "index.html"
    page.write_text(gallery())
    print(page)
    if given.pictures:
        from demo.gallery.pictures import take

        for picture in take(page, given.into):
            print(picture)


if __name__ == "__main__":
    main()
