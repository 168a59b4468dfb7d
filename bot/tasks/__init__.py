"""The language of the domain: tasks, statuses, transitions, ids. Pure, no I/O."""

from bot.tasks.ids import TaskId, find_task_ids, is_id_prefix, parse_task_id
from bot.tasks.pace import check_interval
from bot.tasks.status import Level, Status
from bot.tasks.task import FunctionKind, Output, Task, Transition

__all__ = [
    "FunctionKind",
    "Level",
    "Output",
    "Status",
    "Task",
    "TaskId",
    "Transition",
    "check_interval",
    "find_task_ids",
    "is_id_prefix",
    "parse_task_id",
]
