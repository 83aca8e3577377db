"""One embedder behind `POST /v1/embeddings`, as a worker of its own: `python -m seekforge.serve.embed --model e5`."""

MODULE = "seekforge.serve.embed"  # for `WorkerSpec.module`
