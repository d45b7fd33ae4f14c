"""What reviewers use: waiting styles, a page to judge them on, answers through the Prefect API and nothing else.

`waiting` lists open questions and answers them; the page (`styledrop-review`) and the terminal's
`styledrop-review-terminal` are two faces of it, as Prefect's own form is a third. Pictures are read from
the store, never written.
"""

import os

# Read by Prefect when it is imported, as in `flows`: nothing leaves the machine, and the first start of the ephemeral
# server is given the time it takes on a busy machine.
os.environ.setdefault("DO_NOT_TRACK", "1")
os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
os.environ.setdefault("PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS", "120")
