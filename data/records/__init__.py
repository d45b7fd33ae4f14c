"""What tasks hand to each other: small JSON records that point at files in the store by address and digest.

Images, adapters and tables lie in the store, never in a record.
"""
