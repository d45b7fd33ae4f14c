"""What is published in a store, from a terminal.

    styledrop-published list STORE
    styledrop-published show STYLE
    styledrop-published compare A B [--sheet FILE]
    styledrop-published verify STYLE
    styledrop-published sign STYLE
    styledrop-published certificate
    styledrop-published rollback STYLE [--to VERSION] --reason TEXT [--by NAME]
    styledrop-published withdraw STYLE --reason TEXT [--by NAME]

STORE is the address that specs name, STYLE is STORE/styles/NAME, A and B are styles or versions of styles
(STYLE/versions/VERSION); `verify` and `sign` take either, too. docs/versions.md says what each does, docs/provenance.md
what is signed and verified.
"""

import argparse
import getpass
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from data.documents.words import checked_phrase
from data.errors import NotInStore, PipelineError, SpecError
from data.keys import required_signing_key
from data.pictures.images import to_png
from data.pictures.provenance import root_certificate
from data.records.version import Pointer, VersionScores
from data.store.comparison import compare_versions
from data.store.files import Store
from data.store.pointer import read_pointer, style_folder
from data.store.publication import roll_back, withdraw
from data.store.published_style import read_document
from data.store.verification import sign_version, verify_version


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says; what cannot be done is one line and exit status 1."""
    asked = _parser().parse_args(arguments)
    try:
        match asked.action:
            case "list":
                _print_list(Store(asked.store))
            case "show":
                _print_style(Store(asked.style))
            case "compare":
                _print_comparison(asked.a, asked.b, asked.sheet)
            case "verify":
                return _print_checks(asked.style)
            case "sign":
                print("{}: signed by {}".format(*sign_version(asked.style)))
            case "certificate":
                print(root_certificate(required_signing_key()), end="")
            case "rollback":
                by, reason = _person(asked.by), _words("reason", asked.reason)
                pointer = roll_back(Store(asked.style), asked.to, by=by, reason=reason)
                print(f"{asked.style}: {pointer.version} is current")
            case "withdraw":
                by, reason = _person(asked.by), _words("reason", asked.reason)
                withdrawn = withdraw(*_store_and_name(asked.style), by=by, reason=reason)
                print(f"{asked.style}: {withdrawn.in_words}; {len(withdrawn.removed)} files removed")
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read, `head` perhaps, has seen enough. What is still held for them goes nowhere, without a word.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except PipelineError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="styledrop-published", description="See and change what is published.")
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    listed = actions.add_parser("list", help="all styles of a store: current version, scores, verdict")
    listed.add_argument("store", help="the store's address")
    shown = actions.add_parser("show", help="a style's current version, and how it came about")
    compared = actions.add_parser("compare", help="two versions side by side, and what B gained over A")
    compared.add_argument("a", metavar="A", help="address of a style (its current version) or of a version")
    compared.add_argument("b", metavar="B")
    compared.add_argument("--sheet", type=Path, default=Path("comparison.png"), help="PNG to write; %(default)s")
    verified = actions.add_parser("verify", help="check signature, files, licence, consent and where it came from")
    signed = actions.add_parser("sign", help="sign a version that was published without this key")
    actions.add_parser("certificate", help="the certificate by which readers of C2PA trust images that this key signed")
    rolled_back = actions.add_parser("rollback", help="make another version current")
    rolled_back.add_argument("--to", metavar="VERSION", help="left out: the one that was current before")
    withdrawn = actions.add_parser("withdraw", help="take a style back for good, and remove its adapters")
    for action in (verified, signed):
        action.add_argument(
            "style", help="the style's address, STORE/styles/NAME (its current version), or a version's"
        )
    for action in (shown, rolled_back, withdrawn):
        action.add_argument("style", help="the style's address, STORE/styles/NAME")
    for action in (rolled_back, withdrawn):
        action.add_argument("--reason", required=True, help="kept with the style")
        action.add_argument("--by", help="who decides; left out: who is logged in")
    return parser


def _person(named: str | None) -> str:
    try:
        person = (named or getpass.getuser()).strip()
    except (KeyError, OSError):  # a container's user may have no name
        person = ""
    if not person:
        raise SpecError("expected the name of who decides, got none; add --by NAME")
    return _words("by", person)


def _words(option: str, words: str) -> str:
    try:
        return checked_phrase(words)
    except ValueError as error:
        raise SpecError(f"--{option}: {error}") from error


def _store_and_name(style: str) -> tuple[Store, str]:
    root, is_in_a_store, name = Store(style).uri.rpartition("/styles/")
    if not is_in_a_store or "/" in name:
        raise SpecError(f"expected a style's address, STORE/styles/NAME, got {style!r}; `list STORE` shows them")
    return Store(root), name


def _print_list(store: Store) -> None:
    names = store.folders("styles")
    for name in names:
        try:
            print(f"{name}  {_in_a_line(style_folder(store, name))}")
        except PipelineError as error:  # of one style: the others are shown
            print(f"{name}  {type(error).__name__}: {error}")
    if not names:
        print("nothing is published", file=sys.stderr)


def _in_a_line(style: Store) -> str:
    pointer = _pointer(style)
    if pointer.withdrawn is not None:
        return pointer.withdrawn.in_words
    document = read_document(style.uri)
    gain = " → ".join(_scores(scores) for scores in (document.before, document.after))
    return f"{pointer.version}  {document.created:%Y-%m-%d %H:%M} UTC  {gain}  {document.verdict or 'no verdict'}"


def _print_style(style: Store) -> None:
    pointer = _pointer(style)
    if pointer.withdrawn is not None:
        print(pointer.withdrawn.in_words)
        for removed in pointer.withdrawn.removed:
            print(f"removed     {removed.key} at {removed.at:%Y-%m-%d %H:%M} UTC")
    else:
        document = read_document(style.uri)
        print(f"style       {document.name}: {document.style_phrase}")
        print(f"current     {pointer.version}, of a run started at {document.created:%Y-%m-%d %H:%M} UTC")
        print(f"base        {document.base_name} ({document.base_sha256[:12]})")
        print(f"tuned       {document.method}, {document.rounds} rounds")
        print(f"sampling    λ_A {document.lambda_a}")
        print(f"scores      {_scores(document.before)} → {_scores(document.after)}")
        print(f"leak        {document.leak.in_words if document.leak else 'unknown'}")
        gain = f": {document.gain.text.mean:+.3f} Text, {document.gain.style.mean:+.3f} Style" if document.gain else ""
        print(f"verdict     {document.verdict or 'unknown'}{gain}")
        print(f"files       {style.uri}/versions/{pointer.version}")
    for move in pointer.history:
        reason = f": {move.reason}" if move.reason else ""
        print(f"{move.at:%Y-%m-%d %H:%M} UTC  {move.version}  {move.action} by {move.by or 'unknown'}{reason}")


def _print_comparison(a: str, b: str, sheet: Path) -> None:
    found = compare_versions(a, b)
    try:
        sheet.write_bytes(to_png(found.sheet))
    except OSError as error:
        raise SpecError(f"--sheet: expected a file that can be written, got {sheet}: {error.strerror}") from error
    for letter, version, document in zip("AB", found.versions, found.documents, strict=True):
        print(f"{letter}      {document.name} {version}, base {document.base_name} ({document.base_sha256[:12]})")
        print(f"       {_scores(document.after)}, leak {document.leak.in_words if document.leak else 'unknown'}")
    gain = f"{found.gain.in_words}, {found.gain.images} images of the same prompts" if found.gain else ""
    print(f"B - A  {gain or f'unknown: {found.why_not}'}")
    print(f"sheet  {sheet}")


def _print_checks(style: str) -> int:
    version, checks = verify_version(style)
    for check in checks:
        print(f"{check.subject:12}{'REFUSED: ' if check.is_refused else ''}{check.words}")
    refused = [check.subject for check in checks if check.is_refused]
    print(f"{version}: {'refused for its ' + ', '.join(refused) if refused else 'verified'}")
    return 1 if refused else 0


def _pointer(style: Store) -> Pointer:
    pointer = read_pointer(style)
    if pointer is None:
        raise NotInStore(f"expected a published style at {style.uri}, got none; check the address")
    return pointer


def _scores(scores: VersionScores) -> str:
    return f"Text {scores.text.in_words}, Style {scores.style.in_words}"


if __name__ == "__main__":
    sys.exit(main())
