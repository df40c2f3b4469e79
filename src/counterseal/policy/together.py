"""What is read beside the packs: the composition that an installation begins with, and signatures of packs."""

import base64
import binascii
from collections.abc import Iterable
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from counterseal.policy.composition import Composition, Layer
from counterseal.policy.errors import PackError
from counterseal.policy.pack import SIGNATURE, Pack, TextFile, TomlTable

# What is signed is this line and the pack's listing, so that a signature says nothing else.
_SIGNED = b"counterseal pack v1\n"


def read_composition(path: Path, packs: tuple[Pack, ...]) -> Composition:
    """The composition file of a folder of policies, checked against the packs. Raises: PackError."""
    file = TextFile(path)
    table = TomlTable(file, file.toml(), "base")
    composed = Composition(
        base=table.texts("base"),
        overlays=table.texts("overlays", empty=True),
        persons=table.take("persons", int, "a whole number, two or more"),
        signers=table.texts("signers", empty=True),
    )
    table.done()
    if composed.persons < 2:
        raise file.error(
            f"{composed.persons} persons cannot watch one another", "write two or more", "persons ="
        )
    layers = {pack.source.id: pack.source.layer for pack in packs}
    for names, layer, needle in (
        (composed.base, Layer.BASE, "base ="),
        (composed.overlays, Layer.OVERLAY, "overlays ="),
    ):
        for name in names:
            if name not in layers:
                raise file.error(f"there is no pack `{name}` here", "add its folder or mend the name", needle)
            if layers[name] is not layer:
                raise file.error(
                    f"`{name}` is a pack of the layer {layers[name]}", "list it where it belongs", needle
                )
    for key in composed.signers:
        if _key(key) is None:
            raise file.error(f"`{key}` is no Ed25519 key in base64", "mend the key", "signers =")
    return composed


def sign_pack(pack: Pack, key: Ed25519PrivateKey) -> str:
    """The content of `pack.sig` for these files of the pack, by this key."""
    return base64.b64encode(key.sign(_SIGNED + pack.listing.encode())).decode() + "\n"


def check_signatures(signers: tuple[str, ...], packs: Iterable[Pack]) -> None:
    """Every pack is signed by one of the keys; without keys, no pack claims a signature. Raises: PackError."""
    for pack in packs:
        path = pack.folder / SIGNATURE
        if not signers and not path.exists():
            continue
        if not signers:
            raise PackError(
                path, 0, "the pack claims a signature and composition.toml names no signer",
                "name the key under `signers`, or take the file out",
            )  # fmt: skip
        text = TextFile(path).text.strip()
        if not any(_signed(key, text, pack) for key in signers):
            raise PackError(
                path, 1, "the signature is not one of these files by a key of composition.toml",
                "fetch pack and signature again from whoever signs them",
            )  # fmt: skip


def _signed(signer: str, text: str, pack: Pack) -> bool:
    key = _key(signer)
    try:
        signature = base64.b64decode(text, validate=True)
        if key is None:
            return False
        key.verify(signature, _SIGNED + pack.listing.encode())
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return True


def _key(text: str) -> Ed25519PublicKey | None:
    try:
        return Ed25519PublicKey.from_public_bytes(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError):
        return None
