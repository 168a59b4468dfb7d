"""Whatever people type: an answer within Slack's limits, in which nothing that they typed acts."""

from __future__ import annotations

import html
import itertools
import re
from collections.abc import Iterator

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.errors import UserError
from bot.slack.blocks.errors import error_message
from bot.slack.blocks.message import Message
from bot.slack.commands import MOST_TASKS, Commands
from bot.slack.connecting import Connecting
from bot.slack.guard import Turn
from bot.slack.host import PublicHost
from bot.slack.settings import Settings
from bot.slack.words import VERB_NAMES, parse
from bot.tasks import parse_task_id
from bot.tasks.records import Place
from tests.bot.services.world import A, B
from tests.fuzz.cases import ACTIVE, ODD, TEXT, Loop, cases
from tests.fuzz.shown import shown_only
from tests.fuzz.slack_side import SlackSide

OURS = ("U1", "UGUEST")
VERBS = st.sampled_from([*VERB_NAMES, "WATCH", "wacth", "stop", "statuss", "/beam", "*watch*"])
TASKS = st.one_of(
    st.sampled_from(
        [
            A,
            B,
            A.upper(),
            A[:8],
            A[:12],
            A[:-1],
            A + "0",
            f"`{A}`",
            f"<https://platform.beam.cloud/tasks/{A}>",
            f"<https://platform.beam.cloud/tasks/{A}|{A[:8]}>",
            f"<!channel|{A}>",
            f"endpoint-{A}-8b747792",
            " ".join(f"{A[:-4]}{number:04x}" for number in range(60)),
        ]
    ),
    st.uuids().map(str),
)
OPTIONS = st.sampled_from(["all", "final", "failures", "me", "help", "2", "9999", "99999", "-h"])
WORDS = st.one_of(VERBS, TASKS, OPTIONS, TEXT, st.sampled_from(ACTIVE))
COMMANDS = st.one_of(
    TEXT,
    st.lists(WORDS, max_size=6).map(" ".join),
    st.builds("{} {}".format, VERBS, st.lists(WORDS, max_size=5).map(" ".join)),
    # As long as Slack lets through, of what matters most to the parser.
    st.sampled_from([f"{A} ", "<", "<a|", "&lt;", "a-", "1-", "\n", "watch ", "<!channel> "]).map(
        lambda part: (part * 40_000)[:40_000]
    ),
)


class Kept:
    """An answer that keeps what it was given."""

    def __init__(self) -> None:
        self.said: list[Message] = []

    async def private(self, message: Message) -> None:
        self.said.append(message)

    async def public(self, message: Message) -> None:
        self.said.append(message)

    async def replace(self, message: Message) -> None:
        self.said.append(message)

    async def remove(self) -> None:
        return


@pytest.fixture(scope="module")
def loop() -> Iterator[Loop]:
    made = Loop()
    yield made
    made.close()


@pytest.fixture(scope="module")
def slack(loop: Loop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SlackSide]:
    made = SlackSide(tmp_path_factory.mktemp("text") / "beambot.db")
    loop.run(made.open())
    yield made
    loop.run(made.close())


_channels = itertools.cycle(["C1", "C2", "D1"])


async def answers(slack: SlackSide, text: str, user: str) -> list[Message]:
    """Return what is said to a command, as the guard would have it said."""
    kept = Kept()
    place = Place("T1", next(_channels), user)
    turn = Turn(place, text, "command", kept, {}, slack.workspace, "key")
    slack.world.clock.advance(2)
    try:
        services = slack.services
        connecting = Connecting(services, PublicHost())
        await Commands(services, Settings(services), connecting).run(turn)
    except UserError as error:
        kept.said.append(error_message(error.text))
    return kept.said


@cases(1_000, 30_000)
@given(COMMANDS)
@example("")
@example("\ud800")
@example("list １２")  # noqa: RUF001  # digits of another script
@example("list ٣")
@example(f"<|{A}>")
def test_any_text_means_something(text: str) -> None:
    words = parse(text)
    assert words.verb is None or words.verb in VERB_NAMES
    plain = html.unescape(text).lower()
    assert len(set(words.ids)) == len(words.ids)
    for task_id in words.ids:
        assert parse_task_id(task_id) == task_id
        assert task_id in plain
    assert all(prefix in plain for prefix in words.prefixes)
    assert 0 <= words.page <= 9_999
    if words.verb in ("cancel", "unwatch", "watch"):
        # What changes something is never guessed: the word stands there, first and whole.
        assert re.match(rf"[\W_]*{words.verb}([\W_]|$)", plain)


@cases(400, 15_000)
@given(COMMANDS, st.sampled_from(["U1", "UGUEST", "USTRANGER"]))
@example(f"watch {A} <!channel>", "U1")
@example(f"cancel {A} {B}", "U1")
@example(" ".join([A] * 900), "U1")
def test_every_text_gets_an_answer_in_which_nothing_of_it_acts(
    loop: Loop, slack: SlackSide, text: str, user: str
) -> None:
    said = loop.run(answers(slack, text, user))
    words = parse(text)
    posts = words.verb in ("watch", "cancel") and words.ids and len(words.ids) <= MOST_TASKS
    # What the channel is told is an answer too.
    assert said or posts or words.prefixes
    for message in said:
        shown_only(message, *OURS)


@cases(100, 5_000)
@given(st.sampled_from(VERB_NAMES), st.sampled_from([*ODD, *ACTIVE]), WORDS)
def test_a_verb_with_odd_words_is_answered(
    loop: Loop, slack: SlackSide, verb: str, odd: str, more: str
) -> None:
    for message in loop.run(answers(slack, f"{verb} {odd} {more}", "U1")):
        shown_only(message, *OURS)
