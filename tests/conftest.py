import os
import signal

# A shell that starts the tests in the background, as batch systems do, has Ctrl-C ignored, in children too.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Threads of torch that wait awake take twice the time on cores that other programs use too; read with torch itself.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
