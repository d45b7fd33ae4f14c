"""Many styles from one manifest: the check before, one deployment run for each style, the report after."""
