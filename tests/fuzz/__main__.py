"""``python -m tests.fuzz 2000 [READER ...]``: fuzz and print a table of what came of it."""

import sys

from tests.fuzz.engine import ACCEPTED, FAILED, REFUSED, fuzz
from tests.fuzz.readers import READERS

if __name__ == "__main__":
    print("| reader | mutations | accepted | refused | failed | most memory |\n|---|---|---|---|---|---|")
    failed = False
    for name in sys.argv[2:] or READERS:
        tally = fuzz([name], int(sys.argv[1]))[name]
        counts = [tally.counts[outcome] for outcome in (ACCEPTED, REFUSED, FAILED)]
        print(
            "|",
            " | ".join(map(str, (name, sum(counts), *counts))),
            f"| {tally.most_memory / 2**20:.0f} MiB |",
            flush=True,
        )
        failed |= bool(tally.failures)
        for index, detail in tally.failures:
            print(f"{name} {index}: {detail}", file=sys.stderr)
    sys.exit(failed)
