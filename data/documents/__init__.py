"""What people write and the pipeline reads: specs, requests, manifests, default settings and prompts."""
