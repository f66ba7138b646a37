"""The one exception that means: the input is at fault, and here is what to do about it."""


class CIPAError(RuntimeError):
    """An error whose message is one clear line for the user: the file, the value and the remedy.

    The command line prints the message to stderr and ends with status 1; it shows no traceback unless ``--debug``.
    """
