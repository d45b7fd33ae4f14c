"""The stack that the pipeline runs on: database, Prefect server, object store, worker. Knows nothing of styles."""
