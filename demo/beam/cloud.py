"""The simulated account: its tasks, their generations, and what a cancel does to them."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

from demo.beam.catalog import CATALOG, Recipe
from demo.beam.life import CANCELS, IN_FLIGHT, Life
from demo.beam.task import SimulatedTask, stable_id

# A new generation of the catalogue starts this often, in seconds at speed 1.
GENERATION = 120.0
KEPT_TASKS = 20_000


class Cloud:
    """Every task of the account; it moves when it is looked at, so it needs no timer.

    Args:
        clock: the time now, aware and UTC.
        speed: how many times faster than written the lives run.
        seed: decides every id of the catalogue's tasks.
        empty: start with no tasks and start none by itself.
    """

    def __init__(
        self,
        clock: Callable[[], datetime],
        *,
        speed: float = 1.0,
        seed: int = 1,
        empty: bool = False,
    ) -> None:
        self._clock = clock
        self._speed = speed
        self._seed = seed
        self._empty = empty
        self._tasks: dict[str, SimulatedTask] = {}
        self._by_stub: defaultdict[str, dict[str, SimulatedTask]] = defaultdict(dict)
        self._generation = 0
        self._extra = 0
        self._started = clock()
        self.reset()

    def reset(self) -> None:
        """Forget everything and begin again, with the same ids."""
        self._tasks.clear()
        self._by_stub.clear()
        self._generation = 0
        self._extra = 0
        self._started = self._clock()
        if not self._empty:
            self._start_generation(0)

    def tasks(self) -> list[SimulatedTask]:
        """Return all tasks as they are now, newest first."""
        self._advance()
        return sorted(self._tasks.values(), key=lambda task: task.created_at, reverse=True)

    def get(self, task_id: str) -> SimulatedTask | None:
        """Return a task as it is now, or None for an id that is not ours."""
        now = self._begin_generations()
        task = self._tasks.get(task_id)
        # Only what its payload tells of has to move: there may be thousands of others.
        for same in self._same(task) if task else ():
            same.advance(now)
        return task

    def cancel(self, task_ids: Iterable[str]) -> None:
        """Do to each task what its cancel does; unknown and finished ones are passed over."""
        now = self._advance()
        for task_id in task_ids:
            task = self._tasks.get(task_id)
            if task is None or task.is_over:
                continue
            after = CANCELS[task.cancel]
            if after is not None:
                task.follow(after, now, self._speed)
                # A second cancel finds the first one under way and does not start it over.
                task.cancel = "ignored"
                task.advance(now)

    def start(self, recipe: Recipe) -> list[SimulatedTask]:
        """Start one more run of a recipe now."""
        self._extra += 1
        return self._start(recipe, self._clock(), ("extra", self._extra))

    def add(self, task: SimulatedTask, life: Life) -> None:
        """Take in a task made elsewhere, with its script beginning when it was created."""
        task.follow(life, task.created_at, self._speed)
        self._take(task)
        task.advance(self._clock())

    def rescript(self, task: SimulatedTask, life: Life) -> None:
        """Give a task a new script that begins now."""
        now = self._advance()
        task.follow(life, now, self._speed)
        task.advance(now)

    def push(self, task: SimulatedTask, status: str) -> None:
        """Turn a task into a status now and let it stay there."""
        task.script.clear()
        task.move(status, self._advance())

    def payload(self, task: SimulatedTask, base_url: str) -> dict[str, Any]:
        """Return what `GET /v2/task/{id}/` answers for a task."""
        same = self._same(task)
        return task.payload(
            queue_depth=sum(other.status == "PENDING" for other in same),
            active_containers=sum(
                other.status in IN_FLIGHT and bool(other.container_id) for other in same
            ),
            base_url=base_url,
        )

    def _same(self, task: SimulatedTask) -> list[SimulatedTask]:
        """Return all tasks of a task's function."""
        return list(self._by_stub[task.stub.name].values())

    def _take(self, task: SimulatedTask) -> None:
        self._tasks[task.id] = task
        self._by_stub[task.stub.name][task.id] = task

    def _begin_generations(self) -> datetime:
        now = self._clock()
        if not self._empty:
            due = int((now - self._started).total_seconds() * self._speed / GENERATION)
            # After a long sleep only the latest generation matters.
            if due > self._generation:
                self._generation = due
                self._start_generation(due)
                self._forget()
        return now

    def _advance(self) -> datetime:
        now = self._begin_generations()
        for task in self._tasks.values():
            task.advance(now)
        self._forget()
        return now

    def _start_generation(self, number: int) -> None:
        begins = self._started + timedelta(seconds=number * GENERATION / self._speed)
        for recipe in CATALOG:
            self._start(recipe, begins, (number,))

    def _start(
        self, recipe: Recipe, begins: datetime, run: tuple[object, ...]
    ) -> list[SimulatedTask]:
        started = []
        for index in range(recipe.count):
            born = begins + timedelta(seconds=(recipe.born if run[0] == 0 else 0) / self._speed)
            task = SimulatedTask(
                id=stable_id(self._seed, *run, recipe.key, index),
                stub=recipe.stub,
                created_at=born,
                updated_at=born,
                recipe=recipe.key,
                cancel=recipe.cancel,
                outputs=recipe.outputs,
                extra=dict(recipe.extra),
            )
            self._take(task)
            # The tasks of a batch queue up together and are worked off one after another.
            delay = index * recipe.stagger / self._speed
            task.follow(
                recipe.odd_lives.get(index, recipe.life),
                born + timedelta(seconds=delay),
                self._speed,
            )
            task.advance(self._clock())
            started.append(task)
        return started

    def _forget(self) -> None:
        spare = len(self._tasks) - KEPT_TASKS
        if spare > 0:
            over = sorted(
                (task for task in self._tasks.values() if task.is_over and not task.script),
                key=lambda task: task.created_at,
            )
            for task in over[:spare]:
                del self._tasks[task.id], self._by_stub[task.stub.name][task.id]
