"""PyTorch layers, training and export; meets the rest of edgebnn only through an ONNX file."""
