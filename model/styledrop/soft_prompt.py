"""A soft prompt: vectors that stand before the text features and are tuned (prompt tuning, arXiv:2104.08691).

StyleDrop (Sec. 3.2) names it as another way to tune; textual inversion (arXiv:2208.01618) does the same one
step earlier, before the text encoder.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from styledrop.config.tuning import SoftPromptConfig
from styledrop.generator import GeneratorConfig
from styledrop.tuned import Tuned


class SoftPrompt(Tuned):
    """The vectors; unlike the other methods, they change the logits from the start: attention has more to look at."""

    changes_condition = True

    def __init__(self, config: SoftPromptConfig, generator: GeneratorConfig) -> None:
        super().__init__()
        self.config = config
        self.prompt_embeddings = nn.Parameter(torch.zeros(config.num_vectors, generator.encoder_hidden_size))

    @torch.no_grad()
    def init_weights(self, rng: torch.Generator) -> None:
        """Draw the vectors from a normal distribution of 1: a small base's text features are of that size."""
        self.prompt_embeddings.normal_(generator=rng)

    def extend(self, hidden: Float[Tensor, "batch length width"]) -> Float[Tensor, "batch longer width"]:
        """Put the vectors before every row's features."""
        vectors = self.prompt_embeddings.to(hidden.dtype).expand(len(hidden), -1, -1)
        return torch.cat([vectors, hidden], dim=1)
