"""A reader with every fault that the engine must survive, one a mutation."""

import os
import time

import numpy as np


class Bad:
    """Dies, hangs, takes too much memory, then is good."""

    def __init__(self, folder):
        self.calls = 0

    def mutate(self, rng):
        self.deed = [self.die, self.hang, self.swallow, int, int][int(rng.bit_generator.seed_seq.entropy[-1])]

    def die(self):
        os.kill(os.getpid(), 9)

    def hang(self):
        time.sleep(60)

    def swallow(self):
        return np.ones(1 << 30)

    def read(self):
        return self.deed()

    def check(self, found):
        assert found == 0
