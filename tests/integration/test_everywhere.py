"""Where people are: threads, direct messages, shortcuts and links to the dashboard."""

from __future__ import annotations

import json
from typing import Any

from tests.stack import ANA, EVE, GUS, INFERENCE, OMAR, RANDOM, TRAINING, Stack, eventually

NOBODY = "00000000-0000-4000-8000-000000000000"
BEAM = "https://platform.beam.cloud/tasks"
JSON = dict[str, Any]


def state(stack: Stack) -> JSON:
    found: JSON = stack.client.get(f"{stack.slack}/_control/state").json()
    return found


def unfurls(stack: Stack, said: JSON, channel: str = TRAINING) -> JSON:
    messages = state(stack)["messages"][channel]
    found: JSON = next(one["unfurls"] for one in messages if one["ts"] == said["ts"])
    return found


def modal(stack: Stack) -> JSON:
    return eventually(lambda: next(iter(state(stack)["views"].values()), None), "a modal")


def quiet(stack: Stack) -> int:
    return len(stack.messages())


def test_every_verb_in_a_thread_is_answered_in_it(socket_stack: Stack) -> None:
    stack, task = socket_stack, socket_stack.task((0, "RUNNING"), (600, "COMPLETE"))
    root = stack.say("Is it through?")["ts"]
    for words, sentence in {
        "": "Beambot looks after",
        "help watch": "failures",
        f"status {task}": "sdxl:render_poster",
        "list": "in this channel",
        f"status {NOBODY}": "Beam knows no task",
        "wacth": "Did you mean",
        "cancel": "Say which task",
        "thanks!": "You are welcome",
    }.items():
        stack.say(f"<@U0BEAMBOT> {words}", thread_ts=root)
        stack.see(sentence, thread_ts=root)
    stack.say(f"<@U0BEAMBOT> watch {task} final", thread_ts=root)
    card = stack.see(task, "how it ends", thread_ts=root)
    stack.say(f"<@U0BEAMBOT> cancel {task}", user=OMAR, thread_ts=root)
    stack.see(task, f"<@{OMAR}> asked to cancel", thread_ts=root, broadcast=False)
    end = stack.see(task, "CANCELLED", f"<@{ANA}>", thread_ts=root, broadcast=True)
    assert float(end["ts"]) > float(card["ts"])
    stack.say(f"<@U0BEAMBOT> unwatch {task}", thread_ts=root)
    stack.see("nothing to end", thread_ts=root)
    outside = [m for m in stack.find(task) if m["thread_ts"] != root]
    assert outside == []


def test_several_in_a_thread_are_asked_about_and_reported_in_it(socket_stack: Stack) -> None:
    stack, tasks = socket_stack, [socket_stack.task(), socket_stack.task()]
    root = stack.say("Two of them")["ts"]
    stack.say(f"<@U0BEAMBOT> cancel {' '.join(tasks)}", thread_ts=root)
    question = stack.see("Cancel 2 tasks?", tasks[0], thread_ts=root)
    stack.press(question, "cancel.confirm")
    stack.see("2 cancelled", tasks[0], thread_ts=root)
    stack.press(stack.see("Beambot looks after", channel=TRAINING), "help.run", user=OMAR)


def test_buttons_in_a_thread_answer_in_it(socket_stack: Stack) -> None:
    stack, task = socket_stack, socket_stack.task()
    root = stack.say("A thread")["ts"]
    stack.say(f"<@U0BEAMBOT> status {task}", thread_ts=root)
    card = stack.see(task, thread_ts=root)
    stack.press(card, "task.watch", user=OMAR)
    stack.see(task, f"Watched by <@{OMAR}>", thread_ts=root)
    stack.press(card, "task.cancel", user=GUS)
    stack.see("Guests may not cancel", ephemeral_to=GUS, thread_ts=root)


def test_direct_messages_understand_people(socket_stack: Stack) -> None:
    stack, home = socket_stack, "D0OMAR"
    for text, sentence in {
        "hi": "Beambot looks after",
        "thank you!": "You are welcome",
        "list": "in this channel",
    }.items():
        stack.say(text, user=OMAR, channel=home)
        stack.see(sentence, channel=home)
    tasks = [stack.task() for _ in range(30)]
    log = "\n".join(
        f"2026-01-01T00:00:{n:02d}Z worker-{n} started {t}" for n, t in enumerate(tasks)
    )
    stack.say(log, user=OMAR, channel=home)
    offered = stack.see("with the 30 tasks in it", channel=home)
    buttons = [b for block in offered["blocks"][:2] for b in block.get("elements", [])]
    assert [b["text"]["text"] for b in buttons] == ["Look up 30 tasks", "Watch 30 tasks"]
    stack.press(offered, buttons[1]["action_id"], user=OMAR)
    stack.see("0 of 30 complete", channel=home)
    files = [{"id": "F1", "name": f"{tasks[0]}.log", "title": "the log"}]
    stack.say("", user=OMAR, channel=home, files=files)
    stack.see(tasks[0], "sdxl:render_poster", channel=home)
    stack.say("", user=OMAR, channel=home, files=[{"id": "F2", "name": "cat.png", "title": "cat"}])
    stack.see("I cannot read files", channel=home)


def test_the_shortcut_on_a_message_offers_its_tasks_and_no_other_id(socket_stack: Stack) -> None:
    stack, task = socket_stack, socket_stack.task()
    empty = stack.say("Nothing here", channel=INFERENCE)
    where = {"channel": INFERENCE, "ts": empty["ts"]}
    stack.control("shortcut", user=ANA, callback_id="watch_tasks_in_message", **where)
    view = modal(stack)
    assert "names no Beam task" in json.dumps(view)
    stack.control("close", user=ANA, view_id=view["id"])
    many = [f"07ce4078-bccc-4a42-b530-{n:012d}" for n in range(199)]
    said = stack.say("\n".join([task, *many]), channel=INFERENCE, thread_ts=empty["ts"])
    where["ts"] = said["ts"]
    stack.control("shortcut", user=ANA, callback_id="watch_tasks_in_message", **where)
    view = modal(stack)
    shown = json.dumps(view)
    assert "names 200 tasks" in shown
    assert "first 50" in shown
    blocks = [b for b in view["view"]["blocks"] if b["block_id"].startswith("tasks")]
    ticked: JSON = {b["block_id"]: {"ids": []} for b in blocks}
    first = blocks[0]["block_id"]
    answer = stack.control("submit", user=ANA, view_id=view["id"], values=ticked)
    assert "Tick at least one" in json.dumps(answer["response"])
    ticked[first] = {"ids": [task]}
    stack.control("submit", user=ANA, view_id=view["id"], values=ticked)
    stack.see(task, f"Watched by <@{ANA}>", channel=INFERENCE, thread_ts=empty["ts"])


def test_the_shortcut_says_where_the_bot_is_missing(socket_stack: Stack) -> None:
    stack, task = socket_stack, socket_stack.task()
    stack.control("shortcut", user=ANA, callback_id="watch_task")
    view = modal(stack)
    given = {"tasks": {"ids": ""}, "channel": {"channel": RANDOM}}
    answer = stack.control("submit", user=ANA, view_id=view["id"], values=given)
    assert "tasks" in answer["response"]["errors"]
    given["tasks"]["ids"] = f"{task} {NOBODY}"
    stack.control("submit", user=ANA, view_id=view["id"], values=given)
    stack.see(f"I cannot post in <#{RANDOM}>", "/invite", channel="D0ANA")


def test_a_link_to_the_dashboard_shows_its_card_once(socket_stack: Stack) -> None:
    stack, tasks = socket_stack, [socket_stack.task() for _ in range(4)]
    links = [f"{BEAM}/{task}?tab=logs" for task in tasks]
    before = quiet(stack)
    said = stack.say(f"{BEAM}/{NOBODY} and {' and '.join(links[:2])}")
    shown = eventually(lambda: unfurls(stack, said))
    assert list(shown) == links[:2]
    assert tasks[0] in json.dumps(shown)
    again = stack.say(" ".join(links))
    assert list(eventually(lambda: unfurls(stack, again))) == [links[2]]
    twice = stack.say(links[0])
    other = stack.say(links[0], channel=INFERENCE)
    assert eventually(lambda: unfurls(stack, other, INFERENCE))
    assert unfurls(stack, twice) == {}
    assert quiet(stack) == before


def test_a_links_card_can_be_watched_refreshed_and_cancelled(socket_stack: Stack) -> None:
    stack, task = socket_stack, socket_stack.task()
    link = f"{BEAM}/{task}"
    said = stack.say(link)
    eventually(lambda: unfurls(stack, said))
    where = {"channel": TRAINING, "ts": said["ts"], "unfurl": link}

    def press(action_id: str, user: str = OMAR) -> None:
        assert stack.control("act", user=user, action_id=action_id, **where)["status"] == 200

    def card(*words: str) -> None:
        def there() -> bool:
            text = json.dumps(unfurls(stack, said))
            return all(word in text for word in words)

        eventually(there, f"{words} in the card of the link")

    press("task.cancel", GUS)
    stack.see("Guests may not cancel", ephemeral_to=GUS)
    press("task.watch")
    stack.see(task, f"Watched by <@{OMAR}>", thread_ts=None)
    card("task.unwatch")
    press("task.unwatch")
    card("task.watch")
    press("task.refresh")
    press("task.cancel")
    stack.see(task, f"<@{OMAR}> asked to cancel", ephemeral_to=None)
    card("Cancelled")
    assert "task.cancel" not in json.dumps(unfurls(stack, said))


def test_a_link_shows_nothing_to_other_companies_and_where_the_bot_is_not_its_card_still_helps(
    socket_stack: Stack,
) -> None:
    stack, task = socket_stack, socket_stack.task()
    link = f"{BEAM}/{task}"
    outside = [stack.say(link, user=user, channel="C0SHARED") for user in (EVE, ANA)]
    said = stack.say(link, channel=RANDOM)
    eventually(lambda: unfurls(stack, said, RANDOM))
    where = {"channel": RANDOM, "ts": said["ts"], "unfurl": link}
    stack.control("act", user=ANA, action_id="task.watch", **where)
    stack.see("/invite @Beambot", channel="D0ANA")
    assert [unfurls(stack, one, "C0SHARED") for one in outside] == [{}, {}]
    assert not stack.find("You are here from another workspace", channel="C0SHARED")


def test_while_beam_is_down_links_show_nothing_and_nobody_is_bothered(socket_stack: Stack) -> None:
    stack, task = socket_stack, socket_stack.task()
    before = quiet(stack)
    links = stack.log_of("bot").count("via=link")
    faults = f"{stack.beam}/_control/faults"
    stack.client.post(faults, json={"kind": "500"}).raise_for_status()
    first = stack.say(f"{BEAM}/{task}")
    eventually(lambda: stack.log_of("bot").count("via=link") > links)
    stack.client.delete(faults).raise_for_status()
    said = stack.say(f"{BEAM}/{task}")
    assert eventually(lambda: unfurls(stack, said))
    assert unfurls(stack, first) == {}
    assert quiet(stack) == before
