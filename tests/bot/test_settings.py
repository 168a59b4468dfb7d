"""The environment: what is read, what is said when it is wrong, and what is never said."""

from __future__ import annotations

import pytest

from bot.settings import CancelPolicy, Settings, SettingsError

GOOD = {
    "SLACK_BOT_TOKEN": "xoxb-1-a",
    "SLACK_APP_TOKEN": "xapp-1-b",
    "BEAM_TOKEN": "beam-c",
}


def lines(**changes: str) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        Settings.load(GOOD | changes)
    return caught.value.lines


def test_defaults_are_those_of_the_contract() -> None:
    settings = Settings.load(GOOD)
    assert settings.slack_api_url == "https://slack.com/api/"
    assert settings.beam_api_url == "https://api.beam.cloud/v2"
    assert settings.database_url_async == "sqlite+aiosqlite:///beambot.db"
    assert (settings.host, settings.port) == ("0.0.0.0", 3000)  # noqa: S104
    assert (settings.poll_interval, settings.poll_max_interval) == (3, 60)
    assert settings.beam_rate_limit == 50
    assert settings.cancel_policy is CancelPolicy.MEMBERS
    assert (settings.log_level, settings.log_format) == ("info", "console")
    assert settings.socket_mode


def test_everything_can_be_set() -> None:
    settings = Settings.load(
        GOOD
        | {
            "SLACK_API_URL": "http://127.0.0.1:8701/api",
            "BEAM_API_URL": "http://127.0.0.1:8702/v2/",
            "DATABASE_URL": "sqlite:////var/lib/beambot/bot.db",
            "HOST": "::1",
            "PORT": "0",
            "POLL_INTERVAL": "0.2",
            "POLL_MAX_INTERVAL": "0.2",
            "BEAM_RATE_LIMIT": "2.5",
            "CANCEL_POLICY": "Admins",
            "LOG_LEVEL": "DEBUG",
            "LOG_FORMAT": "json",
        }
    )
    assert settings.slack_api_url == "http://127.0.0.1:8701/api/"
    assert settings.beam_api_url == "http://127.0.0.1:8702/v2"
    assert settings.database_url_async == "sqlite+aiosqlite:////var/lib/beambot/bot.db"
    assert settings.port == 0
    assert settings.poll_interval == 0.2
    assert settings.cancel_policy is CancelPolicy.ADMINS
    assert settings.log_level == "debug"


def test_a_signing_secret_alone_means_http() -> None:
    environ = {**GOOD, "SLACK_APP_TOKEN": "", "SLACK_SIGNING_SECRET": "abc123"}
    assert not Settings.load(environ).socket_mode


def test_an_empty_environment_names_all_that_is_required() -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.load({"PATH": "/bin"})
    names = [line.split()[0] for line in caught.value.lines]
    assert names == ["SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "BEAM_TOKEN"]
    assert "SLACK_SIGNING_SECRET" in caught.value.lines[1]


def test_blank_counts_as_missing() -> None:
    assert lines(BEAM_TOKEN="  ")[0].startswith("BEAM_TOKEN is required")
    assert Settings.load(GOOD | {"PORT": " "}).port == 3000


MANY = {
    "SLACK_CLIENT_ID": "1.2",
    "SLACK_CLIENT_SECRET": "client-d",
    "SLACK_SIGNING_SECRET": "signing-e",
    "ENCRYPTION_KEY": "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
}


def test_many_workspaces_bring_their_own_tokens() -> None:
    settings = Settings.load(MANY)
    assert settings.many_workspaces
    assert settings.encryption_keys == [MANY["ENCRYPTION_KEY"]]
    assert not Settings.load(GOOD).many_workspaces


def test_a_client_id_needs_its_secret_and_a_key() -> None:
    names = [line.split()[0] for line in lines(SLACK_CLIENT_ID="1.2", SLACK_BOT_TOKEN="")]
    assert names == ["SLACK_CLIENT_SECRET", "ENCRYPTION_KEY"]


def test_a_bot_token_means_one_workspace_whatever_else_is_set() -> None:
    assert not Settings.load(GOOD | MANY).many_workspaces


def test_keys_may_be_several_newest_first() -> None:
    two = f"{'A' * 43}=, {MANY['ENCRYPTION_KEY']}"
    assert Settings.load(MANY | {"ENCRYPTION_KEY": two}).encryption_keys == [
        "A" * 43 + "=",
        MANY["ENCRYPTION_KEY"],
    ]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SLACK_BOT_TOKEN", "xoxp-other"),
        ("SLACK_BOT_TOKEN", "xoxb-"),
        ("SLACK_APP_TOKEN", "xoxb-other"),
        ("BEAM_TOKEN", "two words"),
        ("BEAM_TOKEN", "tök€n"),
        ("BEAM_API_URL", "ftp://host"),
        ("BEAM_API_URL", "api.beam.cloud"),
        ("BEAM_API_URL", "https://host:99999"),
        ("BEAM_API_URL", "https://user:sesame@host/v2"),
        ("SLACK_API_URL", "https://slack.com/api?x=1"),
        ("DATABASE_URL", "mysql://user:sesame@db/beambot"),
        ("DATABASE_URL", "postgresql://user:sesame@db:nan/beambot"),
        ("DATABASE_URL", "postgresql://user:sesame@db"),
        ("DATABASE_URL", "sqlite://"),
        ("DATABASE_URL", "sqlite:///:memory:"),
        ("ENCRYPTION_KEY", "sesame"),
        ("ENCRYPTION_KEY", "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=,sesame"),
        ("ENCRYPTION_KEY", ","),
        ("PORT", "65536"),
        ("PORT", "-1"),
        ("PORT", "http"),
        ("PORT", "9" * 5000),
        ("POLL_INTERVAL", "0"),
        ("POLL_INTERVAL", "nan"),
        ("POLL_INTERVAL", "often"),
        ("POLL_MAX_INTERVAL", "1"),
        ("BEAM_RATE_LIMIT", "-1"),
        ("BEAM_RATE_LIMIT", "inf"),
        ("CANCEL_POLICY", "everybody"),
        ("LOG_LEVEL", "loud"),
        ("LOG_FORMAT", "xml"),
    ],
)
def test_a_wrong_value_gets_one_line_with_an_example(name: str, value: str) -> None:
    (line,) = lines(**{name: value})
    assert line.startswith(f"{name} ")
    assert f"for example {name}=" in line
    assert "is not valid" not in line
    assert "\n" not in line
    assert "sesame" not in line
    assert "other" not in line.replace("other databases", "")


def test_every_wrong_value_is_said_at_once() -> None:
    assert len(lines(PORT="x", LOG_FORMAT="x", BEAM_TOKEN="")) == 3


def test_secrets_are_not_shown() -> None:
    every = MANY | {
        "BEAM_CALLBACK_KEY": "sk_f",
        "DATABASE_URL": "postgresql://user:sesame@db/beambot",
    }
    for environ in (GOOD, every):
        settings = Settings.load(environ)
        hidden = {*environ.values(), "sesame"} - {"1.2"}
        assert not any(secret in repr(settings) + str(settings) for secret in hidden)
        assert hidden - {every["DATABASE_URL"], "sesame"} <= set(settings.secrets)
    assert "sesame" in settings.secrets


def test_the_process_environment_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "4000")
    assert Settings.load(GOOD).port == 3000
