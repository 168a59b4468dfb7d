"""What happens when Beam, Slack or the bot itself fails."""

from __future__ import annotations

import hashlib
import hmac
import re
import signal
import subprocess
import sys
import time

import httpx
import pytest

from app import FAILED, MISCONFIGURED
from tests.stack import ANA, INFERENCE, ROOT, SECRET, Stack, eventually


def beam_fault(stack: Stack, kind: str) -> None:
    stack.client.post(f"{stack.beam}/_control/faults", json={"kind": kind}).raise_for_status()


def heal_beam(stack: Stack) -> None:
    stack.client.delete(f"{stack.beam}/_control/faults").raise_for_status()


@pytest.mark.parametrize("kind", ["500", "401", "429", "html", "junk", "drop"])
def test_a_beam_that_fails_never_makes_up_a_status(socket_stack: Stack, kind: str) -> None:
    stack = socket_stack
    task = stack.task()
    stack.command(f"watch {task}", channel=INFERENCE)
    card = stack.see(task, "RUNNING", channel=INFERENCE, thread_ts=None)
    beam_fault(stack, kind)
    try:
        note = "rejects our token" if kind == "401" else "has not answered"
        old = stack.see(task, note, channel=INFERENCE, ts=card["ts"])
        assert "RUNNING" in old["text"]
    finally:
        heal_beam(stack)

    def fresh() -> bool:
        now = stack.find(task, channel=INFERENCE, ts=card["ts"])
        return bool(now) and note not in str(now[0]["blocks"])

    eventually(fresh, "the card is fresh again")
    assert len(stack.find(task, channel=INFERENCE)) == 1 + len(
        stack.find(task, channel=INFERENCE, thread_ts=card["ts"])
    )
    stack.command(f"unwatch {task}", channel=INFERENCE)


def test_a_killed_bot_forgets_nothing(socket_stack: Stack) -> None:
    stack = socket_stack
    task = stack.task((0, "RUNNING"), (600, "COMPLETE"))
    stack.command(f"watch {task}")
    card = stack.see(task, "RUNNING", thread_ts=None)
    stack.stop_bot(signal.SIGKILL)
    stack.become(task, "FAILED")
    stack.start_bot()
    end = stack.see(task, "FAILED", thread_ts=card["ts"], broadcast=True)
    assert f"<@{ANA}>" in end["text"]
    assert len(stack.find(task, "FAILED", broadcast=True)) == 1


def test_sigterm_is_a_clean_stop_within_ten_seconds(socket_stack: Stack) -> None:
    code, seconds = socket_stack.stop_bot()
    socket_stack.start_bot()
    assert code == 0
    assert seconds < 10


def test_a_lost_socket_is_opened_again(socket_stack: Stack) -> None:
    socket_stack.control("disconnect")
    task = socket_stack.task()

    def taken() -> bool:
        asked = {"user": ANA, "channel": INFERENCE, "text": f"status {task}"}
        return bool(socket_stack.control("command", **asked)["status"] == 200)

    eventually(taken)
    socket_stack.see(task, channel=INFERENCE, ephemeral_to=ANA)


def signed(body: bytes, when: int, secret: str = SECRET) -> dict[str, str]:
    base = b"v0:%d:%s" % (when, body)
    digest = hmac.new(secret.encode(), base, hashlib.sha256).hexdigest()
    return {
        "content-type": "application/x-www-form-urlencoded",
        "x-slack-request-timestamp": str(when),
        "x-slack-signature": f"v0={digest}",
    }


def test_only_what_slack_signed_just_now_gets_in_and_only_once(stack: Stack) -> None:
    if "SLACK_SIGNING_SECRET" not in stack.environment:
        assert httpx.post(stack.events).status_code == 404
        return
    body, now = b"ssl_check=1&token=x", int(time.time())

    def send(headers: dict[str, str], content: bytes = body) -> int:
        return httpx.post(stack.events, content=content, headers=headers).status_code

    good = signed(body, now)
    assert send(good) == 200
    assert send(good) == 401
    assert send({}) == 401
    assert send(signed(body, now, "wrong")) == 401
    assert send(signed(body, now - 301)) == 401
    # Well ahead: the test itself takes time, and time brings the moment nearer.
    assert send(signed(body, now + 400)) == 401
    assert send({**signed(body, now), "x-slack-request-timestamp": "abc"}) == 401
    assert send(signed(b"{", now) | {"content-type": "application/json"}, b"{") == 400
    assert send(signed(b"payload=%7B", now), b"payload=%7B") == 400
    assert send({}, b"x" * 1_000_001) == 413


def test_health_readiness_and_metrics(stack: Stack) -> None:
    assert stack.client.get(f"{stack.bot}/healthz").status_code == 200
    assert stack.client.get(f"{stack.bot}/readyz").json()["ready"] is True
    metrics = stack.client.get(f"{stack.bot}/metrics").text
    assert "beambot_polls_total" in metrics


def test_no_secret_and_no_traceback_is_in_the_log(stack: Stack) -> None:
    log = stack.log_of("bot")
    for name in ("SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "SLACK_SIGNING_SECRET", "BEAM_TOKEN"):
        if name in stack.environment:
            assert stack.environment[name] not in log
    assert "Traceback" not in log


def run_app(stack: Stack, *arguments: str, **changed: str) -> subprocess.CompletedProcess[str]:
    environment = stack.environment | changed
    return subprocess.run(
        [sys.executable, str(ROOT / "app.py"), *arguments],
        env={name: value for name, value in environment.items() if value},
        cwd=stack.folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_check_says_what_holds_and_what_to_do(stack: Stack) -> None:
    good = run_app(stack, "check")
    assert (good.returncode, good.stdout.count("FAIL")) == (0, 0), good
    bad = run_app(stack, "check", BEAM_TOKEN="wrong-token", SLACK_BOT_TOKEN="xoxb-wrong")
    assert bad.returncode == 1
    assert "FAIL  Beam: rejects the token" in bad.stdout
    assert "FAIL  Slack bot token: rejected (invalid_auth)" in bad.stdout
    assert "wrong-token" not in bad.stdout + bad.stderr


def test_migrate_and_bad_settings(stack: Stack) -> None:
    done = run_app(stack, "migrate", DATABASE_URL=f"sqlite:///{stack.folder / 'other.db'}")
    assert re.search(r"empty -> \d{4}\.$", done.stdout)
    bad = run_app(stack, POLL_INTERVAL="often", BEAM_TOKEN="")
    assert bad.returncode == MISCONFIGURED
    assert [line.split()[0] for line in bad.stderr.splitlines()] == ["BEAM_TOKEN", "POLL_INTERVAL"]
    taken = run_app(stack)
    assert taken.returncode == FAILED
    assert "cannot listen on" in taken.stderr
    rejected = run_app(stack, SLACK_BOT_TOKEN="xoxb-wrong", PORT="0")
    assert rejected.returncode == MISCONFIGURED
    assert "SLACK_BOT_TOKEN is rejected by Slack (invalid_auth)" in rejected.stderr
