"""What people type, and what it is taken for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.slack.words import VERB_NAMES, Words, parse, without_mention
from bot.tasks import Level, TaskId

A = TaskId("07ce4078-bccc-4a42-b530-5f2653484a6a")
B = TaskId("8b747792-5303-4a42-b530-07ce40786a5f")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", Words("help")),
        ("HELP watch", Words("help", topic="watch")),
        ("watch --help", Words("help", topic="watch")),
        (A, Words("status", (A,))),
        (A.upper(), Words("status", (A,))),
        (f"<https://beam.cloud/task/{A}|the task {A}>", Words("status", (A,))),
        (f"status {A},{B} and {A}", Words("status", (A, B))),
        (f"Watch {A} final me", Words("watch", (A,), level=Level.FINAL, me=True)),
        (f"watch all {A}", Words("watch", (A,), level=Level.ALL)),
        ("unwatch all", Words("unwatch", everything=True)),
        ("status 07ce4078", Words("status", prefixes=("07ce4078",))),
        ("07CE4078-bc", Words("status", prefixes=("07ce4078-bc",))),
        ("list 3", Words("list", page=3)),
        ("list ٣", Words("list")),
        ("cancel", Words("cancel")),
        ("cancel everything", Words("cancel", broken="everything")),
        (f"cancel {A} {A[:-1]}", Words("cancel", (A,), ("07ce4078-bccc-4a42-b530-5f2653484a6",))),
        (f"cancel {A} 07ce4078-bccc-4a42-x", Words("cancel", (A,), broken="07ce4078-bccc-4a42-x")),
        (f"wach {A}", Words(None, unknown="wach", suggestion=f"watch {A}")),
        ("cancle", Words(None, unknown="cancle", suggestion="cancel")),
        (f"kill {A}", Words(None, unknown="kill", suggestion=f"cancel {A}")),
        (f"frobnicate {A}", Words(None, unknown="frobnicate", suggestion=f"status {A}")),
        ("Hi!", Words("help")),
        ("thanks a lot", Words("help", thanks=True)),
        ("Thank you", Words("help", thanks=True)),
        (f"hey {A}", Words(None, unknown="hey", suggestion=f"status {A}")),
        ("frobnicate", Words(None, unknown="frobnicate")),
    ],
)
def test_parsing(text: str, words: Words) -> None:
    assert parse(text) == words


@given(st.text(max_size=300))
def test_anything_means_something(text: str) -> None:
    words = parse(text)
    assert words.verb in (*VERB_NAMES, None)
    assert words.verb is not None or words.unknown


def test_a_mention_is_taken_out_of_the_words() -> None:
    assert parse(without_mention(f"<@U0BEAMBOT|beambot> status {A}", "U0BEAMBOT")).ids == (A,)


def test_a_cancel_takes_a_reason_and_no_task_from_it() -> None:
    said = parse(f"cancel {A} because the run of {B} is better &amp; cheaper")
    assert said.ids == (A,)
    assert said.reason == f"the run of {B} is better & cheaper"
    assert parse(f"cancel {A} reason: wrong\n data ").reason == "wrong data"
    assert parse(f"cancel {A}").reason is None
    assert parse(f"cancel {A} because").reason is None
    assert parse(f"cancel {A} Because {'x' * 999}").reason == "x" * 300
    assert parse(f"watch {A} because").reason is None
