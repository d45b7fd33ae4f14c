"""The smallest onboarding that goes through everything: two rounds, six candidates, a base of random weights.

What it learns is next to nothing; what the pipeline does around it is all there. For benches that run many, and for
tests.
"""

from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw


def draw_reference(path: Path) -> None:
    """A blue disc on cream."""
    image = Image.new("RGB", (40, 40), "cornsilk")
    ImageDraw.Draw(image).ellipse((8, 8, 32, 32), fill="navy")
    image.save(path)


def smallest_settings(store: str, base: Path, *, steps: int = 3, learning_rate: float = 1e-3) -> dict[str, Any]:
    """What `data.documents.spec.StyleSettings` takes; every tuning has so many `steps`."""
    tuning = {
        "steps": steps,
        "learning_rate": learning_rate,
        "batch_size": 2,
        "bottleneck": 2,
        "share_across_layers": True,
    }
    sampling = {"steps": 2}
    return {
        "store": store,
        "base": str(base),
        "first_round": tuning,
        "enlarging": tuning,
        "later_rounds": tuning,
        "prompts": ["a cat", "a dog"],
        "images_per_prompt": 3,
        "candidate_sampling": sampling,
        "evaluation_prompts": ["a fish"],
        "images_per_evaluation_prompt": 2,
        "evaluation_sampling": sampling,
    }


def learnable_settings(store: str, base: Path, *, steps: int = 10) -> dict[str, Any]:
    """The same for `bench.tiny_base.save_learnable_base`: it is learnt, and so published without a person's word."""
    settings = smallest_settings(store, base, steps=steps, learning_rate=0.3)
    return {**settings, "images_per_evaluation_prompt": 64}


def smallest_style(name: str, reference: str) -> dict[str, Any]:
    """The rest of a spec: whose style it is, and what its `reference` shows."""
    return {
        "name": name,
        "references": [{"uri": reference, "content_phrase": "a disc", "style_phrase": "in flat style"}],
        "licence": "CC0-1.0",
        "consent": "own work",
    }
