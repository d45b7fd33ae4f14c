"""The paper's Table 2 on five icon sets that no training saw: every way to tune, by CLIP and by the judge.

    python -m bench.held_out_styles [--rows base round_1 clip …] [--processes 2] [--base FOLDER] [--out FOLDER]

Per style one reference (bench/references), 20 prompts x 4 images, the same seeds for every row:

base         un-tuned, with the whole prompt ("prompt only")
round_1      StyleDrop's adapter, tuned on the reference
clip         round 2, on the best of each candidates' prompt by CLIP's Text score
random       round 2, on any of each prompt: the paper's control
human        round 2, on ten picks of an ORACLE, no person: candidates nearest to the true set's real icons
hybrid       round 2, on ten picks of the oracle among CLIP's best of each prompt
lora         LoRA instead of the adapter, on the reference
soft_prompt  tuned vectors before the text, on the reference
dreambooth   all weights tuned, on the reference, with a rare token instead of the style phrase

Text and Style are CLIP's (Text against the descriptive prompt in every row). `judge_content` and
`judge_style` are shares of samples in which the judge, trained on real icons alone, sees the content among
all its concepts, and in which the nearest of all 38 styles is the true one (bench/true_icons.py).

Means and standard errors are over the images of all styles, pooled. The error is that of independent
images: it says how much another set of seeds may change the mean, not another set of styles. What is drawn
lies in OUT as Parquet and is not drawn again: a stopped run goes on.
"""

import argparse
import hashlib
import json
import multiprocessing
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import torch
from PIL import Image

import styledrop
from bench.true_icons import nearest_styles, true_places
from data import defaults
from data.candidates import Candidate, from_parquet, to_parquet
from data.contact_sheet import Row, comparison_sheet
from data.feedback import best_of_each_prompt, random_of_each_prompt
from data.images import from_png, load_reference, square, to_png
from data.prompts import CANDIDATE_PROMPTS, FEW_EVALUATION_PROMPTS
from styledrop.judge import Judge
from tasks.models import open_base, open_scorer
from tasks.sampling import draw_seed

REFERENCES = Path(__file__).parent / "references"
ROWS = ("base", "round_1", "clip", "human", "random", "hybrid", "lora", "soft_prompt", "dreambooth")
IMAGES_PER_EVALUATION_PROMPT = 4
ORACLE_PICKS = 10
"""As many as the paper's person picked."""
RARE_TOKEN = "in sks style"
SAMPLING = styledrop.SamplingConfig(steps=defaults.SAMPLING_STEPS, temperature=defaults.TEMPERATURE)
GUIDANCE = styledrop.Guidance(lambda_a=defaults.LAMBDA_A, lambda_b=defaults.LAMBDA_B)

FIRST_ROUND = styledrop.TuningConfig(
    method=styledrop.AdapterConfig(
        bottleneck=defaults.FIRST_ROUND_BOTTLENECK, share_across_layers=defaults.FIRST_ROUND_SHARE_ACROSS_LAYERS
    ),
    learning_rate=defaults.FIRST_ROUND_LEARNING_RATE,
    num_steps=defaults.FIRST_ROUND_STEPS,
    batch_size=defaults.BATCH_SIZE,
)
LATER_ROUND = replace(
    FIRST_ROUND,
    method=styledrop.AdapterConfig(
        bottleneck=defaults.LATER_ROUND_BOTTLENECK, share_across_layers=defaults.LATER_ROUND_SHARE_ACROSS_LAYERS
    ),
    learning_rate=defaults.LATER_ROUND_LEARNING_RATE,
    num_steps=defaults.LATER_ROUND_STEPS,
)
OTHER_METHODS = {
    "lora": replace(FIRST_ROUND, method=styledrop.LoRAConfig(), learning_rate=3e-3),
    "soft_prompt": replace(FIRST_ROUND, method=styledrop.SoftPromptConfig(), learning_rate=1e-1),
    "dreambooth": replace(FIRST_ROUND, method=styledrop.WholeConfig(), learning_rate=3e-4),
}


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


class StyleBench:
    """All rows of one style; images are drawn when they are first asked for."""

    def __init__(self, reference: Reference, base_name: str, out: Path) -> None:
        self._reference = reference
        self._base_name = base_name
        self._folder = out / reference.style
        self._base = open_base(base_name)
        self._judge = Judge.from_folder(self._base.folder / "judge")
        self._places = true_places(self._judge)

    def row(self, name: str) -> list[Candidate]:
        """The evaluation images of a row."""

        def drawn() -> list[Candidate]:
            count, phrase = IMAGES_PER_EVALUATION_PROMPT, self._phrase(name)
            return self._draw(FEW_EVALUATION_PROMPTS, count, name, self._tuned(name), phrase)

        return self._kept(name, drawn)

    def measure(self, drawn: Sequence[Candidate]) -> list[Measured]:
        """What CLIP gave, and what the judge says."""
        images = [from_png(sample.image) for sample in drawn]
        seen = self._judge.classify(images).concepts
        styles, distances = nearest_styles(self._judge, images, self._places)
        own = self._places.names.index(self._reference.style)
        return [
            Measured(
                text=sample.text_score,
                style=sample.style_score,
                content_is_right=seen[i] == sample.content_phrase,
                style_is_right=styles[i] == self._reference.style,
                distance=float(distances[i, own]),
            )
            for i, sample in enumerate(drawn)
        ]

    @cached_property
    def _first_round(self) -> styledrop.Tuned:
        return self._tune("round_1", self._reference_pairs(self._reference.style_phrase), FIRST_ROUND)

    def _tuned(self, name: str) -> styledrop.Tuned | None:
        if name == "base":
            return None
        if name == "round_1":
            return self._first_round
        if name in OTHER_METHODS:
            return self._tune(name, self._reference_pairs(self._phrase(name)), OTHER_METHODS[name])
        candidates = self._candidates()
        picks = self._picks(name, candidates)
        return self._tune(name, [(from_png(c.image), c.prompt) for c in candidates if c.index in picks], LATER_ROUND)

    def _phrase(self, name: str) -> str:
        return RARE_TOKEN if name == "dreambooth" else self._reference.style_phrase

    def _reference_pairs(self, phrase: str) -> list[tuple[Image.Image, str]]:
        return [(self._reference.image, f"{self._reference.content_phrase} {phrase}")]

    def _candidates(self) -> list[Candidate]:
        def drawn() -> list[Candidate]:
            count, phrase = defaults.IMAGES_PER_PROMPT, self._reference.style_phrase
            return self._draw(CANDIDATE_PROMPTS, count, "candidates", self._first_round, phrase)

        return self._kept("candidates", drawn)

    def _picks(self, name: str, candidates: Sequence[Candidate]) -> set[int]:
        best = best_of_each_prompt(candidates, 1)
        match name:
            case "clip":
                return set(best)
            case "random":
                return set(random_of_each_prompt(candidates, 1, seed=0))
            case "hybrid":
                return self._oracle([candidate for candidate in candidates if candidate.index in set(best)])
            case _:
                return self._oracle(candidates)

    def _oracle(self, candidates: Sequence[Candidate]) -> set[int]:
        """Of each prompt the candidate nearest to the true set; of those the nearest ten, right contents first."""
        measured = dict(zip(candidates, self.measure(candidates), strict=True))

        def rank(candidate: Candidate) -> tuple[bool, float]:
            return not measured[candidate].content_is_right, measured[candidate].distance

        nearest = {c.prompt: c for c in sorted(candidates, key=rank, reverse=True)}  # the first in rank comes last
        return {candidate.index for candidate in sorted(nearest.values(), key=rank)[:ORACLE_PICKS]}

    def _tune(
        self, name: str, pairs: Sequence[tuple[Image.Image, str]], config: styledrop.TuningConfig
    ) -> styledrop.Tuned:
        print(f"{self._reference.style}: tune {name}", flush=True)
        return styledrop.tune(self._base, pairs, config, seed=draw_seed(0, "tune", name))

    def _draw(
        self, contents: Sequence[str], of_each: int, purpose: str, style: styledrop.Tuned | None, phrase: str
    ) -> list[Candidate]:
        print(f"{self._reference.style}: draw {purpose}", flush=True)
        asked = [(content, i) for content in contents for i in range(of_each)]
        # Rows share their seeds, and candidates have others.
        kind = "candidates" if purpose == "candidates" else "evaluation"
        seeds = [draw_seed(0, "held out", kind, content, i) for content, i in asked]
        prompts = [f"{content} {phrase}" for content, _ in asked]
        described = [f"{content} {self._reference.style_phrase}" for content, _ in asked]
        images = styledrop.sample(self._base, prompts, seeds=seeds, style=style, guidance=GUIDANCE, config=SAMPLING)
        scores = open_scorer(self._base_name).score(images, described, [self._reference.image])
        return [
            Candidate(
                index=i,
                content_phrase=asked[i][0],
                prompt=described[i],
                seed=seeds[i],
                image=to_png(images[i]),
                text_score=float(scores.text[i]),
                style_score=float(scores.style[i]),
            )
            for i in range(len(asked))
        ]

    def _kept(self, name: str, draw: Callable[[], list[Candidate]]) -> list[Candidate]:
        """What lies in the folder under this name and these settings; drawn and put there if nothing does."""
        settings = repr((FIRST_ROUND, LATER_ROUND, OTHER_METHODS.get(name), SAMPLING, GUIDANCE))
        digest = hashlib.sha256(f"{self._base.sha256} {settings}".encode()).hexdigest()[:12]
        path = self._folder / f"{name}-{digest}.parquet"
        if not path.exists():
            drawn = to_parquet(draw())
            path.parent.mkdir(parents=True, exist_ok=True)
            partial = path.with_suffix(".partial")
            partial.write_bytes(drawn)
            partial.replace(path)
        return from_parquet(path.read_bytes())


def measure_style(number: int, base_name: str, rows: Sequence[str], out: Path) -> tuple[str, dict[str, list[Measured]]]:
    """All rows of style `number`, and a sheet of their first images."""
    torch.set_num_threads(1)
    reference = held_out_references(open_base(base_name).size_px)[number]
    bench = StyleBench(reference, base_name, out)
    drawn = {name: bench.row(name) for name in rows}
    lines = [Row(label="reference", images=[reference.image])]
    lines += [
        Row(label=name, images=[from_png(sample.image) for sample in samples[::IMAGES_PER_EVALUATION_PROMPT]])
        for name, samples in drawn.items()
    ]
    comparison_sheet(FEW_EVALUATION_PROMPTS, lines).save(out / f"held_out_{reference.style}.png")
    return reference.style, {name: bench.measure(samples) for name, samples in drawn.items()}


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


def _mean_and_error(name: str, values: Sequence[float]) -> dict[str, float]:
    error = statistics.stdev(values) / len(values) ** 0.5
    return {name: round(statistics.fmean(values), 4), f"{name}_se": round(error, 4)}


def _print_table(title: str, summary: Mapping[str, Mapping[str, float]]) -> None:
    print(f"\n{title:26} Text           Style          content  style  distance (judge)")
    for name, score in summary.items():
        print(
            f"  {name:24} {score['text']:.3f} ± {score['text_se']:.3f}  {score['style']:.3f} ± {score['style_se']:.3f}"
            f"  {score['judge_content']:.3f}    {score['judge_style']:.3f}  {score['distance']:.1f}",
            flush=True,
        )


_HEADING = """# Held-out styles

`python -m bench.held_out_styles`; what the rows and columns are, `bench/held_out_styles.py` says.
"""


def _report(by_style: Mapping[str, Mapping[str, Mapping[str, float]]]) -> str:
    """A table for every style, and the sheet of its images; the mean of all comes first."""
    lines = [_HEADING]
    for style, rows in reversed(by_style.items()):
        lines += [f"## {style}", "", "| row | Text | Style | judge: content | judge: style | distance |"]
        lines += ["|---|---|---|---|---|---|"]
        for name, score in rows.items():
            cells = [
                name,
                f"{score['text']:.3f} ± {score['text_se']:.3f}",
                f"{score['style']:.3f} ± {score['style_se']:.3f}",
                f"{score['judge_content']:.3f}",
                f"{score['judge_style']:.3f}",
                f"{score['distance']:.1f}",
            ]
            lines.append(f"| {' | '.join(cells)} |")
        lines.append("" if style.startswith("all ") else f"\n![{style}](held_out_{style}.png)\n")
    return "\n".join(lines)


def main() -> None:
    """Measure all held-out styles and print what was found."""
    parser = argparse.ArgumentParser(prog="python -m bench.held_out_styles")
    parser.add_argument("--rows", nargs="+", choices=ROWS, default=list(ROWS), help="of the table")
    parser.add_argument("--processes", type=int, default=2, help="styles at a time, one thread each")
    parser.add_argument("--base", default="embedded", help="folder of a base with clip/ and judge/ in it")
    parser.add_argument("--out", type=Path, default=Path(".cache/bench"), help="where images and sheets go")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    base = open_base(arguments.base)
    numbers = range(len(held_out_references(base.size_px)))
    work = [(number, arguments.base, arguments.rows, arguments.out) for number in numbers]
    if arguments.processes == 1:
        of_styles = [measure_style(*one) for one in work]
    else:
        with multiprocessing.get_context("spawn").Pool(arguments.processes) as pool:
            of_styles = pool.starmap(measure_style, work, chunksize=1)
    by_style = {style: summarize([rows]) for style, rows in of_styles}
    summary = summarize([rows for _, rows in of_styles])
    by_style[f"all {len(of_styles)} styles"] = summary
    for style, scores in by_style.items():
        _print_table(style, scores)
    places = true_places(Judge.from_folder(base.folder / "judge"))
    print(f"\nreal held-out icons: nearest style right for {places.accuracy:.3f}, distance {places.distance:.1f}")
    lines = [{"style": style, "row": name, **score} for style, rows in by_style.items() for name, score in rows.items()]
    pq.write_table(pa.Table.from_pylist(lines), arguments.out / "held_out_styles.parquet")
    report = arguments.out / "held_out_styles.md"
    report.write_text(_report(by_style), encoding="utf-8")
    print(f"report: {report}")
    print(json.dumps(summary))


if __name__ == "__main__":
    main()
