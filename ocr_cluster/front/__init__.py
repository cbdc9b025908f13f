"""The part of a cluster in a front end: finds results, shares recognitions, sends work to nodes."""
