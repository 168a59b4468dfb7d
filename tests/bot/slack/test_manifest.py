"""The manifest that is printed for pasting into Slack."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from bot.slack.departure import departures
from bot.slack.manifest import SCOPES, build_manifest

DOCS = Path(__file__).parents[3] / "docs" / "operating.md"


def test_socket_mode_names_no_address() -> None:
    manifest = build_manifest()
    assert manifest["settings"]["socket_mode_enabled"] is True
    assert "http" not in json.dumps(manifest)


@pytest.mark.parametrize("url", ["https://bot.example.com", "https://bot.example.com:8443/"])
def test_http_sends_everything_to_one_address(url: str) -> None:
    manifest = build_manifest(url)
    events = url.rstrip("/") + "/slack/events"
    assert manifest["settings"]["socket_mode_enabled"] is False
    assert manifest["settings"]["event_subscriptions"]["request_url"] == events
    assert manifest["settings"]["interactivity"]["request_url"] == events
    assert [c["url"] for c in manifest["features"]["slash_commands"]] == [events]


@pytest.mark.parametrize(
    "url",
    [
        "",
        "bot.example.com",
        "http://bot.example.com",
        "https://",
        "https://bot.example.com/beambot",
        "https://bot.example.com?",
        "https://bot.example.com#top",
        "https://user:pass@bot.example.com",
        "https://bot.example.com:port",
        "https://bot.example.com:99999",
        "https://bot.example.com\n",
        "https://bot.exa mple.com",
        "https://[::1",
    ],
)
def test_what_is_no_bare_https_address_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="bare https address"):
        build_manifest(url)


def test_texts_keep_slacks_limits() -> None:
    manifest = build_manifest()
    information = manifest["display_information"]
    assert len(information["name"]) <= 35
    assert len(information["description"]) <= 140
    assert 175 <= len(information["long_description"]) <= 4000
    assert re.fullmatch(r"#[0-9a-f]{6}", information["background_color"])
    assert re.fullmatch(r"[\w.-]{1,80}", manifest["features"]["bot_user"]["display_name"])
    for shortcut in manifest["features"]["shortcuts"]:
        assert len(shortcut["description"]) <= 150
    # The names are the contract's. The manifest reference sets no limit for them; only
    # the form on Slack's own site stops at 24 characters.
    assert {s["name"] for s in manifest["features"]["shortcuts"]} == {
        "Watch tasks in this message",
        "Watch a Beam task",
    }


def test_shortcuts_carry_the_ids_that_handlers_listen_for() -> None:
    shortcuts = build_manifest()["features"]["shortcuts"]
    assert {(s["type"], s["callback_id"]) for s in shortcuts} == {
        ("message", "watch_tasks_in_message"),
        ("global", "watch_task"),
    }


def test_scopes_and_events_fit_each_other() -> None:
    manifest = build_manifest()
    assert manifest["oauth_config"]["scopes"] == {"bot": list(SCOPES)}
    assert all(SCOPES.values())
    needs = {
        "app_mention": "app_mentions:read",
        "link_shared": "links:read",
        "message.im": "im:history",
        # Needs no scope, but the tab.
        "app_home_opened": "commands",
    }
    events = manifest["settings"]["event_subscriptions"]["bot_events"]
    assert {needs[event] for event in events} <= set(SCOPES)


def test_home_is_switched_on_and_told_when_it_is_opened() -> None:
    manifest = build_manifest()
    assert manifest["features"]["app_home"]["home_tab_enabled"] is True
    assert "app_home_opened" in manifest["settings"]["event_subscriptions"]["bot_events"]


def test_an_app_that_many_install_is_told_when_somebody_removes_it() -> None:
    told = build_manifest("https://bot.example.com")["settings"]["event_subscriptions"]
    assert set(departures(None)) <= set(told["bot_events"])


def test_links_to_the_dashboard_alone_are_told() -> None:
    # Slack counts names under a domain too: beam.cloud would be every deployed function.
    assert build_manifest()["features"]["unfurl_domains"] == ["platform.beam.cloud"]


def test_the_documentation_gives_a_reason_for_every_scope_and_for_no_other() -> None:
    told = re.findall(
        r"^\| `([a-z_]+(?::[a-z.]+)?)` \|", DOCS.read_text().split("## Scopes")[1], re.MULTILINE
    )
    assert told == list(SCOPES)


def test_each_manifest_is_its_own() -> None:
    build_manifest()["features"]["shortcuts"].clear()
    assert build_manifest()["features"]["shortcuts"]
