"""Samples of connecting Beam accounts."""

from __future__ import annotations

from bot.slack.blocks import accounts
from bot.tasks.records import ConnectedAccount
from demo.gallery import records as r
from demo.gallery.sample import shows

_MAIN = ConnectedAccount("main", True, r.ANA, r.ago(days=9))
_TWO = (_MAIN, ConnectedAccount("research", False, r.OMAR, r.ago(days=2), calls_back=True))
_WORST = tuple(ConnectedAccount(name, False, r.ANA, r.ago(days=2), True) for name in r.NAMES)
_TEAM = "T0123ABCD"
_HOST = "https://beambot.example.com"

SAMPLES = (
    shows(
        accounts.connect_modal,
        "Connect a Beam account",
        normal=lambda: accounts.connect_modal(_TWO, _TEAM, _HOST),
        empty=lambda: accounts.connect_modal((), _TEAM),
        extreme=lambda: accounts.connect_modal(_WORST, _TEAM, name=r.HOSTILE),
    ),
    shows(
        accounts.connected,
        "A Beam account is connected",
        normal=lambda: accounts.connected("research", _TEAM, _HOST),
        empty=lambda: accounts.connected("research"),
        extreme=lambda: accounts.connected(r.HOSTILE, _TEAM),
    ),
    shows(
        accounts.disconnect_questions,
        "Disconnect a Beam account",
        normal=lambda: accounts.disconnect_questions(_TWO),
        empty=lambda: accounts.disconnect_questions(()),
        extreme=lambda: accounts.disconnect_questions(_WORST),
    ),
    shows(
        accounts.disconnected,
        "A Beam account is disconnected",
        normal=lambda: accounts.disconnected("research", 3),
        empty=lambda: accounts.disconnected("research", 0),
        extreme=lambda: accounts.disconnected(r.HOSTILE, 10**6),
    ),
    shows(
        accounts.key_removed,
        "The signing key of a Beam account is deleted",
        normal=lambda: accounts.key_removed("research"),
        extreme=lambda: accounts.key_removed(r.HOSTILE),
    ),
    shows(accounts.operators_account, "One account for all", normal=accounts.operators_account),
)
