"""Work spread over processes, here or elsewhere, such that none of it is lost when a worker is."""

from __future__ import annotations

import warnings
from collections import deque
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Literal, TypeAlias, TypeVar

import loky
from tqdm.auto import tqdm

from happyhorse_widgets.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from concurrent.futures import Future

Task = TypeVar("Task")
Row = TypeVar("Row")

#: Where work is done: in processes of our own (None), in this one, or in an executor that a person brings.
Where: TypeAlias = Executor | Literal["serial"] | None

#: How often one task may lose its worker.
TRIES = 3


@dataclass(frozen=True, slots=True)
class _Attempt(Generic[Task, Row]):
    """A task as it is submitted: with a number, since Dask takes equal calls for the same one, and keeps how it ended."""

    work: Callable[[Task], Row]
    task: Task
    number: int

    def __call__(self) -> Row:
        return self.work(self.task)


@dataclass(frozen=True, slots=True)
class _Job(Generic[Task, Row]):
    work: Callable[[Task], Row]
    tasks: Sequence[Task]
    lost: Callable[[str], Row]
    keep: Callable[[int, Row], None]

    def attempt(self, index: int, number: int = 1) -> _Attempt[Task, Row]:
        return _Attempt(self.work, self.tasks[index], number)


def run(
    work: Callable[[Task], Row],
    tasks: Sequence[Task],
    where: Where,
    *,
    lost: Callable[[str], Row],
    progress: bool | None = None,
    unit: str = "clip",
) -> list[Row]:
    """`work(task)` of each task, in the tasks' order; `work` raises nothing.

    A task whose worker is lost is done again; after three times it gets `lost(why)`. Where a killed worker breaks its whole
    executor, as with `concurrent.futures.ProcessPoolExecutor`, a warning says so, and what is left is done as with None.
    `progress`: whether to show a bar; None shows it in notebooks and terminals. An interrupt ends the work. Raises
    `InvalidRequest` for what is no executor.
    """
    found: dict[int, Row] = {}
    with tqdm(
        total=len(tasks), unit=unit, leave=False, disable=None if progress is None else not progress
    ) as bar:

        def keep(index: int, row: Row) -> None:
            found[index] = row
            bar.update()

        job = _Job(work, tasks, lost, keep)
        if where == "serial":
            for index, task in enumerate(tasks):
                keep(index, work(task))
        elif where is None:
            _in_own_processes(job, range(len(tasks)))
        elif isinstance(where, Executor):
            _in_executor(where, job)
        else:
            raise InvalidRequest(
                f'executor is {where!r}. Allowed are None (processes on this machine), "serial" (this process) and any '
                "concurrent.futures.Executor, such as Dask's client.get_executor() or ipyparallel's "
                "client.load_balanced_view().executor."
            )
    return [found[index] for index in range(len(tasks))]


def _in_own_processes(job: _Job[Task, Row], indices: Iterable[int]) -> None:
    """Work on the tasks with these indices in a pool of processes, built again when one of them is killed.

    Nobody tells which of the tasks under way it was that lost its process, so each of them is done again with a process to
    itself: there it is clear.
    """
    waiting = deque(indices)
    while waiting:
        for suspect in _until_broken(job, waiting):
            job.keep(suspect, _alone(job, suspect))


def _until_broken(job: _Job[Task, Row], waiting: deque[int]) -> list[int]:
    """Work on what is waiting, and take it from there, until all is done or the pool breaks; what was under way then."""
    workers = min(loky.cpu_count(), len(waiting))
    flying: dict[Future[Row], int] = {}
    with _pool(workers) as pool:
        try:
            while waiting or flying:
                while waiting and len(flying) < workers:
                    flying[pool.submit(job.attempt(waiting[0]))] = waiting[0]
                    waiting.popleft()
                for future in wait(flying, return_when=FIRST_COMPLETED).done:
                    row = future.result()
                    job.keep(flying.pop(future), row)
        except BrokenExecutor:
            return list(flying.values())
    return []


def _alone(job: _Job[Task, Row], index: int) -> Row:
    for number in range(TRIES):
        with _pool(1) as pool:
            try:
                row: Row = pool.submit(job.attempt(index, number)).result()
            except BrokenExecutor:
                continue
            return row
    return job.lost(
        f"The worker process was killed {TRIES} times while it worked on this alone. Was there too little memory?"
    )


@contextmanager
def _pool(workers: int) -> Iterator[Executor]:
    """Processes of our own. Unlike those of `concurrent.futures` they never run a person's script again from its beginning,
    which may be what paid for the clips, and they can be sent what a notebook's cell defines.
    """
    pool = loky.ProcessPoolExecutor(max_workers=workers)
    try:
        yield pool
    except BaseException:
        pool.shutdown(wait=True, kill_workers=True)
        raise
    pool.shutdown(wait=True)


def _in_executor(executor: Executor, job: _Job[Task, Row]) -> None:
    flying: dict[Future[Row], tuple[int, int]] = {}
    left: list[int] = []
    broken: BrokenExecutor | None = None

    def submit(index: int, number: int) -> None:
        nonlocal broken
        try:
            flying[executor.submit(job.attempt(index, number))] = (index, number)
        except BrokenExecutor as error:
            broken = error  # for good: the standard library's end with the first process that they lose
            left.append(index)
        except RuntimeError as error:  # shut down
            job.keep(
                index,
                job.lost(f"The executor takes no more work ({error}). Measure this again with another."),
            )

    try:
        for index in range(len(job.tasks)):
            submit(index, 1)
        while flying:
            for future in wait(flying, return_when=FIRST_COMPLETED).done:
                index, number = flying.pop(future)
                try:
                    row = future.result()
                except Exception as error:  # noqa: BLE001 (work raises nothing: whatever this is, it befell its worker)
                    if number < TRIES:
                        submit(index, number + 1)
                    else:
                        job.keep(
                            index,
                            job.lost(f"Its worker failed {TRIES} times ({type(error).__name__}: {error})."),
                        )
                else:
                    job.keep(index, _single(row))
    finally:
        for future in flying:
            future.cancel()
    if left:
        warnings.warn(
            f"The executor broke ({type(broken).__name__}: {broken}). What was left, {len(left)} of {len(job.tasks)}, is "
            "measured in processes on this machine.",
            stacklevel=4,
        )
        _in_own_processes(job, sorted(left))


def _single(row: Row) -> Row:
    if isinstance(row, list):
        raise InvalidRequest(
            "This executor does every task on all of its engines. Of ipyparallel take client.load_balanced_view().executor."
        )
    return row
