import signal

# A shell that starts the tests in the background, as batch systems do, has Ctrl-C ignored, in children too.
signal.signal(signal.SIGINT, signal.default_int_handler)
