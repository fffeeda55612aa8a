"""What works: the jobs on disk, the runner that carries them out, the worker processes, and the webhooks it sends."""
