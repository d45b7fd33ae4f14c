"""What should round 2 learn from, and how is it drawn? Both rounds on many kept looks, with the truth beside them.

    python -m bench.later_rounds --work FOLDER [--looks N] [--candidates λ_B …] [--picked-by …] [--lambda-b λ_B …]

FOLDER is that of `flows.pretrain_base`; looks, contents and figures are those of `bench.kept_looks`. Round 1 is tuned
on the reference and draws candidates at each λ_B of `--candidates`, as many as the pipeline does. One of every prompt
is picked by Text, the paper's feedback, or by the sum of Text and Style, and each way gives a round 2.

Then the untuned base, round 1 and each round 2 draw the same contents from the same seeds at each λ_B of `--lambda-b`.
Below the means stand the differences from round 1 at the first λ_B: the mean over looks, and its standard error. The
last line is JSON: the figures of each look in turn, by what drew them. Each look's are kept in OUT, and a stopped run
goes on; a second process that begins elsewhere (`--begin 10`) shares the work. Reported is what all looks were drawn
with.
"""

import argparse
import itertools
import json
import statistics
from collections.abc import Sequence
from pathlib import Path

import numpy as np

import styledrop
from bench import embedded
from bench.judge import open_judge
from bench.kept_looks import (
    CONTENTS,
    Figures,
    KeptLook,
    content_of_unseen,
    load_figures,
    measure,
    open_kept_looks,
    paired,
    save_figures,
    tune_round_1,
)
from data.documents import defaults
from data.documents.prompts import CANDIDATE_PROMPTS
from data.pictures.contact_sheet import Row, comparison_sheet
from styledrop.sampler import Sampled
from tasks.models import open_base, open_scorer

PROMPTS = tuple(content for content in CANDIDATE_PROMPTS if content not in CONTENTS)
"""Contents of candidates: none is measured."""
FIRST_CANDIDATE_SEED = 10_000
PICKED_BY = ("text", "text_and_style")


def draw(
    base: styledrop.Base,
    kept: KeptLook,
    contents: Sequence[str],
    first_seed: int,
    style: styledrop.Tuned | None,
    lambda_b: float,
) -> Sampled:
    """One image of each content, in the look's words, at the default λ_A."""
    return styledrop.sample(
        base,
        [f"{content} {kept.words}" for content in contents],
        seeds=list(range(first_seed, first_seed + len(contents))),
        style=style,
        guidance=styledrop.Guidance(lambda_a=embedded.GUIDANCE.lambda_a if style else 0.0, lambda_b=lambda_b),
        config=embedded.SAMPLING,
    )


def rounds(
    base: styledrop.Base,
    scorer: styledrop.ClipScorer,
    kept: KeptLook,
    of_candidates: Sequence[float],
    picked_by: Sequence[str],
) -> dict[str, styledrop.Tuned | None]:
    """The untuned base, round 1, and a round 2 for each λ_B of candidates and each way to pick."""
    first = tune_round_1(base, kept, embedded.FIRST_ROUND, embedded.REFERENCE_VIEWS)
    of_each = defaults.IMAGES_PER_PROMPT
    contents = [content for content in PROMPTS for _ in range(of_each)]
    prompts = [f"{content} {kept.words}" for content in contents]
    tuned = {"untuned": None, "round_1": first}
    for lambda_b in of_candidates:
        drawn = draw(base, kept, contents, FIRST_CANDIDATE_SEED, first, lambda_b)
        scores = scorer.score(drawn.images, prompts, [kept.reference])
        for by in picked_by:
            ranked_by = scores.text if by == "text" else scores.text + scores.style
            best = ranked_by.reshape(len(PROMPTS), of_each).argmax(axis=1) + of_each * np.arange(len(PROMPTS))
            examples = [(drawn.tokens[i], prompts[i]) for i in best.tolist()]
            tuned[f"{by} of λ_B {lambda_b:g}"] = styledrop.tune(base, examples, embedded.LATER_ROUNDS)
    return tuned


def main() -> None:
    """Tune both rounds to every look, draw, measure, and print means and differences."""
    parser = argparse.ArgumentParser(prog="python -m bench.later_rounds")
    parser.add_argument("--work", type=Path, required=True, help="folder of flows.pretrain_base, with a corpus in it")
    parser.add_argument("--looks", type=int, default=20, help="two at least")
    parser.add_argument("--candidates", nargs="+", type=float, default=[1.0, 3.0], metavar="λ_B")
    parser.add_argument("--picked-by", nargs="+", choices=PICKED_BY, default=PICKED_BY)
    parser.add_argument("--lambda-b", nargs="+", type=float, default=[1.0, 3.0, 5.0], metavar="λ_B")
    parser.add_argument("--begin", type=int, default=0, help="number of the look that comes first")
    parser.add_argument("--base", default="embedded", help="folder of a base")
    parser.add_argument("--out", type=Path, default=Path(".cache/bench/later_rounds"), help="figures and pictures")
    arguments = parser.parse_args()
    base, scorer = open_base(arguments.base), open_scorer(arguments.base)
    judge = open_judge()
    looks, places = open_kept_looks(arguments.work, arguments.looks, base.size_px, judge)
    arguments.out.mkdir(parents=True, exist_ok=True)
    print("judge, unseen icons in the looks: content {:.3f} of {}".format(*content_of_unseen(judge, looks)))
    files = [arguments.out / f"{number}_of_{len(looks)}.json" for number in range(len(looks))]
    for number in (*range(arguments.begin, len(looks)), *range(arguments.begin)):
        if files[number].exists():
            continue
        kept = looks[number]
        rows = [Row(label=kept.look.style, images=[kept.reference, *kept.true_icons[: len(CONTENTS) - 1]])]
        figures: dict[tuple[str, float], list[dict[str, float]]] = {}
        tuned = rounds(base, scorer, kept, arguments.candidates, arguments.picked_by)
        for (who, style), lambda_b in itertools.product(tuned.items(), arguments.lambda_b):
            images = draw(base, kept, CONTENTS, 0, style, lambda_b).images
            figures[who, lambda_b] = [measure(judge, scorer, kept, images, places, number)]
            rows.append(Row(label=f"{who}, λ_B {lambda_b:g}", images=images))
        comparison_sheet(CONTENTS, rows, cell_px=64).save(files[number].with_suffix(".png"))
        save_figures(figures, files[number])
        print(f"{number}: {kept.content} {kept.words}", flush=True)
    of_looks = [load_figures(file) for file in files]
    shared = [by for by in of_looks[0] if all(by in figures for figures in of_looks)]
    report({by: [figures[by][0] for figures in of_looks] for by in shared}, ("round_1", arguments.lambda_b[0]))


def report(figures: Figures, other: tuple[str, float]) -> None:
    """Print the means, what each has more than `other`, look by look, and all as JSON."""
    for (who, lambda_b), of_looks in figures.items():
        means = {field: statistics.fmean(one[field] for one in of_looks) for field in of_looks[0]}
        print(f"{who} λ_B {lambda_b:g}:", "  ".join(f"{field} {mean:.3f}" for field, mean in means.items()))
    for (who, lambda_b), of_looks in figures.items():
        print(f"{who} λ_B {lambda_b:g} over {other[0]} λ_B {other[1]:g}: {paired(of_looks, figures[other])}")
    print(json.dumps([[*by, of_looks] for by, of_looks in figures.items()]))


if __name__ == "__main__":
    main()
