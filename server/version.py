"""The version of this server, in one place."""

VERSION = "0.1.0"
