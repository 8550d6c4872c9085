"""From an ONNX file to the integer network."""
