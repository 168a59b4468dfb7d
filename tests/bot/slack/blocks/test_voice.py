"""One voice: short, exact, kind; the plain text says what the blocks say; errors say what to do."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from bot.slack.blocks.message import JSON, Message
from bot.slack.blocks.words import IN_SUM, words
from bot.tasks import Status
from demo.gallery.__main__ import WORDS
from demo.gallery.errors import Sentence, sentences
from demo.gallery.sample import EXTREME, Sample
from demo.gallery.samples import SAMPLES
from demo.gallery.words import spoken, words_page

MOST_WORDS = 28
UUID = re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b")
MARKUP = re.compile(r"<[^<>]*>|`[^`]*`")
EMOJI = re.compile(r":[a-z_]{2,}:")
VERBS = frozenset(
    re.findall(
        r"\w+",
        "Cancel Check Connect Disconnect Explain Give Keep Look Mute Open Refresh Remove Run Save"
        " Share Show Try Unmute Unwatch Watch",
    )
)
"""What a button begins with."""
NEXT_STEPS = re.compile(
    r"\b(ask|check|choose|copy|disconnect|look|open|paste|press|send|show|say|tell|try|type|use|watch"
    r"|write|run|renew|connect)\b",
    re.IGNORECASE,
)
OTHER_NAMES = re.compile(
    r"\b(jobs?|subscri\w+|kill\w*|abort\w*|please|sorry|oops|App Home|DM|UUID)\b",
    re.IGNORECASE,
)
STATUS_WORDS = {name: {name, words(Status(name)), IN_SUM[name]} for name in IN_SUM}
SEEN = [
    (f"{sample.name}, {case}", seen)
    for sample in SAMPLES
    for case, seen in sample.seen()
    if not case.startswith(EXTREME)
]
MESSAGES = [(name, seen) for name, seen in SEEN if isinstance(seen, Message)]


def ours(text: str) -> str:
    """Return a text without what is quoted, linked or typed: commands, ids, others' words."""
    lines = [line for line in text.split("\n") if not line.startswith(">")]
    return MARKUP.sub("x", "\n".join(lines))


def long_sentences(text: str) -> Iterator[str]:
    for sentence in re.split(r"[.?:;•·]\s|\n|, [a-z]+:", ours(text)):
        if len(sentence.split()) > MOST_WORDS:
            yield sentence


@pytest.mark.parametrize(("name", "seen"), SEEN, ids=[name for name, _ in SEEN])
def test_no_shouting_no_apology_no_other_names_and_short_sentences(
    name: str, seen: Message | JSON
) -> None:
    for text in spoken(seen):
        assert "!" not in ours(text), text
        assert not OTHER_NAMES.search(ours(text)), text
        assert not list(long_sentences(text)), list(long_sentences(text))


@pytest.mark.parametrize(("name", "message"), MESSAGES, ids=[name for name, _ in MESSAGES])
def test_the_plain_text_says_what_the_blocks_say(name: str, message: Message) -> None:
    shown = "\n".join(spoken(Message("", message.blocks)))
    for task_id in set(UUID.findall(shown)):
        assert task_id in message.text
    for name_of_function in set(re.findall(r"\b(?:train|sdxl|embed):\w+", shown)):
        assert name_of_function in message.text
    for status, ways in STATUS_WORDS.items():
        if f"`{status}`" in shown:
            assert any(way.lower() in message.text.lower() for way in ways), status


@pytest.mark.parametrize(("name", "message"), MESSAGES, ids=[name for name, _ in MESSAGES])
def test_no_emoji_says_something_alone(name: str, message: Message) -> None:
    assert not EMOJI.search(message.text), message.text
    for text in spoken(Message("", message.blocks)):
        for line in text.split("\n"):
            assert not EMOJI.search(line) or re.search(r"[A-Za-z]{2}", EMOJI.sub("", line)), line


@pytest.mark.parametrize(("name", "seen"), SEEN, ids=[name for name, _ in SEEN])
def test_buttons_are_verbs(name: str, seen: Message | JSON) -> None:
    blocks = seen.blocks if isinstance(seen, Message) else seen["blocks"]
    for button in _buttons(blocks):
        spoken_first = button.get("accessibility_label", "").split(" ")[0]
        label = button["text"]["text"]
        # The name of a file is no verb; what is read out says what the button does with it.
        first = spoken_first if button.get("url") else label.split(" ")[0]
        assert first in VERBS, label
        if "confirm" in button:
            for key in ("confirm", "deny"):
                assert button["confirm"][key]["text"].split(" ")[0] in VERBS


@pytest.mark.parametrize("error", sentences(), ids=lambda error: f"{error.where}-{error.number}")
def test_every_error_names_a_next_step(error: Sentence) -> None:
    # What is wrong comes first; where the next step depends on the caller, the caller gives it.
    _, _, step = error.text.partition(". ")
    assert NEXT_STEPS.search(step) or step in ("[otherwise]", "[who_renews]"), error.text
    assert "!" not in MARKUP.sub("", error.text)
    assert not OTHER_NAMES.search(error.text)
    assert not list(long_sentences(error.text)), error.text


def test_the_page_of_words_is_up_to_date() -> None:
    assert WORDS.read_text() == words_page(), "docs/words.md is out of date: run `make docs`"


def test_a_sentence_that_is_too_long_is_found() -> None:
    assert list(long_sentences("Beam " * (MOST_WORDS + 1)))
    assert not list(long_sentences(f"{'Beam ' * MOST_WORDS}. {'Beam ' * MOST_WORDS}"))


def _buttons(blocks: list[JSON]) -> Iterator[JSON]:
    for block in blocks:
        for element in [*block.get("elements", ()), block.get("accessory") or {}]:
            if element.get("type") == "button":
                yield element


def test_every_sample_is_on_the_page_of_words() -> None:
    page = words_page()
    missing = [sample.when for sample in _plain() if f"## {sample.when}\n" not in page]
    assert not missing


def _plain() -> list[Sample]:
    return [sample for sample in SAMPLES if sample.name != "errors.error_message"]
