"""A simulated Slack for benches: takes every message at once and notes when it came."""

from __future__ import annotations

import itertools
import json
import time
from urllib.parse import parse_qs

from bench.http1 import encode, parse_port, serve

USER = {
    "id": "U1",
    "name": "ana",
    "is_admin": True,
    "is_restricted": False,
    "is_ultra_restricted": False,
    "team_id": "T1",
}


class Messages:
    """Answers the methods that the bot calls."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self._posts: list[dict[str, object]] = []
        self._answers = 0

    def answer(self, _method: str, path: str, body: bytes) -> tuple[int, bytes]:
        """Answer a call of a Web API method, a ``response_url``, or the bench's own control."""
        name = path.split("?")[0].rsplit("/", 1)[-1]
        if path.startswith("/_control/"):
            return 200, encode({"posts": self._posts, "answers": self._answers})
        if path.startswith("/answer/"):
            self._answers += 1
            return 200, b"{}"
        if name == "chat.postMessage":
            given = _fields(body)
            self._posts.append({"at": time.monotonic(), "thread": str(given.get("thread_ts"))})
        said: dict[str, object] = {"ok": True}
        match name:
            case "auth.test":
                said |= {"team_id": "T1", "team": "Bench", "url": "https://bench.slack.com/"}
                said |= {"bot_id": "B1", "user_id": "UBOT", "user": "beambot"}
            case "chat.postMessage" | "chat.update":
                said |= {"ts": f"1700000000.{next(self._numbers):06d}", "channel": "C1"}
            case "users.info":
                said |= {"user": USER}
            case "conversations.open":
                said |= {"channel": {"id": "D1"}}
        return 200, encode(said)


def _fields(body: bytes) -> dict[str, object]:
    if body[:1] == b"{":
        given: dict[str, object] = json.loads(body)
        return given
    return {name: values[0] for name, values in parse_qs(body.decode()).items()}


if __name__ == "__main__":
    serve(Messages().answer, parse_port(__doc__))
