"""What somebody is told when Slack does not open a dialog, and how soon they are acknowledged."""

from __future__ import annotations

import pytest

from bot.errors import SlackUnavailable
from bot.slack.guard import Turn
from bot.slack.shortcuts import Shortcuts
from bot.tasks.records import Place
from tests.bot.loopback import Reply, drip, drop, ok, refuse, say
from tests.bot.slack.test_slack_faults import slack_of


@pytest.mark.parametrize(
    "fault",
    [
        refuse("ratelimited", 429, retry_after="30"),
        refuse("expired_trigger_id"),
        drop,
        drip,
        say(503, "<html>"),
    ],
)
async def test_a_dialog_that_does_not_open_is_told_in_a_plain_sentence_and_asked_for_once(
    fault: Reply,
) -> None:
    async with slack_of(fault, otherwise=ok(ts="1.1")) as slack:
        shortcuts = Shortcuts(None)  # type: ignore[arg-type]  # not needed here
        turn = Turn(
            Place("T1", "U1", "U1"),
            "",
            "shortcut",
            slack.post("U1"),
            {"trigger_id": "1"},
            slack.workspace,
            "k",
        )
        with pytest.raises(SlackUnavailable, match="would not open the dialog") as caught:
            await shortcuts.ask_for_task(turn)
        assert "/beam watch" in caught.value.text
        assert [one.path for one in slack.server.asked] == ["/api/views.open"]
