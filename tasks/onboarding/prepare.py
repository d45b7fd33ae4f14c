"""From a spec to a run: everything is checked before anything is written."""

import hashlib
import json
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime

from PIL import Image
from prefect import task
from pydantic_core import from_json

import styledrop
from data.documents.spec import OnboardingSpec
from data.documents.style_spec import StyleSpec
from data.documents.subject_spec import SubjectSpec
from data.documents.vocabulary import read_vocabulary
from data.documents.words import whole_prompt
from data.errors import AlreadyInStore, SpecError, StoreCorrupted
from data.keys import signing_key
from data.pictures.images import from_png, load_reference, square, to_png
from data.records.feedback import Decision
from data.records.onboarding import Example, Run
from data.records.version import Pointer
from data.store.files import Store, read_blob
from data.store.pointer import read_pointer, refuse_withdrawn, style_folder
from data.store.published_style import read_document, read_phrases, read_version, without_addresses
from tasks.deployment import refuse_relative_addresses
from tasks.models import identify_base, identify_scorer, open_base, open_scorer, refuse_cut_prompts
from tasks.onboarding.propose_phrases import as_said, said_phrases
from tasks.reporting import log_stage


@task(persist_result=True, result_serializer="json")
def prepare(spec: StyleSpec | SubjectSpec, said: Decision | None = None) -> Run:
    """Check the references, the base and the store, and open the run's folder in the store.

    The same spec, with the same bytes behind its references, is the same run, also if they have moved. If a version is
    made anew, its references are taken as they lie there, at both sizes. Phrases that a person `said` count as if they
    stood in the spec; until somebody has, those that it leaves out are empty.

    Raises:
        StyleReferenceError: if a reference is missing, broken or of an absurd size.
        SpecError: if there is no such base, nothing that can score or no base that reads the prompts whole, if an
            address is relative in a run of a deployment, or if phrases are left out that the base cannot propose.
        KeyUnusable: if the environment names a key to sign with that cannot be read.
        StyleWithdrawn: if the style was taken back.
        StoreNotWritable: if the store refuses writes.
    """
    refuse_relative_addresses(spec)
    signing_key()  # publishing needs it at the end
    references = [load_reference(one.uri, one.fit) for one in spec.references]
    base = open_base(spec.base)
    open_scorer(spec.base, spec.scorer)
    phrases = said_phrases(spec, said) if said is not None else ()
    if said is not None:
        spec = spec.with_phrases(said.phrases)
    refuse_cut_prompts(base, spec.whole_prompts)
    store = Store(spec.store)
    style = style_folder(store, spec.name)
    pointer = read_pointer(style)
    refuse_withdrawn(style, pointer)
    _refuse_other_kind(spec, style, pointer)
    old = read_version(spec.rebuilds) if spec.rebuilds else None
    given_sha256 = source_sha256(spec, [reference.sha256 for reference in references])
    if as_said(spec, given_sha256).phrases_left_out:
        read_vocabulary(base.folder)
    key = run_key(spec, given_sha256)
    folder = f"runs/{spec.name}"
    opened = _written_once(store, f"{folder}/opened.json", {"nonce": secrets.token_hex(8)})
    started = _written_once(store, f"{folder}/started/{key}.json", {"started_at": datetime.now(UTC).isoformat()})

    images = [reference.image for reference in references]
    large_images = [from_png(read_blob(blob)) for blob in old.large_references] if old is not None else []

    def examples(images: Sequence[Image.Image], size_px: int) -> tuple[Example, ...]:
        return tuple(
            Example(
                image=store.write_blob(f"{folder}/references", ".png", to_png(square(image, size_px, one.fit))),
                prompt=whole_prompt(*words),
            )
            for one, words, image in zip(spec.references, spec.reference_words, images, strict=True)
        )

    log_stage(
        f"run {key} of {spec.name!r}: references {len(references)}, base {base.name} on {base.device} in "
        f"{base.dtype}, {store.uri}"
    )
    log_stage(f"what the spec leaves out is as in {base.defaults_from}")
    return Run(
        key=key,
        nonce=opened["nonce"],
        started_at=datetime.fromisoformat(started["started_at"]),
        store=store.uri,
        spec=spec,
        base_sha256=base.sha256,
        scorer_sha256=identify_scorer(base, spec.scorer),
        reference_sha256=given_sha256,
        references=examples(images, base.size_px),
        large_references=examples(large_images or images, base.large.size_px) if base.super_resolution else (),
        rebuilds=old.uri if old is not None else "",
        said_phrases=read_phrases(spec.rebuilds) if spec.rebuilds else phrases,
    )


def source_sha256(spec: OnboardingSpec, loaded_sha256: Sequence[str]) -> tuple[str, ...]:
    """Digests of the references' files as a user gave them: those loaded, or what a version made anew says of its own.

    Raises:
        SpecError: if the spec names others than that version's.
    """
    if not spec.rebuilds:
        return tuple(loaded_sha256)
    known = read_document(spec.rebuilds).references
    prompts = [one.prompt for one in known]
    if prompts != [whole_prompt(*words) for words in spec.reference_words]:
        raise SpecError(f"references: expected those of the version that is rebuilt, {prompts}, got others; copy them")
    return tuple(one.source_sha256 for one in known)


def run_key(spec: OnboardingSpec, reference_sha256: Sequence[str]) -> str:
    """The key of the run of `spec`: equal where spec, references, models and library are, wherever they lie.

    Raises:
        SpecError: if there is no such base, or nothing that can score.
    """
    base = identify_base(spec.base)
    return _digest(
        {
            "spec": without_addresses(spec.model_dump(mode="json")),
            **({"rebuilds": spec.rebuilds.rpartition("/")[2]} if spec.rebuilds else {}),
            "store": Store(spec.store).uri,
            "references": list(reference_sha256),
            "base": base.sha256,
            "super_resolution": base.super_resolution_sha256,
            "scorer": identify_scorer(base, spec.scorer),
            "library": styledrop.__version__,
        }
    )


def _refuse_other_kind(spec: OnboardingSpec, published: Store, pointer: Pointer | None) -> None:
    if pointer is None or pointer.version is None:
        return
    kind = read_document(published.uri).kind
    if kind != spec.kind:
        raise SpecError(
            f"name: expected one of its own for the {spec.kind}, but {spec.name!r} is published as a {kind}; "
            "choose another"
        )


def _written_once(store: Store, path: str, document: dict[str, str]) -> dict[str, str]:
    """The `document` written at `path`, or the one that lies there.

    Raises:
        StoreCorrupted: if what lies there has not the same fields: it is damaged, or of another release.
    """
    try:
        store.write_new(path, json.dumps(document).encode())
    except AlreadyInStore:
        try:
            found = dict(from_json(store.read(path)))
        except (ValueError, TypeError):
            found = {}
        if not document.keys() <= found.keys() or not all(isinstance(found[field], str) for field in document):
            raise StoreCorrupted(
                f"expected {' and '.join(document)} at {store.uri}/{path}, got something else, perhaps of another "
                "release; remove its folder to start anew"
            ) from None
        return found
    return document


def _digest(document: object) -> str:
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()[:16]
