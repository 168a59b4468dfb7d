"""One use case a file. Orchestration only: knows ports, not libraries."""

from __future__ import annotations

from dataclasses import dataclass

from bot.services.accounts import ManyAccounts
from bot.services.cancel import Cancelling
from bot.services.deliver import Deliverer
from bot.services.home import HomePages
from bot.services.look_up import LookUp
from bot.services.nudge import Nudger
from bot.services.policy import Policy
from bot.services.poll import Poller
from bot.services.ports import Clock
from bot.services.preferences import ChannelPreferences
from bot.services.previews import Previews
from bot.services.report import Reports
from bot.services.watch import Watching


@dataclass(frozen=True, slots=True)
class Services:
    """All use cases of one Beam account."""

    look_up: LookUp
    watching: Watching
    cancelling: Cancelling
    policy: Policy
    accounts: ManyAccounts | None
    """The accounts that workspaces connect; ``None`` where whoever runs the bot has set one."""
    previews: Previews
    reports: Reports
    nudger: Nudger
    preferences: ChannelPreferences
    home: HomePages
    poller: Poller
    deliverer: Deliverer
    clock: Clock
