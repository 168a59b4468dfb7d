"""Logging: one line an event, in UTC, as JSON or for people, and never a secret."""

from __future__ import annotations

import json
import logging
import re
import secrets
import sys
from collections.abc import Mapping
from typing import Any, Literal, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

HIDDEN = "[hidden]"
# No 0/O, 1/I/L: an id is read out of a screenshot and typed into a search.
_ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
_DEPTH_MAX = 6
# Slack's token prefixes (https://docs.slack.dev/authentication/tokens), bearer headers, and the
# ticket in the address of a Socket Mode connection.
_TOKENS = re.compile(
    r"(?P<none>)(?:xox[a-z](?:\.xox[a-z])?|xapp)-[\w.%-]+"
    r"|(?P<bearer>\bBearer\s+)[^\s\"',;<>]+"
    r"|(?P<ticket>\bticket=)[^\s&\"']+"
    # The code of an installation, which the SDK writes at debug level before it exchanges it.
    r"|(?P<code>['\"]code['\"]: ['\"])[^'\"]+"
    # A user and a password in the address of a proxy or of a database.
    r"|(?P<user>://[^\s/:@\"']*:)[^\s/@\"']+(?=@)",
    re.IGNORECASE,
)
# Noisy below warning: a line for every request or job run that says nothing new.
_NOISY = ("aiohttp.access", "alembic", "aiosqlite", "apscheduler", "asyncio", "httpcore", "httpx")


class Redactor:
    """Takes secrets out of log lines: all that look like tokens, and all it was told of.

    It works on the finished line, so nothing (a message, a value, a traceback) gets past it.
    """

    def __init__(self) -> None:
        self._exact: set[str] = set()

    def hide(self, secret: str) -> None:
        """Hide this exact text from now on, also as JSON and ``repr`` would spell it."""
        # A very short "secret" would tear holes into every line and protect nothing.
        if len(secret) >= 4:
            self._exact |= {secret, json.dumps(secret)[1:-1], repr(secret)[1:-1]}

    def clean(self, text: str) -> str:
        """Return ``text`` without secrets."""
        # Longest first: one secret may contain another.
        for secret in sorted(self._exact, key=len, reverse=True):
            text = text.replace(secret, HIDDEN)
        return _TOKENS.sub(lambda found: found[found.lastgroup or "none"] + HIDDEN, text)

    def __call__(self, logger: WrappedLogger, name: str, event: EventDict) -> EventDict:
        """Clean an event's values, as a structlog processor."""
        return {key: self._value(value, 0) for key, value in event.items()}

    def _value(self, value: Any, depth: int) -> Any:
        if value is None or isinstance(value, bool | int | float):
            return value
        if isinstance(value, str):
            return self.clean(value)
        if depth < _DEPTH_MAX:
            if isinstance(value, Mapping):
                return {
                    self.clean(str(key)): self._value(item, depth + 1)
                    for key, item in value.items()
                }
            if isinstance(value, list | tuple | set | frozenset):
                return [self._value(item, depth + 1) for item in value]
        return self.clean(repr(value))


class _Plain(structlog.stdlib.ProcessorFormatter):
    """The formatter whose finished line is cleaned once more, whatever wrote it."""

    def __init__(self, redactor: Redactor, processors: list[Processor], **rest: Any) -> None:
        super().__init__(processors=processors, **rest)
        self._redactor = redactor

    def format(self, record: logging.LogRecord) -> str:
        return self._redactor.clean(super().format(record))


def configure(
    level: str, fmt: Literal["console", "json"], stream: TextIO | None = None
) -> Redactor:
    """Set logging up for the whole process, the libraries' loggers included.

    Args:
        level: lowest level that is written, such as ``info``.
        fmt: ``json`` for machines, ``console`` for people.
        stream: where to write; standard error if not given.

    Returns:
        What hides secrets; tell it every token with ``hide``.
    """
    out = stream or sys.stderr
    redactor = Redactor()
    common: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    # Tracebacks become text before the redactor sees them; no local variables in them.
    tail: list[Processor] = [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        structlog.processors.format_exc_info,
        redactor,
    ]
    if fmt == "json":
        tail += [structlog.processors.EventRenamer("message"), structlog.processors.JSONRenderer()]
    else:
        tail.append(structlog.dev.ConsoleRenderer(colors=out.isatty()))
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        _Plain(
            redactor,
            tail,
            foreign_pre_chain=[structlog.stdlib.PositionalArgumentsFormatter(), *common],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name, logger in logging.root.manager.loggerDict.items():
        # Uvicorn and others bring handlers of their own: they would print past the redactor.
        if isinstance(logger, logging.Logger) and name.startswith(("uvicorn", "slack_bolt")):
            logger.handlers.clear()
            logger.propagate = True
    # A job that is still at work when its next turn comes: metrics say so, not a line each time.
    logging.getLogger("apscheduler.scheduler").setLevel(logging.ERROR)
    for name in _NOISY:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.PositionalArgumentsFormatter(),
            *common,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        # A logger made before this call must not keep writing the old way.
        cache_logger_on_first_use=False,
    )
    return redactor


def new_trace() -> str:
    """Return a fresh id for a request or a poll, carried by all that it causes."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(12))


def new_error_id() -> str:
    """Return a fresh id, shown to the user and logged, by which an unexpected failure is found."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(8))
