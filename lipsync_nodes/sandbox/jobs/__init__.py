"""The jobs: their files on disk, the runner, the worker processes, and the webhooks."""
