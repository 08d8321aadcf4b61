"""Text encoders: model manifests, compilation of weights into ONNX graphs, loading and running them."""
