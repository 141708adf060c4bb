"""What the ``xent`` command can do, each in a module that imports what it needs when it is asked to."""


class UsageError(Exception):
    """Something the reader can put right; the message is one sentence."""
