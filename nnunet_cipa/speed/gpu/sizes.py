"""The sizes that are measured: those of CIPA tiny at 512 x 512, and tiny ones for a rehearsal."""

from nnunet_cipa.speed.map_call import MapCall
from nnunet_cipa.speed.scan_call import ScanCall

# The encoder's four stages, the decoder's three and the windows, at batches with few and with many programs.
MAPS = (
    MapCall(1, 128, 128, 192, 6, 16),
    MapCall(2, 32, 32, 768, 24, 16),
    MapCall(1, 128, 128, 192, 6, 4),
    MapCall(1024, 4, 4, 192, 6, 16),
    MapCall(2, 64, 64, 384, 12, 16),
    MapCall(2, 16, 16, 1536, 48, 16),
    MapCall(8, 64, 64, 384, 12, 4),
    MapCall(8, 32, 32, 768, 24, 4),
    MapCall(8, 128, 128, 192, 6, 16),
)
# A stage's four directions unrolled, and the sequences of channels that the network's attention scans.
SCANS = (
    ScanCall(1, 768, 16384, 16),
    ScanCall(2, 192, 192, 16, 1),
    ScanCall(8, 192, 1536, 16, 1),
    ScanCall(2, 3072, 1024, 16),
    ScanCall(2, 768, 16384, 4),
)
TINY_MAPS = (MapCall(1, 2, 3, 8, 2, 4),)
TINY_SCANS = (ScanCall(1, 8, 9, 4),)
TIMED_SCANS = (
    ScanCall(1, 768, 16384, 16),
    ScanCall(8, 768, 4096, 16),
    ScanCall(8, 768, 16384, 16),
    ScanCall(8, 768, 16384, 4),
)
TINY_TIMED_SCANS = (ScanCall(1, 4, 8, 4), ScanCall(1, 4, 4, 4))
