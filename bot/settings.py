"""Every environment variable, typed, with one plain line for each that is wrong."""

from __future__ import annotations

import math
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, SecretStr, ValidationError, model_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError


class CancelPolicy(StrEnum):
    """Who may cancel a task."""

    MEMBERS = "members"
    """No guests, no people from outside the workspace."""
    WATCHERS = "watchers"
    """Those who watch the task, and admins."""
    ADMINS = "admins"


class SettingsError(Exception):
    """The environment does not make sense.

    Args:
        lines: one a variable: its name, what is wrong, an example. Never a secret's value.
    """

    def __init__(self, lines: list[str]) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines


KEY_LEAST = 16
"""Characters that each key of ``ENCRYPTION_KEY`` must have at least."""

_EXAMPLES = {
    "SLACK_BOT_TOKEN": "xoxb-1234567890-abc",
    "SLACK_APP_TOKEN": "xapp-1-A012345-678-abc",
    "SLACK_SIGNING_SECRET": "8f742231b10e8888abcd99yyyzzz85a5",
    "SLACK_CLIENT_ID": "1234567890.1234567890",
    "SLACK_CLIENT_SECRET": "4fa3b1c2d5e6f7a8b9c0d1e2f3a4b5c6",
    "ENCRYPTION_KEY": "$(python app.py key)",
    "SLACK_API_URL": "https://slack.com/api/",
    "BEAM_TOKEN": "your-beam-token",
    "BEAM_API_URL": "https://api.beam.cloud/v2",
    "DATABASE_URL": "sqlite:///beambot.db",
    "HOST": "127.0.0.1",
    "PORT": "3000",
    "POLL_INTERVAL": "3",
    "POLL_MAX_INTERVAL": "60",
    "BEAM_RATE_LIMIT": "50",
    "BEAM_CALLBACK_KEY": "sk_4fa3b1c2d5e6f7a8",
    "CANCEL_POLICY": "members",
    "LOG_LEVEL": "info",
    "LOG_FORMAT": "console",
}


def _wrong(what: str) -> PydanticCustomError:
    # Braces would be taken for placeholders; none of our sentences has any.
    return PydanticCustomError("setting", "{what}", {"what": what})


def _of(name: str, what: str) -> PydanticCustomError:
    """Return an error of the whole model that is about the variable ``name``."""
    return PydanticCustomError("setting", "{what}", {"what": what, "name": name})


def _secret(prefix: str = "") -> AfterValidator:
    """Return a check of a secret's form that never quotes it."""

    def check(value: SecretStr) -> SecretStr:
        text = value.get_secret_value()
        if not (text.isascii() and text.isprintable()) or " " in text:
            raise _wrong("has spaces or characters that no token has; was it copied whole?")
        if not text.startswith(prefix) or text == prefix:
            raise _wrong(f"must start with {prefix}")
        return value

    return AfterValidator(check)


def _long_enough(value: SecretStr) -> SecretStr:
    # Its owner may want another length of key than we do, but a word is none.
    for key in value.get_secret_value().split(","):
        if len(key.strip()) < KEY_LEAST:
            raise _wrong(f"must be keys of {KEY_LEAST} characters or more, newest first")
    return value


def _web_url(*, slash: bool) -> AfterValidator:
    """Return a check of a base URL, normalised to end with a slash or without."""

    def check(value: str) -> str:
        try:
            parts = urlsplit(value)
            # Reading the port is what finds a bad one.
            good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError:
            good = False
        if not good or not value.isprintable() or " " in value:
            raise _wrong("must be an http or https URL")
        if parts.query or parts.fragment or parts.username or parts.password:
            raise _wrong("must be a plain URL without a user, a query or a fragment")
        return value.rstrip("/") + ("/" if slash else "")

    return AfterValidator(check)


_POSTGRESQL = ("postgresql", "postgres", "postgresql+psycopg")


def _database(value: SecretStr) -> SecretStr:
    # Not parsed further than needed: a URL that is not well formed may hold a password anywhere.
    url = value.get_secret_value()
    scheme, _, rest = url.partition(":")
    if scheme in _POSTGRESQL:
        try:
            parts = urlsplit(url)
            # Reading the port is what finds a bad one. Without a host it is a local socket.
            good = parts.port != 0 and len(parts.path) > 1
        except ValueError:
            good = False
        if not good:
            raise _wrong("must name a database, as in postgresql://user:password@host/beambot")
        return value
    if scheme not in ("sqlite", "sqlite+aiosqlite"):
        raise _wrong("must be an SQLite or PostgreSQL URL")
    # An in-memory database would forget every watch, and each connection would see its own.
    if not rest.startswith("///") or rest.removeprefix("///").split("?")[0] in ("", ":memory:"):
        raise _wrong("must name a file")
    try:
        parsed = make_url(url)
        parsed.get_dialect()().create_connect_args(parsed)
    except (ValueError, SQLAlchemyError):
        # The library's own words quote the value.
        raise _wrong("must be an SQLite URL whose options, if any, have values that fit") from None
    return value


def _above_zero(value: float) -> float:
    if not (math.isfinite(value) and value > 0):
        raise _wrong("must be a number above 0")
    return value


def _lower(value: Any) -> Any:
    return value.strip().lower() if isinstance(value, str) else value


def _port(value: int) -> int:
    if not 0 <= value <= 65535:
        raise _wrong("must be a whole number from 0 to 65535")
    return value


_Positive = Annotated[float, AfterValidator(_above_zero)]
# Pydantic's own messages, said about a setting.
_PLAIN = {
    "missing": "is required",
    "float_parsing": "must be a number above 0",
    "int_parsing": "must be a whole number from 0 to 65535",
    "int_parsing_size": "must be a whole number from 0 to 65535",
    "enum": "must be one of: {expected}",
    "literal_error": "must be one of: {expected}",
    "setting": "{what}",
}


class DatabaseSettings(BaseSettings):
    """What commands need that touch the database alone."""

    model_config = SettingsConfigDict(
        frozen=True, extra="ignore", hide_input_in_errors=True, case_sensitive=False
    )

    database_url: Annotated[SecretStr, AfterValidator(_database)] = SecretStr(
        "sqlite:///beambot.db"
    )
    encryption_key: Annotated[SecretStr, AfterValidator(_long_enough)] | None = None
    log_level: Annotated[
        Literal["debug", "info", "warning", "error", "critical"], BeforeValidator(_lower)
    ] = "info"
    log_format: Annotated[Literal["console", "json"], BeforeValidator(_lower)] = "console"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003  # the signature is the library's
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take values from ``load`` alone, so that what it is given is all there is."""
        return (init_settings,)

    @property
    def database_file(self) -> Path | None:
        """The SQLite file, ``None`` with PostgreSQL."""
        scheme, rest = self.database_url.get_secret_value().split(":", 1)
        return None if scheme in _POSTGRESQL else Path(rest.removeprefix("///").split("?")[0])

    @property
    def database_url_async(self) -> str:
        """The database URL with the driver that the bot uses."""
        scheme, rest = self.database_url.get_secret_value().split(":", 1)
        driver = "postgresql+psycopg" if scheme in _POSTGRESQL else "sqlite+aiosqlite"
        return f"{driver}:{rest}"

    @property
    def encryption_keys(self) -> list[str]:
        """The keys of stored tokens, newest first."""
        keys = self.encryption_key.get_secret_value() if self.encryption_key else ""
        return [key.strip() for key in keys.split(",") if key.strip()]

    @property
    def secrets(self) -> list[str]:
        """Everything that no log may show."""
        url = self.database_url.get_secret_value()
        password = None if self.database_file else urlsplit(url).password
        return [*self.encryption_keys, *([password] if password else [])]

    @classmethod
    def _missing(cls, given: Mapping[str, str]) -> dict[str, str]:  # noqa: ARG003
        """Return what is missing beside required fields, by variable."""
        return {}

    @classmethod
    def load(cls, environ: Mapping[str, str]) -> Self:
        """Read the settings.

        Args:
            environ: the environment; an empty or blank value counts as missing.

        Raises:
            SettingsError: with one line for every variable that is wrong, all at once.
        """
        given = {name.lower(): value.strip() for name, value in environ.items() if value.strip()}
        values = {name: given[name] for name in cls.model_fields if name in given}
        wrong: dict[str, str] = {}
        # Checked here and not in the model: it must be said along with the other lines, and a
        # model is not checked as a whole while any of its fields is wrong.
        missing = cls._missing(given)
        try:
            settings = cls(**values)  # type: ignore[arg-type]  # parsed from strings
        except ValidationError as error:
            for item in error.errors(include_url=False, include_input=False):
                context = item.get("ctx", {})
                name = context.get("name") or str(item["loc"][0]).upper()
                wrong[name] = _PLAIN.get(item["type"], "is not valid").format_map(context)
        else:
            if not missing:
                return settings
        wrong |= missing
        raise SettingsError(
            [f"{n} {wrong[n]}, for example {n}={x}" for n, x in _EXAMPLES.items() if n in wrong]
        ) from None


class Settings(DatabaseSettings):
    """What the environment asks for; see the table of variables in the documentation."""

    slack_bot_token: Annotated[SecretStr, _secret("xoxb-")] | None = None
    slack_app_token: Annotated[SecretStr, _secret("xapp-")] | None = None
    slack_signing_secret: Annotated[SecretStr, _secret()] | None = None
    # No secret, but nobody's business either.
    slack_client_id: Annotated[SecretStr, _secret()] | None = None
    slack_client_secret: Annotated[SecretStr, _secret()] | None = None
    slack_api_url: Annotated[str, _web_url(slash=True)] = "https://slack.com/api/"
    beam_token: Annotated[SecretStr, _secret()] | None = None
    beam_api_url: Annotated[str, _web_url(slash=False)] = "https://api.beam.cloud/v2"
    host: str = "0.0.0.0"  # noqa: S104  # a container's platform reaches it from outside
    port: Annotated[int, AfterValidator(_port)] = 3000
    poll_interval: _Positive = 3.0
    poll_max_interval: _Positive = 60.0
    beam_rate_limit: _Positive = 50.0
    beam_callback_key: Annotated[SecretStr, _secret()] | None = None
    cancel_policy: Annotated[CancelPolicy, BeforeValidator(_lower)] = CancelPolicy.MEMBERS

    @model_validator(mode="after")
    def _longest_not_below_shortest(self) -> Self:
        if self.poll_max_interval < self.poll_interval:
            raise _of(
                "POLL_MAX_INTERVAL", f"must not be below POLL_INTERVAL ({self.poll_interval:g})"
            )
        return self

    @property
    def socket_mode(self) -> bool:
        """Whether Slack is reached over Socket Mode instead of HTTP."""
        return self.slack_app_token is not None

    @property
    def many_workspaces(self) -> bool:
        """Whether any workspace may install the bot, and brings its own Beam account."""
        # A bot token is the stronger wish: it is for one workspace and no other.
        return self.slack_client_id is not None and self.slack_bot_token is None

    @property
    def secrets(self) -> list[str]:
        """Everything that no log may show."""
        secrets = [
            self.slack_bot_token,
            self.slack_app_token,
            self.slack_signing_secret,
            self.slack_client_secret,
            self.beam_token,
            self.beam_callback_key,
        ]
        return [*super().secrets, *(one.get_secret_value() for one in secrets if one is not None)]

    @classmethod
    def _missing(cls, given: Mapping[str, str]) -> dict[str, str]:
        missing: dict[str, str] = {}
        if "slack_app_token" not in given and "slack_signing_secret" not in given:
            missing |= {"SLACK_APP_TOKEN": "or, for HTTP, SLACK_SIGNING_SECRET is required"}
        if "slack_client_id" not in given or "slack_bot_token" in given:
            needed, why = ("slack_bot_token", "beam_token"), "is required"
        else:
            needed = ("slack_client_secret", "encryption_key")
            why = "is required with SLACK_CLIENT_ID"
        return missing | {name.upper(): why for name in needed if name not in given}


def plain(secret: SecretStr | None) -> str:
    """Return a secret's text, empty if it is not set."""
    return secret.get_secret_value() if secret is not None else ""
