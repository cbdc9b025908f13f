"""Model files: which are used, where they come from, and how their input is prepared."""
