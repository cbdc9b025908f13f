"""OpenVINO: its runtime, the infer requests of one model, and compiled models kept on disk."""
