"""Silero's voice activity model, run by onnxruntime without the package that carries it."""
