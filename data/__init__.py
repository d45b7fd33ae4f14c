"""What is stored and where: documents, records, the store, pictures, the corpus."""
