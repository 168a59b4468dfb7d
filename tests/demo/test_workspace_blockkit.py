"""The local workspace refuses what Slack refuses in Block Kit, and names where."""

from __future__ import annotations

from typing import Any

import pytest

from demo.workspace.blockkit import characters, message_problems, view_problems, with_ids

JSON = dict[str, Any]


def plain(text: str) -> JSON:
    return {"type": "plain_text", "text": text}


def section(text: str = "hello") -> JSON:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def button(**more: Any) -> JSON:
    return {"type": "button", "action_id": "go", "text": plain("Go"), **more}


def actions(*elements: JSON) -> JSON:
    return {"type": "actions", "elements": list(elements)}


CONFIRM: JSON = {
    "title": plain("Cancel?"),
    "text": plain("It ends."),
    "confirm": plain("Yes"),
    "deny": plain("No"),
}
OPTION: JSON = {"text": plain("One"), "value": "1"}
SELECT: JSON = {"type": "static_select", "action_id": "s", "options": [OPTION]}
RICH: JSON = {
    "type": "rich_text",
    "elements": [
        {"type": "rich_text_section", "elements": [{"type": "text", "text": "hi"}]},
        {
            "type": "rich_text_list",
            "style": "bullet",
            "elements": [
                {"type": "rich_text_section", "elements": [{"type": "user", "user_id": "U1"}]}
            ],
        },
        {"type": "rich_text_preformatted", "elements": [{"type": "text", "text": "x"}]},
    ],
}


@pytest.mark.parametrize(
    "block",
    [
        section("x" * 3000),
        {"type": "section", "fields": [plain("x" * 2000)] * 10},
        {"type": "header", "text": plain("x" * 150)},
        {"type": "divider"},
        {"type": "context", "elements": [plain("a")] * 10},
        actions(*({**button(), "action_id": f"a{n}"} for n in range(25))),
        actions(button(style="danger", confirm=CONFIRM, value="v" * 2000)),
        actions(SELECT, {"type": "overflow", "action_id": "o", "options": [OPTION] * 2}),
        {"type": "image", "image_url": "https://x.test/a.png", "alt_text": "a"},
        {"type": "table", "rows": [[{"type": "raw_text", "text": "a"}]]},
        RICH,
    ],
)
def test_a_right_block_is_taken(block: JSON) -> None:
    assert message_problems([block]) == []


@pytest.mark.parametrize(
    ("block", "path"),
    [
        (section(""), "/blocks/0/text/text"),
        (section("x" * 3001), "/blocks/0/text/text"),
        ({"type": "section"}, "/blocks/0"),
        ({"type": "section", "fields": [plain("a")] * 11}, "/blocks/0/fields"),
        ({"type": "section", "fields": [plain("x" * 2001)]}, "/blocks/0/fields/0/text"),
        ({"type": "header", "text": plain("x" * 151)}, "/blocks/0/text/text"),
        ({"type": "header", "text": {"type": "mrkdwn", "text": "a"}}, "/blocks/0/text/type"),
        ({"type": "divider", "color": "red"}, "/blocks/0/color"),
        ({"type": "rainbow"}, "/blocks/0"),
        ({"type": "context", "elements": []}, "/blocks/0/elements"),
        ({"type": "context", "elements": [plain("a")] * 11}, "/blocks/0/elements"),
        (actions(), "/blocks/0/elements"),
        (actions({"type": "plain_text_input", "action_id": "a"}), "/blocks/0/elements/0"),
        (actions(button(), button()), "/blocks/0/elements/1/action_id"),
        (actions(button(style="blue")), "/blocks/0/elements/0/style"),
        (actions(button(value="v" * 2001)), "/blocks/0/elements/0/value"),
        (actions(button(action_id="a" * 256)), "/blocks/0/elements/0/action_id"),
        (actions(button(text=plain("x" * 76))), "/blocks/0/elements/0/text/text"),
        (actions(button(colour=1)), "/blocks/0/elements/0/colour"),
        (
            actions(button(confirm={**CONFIRM, "title": plain("x" * 101)})),
            "/blocks/0/elements/0/confirm/title/text",
        ),
        (
            actions(button(confirm={**CONFIRM, "confirm": plain("x" * 31)})),
            "/blocks/0/elements/0/confirm/confirm/text",
        ),
        (actions({**SELECT, "options": []}), "/blocks/0/elements/0/options"),
        (actions({**SELECT, "options": [OPTION] * 101}), "/blocks/0/elements/0/options"),
        (
            actions({**SELECT, "initial_option": {"text": plain("Two"), "value": "2"}}),
            "/blocks/0/elements/0",
        ),
        ({"type": "image", "image_url": "https://x.test/a.png"}, "/blocks/0"),
        ({"type": "image", "image_url": "a.png", "alt_text": "a"}, "/blocks/0/image_url"),
        ({"type": "rich_text", "elements": [{"type": "text"}]}, "/blocks/0/elements/0"),
    ],
)
def test_a_wrong_block_is_refused_by_its_path(block: JSON, path: str) -> None:
    problems = message_problems([block])
    assert any(problem.endswith(f"[json-pointer:{path}]") for problem in problems), problems


def test_blocks_are_counted_and_their_ids_are_unique() -> None:
    assert message_problems([section()] * 50) == []
    assert "no more than 50 items" in message_problems([section()] * 51)[0]
    twice = [{**section(), "block_id": "a"}, {**section(), "block_id": "a"}]
    assert "/blocks/1/block_id" in message_problems(twice)[0]


def test_the_same_action_id_may_stand_in_two_blocks() -> None:
    assert message_problems([actions(button()), actions(button())]) == []


def modal(*blocks: JSON, **more: Any) -> JSON:
    return {"type": "modal", "title": plain("Title"), "blocks": list(blocks), **more}


INPUT: JSON = {
    "type": "input",
    "block_id": "b",
    "label": plain("Task"),
    "element": {"type": "plain_text_input", "action_id": "a"},
}


def test_a_right_modal_and_home_are_taken() -> None:
    right = modal(INPUT, submit=plain("Go"), private_metadata="x" * 3000)
    assert view_problems(right, "modal") == []
    assert view_problems({"type": "home", "blocks": [section()] * 100}, "home") == []


@pytest.mark.parametrize(
    ("view", "path"),
    [
        (modal(INPUT), "/view"),
        (modal(title=plain("x" * 25)), "/view/title/text"),
        (modal(private_metadata="x" * 3001), "/view/private_metadata"),
        (modal(*[section()] * 101), "/blocks"),
        ({"type": "home", "blocks": []}, "/view/type"),
        ({"type": "modal", "title": plain("a")}, "/view"),
        (
            modal({**INPUT, "element": button()}, submit=plain("Go")),
            "/blocks/0/element",
        ),
    ],
)
def test_a_wrong_modal_is_refused_by_its_path(view: JSON, path: str) -> None:
    problems = view_problems(view, "modal")
    assert any(problem.endswith(f"[json-pointer:{path}]") for problem in problems), problems


def test_ids_left_out_are_made_up_and_given_ones_kept() -> None:
    made, kept = with_ids([actions({"type": "button", "text": plain("Go")}), INPUT])
    assert made["block_id"]
    assert made["elements"][0]["action_id"]
    assert (kept["block_id"], kept["element"]["action_id"]) == ("b", "a")


def test_characters_of_all_blocks_are_summed() -> None:
    assert characters([section("x" * 100), actions(button(value="v" * 10))]) == 112
