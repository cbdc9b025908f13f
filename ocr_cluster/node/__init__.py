"""The part of a cluster in a node: takes work from the broker, and has its own workers read it."""
