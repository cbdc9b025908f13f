"""The error of a load test that cannot start."""


class CannotStart(Exception):
    """The load test cannot start; the message is one line for the user."""
