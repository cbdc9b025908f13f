"""The database: keys, quotas, usage, jobs. Needs the extra `users`, and is opened on first use."""
