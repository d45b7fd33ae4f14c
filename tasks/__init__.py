"""Prefect tasks, thin: each reads, calls one library function and returns a small record.

A finished task is not repeated. Its result (JSON) is kept under a key of its inputs and its source
(`tasks.resuming`), and its inputs name files by digest and the run by a nonce which lies in the store.
So a retry, a resumed run and the same spec started again after a crash all go on from what is
finished; another spec, an emptied store or another version of the task or the library start anew.

Tasks that only check, show or publish keep Prefect's own policy: a retry or a resumed run is served
their results, a new run does them again, which is cheap and changes nothing.
"""
