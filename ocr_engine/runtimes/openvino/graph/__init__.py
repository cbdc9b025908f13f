"""Graph rewriting before OpenVINO compiles a model."""
