"""Speed and memory of the scan and of the network, on the machine at hand."""

from nnunet_cipa.bench.network import NetworkBench, bench_network
from nnunet_cipa.bench.reading import read_report
from nnunet_cipa.bench.report import BenchReport
from nnunet_cipa.bench.scan import ScanBench, bench_scan
from nnunet_cipa.bench.timing import Timing

__all__ = ["BenchReport", "NetworkBench", "ScanBench", "Timing", "bench_network", "bench_scan", "read_report"]
