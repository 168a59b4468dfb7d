"""Help names what can be used here, and answers about everything else when it is asked."""

from __future__ import annotations

import json

import pytest

from bot.slack.blocks.help import help_message, unknown_verb
from bot.slack.blocks.home import help_modal


@pytest.mark.parametrize("connects", [False, True])
def test_the_list_of_commands_has_connect_only_where_workspaces_connect_accounts(
    connects: bool,
) -> None:
    for message in (
        help_message(connects=connects),
        help_message("nonsense", connects=connects),
        unknown_verb("frobnicate", None, connects=connects),
        unknown_verb("lsit", "list", connects=connects),
    ):
        for shown in (message.text, json.dumps(message.blocks)):
            assert "/beam watch" in shown
            for verb in ("/beam connect", "/beam disconnect"):
                assert (verb in shown) is connects
    for verb in ("/beam connect", "/beam disconnect"):
        assert (verb in json.dumps(help_modal(connects=connects))) is connects


@pytest.mark.parametrize("verb", ["connect", "disconnect"])
def test_help_about_connect_is_there_for_who_asks(verb: str) -> None:
    assert help_message(verb).text.startswith(f"/beam {verb}: ")
