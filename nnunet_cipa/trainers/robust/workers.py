"""Worker processes of a loader whose batches come in the same order at every start."""

import itertools
from typing import Any

from batchgenerators.dataloading.nondet_multi_threaded_augmenter import NonDetMultiThreadedAugmenter


class WorkersInTurns(NonDetMultiThreadedAugmenter):
    """A loader's worker processes with a queue each, which are read one after the other.

    The one queue of the base class gives the batches in the order in which the workers happen to finish. With a queue
    for each worker the order follows from their seeds. A worker that is slower than the others holds them up, once its
    queue is empty and theirs are full.

    Parameters
    ----------
    loader : NonDetMultiThreadedAugmenter
        Whose workers, seeds and queue lengths to take over.
    """

    def __init__(self, loader: NonDetMultiThreadedAugmenter) -> None:
        self._workers: list[NonDetMultiThreadedAugmenter] = []
        self._turns: itertools.cycle[NonDetMultiThreadedAugmenter] = itertools.cycle(())
        super().__init__(
            loader.generator,
            loader.transform,
            loader.num_processes,
            loader.num_cached,
            loader.seeds,
            loader.pin_memory,
            loader.wait_time,
        )

    def __next__(self) -> Any:
        """Return the next batch of the worker whose turn it is; the first call starts them."""
        self._start()
        return next(next(self._turns))

    def restart(self) -> None:
        """End the workers; the next batch starts them with the present seeds."""
        self._finish()

    def _start(self) -> None:
        if self._workers:
            return
        cached = -(-self.num_cached // self.num_processes)
        self._workers = [
            NonDetMultiThreadedAugmenter(
                self.generator, self.transform, 1, cached, [seed], self.pin_memory, self.wait_time
            )
            for seed in self.seeds
        ]
        for worker in self._workers:
            worker._start()  # noqa: SLF001 - all at once, not each at its first batch
        self._turns = itertools.cycle(self._workers)

    def _finish(self, timeout: float = 10, force: bool = False) -> None:
        for worker in self._workers:
            worker._finish(timeout, force)  # noqa: SLF001 - nnU-Net ends loaders by it
        self._workers = []


def take_in_turns(loader: Any) -> Any:
    """Return the loader with its workers' batches in a fixed order; another loader is returned as it is."""
    if not isinstance(loader, NonDetMultiThreadedAugmenter):
        return loader
    loader._finish()  # noqa: SLF001 - as nnU-Net ends it
    return WorkersInTurns(loader)
