"""The gateway: one OpenAI-compatible door in front of engines, with keys, limits, templates and a guard."""
