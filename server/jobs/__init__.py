"""Jobs: requests that are answered at once, and recognized later."""
