"""The worker pool: long-lived processes, the backlog in the parent, and task assignment."""
