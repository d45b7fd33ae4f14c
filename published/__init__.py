"""What is published in a store: which styles and versions there are, going back to one, taking a style back."""
