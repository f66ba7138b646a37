"""Sends results to their destinations, again and again until they are stored there."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from nnunet_cipa.errors import CIPAError
from nnunet_cipa.listen.options import Destination, ListenOptions
from nnunet_cipa.listen.sending import SendingError, send
from nnunet_cipa.listen.versions import FAILED, SENT, State, Version

_POLL = 0.2
_LONGEST_PAUSE = 600.0
_HOUR = 3600.0
_logger = logging.getLogger(__name__)


@dataclass
class _Item:
    """A version to be sent, since when, when it is next, and how long the pause is after that."""

    version: Version
    since: float
    due: float
    pause: float


class Courier:
    """Sends to one destination.

    Parameters
    ----------
    destination
        Where to.
    options
        Of the node.
    lock
        Held while a state is changed, as other couriers change it too.
    stop
        Set to end, after the file that is being sent.
    """

    def __init__(
        self, destination: Destination, options: ListenOptions, lock: threading.RLock, stop: threading.Event
    ) -> None:
        self._destination, self._options, self._lock, self._stop = destination, options, lock, stop
        self._all = tuple(map(str, options.destinations()))
        self._items: list[_Item] = []

    def add(self, version: Version) -> None:
        """Have a version sent."""
        item = _Item(version, version.read().since, time.monotonic(), self._options.pause)
        with self._lock:
            self._items.append(item)

    def run(self) -> None:
        """Send until the end."""
        while not self._stop.wait(_POLL):
            with self._lock:
                now = time.monotonic()
                due = [item for item in self._items if item.due <= now]
            for item in due:
                if self._stop.is_set():
                    return
                if self._try(item):
                    with self._lock:
                        self._items.remove(item)
                else:
                    item.due = time.monotonic() + item.pause
                    item.pause = min(2 * item.pause, _LONGEST_PAUSE)

    def _try(self, item: _Item) -> bool:
        """Send what is not stored there yet; return whether nothing is left to do."""
        name, version = str(self._destination), item.version
        again = f"tried again in {item.pause:g} s"
        try:
            reason = self._send(version)
            if reason and time.time() < item.since + _HOUR * self._options.give_up:
                _logger.warning("%s: %s; %s", version.name, reason, again)
                return False
            if reason:
                _logger.error("%s: %s; given up", version.name, reason)
                self._change(version, lambda state: replace(state, refused={**state.refused, name: reason}))
            else:
                _logger.info("%s: is stored at %s", version.name, name)
            self._change(version, lambda state: _settled(state, version, self._all))
        except (CIPAError, OSError) as error:
            _logger.error("%s: %s; %s", version.name, error, again)  # noqa: TRY400 - told in one line
            return False
        return True

    def _send(self, version: Version) -> str:
        """Send what is not stored there yet; return why not all of it was stored, or nothing."""
        has = version.read().stored.get(str(self._destination), ())
        files = [path for path in version.files() if version.key(path) not in has]
        try:
            if files:
                send(files, self._destination, self._options.aet, lambda path: self._note(version, path))
        except SendingError as error:
            return str(error)
        return ""

    def _note(self, version: Version, path: Path) -> None:
        """Keep that a file is stored there."""
        name = str(self._destination)

        def noted(state: State) -> State:
            return replace(state, stored={**state.stored, name: (*state.stored.get(name, ()), version.key(path))})

        self._change(version, noted)

    def _change(self, version: Version, change: Callable[[State], State]) -> None:
        with self._lock:
            version.write(change(version.read()))


def _settled(state: State, version: Version, destinations: Sequence[str]) -> State:
    """Return the state once every destination has all, or was given up."""
    files = {version.key(path) for path in version.files()}
    if any(one not in state.refused and not files.issubset(state.stored.get(one, ())) for one in destinations):
        return state
    reasons = "; ".join(state.refused.values())
    return replace(state, stage=FAILED, reason=reasons) if reasons else replace(state, stage=SENT)
