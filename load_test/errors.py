"""What keeps a load test from beginning."""


class CannotStart(Exception):
    """The load test cannot begin; the message is the one line that the user reads."""
