"""How a drawn image was made, kept in its PNG: as text, and as a signed C2PA manifest (https://spec.c2pa.org).

The text is for tools that read nothing else; anyone can change it. The manifest holds for the pixels and the text:
a change of either breaks it.

C2PA refuses a self-signed certificate as a signature's own. So each signer makes a key that lives as long as it does,
and certifies it with the signing key (`data.keys`), whose certificate readers are told to trust (`root_certificate`).
"""

import io
from collections.abc import Mapping
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from data.keys import key_name

ASSERTION = "styledrop.generation"
"""Label of the C2PA assertion that holds the facts."""

_MADE_BY_A_MODEL = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
_PNG = "image/png"

# Without a time-stamping authority an expired certificate would make old signatures invalid, not only new ones.
_VALID_FROM, _VALID_UNTIL = datetime(2000, 1, 1), datetime(9999, 12, 31, 23, 59, 59)


def with_text(png: bytes, facts: Mapping[str, str]) -> bytes:
    """The same pixels with `facts` as PNG text; the same facts always give the same bytes."""
    text = PngInfo()
    for name, value in facts.items():
        text.add_text(name, value)
    buffer = io.BytesIO()
    with Image.open(io.BytesIO(png)) as image:
        image.save(buffer, format="PNG", pnginfo=text)
    return buffer.getvalue()


def root_certificate(key: Ed25519PrivateKey) -> str:
    """The certificate (PEM) by which readers trust images signed with `key`; a key always has the same."""
    public = key.public_key()
    serial = int(key_name(public), 16)
    return _pem(_certificate(public, _name(public), key, serial, is_root=True))


class ImageSigner:
    """Signs images with a key of its own, which `key` has certified."""

    def __init__(self, key: Ed25519PrivateKey, software: str) -> None:
        """Make the key and its certificate.

        Args:
            key: The signing key.
            software: Name and version of what draws the images, separated by a blank.
        """
        import c2pa  # 23 MB of native code, only where images are signed

        own = Ed25519PrivateKey.generate()
        certificate = _certificate(own.public_key(), _own_name(), key, x509.random_serial_number(), is_root=False)
        self._library = c2pa
        self._signer = c2pa.Signer.from_callback(
            own.sign, c2pa.C2paSigningAlg.ED25519, _pem(certificate) + root_certificate(key), None
        )
        self._context = c2pa.Context.from_dict({"builder": {"thumbnail": {"enabled": False}}})
        self._software = software

    def sign(self, png: bytes, facts: Mapping[str, str]) -> bytes:
        """The image with a C2PA manifest that says it was made by a model, and `facts`; never twice the same bytes."""
        name, _, version = self._software.partition(" ")
        manifest = {
            "claim_generator_info": [{"name": name, "version": version}],
            "format": _PNG,
            "assertions": [
                {
                    "label": "c2pa.actions.v2",
                    "data": {"actions": [{"action": "c2pa.created", "digitalSourceType": _MADE_BY_A_MODEL}]},
                },
                {"label": ASSERTION, "data": dict(facts)},
            ],
        }
        signed = io.BytesIO()
        with self._library.Builder(manifest, context=self._context) as builder:
            builder.sign(self._signer, _PNG, io.BytesIO(png), signed)
        return signed.getvalue()


def _name(public: Ed25519PublicKey) -> x509.Name:
    words = f"StyleDrop signing key {key_name(public)}"
    return x509.Name([x509.NameAttribute(oid, words) for oid in (NameOID.ORGANIZATION_NAME, NameOID.COMMON_NAME)])


def _own_name() -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "StyleDrop"),
            x509.NameAttribute(NameOID.COMMON_NAME, "Images drawn by StyleDrop"),
        ]
    )


def _certificate(
    public: Ed25519PublicKey, subject: x509.Name, issuer: Ed25519PrivateKey, serial: int, *, is_root: bool
) -> x509.Certificate:
    """As C2PA wants it: a root that may sign certificates only, or an end entity that may sign anything else."""
    usage = x509.KeyUsage(
        digital_signature=not is_root,
        key_cert_sign=is_root,
        crl_sign=is_root,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(_name(issuer.public_key()))
        .public_key(public)
        .serial_number(serial)
        .not_valid_before(_VALID_FROM)
        .not_valid_after(_VALID_UNTIL)
        .add_extension(x509.BasicConstraints(ca=is_root, path_length=0 if is_root else None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.public_key()), critical=False)
    )
    if not is_root:
        purpose = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION])
        builder = builder.add_extension(purpose, critical=True)
    return builder.sign(issuer, algorithm=None)


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(Encoding.PEM).decode()
