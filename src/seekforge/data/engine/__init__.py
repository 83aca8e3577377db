"""The data engine: passes over shards on disk, in several processes or on a cluster, resumed where they were killed."""
