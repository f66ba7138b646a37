"""Overview that a run prints: the models at its start, then its jobs."""

import math
import sys
from collections.abc import Callable, Iterator

from tqdm import tqdm

from nnunet_cipa.benchmark.plan.jobs import Action
from nnunet_cipa.benchmark.plan.plan import BenchmarkRequest, Plan
from nnunet_cipa.benchmark.run.execute import Result, RunningJob
from nnunet_cipa.pages.tables import render_table


def overview(request: BenchmarkRequest, plan: Plan) -> Iterator[str]:
    """Return the lines that a run begins with: how much there is to do, and the models at their budget."""
    done = sum(job.next_action() is Action.NONE for job in plan.jobs)
    budget = request.budget
    length = "each trainer's own length" if budget is None else f"{budget.total} iterations each"
    yield f"{request.dataset.name}: {len(plan.models)} models, {len(plan.jobs)} jobs, {done} of them done; {length}"
    yield f"results in {request.out}"
    rows = []
    for model in plan.models:
        pixels = "" if budget is None else f"{budget.total * model.batch_size * math.prod(model.patch_size) / 1e6:.3g}"
        patch = " x ".join(map(str, model.patch_size))
        start = model.start.name or "initial weights"
        names = (model.title, model.trained_as, model.plans, model.configuration, start)
        rows.append((*names, str(model.batch_size), patch, pixels))
    header = ("model", "-tr", "plans", "configuration", "starts from", "batch", "patch", "million target pixels")
    yield from render_table(header, rows).splitlines()
    yield from plan.notes


class Progress:
    """A line for each job that starts or ends, above a bar on a terminal."""

    def __init__(self, count: int) -> None:
        self._bar: tqdm[None] = tqdm(total=count, unit="job", disable=None)
        self._write: Callable[[str], None] = lambda line: tqdm.write(line, file=sys.stdout)

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()

    def started(self, running: RunningJob) -> None:
        """Tell that a job has started."""
        self._write(f"{running.job.name}: {running.action.value}, see {running.job.log}")

    def ended(self, result: Result) -> None:
        """Tell that a job has ended."""
        self._bar.update()
        self._write(f"{result.job.name}: {'failed' if result.problem else 'done'} after {result.seconds:.0f} s")
