"""Serving: an engine behind an OpenAI-compatible HTTP face, as a child process, and the gateway in front of it."""
