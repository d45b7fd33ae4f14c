"""Images in and out: references read and checked, contact sheets, and pictures and tables in Markdown."""
