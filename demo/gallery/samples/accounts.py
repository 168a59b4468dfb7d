"""Samples of connecting Beam accounts."""

from __future__ import annotations

from bot.slack.blocks import accounts
from bot.tasks.records import ConnectedAccount
from demo.gallery import records as r
from demo.gallery.sample import shows

_MAIN = ConnectedAccount("main", True, r.ANA, r.ago(days=9))
_TWO = (_MAIN, ConnectedAccount("research", False, r.OMAR, r.ago(days=2)))
_WORST = tuple(ConnectedAccount(name, False, r.ANA, r.ago(days=2)) for name in r.NAMES)

SAMPLES = (
    shows(
        accounts.connect_modal,
        "Connect a Beam account",
        normal=lambda: accounts.connect_modal(_TWO),
        empty=lambda: accounts.connect_modal(()),
        extreme=lambda: accounts.connect_modal(_WORST, r.HOSTILE),
    ),
    shows(
        accounts.connected,
        "A Beam account is connected",
        normal=lambda: accounts.connected("research"),
        extreme=lambda: accounts.connected(r.HOSTILE),
    ),
    shows(
        accounts.disconnect_question,
        "Disconnect a Beam account",
        normal=lambda: accounts.disconnect_question(_TWO),
        empty=lambda: accounts.disconnect_question(()),
        extreme=lambda: accounts.disconnect_question(_WORST),
    ),
    shows(
        accounts.disconnected,
        "A Beam account is disconnected",
        normal=lambda: accounts.disconnected("research", 3),
        empty=lambda: accounts.disconnected("research", 0),
        extreme=lambda: accounts.disconnected(r.HOSTILE, 10**6),
    ),
    shows(accounts.operators_account, "One account for all", normal=accounts.operators_account),
)
