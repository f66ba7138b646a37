"""Programs of other makers that read DICOM, where they are installed: see ``.ci/run``."""

import os
import shutil
import subprocess

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
