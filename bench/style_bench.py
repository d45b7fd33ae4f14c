"""One held-out style, tuned and drawn in every way that is compared: rows of a table, images kept on disk."""

import hashlib
import json
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

import styledrop
from bench import embedded
from bench.embedded import CANDIDATE_GUIDANCE, FIRST_ROUND, GUIDANCE, LATER_ROUNDS, SAMPLING
from bench.judge import FOLDER as JUDGE
from bench.judge import open_judge
from bench.true_icons import nearest_styles, true_places
from data.documents import defaults
from data.documents.prompts import CANDIDATE_PROMPTS, FEW_EVALUATION_PROMPTS
from data.pictures.images import from_png, load_reference, square, to_png
from data.store.candidates import Candidate, from_parquet, to_parquet
from styledrop.config.tuning import as_method
from styledrop.reading import files_sha256
from tasks.models import identify_scorer, open_base, open_scorer
from tasks.onboarding.select_candidates import best_of_each_prompt, random_of_each_prompt
from tasks.resuming import code_digest
from tasks.sampling import draw_seed

REFERENCES = Path(__file__).parent / "references"
FEEDBACK = ("clip", "clip_sum", "human", "random", "hybrid")
"""Rows of round 2, by what its images were picked with."""
ROWS = ("base", "round_1", *FEEDBACK, "lora", "soft_prompt", "dreambooth")
IMAGES_PER_EVALUATION_PROMPT = 4
BY_ORACLE = ("human", "hybrid")
"""Rows of round 2 whose examples the oracle picks, by what the judge says."""
ORACLE_PICKS = 10
"""As many as the paper's person picked."""
RARE_TOKEN = "in sks style"
OTHER_METHODS: dict[str, styledrop.Tuning] = {
    row: as_method(FIRST_ROUND, method)
    for row, method in (("lora", "lora"), ("soft_prompt", "soft_prompt"), ("dreambooth", "whole"))
}
"""What a spec that names another method gets, by row."""


@dataclass(frozen=True, kw_only=True)
class Reference:
    """A held-out style's one image."""

    style: str
    image: Image.Image
    content_phrase: str
    style_phrase: str
    """With its "in … style"."""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One sample's figures."""

    text: float
    style: float
    content_is_right: bool
    style_is_right: bool
    distance: float
    """To the place of the true set's real icons, in the judge's style features."""


def first_round_pairs(image: Image.Image, prompt: str) -> list[tuple[Image.Image, str]]:
    """What round 1 is tuned on where `image` is the only reference."""
    return [(view, prompt) for view in styledrop.views(image, embedded.REFERENCE_VIEWS)]


def held_out_references(size_px: int) -> list[Reference]:
    """The five references, square and of the base's size."""
    return [
        Reference(
            style=entry["style"],
            image=square(load_reference(str(REFERENCES / entry["file"])).image, size_px, "crop"),
            content_phrase=entry["content_phrase"],
            style_phrase=f"in {entry['style_phrase']} style",
        )
        for entry in json.loads((REFERENCES / "references.json").read_text(encoding="utf-8"))
    ]


def held_out_reference(style: str, size_px: int) -> Reference:
    """That of `style`, one of `data.corpus.phrases.held_out_phrases`."""
    return next(reference for reference in held_out_references(size_px) if reference.style == style)


class StyleBench:
    """All rows of one style; images are drawn when they are first asked for."""

    def __init__(self, reference: Reference, base_name: str, out: Path) -> None:
        self.reference = reference
        self._base_name = base_name
        self._folder = out / reference.style
        self._base = open_base(base_name)
        code = code_digest(__name__, "styledrop.tuning", "styledrop.sampler", "styledrop.scoring")
        self._made_with = f"{self._base.sha256} {identify_scorer(self._base, '')} {code}"
        self._judge = open_judge()
        self._judge_sha256 = files_sha256(JUDGE, ("model.safetensors",))
        self._places = true_places(self._judge)

    def row(self, name: str) -> list[Candidate]:
        """The evaluation images of a row."""

        def drawn() -> list[Candidate]:
            count, phrase = IMAGES_PER_EVALUATION_PROMPT, self._phrase(name)
            return self.draw(FEW_EVALUATION_PROMPTS, count, name, self._tuned(name), phrase)

        return self.kept(name, drawn, *((self._judge_sha256,) if name in BY_ORACLE else ()))

    def measure(self, drawn: Sequence[Candidate]) -> list[Measured]:
        """What CLIP gave, and what the judge says."""
        images = [from_png(sample.image) for sample in drawn]
        seen = self._judge.classify(images).concepts
        styles, distances = nearest_styles(self._judge, images, self._places)
        own = self._places.names.index(self.reference.style)
        return [
            Measured(
                text=sample.text_score,
                style=sample.style_score,
                content_is_right=seen[i] == sample.content_phrase,
                style_is_right=styles[i] == self.reference.style,
                distance=float(distances[i, own]),
            )
            for i, sample in enumerate(drawn)
        ]

    @cached_property
    def first_round(self) -> styledrop.Tuned:
        """The adapter of round 1."""
        return self.tune("round_1", self.reference_pairs(self.reference.style_phrase), FIRST_ROUND)

    def _tuned(self, name: str) -> styledrop.Tuned | None:
        if name == "base":
            return None
        if name == "round_1":
            return self.first_round
        if name in OTHER_METHODS:
            return self.tune(name, self.reference_pairs(self._phrase(name)), OTHER_METHODS[name])
        return self.tune(name, [(torch.tensor(pick.tokens), pick.prompt) for pick in self.picks(name)], LATER_ROUNDS)

    def _phrase(self, name: str) -> str:
        return RARE_TOKEN if name == "dreambooth" else self.reference.style_phrase

    def reference_pairs(self, phrase: str) -> list[tuple[Image.Image, str]]:
        """What round 1 is tuned on, with `phrase` after the content."""
        return first_round_pairs(self.reference.image, f"{self.reference.content_phrase} {phrase}")

    def candidates(self) -> list[Candidate]:
        """What round 1 draws for feedback."""

        def drawn() -> list[Candidate]:
            count, phrase = defaults.IMAGES_PER_PROMPT, self.reference.style_phrase
            return self.draw(CANDIDATE_PROMPTS, count, "candidates", self.first_round, phrase, CANDIDATE_GUIDANCE)

        return self.kept("candidates", drawn)

    def picks(self, name: str) -> list[Candidate]:
        """The candidates that round 2 of this row is tuned on."""
        candidates = self.candidates()
        best = set(best_of_each_prompt(candidates, 1))
        match name:
            case "clip":
                chosen = best
            case "clip_sum":
                chosen = set(best_of_each_prompt(candidates, 1, with_style=True))
            case "random":
                chosen = set(random_of_each_prompt(candidates, 1, seed=0))
            case "hybrid":
                chosen = self._oracle([candidate for candidate in candidates if candidate.index in best])
            case _:
                chosen = self._oracle(candidates)
        return [candidate for candidate in candidates if candidate.index in chosen]

    def _oracle(self, candidates: Sequence[Candidate]) -> set[int]:
        """Of each prompt the candidate nearest to the true set; of those the nearest ten, right contents first."""
        measured = dict(zip(candidates, self.measure(candidates), strict=True))

        def rank(candidate: Candidate) -> tuple[bool, float]:
            return not measured[candidate].content_is_right, measured[candidate].distance

        nearest = {c.prompt: c for c in sorted(candidates, key=rank, reverse=True)}  # the first in rank comes last
        return {candidate.index for candidate in sorted(nearest.values(), key=rank)[:ORACLE_PICKS]}

    def tune(
        self, name: str, pairs: Sequence[tuple[Image.Image | Tensor, str]], config: styledrop.Tuning
    ) -> styledrop.Tuned:
        """Tune to `pairs`; the seed follows from the name."""
        print(f"{self.reference.style}: tune {name}", flush=True)
        return styledrop.tune(self._base, pairs, config, seed=draw_seed(0, "tune", name))

    def draw(
        self,
        contents: Sequence[str],
        of_each: int,
        purpose: str,
        style: styledrop.Tuned | None,
        phrase: str,
        guidance: styledrop.Guidance | None = None,
    ) -> list[Candidate]:
        """Draw and score `of_each` images of each content; `guidance` None is `GUIDANCE`."""
        print(f"{self.reference.style}: draw {purpose}", flush=True)
        asked = [(content, i) for content in contents for i in range(of_each)]
        # Rows share their seeds, and candidates have others.
        kind = "candidates" if purpose == "candidates" else "evaluation"
        seeds = [draw_seed(0, "held out", kind, content, i) for content, i in asked]
        prompts = [f"{content} {phrase}" for content, _ in asked]
        described = [f"{content} {self.reference.style_phrase}" for content, _ in asked]
        drawn = styledrop.sample(
            self._base, prompts, seeds=seeds, style=style, guidance=guidance or GUIDANCE, config=SAMPLING
        )
        scores = open_scorer(self._base_name).score(drawn.images, described, [self.reference.image])
        return [
            Candidate(
                index=i,
                content_phrase=asked[i][0],
                prompt=described[i],
                seed=seeds[i],
                tokens=tuple(drawn.tokens[i].tolist()),
                image=to_png(drawn.images[i]),
                text_score=float(scores.text[i]),
                style_score=float(scores.style[i]),
            )
            for i in range(len(asked))
        ]

    def kept(self, name: str, draw: Callable[[], list[Candidate]], *changes: object) -> list[Candidate]:
        """What lies in the folder under this name, models, code and settings; drawn and put there if nothing does."""
        tuned_with = (FIRST_ROUND, embedded.REFERENCE_VIEWS, LATER_ROUNDS, OTHER_METHODS.get(name))
        settings = repr((*tuned_with, SAMPLING, GUIDANCE, CANDIDATE_GUIDANCE, *changes))
        digest = hashlib.sha256(f"{self._made_with} {settings}".encode()).hexdigest()[:12]
        path = self._folder / f"{name}-{digest}.parquet"
        if not path.exists():
            drawn = to_parquet(draw())
            path.parent.mkdir(parents=True, exist_ok=True)
            partial = path.with_suffix(".partial")
            partial.write_bytes(drawn)
            partial.replace(path)
        return from_parquet(path.read_bytes())


def summarize(of_styles: Sequence[Mapping[str, Sequence[Measured]]]) -> dict[str, dict[str, float]]:
    """Means and standard errors of every row, over the images of all styles."""
    pooled = {name: [sample for rows in of_styles for sample in rows[name]] for name in of_styles[0]}
    return {
        name: {
            **_mean_and_error("text", [sample.text for sample in samples]),
            **_mean_and_error("style", [sample.style for sample in samples]),
            "judge_content": round(statistics.fmean(sample.content_is_right for sample in samples), 4),
            "judge_style": round(statistics.fmean(sample.style_is_right for sample in samples), 4),
            "distance": round(statistics.fmean(sample.distance for sample in samples), 2),
        }
        for name, samples in pooled.items()
    }


def differences(of_styles: Sequence[Mapping[str, Sequence[Measured]]], row: str, other: str) -> dict[str, float]:
    """What `row` has more than `other`, image by image: both draw the same prompts from the same seeds."""
    pairs = [pair for rows in of_styles for pair in zip(rows[row], rows[other], strict=True)]
    return {
        **_mean_and_error("text", [one.text - other.text for one, other in pairs]),
        **_mean_and_error("style", [one.style - other.style for one, other in pairs]),
    }


def _mean_and_error(name: str, values: Sequence[float]) -> dict[str, float]:
    error = statistics.stdev(values) / len(values) ** 0.5
    return {name: round(statistics.fmean(values), 4), f"{name}_se": round(error, 4)}
