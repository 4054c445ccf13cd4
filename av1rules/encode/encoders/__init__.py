"""The AV1 encoders of FFmpeg: one module each, and the registry of them."""
