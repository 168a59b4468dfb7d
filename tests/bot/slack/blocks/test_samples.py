"""Every builder has samples, and Slack takes what it makes of them."""

from __future__ import annotations

import json
import re

import pytest

from bot.slack.blocks.message import JSON, Message, check, check_view
from demo.gallery.page import gallery
from demo.gallery.sample import Sample, builders
from demo.gallery.samples import SAMPLES
from demo.workspace.blockkit import message_problems, view_problems
from demo.workspace.render import EMOJI
from tests.stack import ROOT

BLOCKS = ROOT / "bot" / "slack" / "blocks"

ADD = """
{missing} has no sample. Add one line for each to the file of its kind in demo/gallery/samples/:

    shows(the_builder, "When people see it", normal=lambda: …, extreme=lambda: …, empty=lambda: …),

and run `make docs` and `make gallery`. demo/gallery/records.py has data for the three."""


def test_every_builder_has_a_sample() -> None:
    missing = sorted(builders().keys() - {sample.name for sample in SAMPLES})
    assert not missing, ADD.format(missing=", ".join(missing))


def test_what_has_a_sample_is_a_builder() -> None:
    assert {sample.name for sample in SAMPLES} <= builders().keys()


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
def test_slack_takes_every_sample(sample: Sample) -> None:
    for case, seen in sample.seen():
        if isinstance(seen, Message):
            check(seen)
            problems = message_problems(seen.blocks)
        else:
            check_view(seen)
            problems = view_problems(seen, "modal", "home")
        assert not problems, f"{sample.name}, {case}: {problems}"


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
def test_nothing_in_a_sample_acts_by_itself(sample: Sample) -> None:
    for case, seen in sample.seen():
        for text in _formatted(seen.blocks if isinstance(seen, Message) else seen):
            for hostile in ("<!channel>", "<https://evil.example"):
                assert hostile not in text, f"{sample.name}, {case}"


def test_the_gallery_shows_every_sample_and_can_show_every_block() -> None:
    page = gallery()
    for sample in SAMPLES:
        assert f'id="{sample.name}"' in page
    assert "cannot show" not in page
    assert page.count('class="frame phone"') == sum(len(list(one.seen())) for one in SAMPLES)


def test_the_workspace_knows_every_emoji_of_ours() -> None:
    written = "".join(path.read_text() for path in BLOCKS.glob("*.py"))
    names = set(re.findall(r"(?<![\w:]):([a-z_]+):(?![\w`])", written))
    assert {"turtle", "mute"} <= names
    assert names <= EMOJI.keys()


def test_a_page_of_the_gallery_holds_no_markup_of_others() -> None:
    page = gallery()
    assert "<b>PAUSED" not in page
    assert not re.search(r"href=.https://evil", page)


def _formatted(value: JSON | list[JSON]) -> list[str]:
    found: list[str] = []
    json.loads(json.dumps(value), object_hook=lambda item: _keep(item, found))
    return found


def _keep(item: JSON, found: list[str]) -> JSON:
    if item.get("type") == "mrkdwn":
        found.append(item["text"])
    return item
