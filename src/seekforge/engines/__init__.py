"""Engines: whatever turns token ids into token ids. `protocol.py` says what each can do."""
