"""Logging: shape, libraries' loggers, and that no secret gets through by any door."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
import structlog

from bot.log import HIDDEN, Redactor, configure, new_error_id

SECRET = "s3cret-beam-token"


@pytest.fixture(autouse=True)
def _restored_logging() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def start(fmt: Any = "json", level: str = "info") -> io.StringIO:
    out = io.StringIO()
    configure(level, fmt, out).hide(SECRET)
    return out


def test_json_lines_have_level_logger_message_and_utc_time() -> None:
    out = start()
    structlog.get_logger("bot.poll").info("checked", tasks=3)
    line = json.loads(out.getvalue())
    assert (line["level"], line["logger"], line["message"]) == ("info", "bot.poll", "checked")
    assert line["tasks"] == 3
    assert datetime.fromisoformat(line["timestamp"]).utcoffset() == timedelta(0)


@pytest.mark.parametrize("name", ["uvicorn.error", "slack_bolt.AsyncApp", "apscheduler", "aiohttp"])
def test_libraries_write_the_same_lines(name: str) -> None:
    logging.getLogger(name).addHandler(logging.StreamHandler(io.StringIO()))
    out = start()
    # An error: what the bot's parts say to Bolt while it is put together lifts its level to that.
    logging.getLogger(name).error("trouble with %s", "xoxb-1-abc")
    line = json.loads(out.getvalue())
    assert (line["logger"], line["message"]) == (name, f"trouble with {HIDDEN}")


def test_uvicorns_own_handlers_are_taken_away() -> None:
    aside = io.StringIO()
    logging.getLogger("uvicorn").addHandler(logging.StreamHandler(aside))
    start()
    logging.getLogger("uvicorn.error").error("xoxb-1-abc")
    assert aside.getvalue() == ""


def test_the_level_holds() -> None:
    out = start(level="warning")
    structlog.get_logger("x").info("no")
    logging.getLogger("y").info("no")
    assert out.getvalue() == ""


@pytest.mark.parametrize("fmt", ["json", "console"])
@pytest.mark.parametrize(
    "text",
    [
        SECRET,
        "xoxb-12-34-AbC",
        "xapp-1-A0-1-abc",
        "xoxe.xoxb-1-abc",
        "xoxe-1-abc",
        "Authorization: Bearer abc.def",
        "wss://host/link/?ticket=abcd-1234&app_id=1",
    ],
)
def test_no_secret_gets_out(fmt: str, text: str) -> None:
    out = start(fmt)
    log = structlog.get_logger("x")
    log.info(text)
    log.info("value", plain=text, deep={"list": [{"k": (text,)}], text: 1}, odd=ValueError(text))
    logging.getLogger("lib").warning("argument %s %r", text, {"k": text})
    try:
        raise RuntimeError(text) from ValueError(text)  # noqa: TRY301  # to have a traceback
    except RuntimeError:
        log.exception("failed")
        logging.getLogger("lib").exception("failed")
    written = out.getvalue()
    for part in (SECRET, "AbC", "A0-1", "1-abc", "abc.def", "abcd-1234"):
        assert part not in written
    assert HIDDEN in written
    assert "RuntimeError" in written


def test_secrets_with_quotes_are_hidden_in_json_too() -> None:
    out = io.StringIO()
    configure("info", "json", out).hide('pass"word\\1')
    structlog.get_logger("x").info("m", value=['pass"word\\1'], odd=ValueError('pass"word\\1'))
    assert "word" not in out.getvalue()


def test_ordinary_text_stays() -> None:
    redactor = Redactor()
    redactor.hide("")
    redactor.hide("abc")
    assert redactor.clean("the bearer of abc news, task_id=07ce4078") == (
        "the bearer [hidden] abc news, task_id=07ce4078"
    )


def test_error_ids_are_short_unambiguous_and_differ() -> None:
    ids = {new_error_id() for _ in range(200)}
    assert len(ids) == 200
    assert all(len(id_) == 8 and not set(id_) & set("01OILoil") for id_ in ids)
