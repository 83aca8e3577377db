"""`python -m seekforge.serve.embed`."""

from seekforge.serve.embed.main import main
from seekforge.serve.main import main_and_leave

main_and_leave(main)
