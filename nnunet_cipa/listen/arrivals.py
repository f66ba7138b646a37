"""When objects of each study came last, and who may still be sending."""

import threading
import time
from collections.abc import Iterable
from typing import Protocol


class Sender(Protocol):
    """An association, which is a thread."""

    def is_alive(self) -> bool:
        """Return whether it is open."""


class Arrivals:
    """Tells which studies are quiet: nothing came for a while, and no association is open that last sent of it.

    Parameters
    ----------
    quiet
        Seconds without an object.
    """

    def __init__(self, quiet: float) -> None:
        self._quiet = quiet
        self._lock = threading.Lock()
        self._started = time.monotonic()  # for studies that came before: their senders may be about to go on
        self._last: dict[str, float] = {}
        self._sending: dict[Sender, str] = {}

    def note(self, study_uid: str, sender: Sender) -> None:
        """Take note of an object."""
        with self._lock:
            self._last[study_uid] = time.monotonic()
            self._sending[sender] = study_uid

    def postpone(self, study_uid: str) -> None:
        """Count the time from now on."""
        with self._lock:
            self._last[study_uid] = time.monotonic()

    def quiet(self, study_uids: Iterable[str]) -> list[str]:
        """Return those of the studies that are quiet, the one that has been for longest first."""
        with self._lock:
            self._sending = {sender: uid for sender, uid in self._sending.items() if sender.is_alive()}
            latest = time.monotonic() - self._quiet
            times = {uid: self._last.get(uid, self._started) for uid in study_uids}
            found = [uid for uid, moment in times.items() if moment <= latest and uid not in self._sending.values()]
            return sorted(found, key=times.__getitem__)
