"""With a style that is published already: images for prompts, and scores beside the base's."""
