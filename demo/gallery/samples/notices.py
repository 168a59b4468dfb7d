"""Samples of sentences that are the whole answer: errors and notices."""

from __future__ import annotations

from bot.slack.blocks import errors
from bot.slack.blocks.home import problem_view
from bot.tasks import TaskId
from bot.tasks.records import Failure
from demo.gallery import records as r
from demo.gallery.errors import sentences
from demo.gallery.sample import shows

_ID = TaskId("07ce4078-bccc-4a42-b530-5f2653484a6a")
_NAMES = ["train:finetune_lora", "sdxl:render_poster"]
_WORST = [*r.NAMES] * 8
_UNKNOWN = "Beam knows no task `07ce4078-bccc-4a42-b530-5f2653484a6a`. Check the id."

SAMPLES = (
    shows(
        errors.error_message,
        "What went wrong, and what to do",
        **{
            f"{error.where}_{error.number}": lambda error=error: errors.error_message(error.text)
            for error in sentences()
        },
    ),
    shows(errors.unexpected, "What nobody foresaw", normal=lambda: errors.unexpected("K7QM2XWD")),
    shows(
        errors.failures,
        "Tasks that could not be looked up",
        one=lambda: errors.failures([Failure(_ID, _UNKNOWN)]),
        three=lambda: errors.failures([Failure(_ID, _UNKNOWN)] * 3),
        many=lambda: errors.failures([Failure(_ID, _UNKNOWN)] * 12),
        extreme=lambda: errors.failures([Failure(_ID, _UNKNOWN * 9)] * 50),
    ),
    shows(
        errors.already_watched,
        "Tasks that the channel watches already",
        normal=lambda: errors.already_watched(_NAMES[:1], r.LINK),
        two=lambda: errors.already_watched(_NAMES, r.LINK),
        without_a_link=lambda: errors.already_watched(_NAMES, None),
        extreme=lambda: errors.already_watched(_WORST, "https://slack/x|y>"),
    ),
    shows(
        errors.unwatched,
        "Watches that ended",
        normal=lambda: errors.unwatched(_NAMES[:1]),
        two=lambda: errors.unwatched(_NAMES),
        empty=lambda: errors.unwatched([]),
        extreme=lambda: errors.unwatched(_WORST),
    ),
    shows(errors.nothing_to_unwatch, "No such watch", normal=errors.nothing_to_unwatch),
    shows(
        errors.watching_elsewhere,
        "Tasks that are watched in a direct message",
        normal=lambda: errors.watching_elsewhere(_NAMES),
        extreme=lambda: errors.watching_elsewhere(_WORST),
    ),
    shows(errors.not_posted_yet, "Slack is slow", normal=errors.not_posted_yet),
    shows(
        errors.finished_already,
        "Tasks that are over",
        normal=lambda: errors.finished_already(_NAMES[:1]),
        two=lambda: errors.finished_already(_NAMES),
        extreme=lambda: errors.finished_already(_WORST),
    ),
    shows(
        errors.missing_task, "A verb without a task", normal=lambda: errors.missing_task("watch")
    ),
    shows(
        errors.bad_id,
        "A word that is no task id",
        normal=lambda: errors.bad_id("07ce4078-bccc"),
        empty=lambda: errors.bad_id(""),
        extreme=lambda: errors.bad_id(r.HOSTILE * 9),
    ),
    shows(errors.cannot_read_files, "A file", normal=errors.cannot_read_files),
    shows(
        errors.not_in,
        "A channel that Beambot is not in, in a direct message",
        normal=lambda: errors.not_in("C0RANDOM"),
        extreme=lambda: errors.not_in(r.HOSTILE * 9),
    ),
    shows(
        errors.unknown_prefix,
        "The start of an id that is not watched",
        normal=lambda: errors.unknown_prefix("07ce4078"),
        extreme=lambda: errors.unknown_prefix(r.HOSTILE * 9),
    ),
    shows(
        errors.ambiguous_prefix,
        "The start of several ids",
        normal=lambda: errors.ambiguous_prefix("07ce4078", [one.task.id for one in r.many(3)]),
        extreme=lambda: errors.ambiguous_prefix(r.HOSTILE, [one.task.id for one in r.many()]),
    ),
    shows(errors.too_many, "Too many tasks at once", normal=lambda: errors.too_many(73, 50)),
    shows(
        problem_view,
        "Home, when there is nothing else to show",
        normal=lambda: problem_view(":warning: Beam did not answer. Try again in a minute."),
    ),
)
