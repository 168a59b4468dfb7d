"""Secrets stay where they are, whatever goes wrong; and one id leads through the log."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from bot.settings import DatabaseSettings, Settings
from tests.integration.test_faults import signed
from tests.stack import ANA, INFERENCE, JSON, OMAR, ROOT, Stack, eventually

CANARY = "cAnArY"
"""Part of every secret, as it is and in no other word."""
SIGNING = f"{CANARY}-signing"
OTHERS = {
    "SLACK_CLIENT_ID": f"{CANARY}-id",
    "SLACK_CLIENT_SECRET": f"{CANARY}-client",
    "ENCRYPTION_KEY": f"{CANARY}-key-of-some-length",
    "BEAM_CALLBACK_KEY": f"{CANARY}-callback",
    "AWS_SECRET_ACCESS_KEY": f"{CANARY}-aws",
    "NETRC": f"/nowhere/{CANARY}",
}
PROXIES = {
    "HTTP_PROXY": f"http://user:{CANARY}-proxy@127.0.0.1:9",
    "HTTPS_PROXY": f"http://user:{CANARY}-proxy@127.0.0.1:9",
    "http_proxy": f"http://user:{CANARY}-proxy@127.0.0.1:9",
    "ALL_PROXY": f"socks5://user:{CANARY}-proxy@127.0.0.1:9",
}
TOKENS = {"SLACK_BOT_TOKEN": f"xoxb-{CANARY}-bot", "BEAM_TOKEN": f"{CANARY}-beam"}


@pytest.fixture(scope="module", params=["console", "json"])
def stack(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp(request.param)
    logs = {"LOG_LEVEL": "debug", "LOG_FORMAT": request.param}
    url = f"sqlite:///{folder / 'beambot.db'}?cached_statements=100&timeout=7"
    more = {"SLACK_SIGNING_SECRET": SIGNING, "DATABASE_URL": url}
    made = Stack(folder, http=True, settings={**TOKENS, **OTHERS, **logs, **more})
    yield made
    made.stop()


def test_no_secret_leaves_the_process_whatever_goes_wrong(stack: Stack) -> None:
    provoke(stack)
    log = stack.log_of("bot")
    assert "unexpected failure" in log
    assert "Traceback" in log
    assert "rejects the token" in log
    files = {path.name: path.read_bytes() for path in stack.folder.glob("beambot.db*")}
    assert sum(map(len, files.values())) > 100_000
    pages = {name: stack.client.get(f"{stack.bot}/{name}").text for name in ("metrics", "readyz")}
    control = [(stack.slack, "state"), (stack.slack, "log"), (stack.beam, "log")]
    shown = {
        f"{name} of {url}": stack.client.get(f"{url}/_control/{name}").text for url, name in control
    }
    line = Path(f"/proc/{stack.pid('bot')}/cmdline")
    leaks(
        {
            "log": log,
            **files,
            **pages,
            **shown,
            "command line": line.read_bytes() if line.exists() else b"",
        }
    )


def provoke(stack: Stack) -> None:
    """Have as much go wrong as one can from outside."""
    task = stack.task((0, "PENDING"), (0.5, "RUNNING"), (600, "COMPLETE"))
    for kind, times in {"500": 2, "malformed": 1, "accept_drop": 1, "429": 1}.items():
        stack.control("faults", method="chat.postMessage", kind=kind, times=times)
    stack.command(f"watch {task}")
    stack.see(task, "RUNNING", thread_ts=None)
    for kind in ("html", "junk", "drop", "redirect", "401"):
        fault = {"kind": kind, "path": "get"}
        stack.client.post(f"{stack.beam}/_control/faults", json=fault).raise_for_status()
        stack.command(f"status {task}", channel=INFERENCE)
        time.sleep(0.7)
        if kind == "401":
            stack.see(task, "rejects our token", thread_ts=None)
            stack.command(f"cancel {task}", user=OMAR)
        stack.client.delete(f"{stack.beam}/_control/faults").raise_for_status()
    # Signed, and not what Slack would send: what reads it fails.
    for body in (
        urlencode({"command": "/beam", "text": "help", "user_id": ANA, "team_id": "T"}).encode(),
        b"payload=" + quote(json.dumps({"type": "block_actions", "actions": []})).encode(),
        b"{" + SIGNING.encode(),
    ):
        headers = signed(body, int(time.time()), SIGNING)
        stack.client.post(stack.events, content=body, headers=headers)
    stack.client.post(
        stack.events, content=SIGNING, headers={"authorization": TOKENS["BEAM_TOKEN"]}
    )
    # A lost workspace token, which ends in an error that quotes Slack's answer.
    stack.control("token", valid=False)
    stack.say(f"<@U0BEAMBOT> status {task}")
    time.sleep(0.5)
    stack.control("token", valid=True)
    eventually(lambda: "unexpected failure" in stack.log_of("bot"), "a handler fails")


def test_commands_and_complaints_quote_no_secret(stack: Stack) -> None:
    if stack.environment["LOG_FORMAT"] == "json":
        # Settings that are wrong are said before there is a log.
        return
    said: dict[str, str | bytes] = {}
    file = stack.environment["DATABASE_URL"].removeprefix("sqlite:///").split("?")[0]
    changes: list[tuple[tuple[str, ...], dict[str, str]]] = [
        (("check",), {"BEAM_TOKEN": f"wrong-{CANARY}", "SLACK_BOT_TOKEN": f"xoxb-{CANARY}"}),
        (("check",), {"BEAM_API_URL": f"https://user:{CANARY}@example.com"}),
        (("migrate",), {"DATABASE_URL": f"sqlite:///{file}?password={CANARY}"}),
        (("migrate",), {"DATABASE_URL": f"sqlite:////nowhere/x.db?vfs={CANARY}&uri=true"}),
        (("migrate",), {"DATABASE_URL": f"sqlite:///{file}?timeout={CANARY}"}),
        (("migrate",), {"DATABASE_URL": f"postgresql://user:{CANARY}@127.0.0.1:1/beambot"}),
        (("backup", str(stack.folder / "copy.db")), {}),
        ((), {"SLACK_BOT_TOKEN": f"xoxb-{CANARY}-wrong", "PORT": "0"}),
        ((), {name: f" {CANARY} \x07 " for name in stack.environment if name in EVERY}),
    ]
    for arguments, changed in changes:
        done = subprocess.run(
            [sys.executable, "app.py", *arguments],
            cwd=ROOT,
            env=stack.environment | changed,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        name = f"{arguments} {list(changed)}"
        said[name] = output = done.stdout + done.stderr
        assert output, name
        assert "Traceback" not in output, f"{name}: {output[-800:]}"
    leaks(said)


def test_the_password_of_a_proxy_is_in_no_log(stack: Stack, tmp_path: Path) -> None:
    log = tmp_path / "bot.log"
    # A database of its own: a second copy would share the work of the first, and what it had
    # claimed when it ended would wait for its lease.
    database = f"sqlite:///{tmp_path / 'beambot.db'}"
    environment = stack.environment | PROXIES | {"PORT": "0", "DATABASE_URL": database}
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "app.py"], cwd=ROOT, env=environment, stdout=out, stderr=out
        )
        try:
            eventually(lambda: "Slack is not reachable" in log.read_text(), "no way to Slack")
            time.sleep(0.5)
        finally:
            process.terminate()
            process.wait(60)
    leaks({"log": log.read_text()})


EVERY = {
    "SLACK_BOT_TOKEN",
    "SLACK_SIGNING_SECRET",
    "BEAM_TOKEN",
    "BEAM_API_URL",
    "SLACK_API_URL",
    "DATABASE_URL",
    "PORT",
    "POLL_INTERVAL",
    "POLL_MAX_INTERVAL",
    "LOG_LEVEL",
    "LOG_FORMAT",
}


def test_settings_show_no_secret() -> None:
    environment = {
        **OTHERS,
        **TOKENS,
        "SLACK_APP_TOKEN": f"xapp-{CANARY}",
        "SLACK_SIGNING_SECRET": SIGNING,
        "DATABASE_URL": f"sqlite:///x.db?password={CANARY}",
    }
    settings = Settings.load(environment)
    only = DatabaseSettings.load(environment)
    leaks({"repr": repr(settings) + str(settings) + repr(only), "vars": repr(vars(settings))})


def test_one_id_leads_from_a_request_or_a_poll_to_the_message(stack: Stack) -> None:
    if stack.environment["LOG_FORMAT"] != "json":
        return
    task = stack.task((0, "PENDING"), (600, "COMPLETE"))
    stack.command(f"watch {task}", user=OMAR)
    card = stack.see(task, "PENDING", thread_ts=None)
    stack.become(task, "RUNNING")
    reply = stack.see(task, "RUNNING", thread_ts=card["ts"])

    def delivered(ts: str) -> JSON | None:
        found = [one for one in lines(stack) if one["message"] == "delivered" and one["ts"] == ts]
        return found[0] if found else None

    of_card = eventually(lambda: delivered(card["ts"]), "the card is in the log")
    of_reply = eventually(lambda: delivered(reply["ts"]), "the reply is in the log")
    requests = [one for one in lines(stack) if one["message"] == "request"]
    assert [one["via"] for one in requests if one["trace"] == of_card["trace"]] == ["command"]
    changed = [one for one in lines(stack) if one["message"] == "changed" and one["task"] == task]
    assert [one["trace"] for one in changed] == [of_reply["trace"]]
    assert of_card["trace"] != of_reply["trace"]


def lines(stack: Stack) -> list[dict[str, Any]]:
    """Return the log's lines; every one of them must be JSON."""
    return [json.loads(line) for line in stack.log_of("bot").splitlines()]


def leaks(places: dict[str, str | bytes]) -> None:
    """Fail if a secret is anywhere."""
    for name, content in places.items():
        raw = content if isinstance(content, bytes) else content.encode()
        at = raw.lower().find(CANARY.lower().encode())
        assert at < 0, f"{name}: …{raw[max(0, at - 200) : at + 100]!r}"
