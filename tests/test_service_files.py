"""What starts the bot on a machine or a platform: each file fits the program and the others."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.engine import make_url

from app import MISCONFIGURED, STOP_JOBS, STOP_POLLS, STOP_REQUESTS, STOP_SENDING
from bot.settings import DatabaseSettings, Settings, SettingsError
from storage.database import CONNECTIONS
from tests.databases import new_postgresql
from tests.processes import command
from tests.stack import ROOT

DEPLOY = ROOT / "deploy"
UNITS = ("beambot.service", "beambot@.service")
STATE = "/var/lib/beambot"
OFFLINE_SINCE = 250
"""The version of systemd that learned to judge a unit that is not loaded."""
# A development requirement without types of its own.
yaml: Any = pytest.importorskip("yaml")


def processes(path: Path) -> dict[str, str]:
    """Return the commands of a Procfile, read as the tools that run it do."""
    return dict(re.findall(r"^([A-Za-z0-9_-]+):\s*(.+)$", path.read_text(), re.MULTILINE))


def unit(name: str) -> dict[str, list[str]]:
    """Return the values of each key of a unit, in their order."""
    found: dict[str, list[str]] = {}
    for key, value in re.findall(r"^(\w+)=(.*)$", (DEPLOY / name).read_text(), re.MULTILINE):
        found.setdefault(key, []).append(value)
    return found


def version_of(systemd: str) -> int:
    """Return systemd's version."""
    said = subprocess.run([systemd, "--version"], capture_output=True, text=True, check=True)
    return int(said.stdout.split()[1])


def variables() -> dict[str, str]:
    """Return what the example of an environment file sets."""
    text = (DEPLOY / "beambot.env.example").read_text()
    return dict(re.findall(r"^([A-Z_]+)=(.*)$", text, re.MULTILINE))


def test_many_dynos_run_what_one_does_after_one_migration() -> None:
    one, many = processes(ROOT / "Procfile"), processes(DEPLOY / "Procfile.many")
    assert one == {"web": "python app.py"}
    assert many.pop("release") == "python app.py migrate"
    assert set(many) == {"web", "worker"}
    assert set(many.values()) == {one["web"]}


def test_a_platforms_database_url_is_taken_as_it_is(postgresql_server: str) -> None:
    url = new_postgresql(postgresql_server).replace("postgresql:", "postgres:", 1)
    release = processes(DEPLOY / "Procfile.many")["release"].split()
    done = command({"DATABASE_URL": url}, *release[2:])
    assert done.returncode == 0, done.stderr
    assert "empty ->" in done.stdout


@pytest.mark.parametrize("name", UNITS)
def test_a_unit_starts_the_bot_where_it_is_said_to_be_installed(name: str) -> None:
    (start,), (folder,) = unit(name)["ExecStart"], unit(name)["WorkingDirectory"]
    said = (ROOT / "docs/operating.md").read_text()
    python, script = start.split()[-2:]
    assert (ROOT / script).is_file()
    assert python == f"{folder}/.venv/bin/python"
    assert re.search(rf"^git clone \S+ {folder}$", said, re.MULTILINE)
    assert f"python3 -m venv {folder}/.venv\n" in said
    assert unit(name)["EnvironmentFile"] == ["/etc/beambot.env"]
    assert "install -m 0600" in said
    assert "deploy/beambot.env.example /etc/beambot.env" in said
    assert f"deploy/{name}" in said


@pytest.mark.parametrize("name", UNITS)
def test_a_unit_gives_the_bot_the_time_to_stop(name: str) -> None:
    assert STOP_JOBS + STOP_REQUESTS + STOP_POLLS + STOP_SENDING < 10
    assert float(unit(name)["TimeoutStopSec"][0]) > 10


@pytest.mark.parametrize("name", UNITS)
def test_only_what_a_start_may_cure_is_started_again(name: str) -> None:
    assert unit(name)["Restart"] == ["always"]
    assert unit(name)["StartLimitIntervalSec"] == ["0"]
    assert float(unit(name)["RestartSec"][0]) >= 1
    assert unit(name)["RestartPreventExitStatus"] == [str(MISCONFIGURED)]


def test_copies_on_one_machine_differ_by_their_port_alone() -> None:
    one, many = map(unit, UNITS)
    for key in ("Description", "ExecStart"):
        assert one.pop(key) != many[key]
    assert many.pop("Description") == ["Beambot on port %i"]
    # Not a variable of the unit: one in the file of variables would be the stronger.
    assert many.pop("ExecStart") == ["/usr/bin/env PORT=%i " + unit(UNITS[0])["ExecStart"][0]]
    assert one == many


@pytest.mark.parametrize("name", UNITS)
def test_systemd_knows_every_word_of_a_unit_and_finds_it_well_caged(
    name: str, tmp_path: Path
) -> None:
    systemd = shutil.which("systemd-analyze")
    if systemd is None or version_of(systemd) < OFFLINE_SINCE:
        pytest.skip("no systemd here that judges a unit by its file")
    file = tmp_path / name.replace("@", "@3001")
    text = (DEPLOY / name).read_text().replace("/opt/beambot/.venv/bin/python", "/bin/true")
    file.write_text(text)
    known = subprocess.run(
        [systemd, "verify", str(file)], capture_output=True, text=True, check=False
    )
    assert (known.returncode, known.stderr) == (0, "")
    caged = subprocess.run(
        [systemd, "security", "--offline=true", "--threshold=20", str(file)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert caged.returncode == 0, caged.stdout[-500:] + caged.stderr


def test_the_example_of_variables_needs_tokens_and_nothing_else() -> None:
    with pytest.raises(SettingsError) as wrong:
        Settings.load(variables())
    names = [line.split()[0] for line in wrong.value.lines]
    assert names == ["SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "BEAM_TOKEN"]
    tokens = dict(zip(names, ("xoxb-1", "xapp-1", "beam"), strict=True))
    settings = Settings.load(variables() | tokens)
    assert settings.database_file == Path(STATE) / "beambot.db"
    assert [Path(STATE).name] == unit(UNITS[0])["StateDirectory"]
    text = (DEPLOY / "beambot.env.example").read_text()
    offered = {name.lower() for name in re.findall(r"^#?([A-Z_]+)=", text, re.MULTILINE)}
    assert offered <= set(Settings.model_fields)


def test_the_copies_of_compose_find_their_database_and_have_the_time_to_stop() -> None:
    services = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]
    bot, database = services["beambot"], services["database"]
    assert (DEPLOY / bot["build"]["context"] / bot["build"]["dockerfile"]).is_file()
    assert (DEPLOY / f"{bot['env_file']}.example").is_file()
    settings = DatabaseSettings.load(bot["environment"])
    url, owner = make_url(settings.database_url.get_secret_value()), database["environment"]
    assert (url.host, url.username) == ("database", owner["POSTGRES_USER"])
    assert url.database == owner["POSTGRES_USER"], "what the image makes if no name is given"
    assert url.password == "${POSTGRES_PASSWORD}"
    assert owner["POSTGRES_PASSWORD"].startswith("${POSTGRES_PASSWORD:?")
    assert bot["depends_on"] == {"database": {"condition": "service_healthy"}}
    assert int(bot["stop_grace_period"].removesuffix("s")) > 10
    assert bot["deploy"]["replicas"] > 1
    assert "ports" not in bot, "Socket Mode needs none, and copies would fight for it"


def test_a_database_server_is_told_how_many_connections_to_allow() -> None:
    said = (ROOT / "docs/operating.md").read_text()
    assert f"up to {CONNECTIONS} connections" in said


def test_every_file_for_deploying_is_named_where_it_is_explained() -> None:
    said = (ROOT / "docs/operating.md").read_text()
    # What somebody made from the examples is theirs.
    for path in {*DEPLOY.iterdir()} - {DEPLOY / ".env", DEPLOY / "beambot.env"}:
        assert f"deploy/{path.name}" in said, path.name
