"""Stands for an installed program: has the server beside it run that, and ends as it ends."""

import json
import os
import signal
import socket
import sys


def main() -> None:
    """Ask for the program and wait for its end; a signal that ends this one ends the program."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(f"{sys.argv[0].rpartition('/')[0]}/server")
        socket.send_fds(connection, [b" "], [1, 2])
        request = {"words": sys.argv, "variables": dict(os.environ), "folder": os.path.realpath(os.curdir)}
        connection.sendall(json.dumps(request).encode() + b"\n")
        status = int(connection.makefile().readline())
    if status < 0:
        signal.signal(-status, signal.SIG_DFL)
        os.kill(os.getpid(), -status)
    sys.exit(status)


main()
