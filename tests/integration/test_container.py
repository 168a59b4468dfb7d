"""The container as far as it can be tried without one: its files alone, started its way."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.launcher import clean_environment
from tests.containerfile import (
    build,
    copies,
    environment,
    health_check,
    instructions,
    is_sent,
    only,
)
from tests.stack import ROOT, Stack, free_ports
from tests.torture import TORTURE

DATA = "/var/lib/beambot"


def installed(folder: Path) -> Path:
    """Make the virtual environment as the container's build does; return its Python."""
    (made,) = (line for line in instructions("RUN") if "venv" in line and "install" in line)
    make, install = (shlex.split(part) for part in made.split("&&"))
    assert (make[0], install[0]) == ("python", "pip")
    for command in (make, ["python", "-m", *install]):
        here = [word.replace("/venv", f"{folder}/venv") for word in command]
        here = [word.replace("/requirements.txt", f"{folder}/requirements.txt") for word in here]
        subprocess.run([sys.executable, *here[1:]], check=True, stdout=subprocess.DEVNULL)
    return folder / "venv/bin/python"


def contents(folder: Path) -> dict[Path, float]:
    """Return every file below a folder, with the time of its last change."""
    return {path: path.stat().st_mtime for path in folder.rglob("*")}


class Image:
    """What the build makes, in a folder, and the bot that runs in it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.data = folder / "image", folder / "data"
        self.data.mkdir()
        self.program = build(self.folder)
        # What else a release needs is tried when there is time: it takes a download.
        self.python = installed(self.folder) if TORTURE else Path(sys.executable)
        subprocess.run([self.python, "-m", "compileall", "-q", self.program], check=True)
        self.before = contents(self.folder)
        start = [str(self.python), str(self.program / "app.py")]
        self.stack = Stack(
            folder,
            http=False,
            settings={name: value.replace(DATA, str(self.data)) for name, value in ENV.items()},
            program=["-c", f"import os; os.execv({start[0]!r}, {start!r})"],
        )


ENV = environment()


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Image]:
    made = Image(tmp_path_factory.mktemp("container"))
    yield made
    made.stack.stop()


def test_the_files_that_are_copied_are_all_that_the_bot_needs(image: Image) -> None:
    task = image.stack.task()
    image.stack.command(f"watch {task}")
    image.stack.see(task, "RUNNING", thread_ts=None)


def test_only_the_volume_is_written(image: Image) -> None:
    image.stack.command("stats")
    assert contents(image.folder) == image.before
    assert {path.name for path in image.data.iterdir()} >= {"beambot.db"}
    assert {name for name, value in ENV.items() if DATA in value} == {
        "DATABASE_URL",
        "HOME",
        "TMPDIR",
    }
    assert only("VOLUME") == DATA


def test_the_health_check_sees_whether_the_bot_lives(image: Image) -> None:
    python, *arguments = health_check()
    assert python == "/venv/bin/python"
    (nobody,) = free_ports(1)
    # A proxy that is set for the way out must not be asked about the way in.
    proxy = {"http_proxy": f"http://127.0.0.1:{nobody}"}
    for port, lives in ((image.stack.environment["PORT"], True), (str(nobody), False)):
        done = subprocess.run(
            [str(image.python), *arguments],
            env={**clean_environment(os.environ), **proxy, "PORT": port},
            capture_output=True,
            timeout=20,
            check=False,
        )
        assert (done.returncode == 0) is lives, done.stderr


def test_its_signal_stops_it_cleanly_within_ten_seconds(image: Image) -> None:
    code, seconds = image.stack.stop_bot(signal.Signals[only("STOPSIGNAL")])
    assert code == 0
    assert seconds < 10
    image.stack.start_bot()


def test_it_runs_as_nobody_who_owns_its_program_and_gets_signals_itself() -> None:
    user = only("USER")
    assert user.split(":")[0].isdecimal()
    assert user.split(":")[0] != "0"
    assert only("ENTRYPOINT") == '["/venv/bin/python", "app.py"]'
    uid, gid = user.split(":")
    assert f"install -d -o {uid} -g {gid} -m 0700 {DATA}" in instructions("RUN")


def test_what_is_installed_is_what_is_locked_and_nothing_for_development() -> None:
    (install,) = (line for line in instructions("RUN") if " install " in line and "pip" in line)
    assert "--require-hashes" in install
    assert install.endswith("-r /requirements.txt")
    assert ("requirements.txt", "/") in copies()
    assert [source for source, _ in copies() if "requirements" in source] == ["requirements.txt"]


def test_a_build_sees_no_secret_no_history_and_no_database() -> None:
    files = [path for source, _ in copies() for path in (ROOT / source).rglob("*.py")]
    assert len(files) > 50
    assert [path for path in files if not is_sent(path.relative_to(ROOT).as_posix())] == []
    for name in (
        ".env",
        ".git/config",
        ".venv/bin/python",
        "beambot.db",
        "bot/.env",
        "bot/__pycache__/web.cpython-311.pyc",
        "deploy/.env",
        "deploy/beambot.env",
        "demo/launcher.py",
        "storage/test.db-wal",
        "tests/conftest.py",
    ):
        assert not is_sent(name), name
