"""The page of a published version, README.md: what a model hub shows, and what a person reads first.

The head is the hub's metadata (https://huggingface.co/docs/hub/model-cards), in YAML.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

import styledrop
from data.documents.words import whole_prompt
from data.pictures.markdown import table
from data.records.onboarding import Run
from data.records.scores import EvaluationRecord, Leak, RebuiltRecord, RoundScores, Verdict
from data.store.published_style import OLD_AND_NEW
from styledrop.config.defaults import EMBEDDED

_HUB_LICENCES = re.compile(
    r"apache-2\.0|mit|bsd-[23]-clause|cc|cc0-1\.0|cc-by-(2\.0|2\.5|3\.0|4\.0)|cc-by-sa-[34]\.0|cc-by-nc-[234]\.0"
    r"|cc-by-nd-4\.0|cc-by-nc-nd-[34]\.0|cc-by-nc-sa-[234]\.0|gpl-3\.0|lgpl-3\.0|unlicense|wtfpl"
)
"""Those of the hub's identifiers that references may be under; for others the hub has `other` and a name."""

_KINDS = {"adapter": "an adapter", "lora": "a LoRA", "soft_prompt": "a soft prompt", "whole": "a whole generator"}
"""What each method makes."""

_KEPT_BY = {
    "clip": "CLIP kept",
    "clip_sum": "CLIP kept, by content and style,",
    "human": "a person kept",
    "hybrid": "a person kept of CLIP's best",
    "random": "chance kept",
}

SHOWN_PROMPTS = 5
"""Pictures side by side in the page: more do not fit."""


def readme(
    run: Run,
    card: styledrop.Card,
    evaluation: EvaluationRecord,
    references: Sequence[str],
    before: Mapping[str, str],
    after: Mapping[str, str],
) -> str:
    """The page.

    Args:
        run: The onboarding.
        card: The adapter's.
        evaluation: How base and rounds score.
        references: Paths of the references in the version.
        before: Paths of what the untuned base draws, by evaluation prompt.
        after: The same of what the style draws.
    """
    base, last = evaluation.rounds[0], evaluation.rounds[-1]
    leak = evaluation.leaks[-1] if evaluation.leaks else None
    head = yaml.safe_dump(_head(run, card, evaluation, after), sort_keys=False, allow_unicode=True)
    learnt = f"{'in' if card.kind == 'style' else 'with'} the {card.kind}"
    shown = list(after)[:SHOWN_PROMPTS]
    pictures = [
        {"": "untuned base", **{phrase: f"![{phrase}]({before[phrase]})" for phrase in shown}},
        {"": learnt, **{phrase: f"![{phrase}]({after[phrase]})" for phrase in shown}},
    ]
    where = "End" if card.kind == "style" else "Begin"
    count = "one image" if len(references) == 1 else f"{len(references)} images"
    kept = f", then on candidates that {_KEPT_BY[card.feedback]}" if card.feedback else ""
    return "\n\n".join(
        [
            f"---\n{head}---",
            f"# {card.name}",
            f"A {card.kind} learnt from {count}: {_KINDS[card.rounds[-1]['method']]} of "
            f"{_parameters(card)} parameters for the base `{card.base_name}` "
            f"([StyleDrop](https://arxiv.org/abs/2306.00983)), tuned on "
            f"{'that image' if len(references) == 1 else 'those images'}{kept}.",
            _verdict_line(evaluation.verdict, card.verdict.get("published_by", "")),
            "## The reference" if len(references) == 1 else "## The references",
            " ".join(
                f"![{one.content_phrase}]({path})" for one, path in zip(card.references, references, strict=True)
            ),
            "; ".join(dict.fromkeys(f"*{example.prompt}*" for example in run.references)),
            *_phrase_lines(run),
            f"Licence: {card.licence}. Consent: {card.consent}.",
            "## Before and after",
            f"The same prompts and seeds, by the untuned base and {learnt}; none of these prompts was tuned on.",
            table(pictures),
            "All rounds: [contact_sheet.png](contact_sheet.png).",
            *_rebuilt_line(evaluation.rebuilt),
            "## How to use it",
            "From this version's folder:",
            f"```python\n{_usage(run, card)}```",
            f"{where} every prompt with `{card.trigger_phrase}`.",
            "## How it does",
            table([_row("untuned base", run, base, None), _row(learnt, run, last, leak)]),
            f"Mean ± standard error over {_image_count(run)} images. Text is the cosine of image and prompt, "
            f"{run.spec.likeness} that of image and reference, both by {_scorer(run)}; leak is how much of the "
            "reference's content shows in images of other contents.",
            "What it was made from and how: [card.json](card.json), [evaluation.json](evaluation.json), "
            "[spec.json](spec.json).",
        ]
    ) + "\n"  # fmt: skip


def _head(run: Run, card: styledrop.Card, evaluation: EvaluationRecord, after: Mapping[str, str]) -> Mapping[str, Any]:
    base, last = evaluation.rounds[0], evaluation.rounds[-1]
    is_known = _HUB_LICENCES.fullmatch(card.licence.lower())
    licence = {"license": card.licence.lower()} if is_known else {"license": "other", "license_name": card.licence}
    metrics = [
        {
            "type": f"clip_{name.lower()}_score",
            "name": f"{likeness} (CLIP cosine of image and {against})",
            "value": round(getattr(last, name.lower()).mean, 4),
            "args": {
                "standard_error": round(getattr(last, name.lower()).standard_error, 4),
                "untuned_base": round(getattr(base, name.lower()).mean, 4),
                "images": _image_count(run),
            },
        }
        for name, likeness, against in (("Text", "Text", "prompt"), ("Style", run.spec.likeness, "reference"))
    ]
    return {
        **licence,
        "library_name": "styledrop",
        "pipeline_tag": "text-to-image",
        "base_model": card.base_name,
        "base_model_relation": "finetune" if card.rounds[-1]["method"] == "whole" else "adapter",
        "instance_prompt": card.trigger_phrase,
        "tags": ["styledrop", "text-to-image", card.kind, "adapter", "amused"],
        "widget": [
            {"text": _prompt(run, phrase), "output": {"url": path}} for phrase, path in after.items()
        ],
        "model-index": [
            {
                "name": card.name,
                "results": [
                    {
                        "task": {"type": "text-to-image"},
                        "dataset": {"type": "prompts", "name": "evaluation prompts of spec.json, none tuned on"},
                        "metrics": metrics,
                    }
                ],
            }
        ],
    }  # fmt: skip


def _usage(run: Run, card: styledrop.Card) -> str:
    drawn = run.spec.evaluation_sampling
    prompt = _prompt(run, run.spec.phrase(run.spec.evaluation_prompts[0]))
    elsewhere = "" if card.base_name == EMBEDDED else "  # its folder"
    return (
        "import pathlib, styledrop\n\n"
        f"base = styledrop.Base.from_pretrained({card.base_name!r}){elsewhere}\n"
        'style = styledrop.load_adapter(pathlib.Path("."), base)\n'
        f"guidance = styledrop.Guidance(lambda_a={card.guidance['lambda_a']}, lambda_b={card.guidance['lambda_b']})\n"
        f"config = styledrop.SamplingConfig(steps={drawn.steps}, temperature={drawn.temperature}, "
        f"token_temperature={drawn.token_temperature})\n"
        f"prompt = {prompt!r}\n"
        "drawn = styledrop.sample(\n"
        "    base, [prompt], seeds=[0], style=style, guidance=guidance, config=config\n"
        ")\n"
        'drawn.images[0].save("image.png")\n'
    )


def _scorer(run: Run) -> str:
    whose = "the CLIP that its spec names" if run.spec.scorer else "the base's CLIP"
    return f"{whose} ({run.scorer_sha256[:12]})"


def _prompt(run: Run, phrase: str) -> str:
    return whole_prompt(whole_prompt(run.spec.token, phrase), run.spec.style_phrase)


def _phrase_lines(run: Run) -> tuple[str, ...]:
    """What became of phrases that were proposed."""
    lines = [
        f"{'content' if one.reference else 'style'} phrase *{one.said}* {one.in_words}" for one in run.said_phrases
    ]
    return (f"Not all phrases stood in the spec: {'; '.join(lines)}.",) if lines else ()


def _rebuilt_line(rebuilt: RebuiltRecord | None) -> tuple[str, ...]:
    if rebuilt is None:
        return ()
    return (
        f"Made anew from version {rebuilt.version}, which belongs to another base; over that one, image by image, both "
        f"scored by the new one's CLIP: {rebuilt.gain.in_words}. [Both side by side]({OLD_AND_NEW}).",
    )


def _row(label: str, run: Run, scores: RoundScores, leak: Leak | None) -> dict[str, str]:
    likeness = {f"{run.spec.likeness} ↑": scores.style.in_words}
    return {"": label, "Text ↑": scores.text.in_words, **likeness, "leak ↓": leak.in_words if leak else ""}


def _verdict_line(verdict: Verdict | None, published_by: str) -> str:
    if verdict is None:
        return "Verdict: unknown."
    doubt = "" if verdict.is_learnt else " What it draws may differ little from the untuned base's, or miss the prompt."
    word = f" {published_by} let it be published all the same." if published_by else ""
    return f"**{verdict.label.capitalize()}**: {verdict.in_words.partition(': ')[2]}.{doubt}{word}"


def _image_count(run: Run) -> int:
    return len(run.spec.evaluation_prompts) * run.spec.images_per_evaluation_prompt


def _parameters(card: styledrop.Card) -> str:
    return f"{card.rounds[-1]['parameters']:,}"
