"""What is stored and where: records, manifests, store, images, prompts, corpus."""
