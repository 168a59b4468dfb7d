"""The settings as a modal and in words: within Slack's limits, and read back as they were."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.slack.blocks.message import check, check_view
from bot.slack.blocks.quiet import quiet_summary
from bot.slack.blocks.settings import settings_button, settings_modal, settings_saved, unmuted
from bot.slack.blocks.words import mute_note
from bot.slack.settings import check_settings, read_settings
from bot.tasks import Level, Status, TaskId
from bot.tasks.preferences import (
    UNTIL_UNMUTED,
    Manner,
    Mention,
    Mute,
    Preferences,
    QuietHours,
    Whom,
)
from bot.tasks.records import SummaryLine, SummaryNews
from demo.workspace.blockkit import view_problems
from demo.workspace.modals import initial_values
from tests.bot.slack.blocks.test_limits import HOSTILE, TEXT, fine

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
MENTION = st.one_of(
    st.sampled_from([Mention(), Mention(Whom.NOBODY), Mention(Whom.GROUP, ("S0123ABCD",))]),
    st.lists(st.sampled_from(["U1", "U2", "W3"]), min_size=1, max_size=3, unique=True).map(
        lambda ids: Mention(Whom.PEOPLE, tuple(ids))
    ),
)
QUIET = st.one_of(
    st.none(),
    st.tuples(st.integers(0, 1439), st.integers(0, 1439))
    .filter(lambda pair: pair[0] != pair[1])
    .map(lambda pair: QuietHours(*pair)),
)
WANTED = st.builds(
    Preferences,
    level=st.sampled_from(Level),
    manner=st.builds(Manner, threads=st.booleans(), broadcast=st.booleans()),
    mention=MENTION,
    muted_until=st.sampled_from([None, UNTIL_UNMUTED, NOW + timedelta(hours=1)]),
    quiet=QUIET,
    time_zone=st.sampled_from(["UTC", "Asia/Kathmandu", "America/Argentina/Buenos_Aires"]),
    digest=st.booleans(),
)


def modal(known: Preferences) -> dict[str, Any]:
    return settings_modal(known, channel_id="C1", time_zone="Europe/Berlin", metadata="{}")


def sent(known: Preferences, **changed: dict[str, Any]) -> dict[str, Any]:
    """Return what Slack sends of a modal that nobody touched, but for ``changed`` fields."""
    values = initial_values(modal(known))
    for block_id, state in changed.items():
        values[block_id] = {"value": state}
    return {"view": {"state": {"values": values}}}


@settings(max_examples=60, deadline=None)
@given(WANTED)
def test_a_modal_that_is_sent_as_it_was_opened_changes_nothing(known: Preferences) -> None:
    view = modal(known)
    check_view(view)
    assert view_problems(view, "modal") == []
    body = sent(known)
    assert check_settings(body) == {}
    asked = read_settings(body)
    assert asked.mute.until(NOW, "UTC", known.muted_until) == known.muted_until
    assert asked.wanted == Preferences(
        known.level,
        known.manner,
        known.mention,
        None,
        known.quiet,
        known.time_zone,
        known.digest,
    )
    for message in (settings_saved(known, "C1", NOW), settings_saved(known, "D1", NOW)):
        fine(message)


def option(value: str) -> dict[str, Any]:
    return {"selected_option": {"value": value}}


@pytest.mark.parametrize(
    ("changed", "where"),
    [
        ({"whom": option("people")}, "people"),
        ({"whom": option("group")}, "group"),
        ({"whom": option("group"), "group": {"value": "@infra-oncall"}}, "group"),
        ({"quiet_from": {"selected_time": "22:00"}}, "quiet_to"),
        ({"quiet_to": {"selected_time": "07:00"}}, "quiet_from"),
        (
            {"quiet_from": {"selected_time": "07:00"}, "quiet_to": {"selected_time": "07:00"}},
            "quiet_to",
        ),
        ({"time_zone": option("No/Such")}, "time_zone"),
        (
            {"whom": option("people"), "people": {"selected_users": [f"U{n}" for n in range(11)]}},
            "people",
        ),
    ],
)
def test_what_is_wrong_is_said_where_it_is(changed: dict[str, Any], where: str) -> None:
    assert list(check_settings(sent(Preferences(), **changed))) == [where]


@pytest.mark.parametrize(
    "typed", ["S0123ABCD", "<!subteam^S0123ABCD|@oncall>", " https://x.slack.com/S0123ABCD "]
)
def test_a_user_group_is_its_id_or_what_holds_it(typed: str) -> None:
    body = sent(Preferences(), whom=option("group"), group={"value": typed})
    assert check_settings(body) == {}
    assert read_settings(body).wanted.mention == Mention(Whom.GROUP, ("S0123ABCD",))


def test_hostile_people_are_not_mentioned() -> None:
    chosen = {"selected_users": ["U1> <!channel", "U1", "!here", "u1", "U1"]}
    body = sent(Preferences(), whom=option("people"), people=chosen)
    assert read_settings(body).wanted.mention.ids == ("U1",)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.builds(
            SummaryLine,
            status=st.sampled_from(["FAILED", "COMPLETE", "TIMEOUT", "strange"]).map(Status),
            name=TEXT,
            task_id=st.uuids().map(lambda value: TaskId(str(value))),
            ts=st.just("1.0"),
            thread_ts=st.none(),
            call=st.just(("U1", "S0123ABCD")),
            gone=st.booleans(),
        ),
        min_size=1,
        max_size=60,
    )
)
def test_a_summary_of_anything(lines: list[SummaryLine]) -> None:
    group = SummaryLine(
        Status("FAILED"), "", None, None, None, members=(Status("FAILED"), Status("COMPLETE"))
    )
    statuses = tuple(line.status for line in lines)
    news = SummaryNews(NOW, (group, *lines[:39]), statuses)
    said = quiet_summary(news, [f"https://slack.example/a|b>{n}" for n in range(40)])
    fine(said)
    bad = any(line.bad for line in lines[:39])
    assert ("<!subteam^S0123ABCD>" in said.text) is bad
    assert "1 group over" in said.text
    assert "1 of 2 complete, 1 failed" in said.text


def test_a_channel_chooses_among_several_beam_accounts_and_sees_none_where_there_is_one() -> None:
    names = ["default", "research", "<!channel>"]
    view = settings_modal(
        Preferences(),
        channel_id="C1",
        time_zone="UTC",
        metadata="{}",
        accounts=names,
        account="research",
    )
    check_view(view)
    assert view_problems(view, "modal") == []
    (block,) = [one for one in view["blocks"] if one.get("block_id") == "account"]
    assert [option["value"] for option in block["element"]["options"]] == names
    assert block["element"]["initial_option"]["value"] == "research"
    assert "account" not in {one.get("block_id") for one in modal(Preferences())["blocks"]}


def test_notices() -> None:
    for message in (settings_button(), unmuted("C1"), unmuted("D1")):
        fine(message)
    assert mute_note(None, NOW) is None
    assert mute_note(NOW, NOW) is None
    for name in HOSTILE:
        check(settings_saved(Preferences(), name or "C", NOW))
    assert "somebody" in str(mute_note(UNTIL_UNMUTED, NOW))
    assert Mute("hour") is Mute.HOUR
