"""Prefect tasks, thin: each reads, calls one library function and returns a small record.

A finished task is not repeated. Its result (JSON) is kept under a key of what it uses and of the code that makes it
(`tasks.resuming.cache_by`): files by their digests, and the style's folder by a nonce which lies in it. So a retry, a
resumed run, the same spec started again after a crash and another spec that changes none of it all go on from what is
finished; an emptied store or other code starts anew, and so does a result of which a file is lost.

Tasks that only check, choose, show or publish keep Prefect's own policy: a retry or a resumed run is served
their results, a new run does them again, which is cheap and changes nothing.
"""
