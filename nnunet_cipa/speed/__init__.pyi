from .network import bench_network
from .options import NetworkBench, ScanBench
from .reading import read_report
from .report import BenchReport
from .scan import bench_scan
from .timing import Timing

__all__ = [
    "BenchReport",
    "NetworkBench",
    "ScanBench",
    "Timing",
    "bench_network",
    "bench_scan",
    "read_report",
]
