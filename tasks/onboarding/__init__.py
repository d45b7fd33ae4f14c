"""From a style reference to a published adapter: the steps of `flows.onboard_style`."""
