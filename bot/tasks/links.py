"""Links to tasks on Beam's dashboard."""

from __future__ import annotations

from urllib.parse import urlsplit

from bot.tasks.ids import TaskId, find_task_ids

DASHBOARD_HOSTS = ("platform.beam.cloud",)
"""Where Beam's dashboard lives (docs.beam.cloud; the SDK's ``--dashboard-url``).

``app.beam.cloud`` is not among them: deployed functions answer there, each under a name of its
own, and Slack would tell of links to every one of them.
"""


def task_in_link(url: str) -> TaskId | None:
    """Return the task that a link to the dashboard leads to, ``None`` if it leads elsewhere.

    The dashboard also names deployments, stubs and workspaces by ids of the same shape. What
    follows the word "task" is the task; without that word the last id may be one, which only
    Beam can tell.
    """
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or host not in DASHBOARD_HOSTS:
        return None
    rest = url[len(parts.scheme) :].lower()
    after = find_task_ids(rest.partition("task")[2])
    if after:
        return after[0]
    ids = find_task_ids(rest)
    return ids[-1] if ids else None
