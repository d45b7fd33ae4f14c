"""What tasks hand to each other: small JSON records that point at files in the store by address and digest."""
