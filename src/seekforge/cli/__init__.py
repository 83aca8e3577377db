"""The command line: one file a subcommand. Only here, and in the learning loop, stages are put together."""
