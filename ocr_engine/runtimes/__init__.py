"""Runtimes load a model file and run pixels through it; each lives in a module of its own."""

import sys

# OpenVINO's tools would send usage data; without the package they have a stub that does nothing.
sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]
