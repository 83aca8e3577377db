"""The worker with the binding's own step, which keeps Python's lock: the peer of `serve_alive.py`."""

from seekforge.engines import pump
from seekforge.serve.main import main_and_leave

if __name__ == "__main__":
    pump.unlocked_step = lambda pipeline: None  # type: ignore[attr-defined]
    main_and_leave()
