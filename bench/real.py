"""The real bot as a process of its own, and what it uses of the machine."""

from __future__ import annotations

import hashlib
import hmac
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import Popen
from urllib.parse import urlencode

from bench.stage import Stage, cores, free_ports, program, wait_for

SECRET = "bench-signing-secret"
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Bot:
    """The bot, ready."""

    url: str
    process: Popen[bytes]
    ready_after: float
    """Seconds from the start of the process."""

    def cpu(self) -> float:
        """Return the seconds of processor time that it has used."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    def memory(self) -> float:
        """Return the megabytes that it holds."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        line = next(one for one in status.splitlines() if one.startswith("VmRSS"))
        return int(line.split()[1]) / 1024


@contextmanager
def bot(stage: Stage, **settings: str) -> Iterator[Bot]:
    """Run ``app.py`` over HTTP on a core of its own, against the simulated Beam and Slack."""
    (port,) = free_ports(1)
    environment = {
        "PATH": os.environ.get("PATH", ""),
        "SLACK_BOT_TOKEN": "xoxb-bench",
        "SLACK_SIGNING_SECRET": SECRET,
        "SLACK_API_URL": f"{stage.slack}/api/",
        "BEAM_TOKEN": "bench-token",
        "BEAM_API_URL": f"{stage.beam}/v2",
        "DATABASE_URL": f"sqlite:///{stage.folder / 'beambot.db'}",
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "LOG_LEVEL": "warning",
        **settings,
    }
    mine = (cores() or (None, None))[0]
    began = time.monotonic()
    with program(["app.py"], which=mine, environment=environment) as process:
        url = f"http://127.0.0.1:{port}"
        ready = wait_for(f"{url}/readyz", process)
        yield Bot(url, process, ready - began)


def signed(number: int, text: str, answer_url: str) -> tuple[bytes, dict[str, str]]:
    """Return the body and the headers of a slash command as Slack sends it."""
    body = urlencode(
        {
            "command": "/beam",
            "text": text,
            "team_id": "T1",
            "channel_id": "C1",
            "user_id": "U1",
            "trigger_id": f"{number}.{time.time_ns()}",
            "response_url": f"{answer_url}/answer/{number}",
        }
    ).encode()
    stamp = str(int(time.time()))
    mark = hmac.new(SECRET.encode(), f"v0:{stamp}:".encode() + body, hashlib.sha256).hexdigest()
    return body, {
        "Content-Type": "application/x-www-form-urlencoded",
        "X-Slack-Request-Timestamp": stamp,
        "X-Slack-Signature": f"v0={mark}",
    }
