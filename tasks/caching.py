"""The cache policy of all tasks that make something (see the package's docstring)."""

from prefect.cache_policies import INPUTS, TASK_SOURCE, CachePolicy

CACHE_BY_INPUT: CachePolicy = INPUTS + TASK_SOURCE
"""Without the source, two tasks with equal inputs would be served each other's results."""
