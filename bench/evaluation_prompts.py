"""Which of the paper's 190 evaluation prompts can a base draw that has seen this corpus, and which of ours?

    python -m bench.evaluation_prompts --parti URI --corpus FOLDER

URI is PartiPrompts.tsv (google-research/parti), FOLDER the corpus's result in the folder of
`styledrop-pretrain-base` (`FOLDER/corpus/result` there). A prompt is within reach if enough of the 33 training
styles show what it names (`bench.parti_prompts`). The held-out styles are not looked at.
"""

import argparse
import json
from pathlib import Path

from bench.parti_prompts import read_parti_prompts, within_reach
from data.corpus.arrays import read_arrays
from data.documents.prompts import EVALUATION_PROMPTS

MIN_STYLES = (20, 15, 10)


def main() -> None:
    """Print the prompts within reach for each of `MIN_STYLES`, and how many styles show each of ours."""
    parser = argparse.ArgumentParser(prog="python -m bench.evaluation_prompts")
    parser.add_argument("--parti", required=True, help="PartiPrompts.tsv: a path or any fsspec URI")
    parser.add_argument("--corpus", type=Path, required=True, help="folder with images.npy and labels.json")
    arguments = parser.parse_args()
    corpus = read_arrays(arguments.corpus)
    coverage = dict(zip(corpus.concept.tolist(), corpus.coverage.tolist(), strict=True))
    prompts = read_parti_prompts(arguments.parti)
    reached = {number: within_reach(prompts, coverage, number) for number in MIN_STYLES}
    for number, of_prompts in reached.items():
        named = (
            prompt if prompt.endswith(concept) else f"{prompt} = {concept}" for prompt, concept in of_prompts.items()
        )
        print(f"{number} styles show {len(of_prompts)} of {len(prompts)}: {', '.join(named)}\n")
    ours = {concept: coverage.get(concept, 0) for concept in EVALUATION_PROMPTS}
    print(f"ours, {len(ours)}: {', '.join(f'{concept} {number}' for concept, number in ours.items())}")
    figures = {
        "parti_prompts": len(prompts),
        "within_reach": {str(number): of_prompts for number, of_prompts in reached.items()},
        "ours": len(ours),
        "ours_shown_by_at_least": min(ours.values()),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
