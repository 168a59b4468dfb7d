"""Where Slack takes no charts, a message says the same without them."""

from __future__ import annotations

import pytest

from bot.slack.blocks.chart import bar_chart
from bot.slack.blocks.elements import section
from bot.slack.blocks.message import Message
from bot.slack.outbox import SlackCourier
from tests.bot.loopback import refuse, say
from tests.bot.slack.test_slack_faults import POSTED, slack_of

CHART = bar_chart("Ended", ["Mon"], {"Complete": [3]}, x_label="Day", y_label="Tasks")
SAID = Message("Three ended", [section("Three ended"), CHART])
WITH, WITHOUT = ["section", "data_visualization"], ["section"]


def kinds(body: dict[str, list[dict[str, str]]]) -> list[str]:
    return [block["type"] for block in body["blocks"]]


@pytest.mark.parametrize(
    ("refusals", "sent"),
    [(0, [WITH]), (1, [WITH, WITHOUT]), (2, [WITH, WITHOUT, []])],
)
async def test_a_message_goes_without_charts_and_at_last_in_plain_words(
    refusals: int, sent: list[list[str]]
) -> None:
    async with slack_of(*[refuse("invalid_blocks")] * refusals) as slack:
        courier: SlackCourier = slack.courier
        rest = {"channel": "C1", "text": SAID.text}
        await courier._say(slack.workspace, "chat.postMessage", rest, SAID)
        bodies = [asked.json for asked in slack.server.asked]
    assert [kinds(body) for body in bodies] == sent
    assert {body["text"] for body in bodies} == {SAID.text}


async def test_an_answer_by_url_goes_without_charts() -> None:
    refused = say(400, '{"ok":false,"error":"invalid_blocks"}')
    async with slack_of(refused, otherwise=say(200, "ok", "text/plain")) as slack:
        await slack.url().private(SAID)
        bodies = [asked.json for asked in slack.server.asked]
    assert [kinds(body) for body in bodies] == [WITH, WITHOUT]


async def test_an_answer_in_a_conversation_goes_without_charts() -> None:
    async with slack_of(refuse("invalid_blocks"), otherwise=POSTED) as slack:
        await slack.post().private(SAID)
        bodies = [asked.json for asked in slack.server.asked]
    assert [kinds(body) for body in bodies] == [WITH, WITHOUT]
