"""Where objects are: buckets and folders."""
