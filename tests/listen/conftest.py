"""The parts of a node within the process of the test."""

import pytest

from nnunet_cipa.dicom.attributes import tolerant
from nnunet_cipa.listen import server as server_module
from nnunet_cipa.listen.arrivals import Arrivals
from nnunet_cipa.listen.options import ListenOptions
from nnunet_cipa.listen.server import Server
from nnunet_cipa.listen.spool import Spool
from tests.dicom.clients import free_port
from tests.listen.peers import Receiver


@pytest.fixture
def spool(tmp_path):
    return Spool(tmp_path / "spool")


@pytest.fixture
def serve(spool, monkeypatch):
    """Start servers that store into the spool; each call gives a port."""
    monkeypatch.setattr(server_module, "_FOR_ANSWERS", 0.0)
    servers = []

    def start(**options):
        port = free_port()
        server = Server(ListenOptions(port=port, folder=spool.folder, **options), spool, Arrivals(0.1))
        server.start()
        servers.append(server)
        return port

    with tolerant():
        yield start
    for server in servers:
        server.close()


@pytest.fixture
def receiver():
    with Receiver() as receiver:
        yield receiver
