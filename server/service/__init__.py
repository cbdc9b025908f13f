"""Processing of requests below HTTP: cache, coalescing, recognition, quarantine and jobs."""
