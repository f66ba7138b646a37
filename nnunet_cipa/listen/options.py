"""Options of a DICOM node, and where it sends to."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from nnunet_cipa.options import Option, UsageError

# An AE title: 1 to 16 printable characters without a backslash. The standard's default repertoire is ASCII.
_TITLE = re.compile(r"(?! )[ -\[\]-~]{1,16}(?<! )")
_DESTINATION = re.compile(r"(?P<title>[^@]+)@(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):(?P<port>[0-9]{1,5})")
_LARGEST_PORT = 65535


@dataclass(frozen=True)
class ListenOptions:
    """Where a node listens, what it waits for and where it sends to.

    Attributes
    ----------
    port
        TCP port to listen at.
    host
        Address of this machine to listen at; 0.0.0.0 is all of them. There is no TLS and no password: keep it within
        the hospital's network.
    aet
        AE title of this node; associations that call another are rejected.
    allow
        AE title that may send; again for more. By default, everybody may.
    folder
        Where studies are kept: what was received, what was made of it, and how far it got. It holds patients' data.
    quiet
        Seconds after the last object of a study until it is predicted.
    send_to
        Where RTSTRUCT, SEG and SR are sent by C-STORE; again for more. By default, they stay in the folder.
    give_up
        Hours after which a node that does not take what is sent counts as failed.
    retry
        Take up again what failed, to be predicted or sent.
    pause
        Seconds until the second try to send; each later pause is twice as long, to ten minutes.
    """

    port: Annotated[int, Option("P", least=1, most=_LARGEST_PORT)]
    host: Annotated[str, Option("ADDRESS")] = "127.0.0.1"
    aet: Annotated[str, Option("AE")] = "NNUNETCIPA"
    allow: Annotated[tuple[str, ...], Option("AE", repeated=True)] = ()
    folder: Annotated[Path, Option("DIR")] = Path("nnunet_cipa_node")
    quiet: Annotated[float, Option("S")] = 60.0
    send_to: Annotated[tuple[str, ...], Option("AE@HOST:PORT", repeated=True)] = ()
    give_up: Annotated[float, Option("H")] = 72.0
    retry: bool = False
    pause: Annotated[float, Option(hidden=True)] = 5.0

    def check(self) -> None:
        """Refuse values that cannot be.

        Raises
        ------
        UsageError
            For the first of them.
        """
        for flag, titles in (("--aet", [self.aet]), ("--allow", self.allow)):
            for title in titles:
                _check_title(flag, title, title)
        for flag, value in (("--quiet", self.quiet), ("--give-up", self.give_up)):
            if not 0 < value < float("inf"):
                raise UsageError(f"{flag} {value:g}: give a time above 0")
        self.destinations()

    def destinations(self) -> tuple["Destination", ...]:
        """Return where is sent to, each once.

        Raises
        ------
        UsageError
            If one of them cannot be.
        """
        return tuple(dict.fromkeys(map(Destination.parse, self.send_to)))


@dataclass(frozen=True)
class Destination:
    """A node that takes what was made."""

    title: str
    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> "Destination":
        """Read AE@HOST:PORT; an IPv6 address stands in brackets.

        Raises
        ------
        UsageError
            If it is something else.
        """
        found = _DESTINATION.fullmatch(text)
        if found is None or not 1 <= int(found["port"]) <= _LARGEST_PORT:
            raise UsageError(f"--send-to {text}: give it as AE@HOST:PORT, such as PACS@192.168.1.20:104")
        _check_title("--send-to", text, found["title"])
        return cls(found["title"], found["host"].strip("[]"), int(found["port"]))

    def __str__(self) -> str:
        """Return it as it is given."""
        return f"{self.title}@{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"


def _check_title(flag: str, given: str, title: str) -> None:
    if not _TITLE.fullmatch(title):
        raise UsageError(
            f"{flag} {given}: an AE title has 1 to 16 ASCII characters, no backslash, no space at its ends"
        )
