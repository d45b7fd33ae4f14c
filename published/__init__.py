"""What is published in a store: styles and versions listed and compared, going back to one, taking a style back."""
