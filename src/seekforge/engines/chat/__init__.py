"""Chat models that a stage asks for whole answers: over HTTP (`remote`), in this process (`local`), or a fake."""
