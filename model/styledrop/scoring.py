"""Text and Style scores of images by a CLIP model (StyleDrop, arXiv 2306.00983, Sec. 4.2).

Text is the cosine of image and prompt, Style that of image and style reference. Style reaches 1 for
a copy of the reference: never look at it alone. Scores of different CLIP models do not compare.

Shapes: images, references, width (of the CLIP space).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import open_clip
import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor, nn

from styledrop.errors import BaseError
from styledrop.reading import reading

_REQUIRED = ("open_clip_config.json", "open_clip_model.safetensors")
_AT_ONCE = 64
"""Images, or texts."""


@dataclass(frozen=True)
class Scores:
    """One number for each image."""

    text: Float[np.ndarray, " images"]
    style: Float[np.ndarray, " images"]
    """The mean over the references, if there are several."""


class ClipScorer:
    """A CLIP model from an open_clip folder, with its tokenizer."""

    def __init__(self, folder: Path, *, device: str | torch.device = "cpu") -> None:
        missing = [name for name in _REQUIRED if not (folder / name).is_file()]
        if missing:
            raise BaseError(f"expected an open_clip folder at {folder}, but it has no {' and no '.join(missing)}")
        # The schema keeps open_clip from looking the name up on a hub.
        name = f"local-dir:{folder.resolve()}"
        with reading(folder):
            model, _, self._preprocess = open_clip.create_model_and_transforms(name, device=device)
            self._model = model.eval().requires_grad_(False)
            self._tokenizer = open_clip.get_tokenizer(name)
        self._device = torch.device(device)

    @property
    def image_tower(self) -> nn.Module:
        """Of images with pixels in [-1, 1]."""
        tower: nn.Module = self._model.visual
        return tower

    @torch.inference_mode()
    def score(self, images: Sequence[Image.Image], prompts: Sequence[str], references: Sequence[Image.Image]) -> Scores:
        """Score each image against its own prompt, and against all references.

        Raises:
            ValueError: there is nothing to score or no reference, or images and prompts differ in number.
        """
        if not images or len(images) != len(prompts):
            raise ValueError(
                f"expected as many prompts as images, at least one, got {len(images)} images and {len(prompts)} prompts"
            )
        if not references:
            raise ValueError("expected at least one style reference, got none")
        image_features, text_features = self._embed_images(images), self._embed_texts(prompts)
        style = image_features @ self._embed_images(references).T
        return Scores(
            text=(image_features * text_features).sum(dim=1).cpu().numpy(), style=style.mean(dim=1).cpu().numpy()
        )

    @torch.inference_mode()
    def compare(self, images: Sequence[Image.Image], prompts: Sequence[str]) -> Float[np.ndarray, "images prompts"]:
        """Text of every image with every prompt."""
        return (self._embed_images(images) @ self._embed_texts(prompts).T).cpu().numpy()

    @torch.inference_mode()
    def embed(self, images: Sequence[Image.Image]) -> Float[np.ndarray, "images width"]:
        """Vectors of length 1, one for each image; the product of two is their Style score."""
        return self._embed_images(images).cpu().numpy()

    def _embed_images(self, images: Sequence[Image.Image]) -> Float[Tensor, "images width"]:
        features = []
        for start in range(0, len(images), _AT_ONCE):
            pixels = [self._preprocess(image.convert("RGB")) for image in images[start : start + _AT_ONCE]]
            features.append(self._model.encode_image(torch.stack(pixels).to(self._device), normalize=True))
        return torch.cat(features).float()

    def _embed_texts(self, prompts: Sequence[str]) -> Float[Tensor, "images width"]:
        # Many images share a prompt.
        places = {prompt: place for place, prompt in enumerate(dict.fromkeys(prompts))}
        distinct = list(places)
        features = [
            self._model.encode_text(
                self._tokenizer(distinct[start : start + _AT_ONCE]).to(self._device), normalize=True
            )
            for start in range(0, len(distinct), _AT_ONCE)
        ]
        return torch.cat(features).float()[[places[prompt] for prompt in prompts]]
