"""The text encoder T of a base: prompts to the features that the generator attends to.

The family is read from the folder's config.json. CLIP text models are used as aMUSEd uses them
(arXiv:2401.01808): the hidden states before the last layer and the projected state of the end
token. T5 and BERT models give their last hidden states and the mean over the prompt's own tokens.

Shapes: batch, length (tokens of a padded prompt), width.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from transformers import (
    AutoConfig,
    AutoTokenizer,
    BertModel,
    CLIPTextModelWithProjection,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    T5EncoderModel,
)

from styledrop.errors import BaseError
from styledrop.reading import reading

_FAMILIES: dict[str, type[PreTrainedModel]] = {
    "clip_text_model": CLIPTextModelWithProjection,
    "clip": CLIPTextModelWithProjection,
    "t5": T5EncoderModel,
    "bert": BertModel,
}

_MAX_TOKENS = 4096
"""Of a prompt. A tokenizer that names no limit says 10**30."""


@dataclass(frozen=True)
class TextFeatures:
    """What the generator is conditioned on."""

    hidden: Float[Tensor, "batch length width"]
    pooled: Float[Tensor, "batch pooled_width"]


class TextEncoder(nn.Module):
    """A frozen language model with its tokenizer."""

    def __init__(self, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> None:
        super().__init__()
        self.model = model
        self.tokenizer = tokenizer

    def dtype_for(self, wanted: torch.dtype) -> torch.dtype:
        """What it runs in where the base runs in `wanted`: T5's activations are too large for float16."""
        return torch.float32 if wanted == torch.float16 and isinstance(self.model, T5EncoderModel) else wanted

    @property
    def max_tokens(self) -> int:
        """What a prompt may be long; `encode` cuts off the rest."""
        return int(self.tokenizer.model_max_length)

    def count_tokens(self, prompts: Sequence[str]) -> list[int]:
        """How long each prompt is, in this encoder's own tokens, those for start and end among them."""
        # Not `verbose`, which would say of each long one that it is long.
        return [len(ids) for ids in self.tokenizer(list(prompts), truncation=False, verbose=False).input_ids]

    @torch.no_grad()
    def encode(self, prompts: Sequence[str]) -> TextFeatures:
        """Encode each prompt, padded and cut to the tokenizer's `model_max_length` tokens."""
        tokens = self.tokenizer(
            list(prompts),
            return_tensors="pt",
            padding="max_length",
            truncation=True,
            max_length=self.tokenizer.model_max_length,
        ).to(self.model.device)
        if isinstance(self.model, CLIPTextModelWithProjection):
            outputs = self.model(input_ids=tokens.input_ids, output_hidden_states=True)
            return TextFeatures(hidden=outputs.hidden_states[-2], pooled=outputs.text_embeds)
        mask = tokens.attention_mask
        hidden = self.model(input_ids=tokens.input_ids, attention_mask=mask).last_hidden_state
        weights = mask[:, :, None].to(hidden.dtype)
        return TextFeatures(hidden=hidden, pooled=(hidden * weights).sum(dim=1) / weights.sum(dim=1))

    @classmethod
    def from_folder(cls, text_encoder: Path, tokenizer: Path) -> "TextEncoder":
        """Load a model and its tokenizer from Hugging Face folders; only safetensors are read.

        Raises:
            BaseError: if the model is of a family other than CLIP text, T5 and BERT, or a file cannot be used.
        """
        with reading(text_encoder / "config.json"):
            family = AutoConfig.from_pretrained(text_encoder, local_files_only=True).model_type
        if family not in _FAMILIES:
            raise BaseError(f"expected a text encoder of one of {sorted(_FAMILIES)} in {text_encoder}, got {family!r}")
        with reading(text_encoder):
            loaded: Any = _FAMILIES[family].from_pretrained(
                text_encoder, local_files_only=True, use_safetensors=True, output_loading_info=True
            )
            model, found = loaded
            missing = sorted(found["missing_keys"])
            if missing:  # transformers would draw them by chance
                raise BaseError(f"the weights in {text_encoder} lack {missing[:3]}; copy the folder again")
        with reading(tokenizer):
            made = cls(model.eval(), AutoTokenizer.from_pretrained(tokenizer, local_files_only=True))
            max_tokens = made.max_tokens
        if max_tokens > _MAX_TOKENS:  # T5's may name none, and has no position that ends
            raise BaseError(
                f"expected {tokenizer}/tokenizer_config.json to say in model_max_length how many tokens a prompt is "
                f"padded and cut to, at most {_MAX_TOKENS}, got {max_tokens}; add what the generator was trained "
                "with"
            )
        return made

    def to_folder(self, text_encoder: Path, tokenizer: Path, dtype: torch.dtype) -> None:
        """Write what `from_folder` reads, with the weights in `dtype`; the model is left as it is."""
        state = {name: tensor.to(dtype) for name, tensor in self.model.state_dict().items()}
        self.model.save_pretrained(text_encoder, state_dict=state)
        self.tokenizer.save_pretrained(tokenizer)
