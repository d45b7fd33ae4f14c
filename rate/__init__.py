"""What raters use: a page that asks which of two images is better, and the table that their answers come to."""
