"""Predicts studies one by one, as they become quiet."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import replace

from nnunet_cipa.errors import CIPAError
from nnunet_cipa.listen.arrivals import Arrivals
from nnunet_cipa.listen.spool import Spool
from nnunet_cipa.listen.versions import FAILED, PREDICTED, PREDICTING, State, Version
from nnunet_cipa.listen.worker import Outcome, Predictor, run_apart

# Times that a prediction is begun of which the node does not live to see the end.
MOST_STARTS = 5
_POLL = 0.2
_AFTER_ERROR = 30.0
_logger = logging.getLogger(__name__)


class Predicting:
    """The queue of studies.

    Parameters
    ----------
    spool, arrivals
        What came, and when.
    predict
        What predicts.
    predicted
        Called with each version that has a result.
    stop
        Set to end; a prediction that is under way is given up, and begun again with the node.
    """

    def __init__(
        self,
        spool: Spool,
        arrivals: Arrivals,
        predict: Predictor,
        predicted: Callable[[Version], None],
        stop: threading.Event,
    ) -> None:
        self._spool, self._arrivals, self._predict, self._predicted = spool, arrivals, predict, predicted
        self._stop = stop
        self._unfinished: list[Version] = []

    def take_up(self, *, retry: bool) -> None:
        """Find what an earlier run of the node left to do; with ``retry``, what failed too."""
        for version in self._spool.all_versions():
            try:
                stage = version.read().stage
            except CIPAError as error:
                _logger.warning("%s", error)
                continue
            if stage in {PREDICTING, PREDICTED}:
                self._unfinished.append(version)
            elif stage == FAILED and retry:
                self._spool.wait_for(version.study_uid)

    def run(self) -> None:
        """Predict until the end."""
        pause = _POLL
        while not self._stop.wait(pause):
            pause = _POLL
            for version in [*self._unfinished]:
                try:
                    self._go_on(version)
                    self._unfinished.remove(version)
                except (CIPAError, OSError) as error:
                    _logger.error("%s: %s; tried again in %g s", version.name, error, _AFTER_ERROR)  # noqa: TRY400 - told in one line
                    pause = _AFTER_ERROR
            self._freeze_one()

    def _freeze_one(self) -> None:
        """Make a version of the study that has been quiet for longest; the others may get more until their turn."""
        for study_uid in self._arrivals.quiet(self._spool.waiting())[:1]:
            try:
                version = self._spool.freeze(study_uid)
            except OSError as error:
                _logger.error("study %s: %s; tried again when it has been quiet for as long again", study_uid, error)  # noqa: TRY400 - told in one line
                self._arrivals.postpone(study_uid)
                continue
            if version is None:
                _logger.info("study %s: has the objects that it had", study_uid)
            else:
                self._unfinished.append(version)

    def _go_on(self, version: Version) -> None:
        state = version.read()
        if state.stage == PREDICTING:
            state = self._bring_on(version, state)
            version.write(state)
        if state.stage == PREDICTED:
            self._predicted(version)
        elif state.stage == FAILED:
            _logger.error("%s: failed; the reason is in %s", version.name, version.state_file)

    def _bring_on(self, version: Version, state: State) -> State:
        """Predict, and return the state that follows."""
        if version.result.is_dir():  # a kill came between the result and its state
            return replace(state, stage=PREDICTED, since=time.time())
        if state.begun >= MOST_STARTS:
            reason = f"was begun {state.begun} times, and the node never saw the end; look into {version.log}"
            return replace(state, stage=FAILED, reason=reason)
        version.clear()
        version.write(replace(state, begun=state.begun + 1))
        _logger.info("%s: prediction begins, %d objects", version.name, len(list(version.inputs.iterdir())))
        outcome = run_apart(self._predict, version.inputs, version.unfinished, version.log, self._stop)
        return state if outcome is None else _conclude(version, state, outcome)


def _conclude(version: Version, state: State, outcome: Outcome) -> State:
    """Keep the result, if there are objects in it, and return the state that follows."""
    failures = tuple(" ".join(line.split()) for line in outcome.failures)
    if not list(version.unfinished.rglob("*.dcm")):
        version.clear()
        reason = "; ".join(failures) or "the prediction made no DICOM object"
        return replace(state, stage=FAILED, reason=reason)
    state = replace(state, warnings=(*failures, *outcome.warnings))
    version.write(state)
    version.finish()
    _logger.info("%s: predicted; warnings: %d, in %s", version.name, len(state.warnings), version.state_file)
    return replace(state, stage=PREDICTED, since=time.time())
