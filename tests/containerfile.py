"""deploy/Containerfile and .dockerignore, read as far as they are used here."""

from __future__ import annotations

import json
import re
import shlex
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from tests.stack import ROOT

CONTAINERFILE = ROOT / "deploy/Containerfile"


def instructions(name: str) -> list[str]:
    """Return what is said in each instruction of that name, on one line."""
    text = re.sub(r"^#.*\n", "", CONTAINERFILE.read_text(), flags=re.MULTILINE)
    lines = text.replace("\\\n", " ").splitlines()
    return [line.split(maxsplit=1)[1] for line in lines if line.startswith(f"{name} ")]


def only(name: str) -> str:
    """Return what is said in the one instruction of that name."""
    (said,) = instructions(name)
    return said


def copies() -> list[tuple[str, str]]:
    """Return source and target of everything that is copied from this repository."""
    said = [shlex.split(line) for line in instructions("COPY") if "--from=" not in line]
    return [(source, target) for *sources, target in said for source in sources]


def environment() -> dict[str, str]:
    """Return the variables that are set for the bot."""
    return dict(part.split("=", 1) for part in shlex.split(only("ENV")))


def health_check() -> list[str]:
    """Return the command that tells whether the bot lives."""
    command: list[str] = json.loads(only("HEALTHCHECK").split(" CMD ", 1)[1])
    return command


def is_sent(path: str) -> bool:
    """Tell whether .dockerignore lets a build see a file: the last pattern that fits decides."""
    sent = True
    places = [str(PurePosixPath(path)), *map(str, PurePosixPath(path).parents)]
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        if not line or line.startswith("#"):
            continue
        pattern = line.removeprefix("!")
        # Without "**/" a pattern begins at the top; what fits a folder fits all that is in it.
        anywhere = pattern.startswith("**/")
        last = pattern.removeprefix("**/")
        if any(
            fnmatchcase(place.rsplit("/", 1)[-1] if anywhere else place, last)
            for place in places
            if anywhere or place.count("/") == last.count("/")
        ):
            sent = line.startswith("!")
    return sent


def build(folder: Path) -> Path:
    """Put into ``folder`` what the build copies from this repository, and nothing else.

    Returns:
        the folder in it in which the bot is started.
    """
    for source, target in copies():
        here = ROOT / source
        for file in [here] if here.is_file() else sorted(here.rglob("*")):
            name = file.relative_to(ROOT).as_posix()
            if not file.is_file() or not is_sent(name):
                continue
            inside = file.name if here.is_file() else file.relative_to(here).as_posix()
            there = Path(f"{folder}{target}") / inside
            there.parent.mkdir(parents=True, exist_ok=True)
            there.write_bytes(file.read_bytes())
    return Path(f"{folder}{only('WORKDIR')}")
