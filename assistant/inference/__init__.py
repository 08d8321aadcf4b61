"""Text encoders: model manifests, compilation of weights into ONNX graphs, loading and running them."""

import os

os.environ["ORT_DISABLE_TELEMETRY"] = "1"
"""Must stand before onnxruntime is first imported, which only happens below this package: from 1.29 on its import keeps
a device id and a queue of events on disk, and names a host to send them to."""
