"""Tuning to a style or a subject on a handful of images (StyleDrop, arXiv 2306.00983, eq. 3).

The base is frozen, so tokens and text features are computed once, and conditions too where the
method leaves them as they are; a step costs one pass forward and one backward to the tuned weights.
A run that was stopped goes on from its checkpoint and ends with the same bits as one that was not.

Shapes: batch, tokens, pairs.
"""

import hashlib
import json
import logging
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Int
from PIL import Image
from torch import Tensor

from styledrop.base import Base
from styledrop.checkpoint import optimizer_tensors, read_checkpoint, restore_optimizer, write_checkpoint
from styledrop.config.tuning import Tuning
from styledrop.errors import CheckpointMismatch, TuningError
from styledrop.generator import Condition, Generator
from styledrop.masking import mask_tokens, masked_cross_entropy
from styledrop.methods import new_tuned, size_of
from styledrop.precision import autocast
from styledrop.tuned import Tuned

_log = logging.getLogger(__name__)

Progress = Callable[[int, int, float], None]
"""Called after each step with the steps done, the steps of the run, and the step's loss."""

CHECKPOINT_EVERY = 50
"""Steps."""

_LOSS_SCALE = {torch.float16: 2.0**10}
"""What the loss is multiplied by on its way back, so that float16 does not round small gradients to zero."""


def tune(
    base: Base,
    pairs: Sequence[tuple[Image.Image | Int[Tensor, " tokens"], str]],
    config: Tuning,
    *,
    seed: int = 0,
    checkpoint: Path | None = None,
    progress: Progress | None = None,
    at_once: int | None = None,
) -> Tuned:
    """Tune anew what `config` says to images, each with its whole prompt (content and style phrase).

    An image may be given as its tokens, as `Base.tokenize` makes them.
    Each image is used equally often: batches run through the pairs in shuffled order, again and again.
    With `checkpoint`, the run's state is written there every `CHECKPOINT_EVERY` steps and at the end,
    and a run that finds its own state there goes on from it. A checkpoint that cannot be read is logged, and the run
    starts over.
    At most `at_once` images of a batch are in memory at a time, all if it is None; the step is the same but for
    rounding.

    Raises:
        TuningError: there are no pairs, a prompt is empty, or the loss becomes NaN or infinite.
        CheckpointMismatch: the checkpoint is of a run with other settings, pairs, seed or base.
    """
    check_pairs(pairs)
    prompts = list(dict.fromkeys(prompt for _, prompt in pairs))
    with torch.no_grad():
        tokens = _tokenized(base, [image for image, _ in pairs])
        texts = base.text.encode(prompts)
        conditions = base.condition(texts.hidden, texts.pooled)
    text_of = torch.tensor([prompts.index(prompt) for _, prompt in pairs])
    rng = torch.Generator().manual_seed(seed)
    tuned = start(config, base, rng)
    model = tuned.on(base)

    def condition(rows: Tensor) -> Condition:
        chosen = text_of[rows].to(base.device)
        if tuned.changes_condition:
            return model.condition(tuned.extend(texts.hidden[chosen]), texts.pooled[chosen])
        return conditions.select(chosen)

    # Tokens stand for the images: two files of the same picture are the same run.
    described = describe_run(config, seed, base, [tokens.tolist(), [prompt for _, prompt in pairs]])
    return fit(
        tuned,
        model.generator,
        tokens,
        condition,
        config,
        rng,
        described,
        checkpoint=checkpoint,
        progress=progress,
        at_once=at_once,
    )


def describe_run(config: Tuning, seed: int, base: Base, pairs: Sequence[object]) -> dict[str, Any]:
    """All that a run depends on, as its checkpoints say it; `pairs` is what JSON says of them."""
    digest = hashlib.sha256(json.dumps(pairs).encode()).hexdigest()
    return {"config": config.model_dump(), "seed": seed, "base": base.sha256, "pairs": digest}


def start(config: Tuning, base: Base, rng: torch.Generator) -> Tuned:
    """Freeze the base's generator, and make what is tuned to it."""
    base.generator.requires_grad_(False)
    tuned = new_tuned(size_of(config), base.generator)
    tuned.init_weights(rng)
    return tuned.to(base.device)


def fit(
    tuned: Tuned,
    generator: Generator,
    tokens: Int[Tensor, "pairs tokens"],
    condition: Callable[[Int[Tensor, " rows"]], Condition],
    config: Tuning,
    rng: torch.Generator,
    described: Mapping[str, Any],
    *,
    checkpoint: Path | None,
    progress: Progress | None,
    at_once: int | None = None,
) -> Tuned:
    """Tune to predict masked `tokens`; `condition` gives that of the pairs asked for.

    Raises:
        CheckpointMismatch: the checkpoint's run is not the one that is `described`.
        TuningError: the loss is NaN or infinite at some step, or a weight is at the end.
    """
    weights = next(generator.parameters()).dtype
    run = _Run(tuned, config, rng, _LOSS_SCALE.get(weights, 1.0))
    if checkpoint is not None:
        run.restore(checkpoint, described)
        if run.step == config.steps and progress is not None:
            progress(run.step, config.steps, run.loss)

    while run.step < config.steps:
        rows = run.next_rows(len(tokens))
        batch = tokens[rows.to(tokens.device)]
        masked, is_masked = mask_tokens(batch, mask_id=generator.config.mask_id, generator=rng)
        run.learn(
            _losses(
                tuned,
                generator,
                condition,
                [part.split(at_once or len(rows)) for part in (rows, batch, masked, is_masked)],
            )
        )
        if checkpoint is not None and (run.step % CHECKPOINT_EVERY == 0 or run.step == config.steps):
            run.save(checkpoint, described)
        if progress is not None:
            progress(run.step, config.steps, run.loss)
    run.refuse_broken_weights()
    return tuned.requires_grad_(False).eval()


def _losses(
    tuned: Tuned,
    generator: Generator,
    condition: Callable[[Int[Tensor, " rows"]], Condition],
    parts: Sequence[Sequence[Tensor]],
) -> Iterator[Tensor]:
    """Give the loss of each part of a batch; their sum is the mean over all that is masked in the batch.

    `parts` are the pairs' places, their tokens, the same with masks, and where these are, each cut alike.
    """
    num_masked = sum(int(is_masked.sum()) for is_masked in parts[3])
    for rows, tokens, masked, is_masked in zip(*parts, strict=True):
        with autocast(tokens.device, next(generator.parameters()).dtype):
            logits = generator(masked, condition(rows), tuned.adapt)
        share = int(is_masked.sum()) / num_masked
        yield share * masked_cross_entropy(logits, tokens, is_masked)


class _Run:
    """All that changes while tuning goes on."""

    def __init__(self, tuned: Tuned, config: Tuning, rng: torch.Generator, loss_scale: float) -> None:
        self.step = 0
        self.loss = float("nan")
        self._tuned = tuned
        self._batch_size = config.batch_size
        self._loss_scale = loss_scale
        self._rng = rng
        self._waiting = torch.empty(0, dtype=torch.long)  # pairs of the shuffled order not used so far
        self._optimizer = torch.optim.Adam(tuned.parameters(), lr=config.learning_rate)

    def next_rows(self, num_pairs: int) -> Tensor:
        while len(self._waiting) < self._batch_size:
            self._waiting = torch.cat([self._waiting, torch.randperm(num_pairs, generator=self._rng)])
        rows, self._waiting = self._waiting.split([self._batch_size, len(self._waiting) - self._batch_size])
        return rows

    def learn(self, losses: Iterable[Tensor]) -> None:
        """Take a step on the sum of `losses`; each is followed back before the next is computed."""
        self.step += 1
        self.loss = 0.0
        self._optimizer.zero_grad(set_to_none=True)
        for loss in losses:
            self.loss += float(loss.detach())
            if not math.isfinite(self.loss):  # before it is learnt from, and before a checkpoint keeps it
                raise TuningError(
                    f"expected a finite loss, got {self.loss} at step {self.step}; lower the learning rate "
                    f"({self._optimizer.param_groups[0]['lr']:g})"
                )
            (self._loss_scale * loss).backward()
        if self._loss_scale != 1:
            for parameter in self._tuned.parameters():
                if parameter.grad is not None:
                    parameter.grad /= self._loss_scale
        self._optimizer.step()

    def refuse_broken_weights(self) -> None:
        broken = [name for name, value in self._tuned.state_dict().items() if not value.isfinite().all()]
        if broken:
            raise TuningError(
                f"expected finite weights, got NaN or infinity in {broken[:3]} after step {self.step}; "
                "lower the learning rate"
            )

    def save(self, path: Path, described: Mapping[str, Any]) -> None:
        tensors = {f"tuned.{name}": value for name, value in self._tuned.state_dict().items()}
        tensors |= optimizer_tensors(self._optimizer)
        tensors |= {"rng": self._rng.get_state(), "waiting": self._waiting}
        write_checkpoint(path, tensors, {"run": dict(described), "step": self.step, "loss": self.loss})

    def restore(self, path: Path, described: Mapping[str, Any]) -> None:
        """Go on from the checkpoint at `path`, if there is one that can be read.

        Raises:
            CheckpointMismatch: it is of another run.
        """
        weights = {name: value.clone() for name, value in self._tuned.state_dict().items()}
        rng_state = self._rng.get_state()
        try:
            self._restore(path, described)
        except CheckpointMismatch:
            raise
        except Exception as error:  # cut, damaged, or of another release
            _log.warning("%s cannot be used, the tuning starts over: %s: %s", path, type(error).__name__, error)
            self._tuned.load_state_dict(weights)
            self._optimizer.state.clear()
            self._rng.set_state(rng_state)
            self._waiting, self.step, self.loss = torch.empty(0, dtype=torch.long), 0, float("nan")

    def _restore(self, path: Path, described: Mapping[str, Any]) -> None:
        found = read_checkpoint(path)
        if found is None:
            return
        tensors, state = found
        theirs = state["run"]
        wrong = [
            f"{key} {value!r}, got {theirs.get(key)!r}" for key, value in described.items() if value != theirs.get(key)
        ]
        if wrong:
            raise CheckpointMismatch(
                f"{path} is of another run: expected {'; '.join(wrong)}; delete the file, or name another one"
            )
        weights = {name.removeprefix("tuned."): value for name, value in tensors.items() if name.startswith("tuned.")}
        self._tuned.load_state_dict(weights)
        restore_optimizer(tensors, self._optimizer)
        self._rng.set_state(tensors["rng"])
        self._waiting = tensors["waiting"]
        self.step, self.loss = int(state["step"]), float(state["loss"])


def _tokenized(base: Base, images: Sequence[Image.Image | Int[Tensor, " tokens"]]) -> Int[Tensor, "pairs tokens"]:
    pictures = [image for image in images if isinstance(image, Image.Image)]
    encoded = iter(list(base.tokenize(pictures)) if pictures else [])
    return torch.stack([next(encoded) if isinstance(image, Image.Image) else image.to(base.device) for image in images])


def check_pairs(pairs: Sequence[tuple[object, str]]) -> None:
    """Refuse what cannot be tuned to.

    Raises:
        TuningError: there are no pairs, or a prompt is empty.
    """
    if not pairs:
        raise TuningError("expected at least one image with its prompt, got none")
    for place, (_, prompt) in enumerate(pairs):
        if not prompt.strip():
            raise TuningError(
                f"expected a prompt at position {place}, got {prompt!r}; "
                "say what the image shows and its style, as in 'a cat in watercolor painting style'"
            )
