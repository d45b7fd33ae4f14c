"""A base: a pretrained Muse in one folder, in the aMUSEd layout which diffusers' `AmusedPipeline` opens.

    model_index.json
    text_encoder/  tokenizer/        T, prompts to features
    vqvae/                           E and D, images to tokens and back
    transformer/                     G, the generator
    scheduler/                       the id of the mask
    super_resolution/                a second, smaller generator for images twice as large (optional)
    clip/                            the scorer, an open_clip folder (optional)
    card.json                        what it was made from (optional)
    vocabulary.json                  words that the scorer knows, for a pipeline to propose phrases from (optional)

Only safetensors and JSON are read, never pickle.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from PIL import Image
from torch import Tensor

from styledrop.config.defaults import EMBEDDED, EMBEDDED_FOLDER, PAPER, Defaults, defaults_of
from styledrop.errors import BaseError
from styledrop.generator import Condition, Generator, micro_conditions
from styledrop.reading import files_sha256, read_json, reading
from styledrop.super_resolution import SCALE, SuperResolution
from styledrop.text import TextEncoder
from styledrop.vqgan import VQGAN

_IMAGES_AT_ONCE, _PIXELS_AT_ONCE = 16, 2**18
"""What the VQGAN encodes or decodes at a time at most: aMUSEd's takes some 3 KB a pixel."""
_REQUIRED = (
    "model_index.json",
    "scheduler/scheduler_config.json",
    "text_encoder/config.json",
    "text_encoder/model.safetensors",
    "tokenizer/tokenizer_config.json",
    "transformer/config.json",
    "transformer/diffusion_pytorch_model.safetensors",
    "vqvae/config.json",
    "vqvae/diffusion_pytorch_model.safetensors",
)


@dataclass(frozen=True, kw_only=True)
class BaseIdentity:
    """What is known of a base without the weights that draw."""

    name: str
    folder: Path
    sha256: str
    """Of all the files that decide what it draws."""
    super_resolution_sha256: str = ""
    """Empty if it has none."""
    clip_folder: Path | None
    """Its own scorer's."""
    text: TextEncoder
    """It counts tokens, too."""


@dataclass(frozen=True, kw_only=True)
class Base(BaseIdentity):
    """A loaded base; nothing in it is ever trained."""

    vqgan: VQGAN
    generator: Generator
    size_px: int
    """Side of its images."""
    card: dict[str, Any]
    super_resolution: SuperResolution | None = None
    defaults: Defaults = PAPER
    """How it is tuned and sampled if nobody says otherwise."""
    defaults_from: str = ""
    """How these are known, in words."""

    @classmethod
    def from_pretrained(
        cls, folder_or_name: str | Path, *, device: str | torch.device = "cpu", dtype: torch.dtype = torch.float32
    ) -> "Base":
        """Load a base from its folder, or the one that comes with this library by its name `embedded`.

        There is no hub: a folder is one of this machine, and nothing is ever downloaded.

        `dtype` is that of the generator and the text encoder; the VQGAN stays in float32, since aMUSEd's
        gives NaN in float16, and so does a T5 there.

        Raises:
            BaseError: files are missing or cannot be used, or the parts do not fit together; it names all of it.
        """
        is_embedded = str(folder_or_name) == EMBEDDED
        folder = EMBEDDED_FOLDER if is_embedded else Path(folder_or_name)
        missing = [name for name in _REQUIRED if not (folder / name).is_file()]
        if missing:
            raise BaseError(
                f"expected a base in the aMUSEd layout at {folder}, but {', '.join(missing)} "
                f"{'is' if len(missing) == 1 else 'are'} missing; give the folder that holds model_index.json"
            )
        generator = Generator.from_folder(folder / "transformer", dtype)
        vqgan = VQGAN.from_folder(folder / "vqvae")
        text = TextEncoder.from_folder(folder / "text_encoder", folder / "tokenizer")
        _check_parts(folder, generator, vqgan, text)
        enlarger = folder / "super_resolution"
        super_resolution = SuperResolution.from_folder(enlarger) if enlarger.is_dir() else None
        precisions = (dtype, torch.float32, text.dtype_for(dtype), dtype)
        for part, part_dtype in zip((generator, vqgan, text, super_resolution), precisions, strict=True):
            if part is not None:
                part.to(device=device, dtype=part_dtype).eval().requires_grad_(False)
        card = folder / "card.json"
        written = read_json(card) if card.is_file() else {}
        try:
            defaults, defaults_from = defaults_of(folder)
        except ValueError as error:
            raise BaseError(str(error)) from error
        return cls(
            name=EMBEDDED if is_embedded else folder.resolve().name,
            folder=folder,
            sha256=_digest(folder),
            super_resolution_sha256=super_resolution.sha256 if super_resolution is not None else "",
            text=text,
            vqgan=vqgan,
            generator=generator,
            clip_folder=folder / "clip" if (folder / "clip").is_dir() else None,
            size_px=generator.config.sample_size * vqgan.config.downsampling,
            card=written,
            super_resolution=super_resolution,
            defaults=defaults,
            defaults_from=defaults_from,
        )

    @property
    def large(self) -> "Base":
        """The base of the images that super-resolution makes: their size, their generator, adapters of their own.

        Raises:
            BaseError: this base has no super-resolution.
        """
        if self.super_resolution is None:
            raise BaseError(f"expected {self.folder / 'super_resolution'}, but base {self.name!r} has none")
        return replace(
            self,
            name=f"{self.name}, super-resolution",
            sha256=self.super_resolution.sha256,
            generator=self.super_resolution.generator,
            size_px=SCALE * self.size_px,
        )

    @property
    def device(self) -> torch.device:
        """Where its weights are."""
        return next(self.generator.parameters()).device

    @property
    def dtype(self) -> torch.dtype:
        """Of the generator's weights."""
        return next(self.generator.parameters()).dtype

    def condition(
        self, hidden: Float[Tensor, "batch length width"], pooled: Float[Tensor, "batch pooled_width"]
    ) -> Condition:
        """Condition the generator on text features, for images of the base's size."""
        micro = micro_conditions(self.size_px, len(hidden), self.device)
        return self.generator.condition(hidden.to(self.dtype), pooled.to(self.dtype), micro)

    def tokenize(self, images: Sequence[Image.Image]) -> Int[Tensor, "batch tokens"]:
        """Turn square images of the base's size into tokens.

        Raises:
            BaseError: an image has another size.
        """
        for place, image in enumerate(images):
            if image.size != (self.size_px, self.size_px):
                raise BaseError(
                    f"expected images of {self.size_px}x{self.size_px} px, got {image.width}x{image.height} at "
                    f"position {place}; crop it with PIL.ImageOps.fit(image, ({self.size_px}, {self.size_px}))"
                )
        count = self._images_at_once
        return torch.cat([self._encode(images[first : first + count]) for first in range(0, len(images), count)])

    def _encode(self, images: Sequence[Image.Image]) -> Int[Tensor, "batch tokens"]:
        with torch.no_grad():
            return self.vqgan.encode(to_pixels(images).to(self.device))

    def render(self, tokens: Int[Tensor, "batch tokens"]) -> list[Image.Image]:
        """Turn tokens into images."""
        with torch.no_grad():
            return [
                image for part in tokens.split(self._images_at_once) for image in to_images(self.vqgan.decode(part))
            ]

    @property
    def _images_at_once(self) -> int:
        return min(_IMAGES_AT_ONCE, max(1, _PIXELS_AT_ONCE // self.size_px**2))


def to_pixels(images: Sequence[Image.Image]) -> Float[Tensor, "images 3 height width"]:
    """Pixels in [0, 1] of images of one size."""
    levels = np.stack([np.asarray(image.convert("RGB"), dtype=np.float32) for image in images])
    return torch.from_numpy(levels / 255).permute(0, 3, 1, 2).contiguous()


def to_images(pixels: Float[Tensor, "batch 3 height width"]) -> list[Image.Image]:
    """Images of pixels in [0, 1]."""
    rounded = (pixels * 255).round().to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()
    return [Image.fromarray(image) for image in rounded]


def save_base(
    folder: Path,
    *,
    generator: Generator,
    vqgan: VQGAN,
    text: TextEncoder,
    card: dict[str, Any],
    super_resolution: SuperResolution | None = None,
    dtype: torch.dtype = torch.float32,
) -> None:
    """Write what `Base.from_pretrained` reads, with the weights in `dtype`.

    diffusers' `AmusedPipeline.from_pretrained` opens it too, if the text encoder is a CLIP model.
    """
    folder.mkdir(parents=True, exist_ok=True)
    generator.to_folder(folder / "transformer", dtype)
    vqgan.to_folder(folder / "vqvae", dtype)
    text.to_folder(folder / "text_encoder", folder / "tokenizer", dtype)
    if super_resolution is not None:
        super_resolution.to_folder(folder / "super_resolution", dtype)
    mask = {"_class_name": "AmusedScheduler", "mask_token_id": generator.config.mask_id, "masking_schedule": "cosine"}
    _write_json(folder / "scheduler" / "scheduler_config.json", mask)
    _write_json(folder / "card.json", card)
    index = {
        "_class_name": "AmusedPipeline",
        "scheduler": ("diffusers", "AmusedScheduler"),
        "text_encoder": ("transformers", type(text.model).__name__),
        "tokenizer": ("transformers", type(text.tokenizer).__name__),
        "transformer": ("diffusers", "UVit2DModel"),
        "vqvae": ("diffusers", "VQModel"),
    }
    _write_json(folder / "model_index.json", index)


def _check_parts(folder: Path, generator: Generator, vqgan: VQGAN, text: TextEncoder) -> None:
    index = read_json(folder / "model_index.json")
    scheduler = read_json(folder / "scheduler" / "scheduler_config.json")
    with reading(folder / "tokenizer"):  # of another text encoder: tokens that this one does not know
        features = text.encode([""])
    config = generator.config
    wanted = (
        ("model_index.json's _class_name", "AmusedPipeline", index.get("_class_name")),
        ("scheduler's mask_token_id", config.mask_id, scheduler.get("mask_token_id")),
        ("scheduler's masking_schedule", "cosine", scheduler.get("masking_schedule", "cosine")),
        ("vqvae's num_vq_embeddings", config.codebook_size, vqgan.config.num_vq_embeddings),
        ("text features of width", config.encoder_hidden_size, features.hidden.shape[-1]),
        ("pooled text features of width", config.cond_embed_dim, features.pooled.shape[-1]),
    )
    wrong = [f"{what} {expected!r}, got {got!r}" for what, expected, got in wanted if expected != got]
    if wrong:
        raise BaseError(
            f"{folder}: the parts do not fit the generator: expected {'; '.join(wrong)}; take all parts from one base"
        )


def _digest(folder: Path) -> str:
    """Digest the names and contents of all files that decide what the base draws."""
    names = {*_REQUIRED, *(f"tokenizer/{path.name}" for path in (folder / "tokenizer").iterdir() if path.is_file())}
    return files_sha256(folder, names)


def _write_json(path: Path, content: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=2) + "\n")
