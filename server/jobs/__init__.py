"""Jobs: requests that are answered immediately, and recognized later."""
