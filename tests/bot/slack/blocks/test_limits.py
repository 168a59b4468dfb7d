"""Whatever Beam and people supply, Slack takes the message, and nothing in it acts by itself."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.slack.blocks import errors
from bot.slack.blocks.announcements import (
    gone_notice,
    transition_reply,
)
from bot.slack.blocks.cancel_report import cancel_result
from bot.slack.blocks.elements import pack
from bot.slack.blocks.group_card import group_card
from bot.slack.blocks.group_news import group_news
from bot.slack.blocks.help import VERBS, help_message, unknown_verb
from bot.slack.blocks.lists import cancel_question, watch_list
from bot.slack.blocks.message import LimitBroken, Message, check, check_view
from bot.slack.blocks.modals import watch_from_message_modal, watch_modal
from bot.slack.blocks.nudge import nudge_message
from bot.slack.blocks.task_card import CardButtons, compact_cards, task_card, task_cards
from bot.tasks import Level, Output, Status, Task, TaskId
from bot.tasks.nudge import NudgeKind
from bot.tasks.records import (
    Cancelled,
    CancelOutcome,
    CancelReport,
    Card,
    CardKind,
    CardView,
    Failure,
    GoneNews,
    GroupNews,
    KnownTask,
    NudgeNews,
    Step,
    TransitionNews,
    Trouble,
    WatchPage,
    WatchRow,
)
from bot.tasks.usual import Usual

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
HOSTILE = [
    "<!channel> <@U0ANA> <https://evil.example|Click>",
    "*bold* _it_ ~no~ `code` ```pre``` :rocket: > quote",
    "&lt;!here&gt; & < >",
    "x" * 9_000,
    "🧨" * 3_000,
    "a\nb\r\n\u202eright to left\u2066",
    "",
    " ",
]
TEXT = st.one_of(st.sampled_from(HOSTILE), st.text(max_size=200))
STATUS = st.one_of(
    st.sampled_from(["PENDING", "RUNNING", "RETRY", "COMPLETE", "FAILED", "TIMEOUT", "EXPIRED"]),
    TEXT.filter(bool),
).map(Status)
SPAN = st.one_of(st.none(), st.integers(0, 10**7).map(lambda s: NOW - timedelta(seconds=s)))
TASK = st.builds(
    Task,
    id=st.uuids().map(lambda value: TaskId(str(value))),
    status=STATUS,
    created_at=SPAN,
    started_at=SPAN,
    ended_at=SPAN,
    container_id=st.one_of(st.none(), TEXT),
    function=st.one_of(st.none(), TEXT),
    stub_name=st.one_of(st.none(), TEXT),
    deployment=st.one_of(st.none(), TEXT),
    app=st.one_of(st.none(), TEXT),
    gpu=st.one_of(st.none(), TEXT),
    cpu_millicores=st.one_of(st.none(), st.integers(0, 10**6)),
    memory_mib=st.one_of(st.none(), st.integers(0, 10**7)),
    timeout_seconds=st.one_of(st.none(), st.integers(0, 10**7)),
    max_retries=st.one_of(st.none(), st.integers(0, 100)),
    failure_reason=st.one_of(st.none(), TEXT),
    result=st.one_of(st.none(), TEXT),
    outputs=st.lists(
        st.builds(Output, name=TEXT, url=TEXT, expires_in=st.one_of(st.none(), st.just(3600))),
        max_size=8,
    ).map(tuple),
)
KNOWN = st.builds(
    KnownTask,
    task=TASK,
    known_at=st.just(NOW),
    trouble=st.one_of(st.none(), st.sampled_from(Trouble)),
    cancelled_by=st.one_of(st.none(), st.just("U0ANA")),
)


def many(least: int, most: int) -> st.SearchStrategy[tuple[KnownTask, ...]]:
    return st.lists(KNOWN, min_size=least, max_size=most).map(tuple)


def formatted(value: Any) -> Iterator[str]:
    """Yield the texts in which mentions and links would act: plain_text has none."""
    if isinstance(value, dict):
        if value.get("type") == "mrkdwn":
            yield value["text"]
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from formatted(item)


def fine(message: Message, *allowed: str) -> None:
    """Check a message, and that nobody is mentioned whom we did not mean to."""
    check(message)
    said = "\n".join([message.text, *formatted(message.blocks)])
    for mention in ("<!channel>", "<!here>", "<https://evil.example"):
        assert mention not in said
    if "U0ANA" not in allowed:
        assert "<@U0ANA>" not in said


@settings(max_examples=150, deadline=None)
@given(KNOWN, st.booleans())
def test_a_task_card(known: KnownTask, watched: bool) -> None:
    buttons = CardButtons.looked_up(watched=watched)
    card = task_card(known, now=NOW, buttons=buttons, owner_id="U1", level=Level.ALL)
    fine(card, "U0ANA")
    action_ids = {
        element["action_id"]
        for block in card.blocks
        if block["type"] == "actions"
        for element in block["elements"]
    }
    assert ("task.cancel" in action_ids) is known.task.status.in_flight


@settings(max_examples=25, deadline=None)
@given(many(1, 50))
def test_many_tasks_at_once(found: tuple[KnownTask, ...]) -> None:
    few = [(known, CardButtons.looked_up(watched=False)) for known in found[:8]]
    for message in task_cards(few, now=NOW):
        fine(message, "U0ANA")
    messages = compact_cards(found, NOW)
    # A response_url takes five messages.
    assert len(messages) <= 4
    for message in messages:
        fine(message, "U0ANA")


@settings(max_examples=60, deadline=None)
@given(
    KNOWN,
    st.sampled_from(NudgeKind),
    st.lists(st.floats(0, 1e6), max_size=8).map(lambda times: tuple(sorted(times))),
    st.booleans(),
)
def test_a_nudge(known: KnownTask, kind: NudgeKind, times: tuple[float, ...], over: bool) -> None:
    usual = Usual(times, times)
    news = NudgeNews(known.task, kind, usual, NOW, "U1", over)
    message = nudge_message(news, owner="*<!channel>*")
    fine(message)
    assert ("nudge.cancel" in str(message.blocks)) is not over
    # The card says what is usual too, whatever that is.
    name = known.task.function or known.task.stub_name or ""
    buttons = CardButtons.in_channel(watching=True)
    fine(task_card(known, now=NOW, buttons=buttons, usual={name: usual}), "U0ANA")


def card(kind: CardKind) -> Card:
    return Card(1, "T1", "default", "C1", None, kind, "U1", Level.ALL, "1.0", 1, 1, NOW)


@settings(max_examples=25, deadline=None)
@given(many(1, 50))
def test_groups_lists_and_questions(members: tuple[KnownTask, ...]) -> None:
    fine(group_card(CardView(card(CardKind.GROUP), members, watching=True), NOW))
    fine(cancel_question(members, request_id="r", now=NOW))
    rows = tuple(
        WatchRow(card(CardKind.TASK), (known,), "U1", Level.ALL, NOW, "https://slack/x")
        for known in members[:10]
    )
    fine(watch_list(WatchPage(rows, 2, 3, 25), NOW))
    fine(group_news(GroupNews(members, None, "U1")))
    failed = replace(members[0].task, status=Status("FAILED"))
    fine(group_news(GroupNews(members, failed, None)))


@settings(max_examples=60, deadline=None)
@given(TASK, st.lists(STATUS, min_size=1, max_size=40), st.sampled_from(CancelOutcome))
def test_announcements(task: Task, path: list[Status], outcome: CancelOutcome) -> None:
    second = timedelta(seconds=1)
    steps = tuple(Step(path[0], status, second, second) for status in path)
    fine(transition_reply(TransitionNews(task, steps, True, "U1")))
    fine(gone_notice(GoneNews(task, NOW, "U1")))
    for count in (1, 50):
        results = tuple(Cancelled(task.id, outcome, task, task) for _ in range(count))
        fine(cancel_result(CancelReport("U1", results, NOW)))


@given(TEXT)
def test_notices_quote_safely(text: str) -> None:
    task_id = TaskId("07ce4078-bccc-4a42-b530-5f2653484a6a")
    for message in (
        unknown_verb(text, None),
        unknown_verb(text, f"watch {text[:300]}"),
        errors.bad_id(text),
        errors.already_watched([text] * 60, "https://slack/x|y>"),
        errors.unwatched([text] * 60),
        errors.failures([Failure(task_id, "Beam knows no task.")] * 50),
        errors.ambiguous_prefix("07ce4078", [task_id] * 50),
        errors.unexpected("ABCD2345"),
    ):
        fine(message)


@pytest.mark.parametrize("verb", [None, "nonsense", *(verb.name for verb in VERBS)])
@pytest.mark.parametrize("connects", [False, True])
def test_help(verb: str | None, connects: bool) -> None:
    message = help_message(verb, connects=connects)
    fine(message)


def test_modals() -> None:
    ids = [TaskId(f"07ce4078-bccc-4a42-b530-{number:012d}") for number in range(60)]
    check_view(watch_modal(None, "x" * 5_000))
    for count in (0, 1, 10, 11, 60):
        check_view(watch_from_message_modal(ids[:count], "C1"))


def test_the_check_can_fail() -> None:
    with pytest.raises(LimitBroken):
        check(Message("x", [{"type": "divider"}] * 51))
    text = {"type": "mrkdwn", "text": "x" * 3_001}
    with pytest.raises(LimitBroken):
        check(Message("x", [{"type": "section", "text": text}]))


def test_a_group_of_fifty_with_the_longest_names_and_links() -> None:
    names = [
        "训练:" + "模型" * 150,
        "مهمة:" + "تدريب" * 60,
        "🧨" * 300,
        "a|b>c" * 60,
        "m:" + "x" * 298,
    ]
    members = tuple(
        KnownTask(
            Task(
                TaskId(f"07ce4078-bccc-4a42-b530-{number:012d}"),
                Status("FAILED" if number < 30 else "RUNNING"),
                created_at=NOW - timedelta(hours=30),
                started_at=NOW - timedelta(hours=25),
                function=names[number % len(names)],
                gpu="A10G" * 70,
                failure_reason="|>&" * 100,
            ),
            NOW,
        )
        for number in range(50)
    )
    links = {
        known.task.id: f"https://slack.example/archives/C1/p1?{'x' * 200}" for known in members
    }
    usual = {name: Usual(ran=(1e6,) * 5) for name in names}
    view = CardView(card(CardKind.GROUP), members, watching=True, usual=usual)
    shown = group_card(view, NOW, links=links)
    fine(shown)
    assert "left" in shown.text
    failed = [GroupNews((), known.task, None, steps=()) for known in members[:30]]
    milestone = GroupNews((), None, None, milestone=50)
    fine(group_news(replace(failed[0], members=members, folded=(*failed[1:], milestone))))


def test_numbers_behind_action_ids_do_not_make_a_full_message_too_long() -> None:
    for width in range(1_400, 1_480):
        text = {"type": "mrkdwn", "text": "x" * width}
        press = {"type": "button", "text": {"type": "plain_text", "text": "b"}, "action_id": "a"}
        part: list[dict[str, Any]] = [
            {"type": "section", "text": text},
            {"type": "actions", "elements": [press]},
        ]
        for message in pack([("one", deepcopy(part)) for _ in range(16)]):
            check(message)
