"""The process that fuzzes: a line of JSON on stdout for every mutation, and a traceback if one hangs."""

import faulthandler
import gc
import json
import os
import shutil
import sys
import tempfile
import warnings
from pathlib import Path

from tests.fuzz.bad_reader import Bad
from tests.fuzz.engine import limit_memory, peak, reset_peak, run_one
from tests.fuzz.readers import READERS


def main(todo, longest):
    results = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as base:
        for name, first, last in todo:
            folder = Path(base, "work", name)
            for part in ("input", "output"):
                (folder / part).mkdir(parents=True)
            reader = {**READERS, "bad": Bad}[name](folder)
            reader.name = name
            limit_memory()
            for index in range(first, last):
                gc.collect(0)
                reset_peak()
                before = peak()
                faulthandler.dump_traceback_later(longest, exit=True)
                outcome, detail = run_one(reader, folder, index)
                faulthandler.cancel_dump_traceback_later()
                results.write(json.dumps([name, index, outcome, detail, peak() - before]) + "\n")
                results.flush()
            shutil.rmtree(folder)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]), float(sys.argv[2]))
