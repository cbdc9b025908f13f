"""Changes to the graphs that OpenVINO has read, before they are compiled."""
