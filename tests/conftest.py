import os
import signal

import pytest

from nnunet_cipa.processes.cores import share_of_cores
from tests.programs.folder import folder_of_programs

# A shell that starts the tests in the background, as batch systems do, has Ctrl-C ignored, in children too.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Threads of torch that wait awake take twice the time on cores that other programs use too; read with torch itself.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
# Processes of pytest-xdist share the cores, and so do what they start: nnU-Net's trainings on a CPU have a variable.
processes = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
if processes > 1:
    for variable in ("OMP_NUM_THREADS", "NNUNET_CIPA_THREADS"):
        os.environ.setdefault(variable, str(share_of_cores(processes)))


@pytest.fixture(scope="session")
def programs(tmp_path_factory):
    """A folder with nnU-Net's programs and ours that start at once, where a test is not about a process of its own."""
    with folder_of_programs(tmp_path_factory.mktemp("programs")) as folder:
        yield folder
