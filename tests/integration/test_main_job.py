"""The main job over both transports: look up, watch, be told, cancel."""

from __future__ import annotations

import json

from tests.stack import ANA, EVE, GUS, INFERENCE, OMAR, OPS, RANDOM, Stack, eventually

NOBODY = "00000000-0000-4000-8000-000000000000"


def action_ids(message: dict[str, object]) -> list[str]:
    return [
        element["action_id"]
        for block in message["blocks"]  # type: ignore[attr-defined]
        if block["type"] == "actions"
        for element in block["elements"]
    ]


def test_status_shows_a_card_to_the_caller_alone(stack: Stack) -> None:
    task = stack.task()
    stack.command(f"status {task.upper()}")
    card = stack.see(task, ephemeral_to=ANA)
    assert "sdxl:render_poster" in card["text"]
    assert "task.share" in action_ids(card)
    stack.command(f"look at https://example.com/tasks/{task}", user=OMAR)
    assert "Did you mean" in stack.see(task, ephemeral_to=OMAR)["text"]


def test_share_shows_the_card_to_the_channel(stack: Stack) -> None:
    task = stack.task()
    stack.command(task)
    stack.press(stack.see(task, ephemeral_to=ANA), "task.share")
    assert f"Shared by <@{ANA}>" in stack.see(task, ephemeral_to=None)["text"]


def test_a_watched_task_is_told_once_to_its_end(stack: Stack) -> None:
    task = stack.task((0, "PENDING"), (600, "COMPLETE"))
    stack.command(f"watch {task}", channel=OPS)
    stack.see(task, "PENDING", channel=OPS, thread_ts=None)
    stack.become(task, "RUNNING")
    stack.see(task, "PENDING", "RUNNING", channel=OPS, broadcast=False)
    stack.become(task, "COMPLETE")
    end = stack.see(task, "COMPLETE", channel=OPS, broadcast=True)
    assert f"<@{ANA}>" in end["text"]
    card = stack.see(task, "Complete", channel=OPS, thread_ts=None)
    assert card["edited"]
    assert "task.cancel" not in action_ids(card)
    assert end["thread_ts"] == card["ts"]
    assert len(stack.find(task, "RUNNING", "COMPLETE", channel=OPS, broadcast=True)) == 1
    stack.command("list", channel=OPS)
    stack.see("Nothing is watched", channel=OPS, ephemeral_to=ANA)


def test_watching_twice_links_to_the_card(stack: Stack) -> None:
    task = stack.task()
    stack.command(f"watch {task}")
    card = stack.see(task, ephemeral_to=None)
    stack.command(f"watch {task}", user=OMAR)
    link = f"/archives/C0TRAINING/p{card['ts'].replace('.', '')}"
    assert link in stack.see("already", ephemeral_to=OMAR)["text"]
    stack.command(f"unwatch {task[:8]}")
    stack.see("no longer watched", ephemeral_to=ANA)


def test_watching_what_is_over_shows_it_and_watches_nothing(stack: Stack) -> None:
    task = stack.task((0, "COMPLETE"))
    stack.command(f"watch {task}", channel=INFERENCE)
    card = stack.see(task, "Complete", channel=INFERENCE)
    stack.command("list", channel=INFERENCE, user=OMAR)
    stack.see("Nothing is watched", channel=INFERENCE, ephemeral_to=OMAR)
    assert [one["ts"] for one in stack.find(task, channel=INFERENCE)] == [card["ts"]]


def test_two_watches_at_once_both_get_their_card_and_no_excuse(stack: Stack) -> None:
    tasks = [stack.task(), stack.task()]
    for task in tasks:
        stack.command(f"watch {task}", channel=INFERENCE)
    for task in tasks:
        stack.see(task, "Watched by", channel=INFERENCE, thread_ts=None)
    assert not stack.find("has not accepted the card yet", channel=INFERENCE)


def test_a_group_is_one_card_and_ends_with_one_announcement(stack: Stack) -> None:
    good, bad = stack.task(), stack.task()
    stack.command(f"watch {good} {bad}", user=OMAR)
    stack.see("0 of 2 complete", thread_ts=None)
    stack.become(bad, "FAILED")
    stack.see(bad, "FAILED", broadcast=False, edited=False)
    stack.become(good, "COMPLETE")
    end = stack.see("2 tasks are over", "1 of 2 complete, 1 failed", broadcast=True)
    assert f"<@{OMAR}>" in end["text"]


def test_cancel_tells_what_a_look_found_afterwards(stack: Stack) -> None:
    task = stack.task()
    stack.command(f"cancel {task}")
    report = stack.see(task, "cancelled", ephemeral_to=None)
    assert f"<@{ANA}> asked to cancel" in report["text"]
    stack.command(f"cancel {task}", user=OMAR)
    stack.see(task, "already ended as", "CANCELLED", ephemeral_to=OMAR)
    stack.command(f"cancel {NOBODY}", user=OMAR)
    stack.see(NOBODY, ephemeral_to=OMAR)


def test_cancel_of_several_asks_first(stack: Stack) -> None:
    tasks = [stack.task(), stack.task()]
    stack.command(f"cancel {' '.join(tasks)}", user=OMAR)
    question = stack.see("Cancel 2 tasks?", tasks[0], tasks[1], ephemeral_to=OMAR)
    stack.press(question, "cancel.confirm", user=OMAR)
    report = stack.see(tasks[0], tasks[1], "2 cancelled", ephemeral_to=None)
    assert f"<@{OMAR}>" in report["text"]
    # The report may be there a moment before the question goes.
    eventually(
        lambda: not stack.find("Cancel 2 tasks?", tasks[0], ephemeral_to=OMAR),
        "the question is gone",
    )


def test_the_red_button_cancels_and_reports_in_the_thread(stack: Stack) -> None:
    task = stack.task()
    stack.command(f"watch {task}")
    card = stack.see(task, "RUNNING", ephemeral_to=None, thread_ts=None)
    red = next(e for b in card["blocks"] if b["type"] == "actions" for e in b["elements"])
    assert (red["style"], bool(red["confirm"])) == ("danger", True)
    stack.press(card, "task.cancel", user=OMAR)
    stack.see(task, f"<@{OMAR}> asked to cancel", thread_ts=card["ts"])
    stack.see(task, "Cancelled", thread_ts=None, edited=True)


def test_guests_may_look_but_not_cancel_and_strangers_may_nothing(stack: Stack) -> None:
    task = stack.task()
    stack.command(f"cancel {task}", user=GUS)
    stack.see("Guests may not cancel", ephemeral_to=GUS)
    stack.command(f"status {task}", user=GUS)
    stack.see(task, ephemeral_to=GUS)
    stack.command(f"status {task}", user=EVE, channel="C0SHARED")
    stack.see("You are here from another workspace", channel="C0SHARED", ephemeral_to=EVE)
    assert not stack.find(task, channel="C0SHARED")


def test_where_the_bot_is_not_it_says_how_to_invite_it(stack: Stack) -> None:
    task = stack.task()
    stack.command(f"watch {task}", channel=RANDOM)
    stack.see("/invite @Beambot", channel=RANDOM, ephemeral_to=ANA)
    stack.command(f"cancel {task}", channel=RANDOM)
    stack.see(task, f"<@{ANA}> asked to cancel", channel=RANDOM, ephemeral_to=None)


def test_mistakes_get_their_own_sentence(stack: Stack) -> None:
    for text, sentence in {
        "status nonsense": "is not a task id",
        f"status {NOBODY}": "Beam knows no task",
        "cancel": "Say which task",
        "status 12345678": "No task watched in this channel starts with",
        f"cnacel {NOBODY}": f"Did you mean `/beam cancel {NOBODY}`",
        "help watch": "failures",
    }.items():
        stack.command(text)
        stack.see(sentence, ephemeral_to=ANA)


def test_mentions_and_direct_messages_take_the_same_words(stack: Stack) -> None:
    task = stack.task()
    asked = stack.say(f"<@U0BEAMBOT> status {task}")
    stack.say(f"<@U0BEAMBOT> watch {task}", thread_ts=asked["ts"])
    stack.see(task, thread_ts=asked["ts"])
    stack.say(f"status {task}", channel="D0ANA")
    stack.see(task, channel="D0ANA")
    stack.command(f"watch {task} final me")
    stack.see("direct messages", ephemeral_to=ANA)
    stack.see(task, "how it ends", channel="D0ANA")


def test_shortcuts_open_modals_that_watch(stack: Stack) -> None:
    task, other = stack.task(), stack.task()
    said = stack.say(f"Both: {task} and https://example.com/{other}?x=1", channel=INFERENCE)
    where = {"channel": INFERENCE, "ts": said["ts"]}
    stack.control("shortcut", user=ANA, callback_id="watch_tasks_in_message", **where)

    def modal() -> dict[str, object] | None:
        state = stack.client.get(f"{stack.slack}/_control/state").json()
        return next(iter(state["views"].values()), None)

    view = eventually(modal)
    assert task in json.dumps(view)
    assert other in json.dumps(view)
    assert stack.control("submit", user=ANA, view_id=view["id"], values={})["status"] == 200
    stack.see("0 of 2 complete", channel=INFERENCE)
    stack.control("shortcut", user=OMAR, callback_id="watch_task")
    view = eventually(modal)
    bad = {"tasks": {"ids": "none"}, "channel": {"channel": INFERENCE}}
    answer = stack.control("submit", user=OMAR, view_id=view["id"], values=bad)
    assert "no task id" in json.dumps(answer["response"])
