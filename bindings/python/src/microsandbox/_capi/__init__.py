"""The thin layer: every crossing into the C library, and nothing else. It blocks, and its callers see no FFI types."""
