"""Speed and memory of the scan and of the network, on the machine at hand."""

from nnunet_cipa.speed.network import NetworkBench, bench_network
from nnunet_cipa.speed.reading import read_report
from nnunet_cipa.speed.report import BenchReport
from nnunet_cipa.speed.scan import ScanBench, bench_scan
from nnunet_cipa.speed.timing import Timing

__all__ = ["BenchReport", "NetworkBench", "ScanBench", "Timing", "bench_network", "bench_scan", "read_report"]
