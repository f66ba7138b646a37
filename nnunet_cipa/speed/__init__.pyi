from .network import bench_network as bench_network
from .options import NetworkBench as NetworkBench, ScanBench as ScanBench
from .reading import read_report as read_report
from .report import BenchReport as BenchReport
from .scan import bench_scan as bench_scan
from .timing import Timing as Timing
