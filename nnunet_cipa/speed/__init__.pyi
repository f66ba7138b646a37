from .network import bench_network
from .options import NetworkBench, PatientBench, ScanBench
from .patient import bench_patient
from .reading import read_report
from .report import BenchReport
from .scan import bench_scan
from .timing import Timing

__all__ = [
    "BenchReport",
    "NetworkBench",
    "PatientBench",
    "ScanBench",
    "Timing",
    "bench_network",
    "bench_patient",
    "bench_scan",
    "read_report",
]
