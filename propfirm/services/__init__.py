"""The writes: one file a topic, one function a mutation."""
