"""A published version made anew on another base: what a person picked for it, and how the new one compares."""

from dataclasses import replace

from prefect import task

from data.documents.words import whole_prompt
from data.pictures.images import from_png, square, to_png
from data.pictures.markdown import embedded_image
from data.records.feedback import FeedbackRecord
from data.records.onboarding import Run
from data.records.scores import EvaluationRecord, Gain, RebuiltRecord
from data.store.candidates import from_parquet, to_parquet
from data.store.comparison import Drawn, gain_of, paired, side_by_side
from data.store.files import Store, read_blob
from data.store.published_style import read_feedback, read_samples
from tasks.models import open_base, open_scorer
from tasks.onboarding.artifacts import artifact_key
from tasks.onboarding.sample_candidates import round_folder
from tasks.reporting import log_stage, show_markdown


@task(persist_result=True, result_serializer="json")
def recorded_picks(run: Run) -> list[FeedbackRecord]:
    """What a person kept of each round of the version that is made anew; nothing for a new style, or if no person did.

    What CLIP or chance kept is not taken: the new base draws candidates of its own. The images stay what they were, and
    get tokens of the new base's VQGAN.

    Raises:
        StoreCorrupted: if what lies in the version cannot be read.
    """
    if not run.rebuilds or not run.spec.has_reviewer:
        return []
    base, store = open_base(run.spec.base), Store(run.store)
    recorded = []
    for given in read_feedback(run.rebuilds):
        candidates = from_parquet(read_blob(given.table))
        images = [from_png(one.image) for one in candidates]
        tokens = base.tokenize([square(image, base.size_px, "crop") for image in images]).tolist()
        encoded = [replace(one, tokens=tuple(codes)) for one, codes in zip(candidates, tokens, strict=True)]
        folder = f"{round_folder(run, given.round_number)}/candidates"
        table = store.write_blob(folder, ".parquet", to_parquet(encoded))
        recorded.append(given.model_copy(update={"table": table}))
        by = given.decision.reviewer if given.decision else given.source
        log_stage(f"round {given.round_number + 1} is tuned on {len(given.kept)} images that {by} picked before")
    return recorded


@task(persist_result=True, result_serializer="json")
def compare_with_old(run: Run, evaluation: EvaluationRecord) -> EvaluationRecord:
    """Put the version that is made anew beside the new one, and say what the new one gains over it.

    The old one's images lie in it. They are scored again, by the new base's CLIP: scores of two CLIPs do not compare.
    """
    store = Store(run.store)
    old_base, old = read_samples(run.rebuilds)
    new_base, new = (from_parquet(store.read_blob(evaluation.rounds[number].samples)) for number in (0, -1))
    references = [from_png(store.read_blob(example.image)) for example in run.references]
    scores = open_scorer(run.spec.base, run.spec.scorer).score(
        [from_png(one.image) for one in old],
        [whole_prompt(one.content_phrase, run.spec.style_phrase) for one in old],  # without a rare token, as the new
        references,
    )
    scored = [
        replace(one, text_score=float(text), style_score=float(style))
        for one, text, style in zip(old, scores.text, scores.style, strict=True)
    ]
    gain = gain_of(paired(scored, new), run.spec.likeness, Gain)
    sheet = to_png(
        side_by_side(
            references,
            Drawn(label="old", by_base=old_base, in_style=old),
            Drawn(label="new", by_base=new_base, in_style=new),
        )
    )
    # Under a name of its own, not its digest: a batch's report finds it while the run waits for a person.
    lies_at = store.write_same(old_and_new_path(run.spec.name, run.key), sheet)
    version = run.rebuilds.rpartition("/")[2]
    show_markdown(
        key=artifact_key(run, "old-and-new"),
        markdown=f"{embedded_image(sheet, 'png', 'old and new')}\n\n{gain.in_words}, {gain.images} images of the same "
        f"prompts, both scored by the new base's CLIP\n\n{lies_at.uri}",
        description=f"{run.spec.name}: version {version} beside the one that is made anew from it",
    )
    log_stage(f"over version {version}: {gain.in_words}; old beside new: {lies_at.uri}")
    rebuilt = RebuiltRecord(version=version, gain=gain, sheet=lies_at)
    return evaluation.model_copy(update={"rebuilt": rebuilt})


def old_and_new_path(style: str, run_key: str) -> str:
    """Where the sheet of old and new lies in the store while nothing is published."""
    return f"runs/{style}/old-and-new/{run_key}.png"
