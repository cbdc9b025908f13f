"""OpenVINO: the runtime, the infer requests of a model, and a disk cache of compiled models."""
