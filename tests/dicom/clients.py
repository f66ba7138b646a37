"""Programs of other makers that read DICOM, where they are installed: see ``.ci/run``."""

import json
import os
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from contextlib import contextmanager

import pytest

# Set by .ci/run once it has installed them: then a missing one is a failure, not a skip.
REQUIRED = "NNUNET_CIPA_REQUIRE_CLIENTS"
PACKAGES = {
    "dciodvfy": "dicom3tools", "dcentvfy": "dicom3tools", "dcmmkdir": "dcmtk", "storescu": "dcmtk", "getscu": "dcmtk",
    "dcmcjpeg": "dcmtk", "dsrdump": "dcmtk", "plastimatch": "plastimatch", "Orthanc": "orthanc",
}  # fmt: skip


def client(name):
    """The path of a program; the test is skipped where it is missing."""
    found = shutil.which(name, path=os.pathsep.join((os.environ["PATH"], "/usr/sbin")))
    if found is None:
        message = f"{name} is not installed; it is in Debian's package {PACKAGES[name]}"
        if os.environ.get(REQUIRED) == "1":
            pytest.fail(f"{message}, and {REQUIRED} is 1")
        pytest.skip(message)
    return found


def run(name, *arguments, **options):
    """What a program says on either stream, and its exit status."""
    command = [client(name), *map(str, arguments)]
    done = subprocess.run(
        command, capture_output=True, text=True, errors="replace", check=False, timeout=300, **options
    )
    return done.stdout + done.stderr, done.returncode


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


@contextmanager
def orthanc(folder, **more):
    """Run Orthanc on loopback, with more settings; gives its DICOM port and the address of its pages."""
    program, dicom, pages = client("Orthanc"), free_port(), free_port()
    settings = {
        "Name": "test", "StorageDirectory": str(folder / "db"), "IndexDirectory": str(folder / "db"), "Plugins": [],
        "HttpPort": pages, "DicomPort": dicom, "DicomAet": "ORTHANC", "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False, "DicomCheckCalledAet": False, "DicomAlwaysAllowGet": True,
        "DicomAlwaysAllowFind": True, "DicomAlwaysAllowStore": True, **more,
    }  # fmt: skip
    (folder / "orthanc.json").write_text(json.dumps(settings))
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen([program, str(folder / "orthanc.json")], stdout=log, stderr=log)
    try:
        address = f"http://127.0.0.1:{pages}"
        for _ in range(120):
            try:
                with urllib.request.urlopen(f"{address}/system", timeout=5):
                    break
            except (urllib.error.URLError, ConnectionError):
                assert server.poll() is None, (folder / "log").read_text(errors="replace")[-2000:]
                time.sleep(0.5)
        yield dicom, address
    finally:
        server.terminate()
        server.wait(30)
