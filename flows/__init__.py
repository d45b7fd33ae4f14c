"""What a user runs. Reads like a table of contents: no ML, no I/O."""

import os

# Read by Prefect when it is imported. Nothing leaves the machine, and the first start of the ephemeral
# server, which makes its database, is given the time it takes on a busy machine.
os.environ.setdefault("DO_NOT_TRACK", "1")
os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
os.environ.setdefault("PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS", "120")
