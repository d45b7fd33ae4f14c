"""The paper's Table 2 on five icon sets that no training saw: every way to tune, by CLIP and by the judge.

    python -m bench.held_out_styles [--rows base round_1 clip …] [--processes 2] [--base FOLDER] [--out FOLDER]

Per style one reference (bench/references), 20 prompts x 4 images, the same seeds for every row:

base         un-tuned, with the whole prompt ("prompt only")
round_1      StyleDrop's adapter, tuned on views of the reference
clip         round 2, on the best of each candidates' prompt by CLIP's Text score
clip_sum     round 2, on the best sum of Text and Style scores: not the paper's
random       round 2, on any of each prompt: the paper's control
human        round 2, on ten picks of an ORACLE, no person: candidates nearest to the true set's real icons
hybrid       round 2, on ten picks of the oracle among CLIP's best of each prompt
lora         LoRA instead of the adapter, on the same
soft_prompt  tuned vectors before the text, on the same
dreambooth   all weights tuned, on the same, with a rare token instead of the style phrase

Text and Style are CLIP's (Text against the descriptive prompt in every row). `judge_content` and
`judge_style` are shares of samples in which the judge, trained on real icons alone, sees the content among
all its concepts, and in which the nearest of all 38 styles is the true one (bench/true_icons.py).

Real icons of the sets, judged as they are and after the base's VQGAN, say what these two can reach at all; the judge
knows the concepts of a sixth of them.

Below the table stand the differences of rows that are compared, image by image (the same prompts, the
same seeds), and what was picked for round 2, measured as the rows are: of all candidates, and of every way's picks.

Means and standard errors are over the images of all styles, pooled. The error is that of independent
images: it says how much another set of seeds may change the mean, not another set of styles. What is drawn
lies in OUT as Parquet and is not drawn again: a stopped run goes on.
"""

import argparse
import json
import multiprocessing
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import torch

from bench.judge import open_judge
from bench.style_bench import (
    FEEDBACK,
    IMAGES_PER_EVALUATION_PROMPT,
    ROWS,
    Measured,
    StyleBench,
    differences,
    held_out_references,
    summarize,
)
from bench.true_icons import true_figures, true_places
from data.documents.prompts import FEW_EVALUATION_PROMPTS
from data.pictures.contact_sheet import Row, comparison_sheet
from data.pictures.images import from_png
from data.pictures.markdown import table
from tasks.models import open_base

COMPARED = (
    ("clip", "round_1"),
    ("clip", "random"),
    ("clip_sum", "clip"),
    ("clip_sum", "round_1"),
    ("human", "round_1"),
    ("human", "random"),
    ("human", "clip"),
)
"""Rows whose differences the paper's claims are about."""


@dataclass(frozen=True, kw_only=True)
class OfStyle:
    """What was measured on one style."""

    style: str
    rows: dict[str, list[Measured]]
    picks: dict[str, list[Measured]]
    """Candidates: all of them, and those that each kind of feedback took."""


def measure_style(number: int, base_name: str, rows: Sequence[str], out: Path) -> OfStyle:
    """All rows of style `number`, their picks, and a sheet of their first images."""
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
    picks = {name: bench.measure(bench.picks(name)) for name in rows if name in FEEDBACK}
    if picks:
        picks = {"all": bench.measure(bench.candidates()), **picks}
    return OfStyle(
        style=reference.style, rows={name: bench.measure(samples) for name, samples in drawn.items()}, picks=picks
    )


def _print_table(title: str, summary: Mapping[str, Mapping[str, float]]) -> None:
    print(f"\n{title:26} Text           Style          content  style  distance (judge)")
    for name, score in summary.items():
        print(
            f"  {name:24} {score['text']:.3f} ± {score['text_se']:.3f}  {score['style']:.3f} ± {score['style_se']:.3f}"
            f"  {score['judge_content']:.3f}    {score['judge_style']:.3f}  {score['distance']:.1f}",
            flush=True,
        )


_HEADING = """# Held-out styles

`python -m bench.held_out_styles`; what the rows and columns are, `bench/held_out_styles.py` says."""


def _report(by_style: Mapping[str, Mapping[str, Mapping[str, float]]]) -> str:
    """A table for every style, and the sheet of its images; the mean of all comes first."""
    parts = [_HEADING]
    for style, rows in reversed(list(by_style.items())):
        cells = [
            {
                "row": name,
                "Text": f"{score['text']:.3f} ± {score['text_se']:.3f}",
                "Style": f"{score['style']:.3f} ± {score['style_se']:.3f}",
                "judge: content": f"{score['judge_content']:.3f}",
                "judge: style": f"{score['judge_style']:.3f}",
                "distance": f"{score['distance']:.1f}",
            }
            for name, score in rows.items()
        ]
        parts += [f"## {style}", table(cells)]
        if not style.startswith("all "):
            parts.append(f"![{style}](held_out_{style}.png)")
    return "\n\n".join(parts) + "\n"


def main() -> None:
    """Measure all held-out styles and print what was found."""
    parser = argparse.ArgumentParser(prog="python -m bench.held_out_styles")
    parser.add_argument("--rows", nargs="+", choices=ROWS, default=list(ROWS), help="of the table")
    parser.add_argument("--processes", type=int, default=2, help="styles at a time, one thread each")
    parser.add_argument("--base", default="embedded", help="folder of a base with clip/ in it")
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
    by_style = {one.style: summarize([one.rows]) for one in of_styles}
    rows, picks = [one.rows for one in of_styles], summarize([one.picks for one in of_styles])
    summary = summarize(rows)
    by_style[f"all {len(of_styles)} styles"] = summary
    for style, scores in by_style.items():
        _print_table(style, scores)
    if picks:
        _print_table("picks for round 2", picks)
    compared = {f"{a} - {b}": differences(rows, a, b) for a, b in COMPARED if {a, b} <= set(arguments.rows)}
    for names, score in compared.items():
        print(
            f"{names:26} Text {score['text']:+.4f} ± {score['text_se']:.4f}  "
            f"Style {score['style']:+.4f} ± {score['style_se']:.4f}"
        )
    judge = open_judge()
    places = true_places(judge)
    true = {name: true_figures(judge, places, using) for name, using in (("real", None), ("as_tokens", base))}
    for name, figures in true.items():
        print(
            f"real icons of the sets, {name}: content {figures.content:.3f}, nearest style {figures.nearest:.3f}, "
            f"distance {figures.distance:.1f}"
        )
    lines = [{"style": style, "row": name, **score} for style, rows in by_style.items() for name, score in rows.items()]
    pq.write_table(pa.Table.from_pylist(lines), arguments.out / "held_out_styles.parquet")
    report = arguments.out / "held_out_styles.md"
    report.write_text(_report(by_style), encoding="utf-8")
    print(f"report: {report}")
    of_true = {name: asdict(figures) for name, figures in true.items()}
    print(json.dumps({**summary, "differences": compared, "picks": picks, "true_icons": of_true}))


if __name__ == "__main__":
    main()
