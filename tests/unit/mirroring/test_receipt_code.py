"""Receipts of imports as files, texts and pictures: small, read back whole; hostile ones are refused."""

from __future__ import annotations

import base64
import hashlib
import json
import zlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from hypothesis import given, settings
from hypothesis import strategies as st

from steps.mirroring.store import receipt_code
from steps.mirroring.store.receipt import (
    LARGEST,
    PAYLOAD_TYPE,
    PREFIX,
    Receipt,
    ReceiptError,
    ReceiptFolder,
    Sealed,
    compose,
    digest_of,
    numbers_as_text,
    numbers_in,
)
from steps.trust import dsse
from steps.trust.keys import PrivateKey, PublicKey, TrustedKeys
from steps.trust.refusals import UntrustedSignatureError
from tests import qr

NOW = datetime(2026, 11, 27, tzinfo=UTC)
TARGET = "registry.example.com:8443/mirror"
KEYS: dict[str, PrivateKey | None] = {
    "unsigned": None,
    "p256": PrivateKey(ec.generate_private_key(ec.SECP256R1())),
    "ed25519": PrivateKey(ed25519.Ed25519PrivateKey.generate()),
}


def identity(number: int) -> str:
    return hashlib.sha256(b"%d" % number).hexdigest()


def receipt(*numbers: int, **changes: Any) -> Receipt:
    given: dict[str, Any] = {
        "number": 7,
        "side": "0123abcd",
        "target": TARGET,
        "written": "2026-11-27T10:00:00Z",
        "mirror_names": ("openshift", "operators"),
        "version": "1.2.3",
    }
    return compose({number: identity(number) for number in numbers or (1,)}, **{**given, **changes})


def content(one: Receipt, key: PrivateKey | None = None) -> bytes:
    return dsse.seal(one.packed(), key, payload_type=PAYLOAD_TYPE) if key else one.as_json().encode()


def modules(drawn: str) -> list[list[int]]:
    """What a terminal shows: white blocks on black, two modules in each place."""
    rows: list[list[int]] = []
    for line in drawn.splitlines():
        blocks = line.removeprefix("\x1b[97;40m").removesuffix("\x1b[0m")
        rows.append([int(block not in "▀█") for block in blocks])
        rows.append([int(block not in "▄█") for block in blocks])
    return rows


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
@pytest.mark.parametrize("missing", [(), (3, 4, 100)])
def test_five_hundred_generations_fit_in_3_kb_and_are_read_from_the_terminal_with_a_real_reader(
    tmp_path: Path, key: PrivateKey | None, missing: tuple[int, ...]
) -> None:
    one = receipt(*(number for number in range(1, 501) if number not in missing), missing=missing)
    path = ReceiptFolder(tmp_path).write(one, key)
    assert path.name == "0007.json"
    assert path.stat().st_size <= LARGEST
    sealed = Sealed.parse(path.read_bytes())
    assert sealed.receipt == one
    assert sealed.is_by(key.public if key else None)
    drawn = receipt_code.for_terminal(sealed.code, 100)
    assert drawn is not None, "it fits a terminal of 100 columns"
    (text,) = qr.read(qr.enlarged(modules(drawn)))
    again = Sealed.parse(text.encode())
    assert again.receipt == one
    assert again.is_by(key.public if key else None)


def test_a_first_receipt_fits_a_terminal_of_80_columns_and_none_narrower_than_its_code() -> None:
    code = Sealed.parse(content(receipt(1), KEYS["p256"])).code
    assert receipt_code.for_terminal(code, 80)
    assert receipt_code.for_terminal(code, 40) is None


def test_the_text_of_a_code_may_be_typed_with_blanks_line_ends_and_small_letters() -> None:
    sealed = Sealed.parse(content(receipt(*range(1, 30)), KEYS["ed25519"]))
    letters = sealed.code.lower()
    typed = "\r\n".join(f"  {letters[start : start + 40]}" for start in range(0, len(letters), 40))
    for encoding in ("utf-8", "utf-8-sig", "utf-16"):
        assert Sealed.parse(f"\n{typed}\n".encode(encoding)).payload == sealed.payload


@settings(max_examples=15, deadline=None)
@given(
    st.sets(st.integers(1, 9999), min_size=1, max_size=400),
    st.sets(st.integers(1, 9999), max_size=400),
    st.lists(st.from_regex(r"[a-z][a-z0-9.-]{0,200}", fullmatch=True), max_size=40),
    st.sampled_from(list(KEYS.values())),
)
def test_whatever_was_imported_the_file_is_small_and_tells_the_newest(
    imported: set[int], missing: set[int], names: list[str], key: PrivateKey | None
) -> None:
    one = receipt(
        *imported, missing=missing - imported, mirror_names=names, target="r.example.com/" + "x" * 900
    )
    assert len(content(one, key)) <= LARGEST
    sealed = Sealed.parse(content(one, key))
    assert receipt_code.svg(sealed.code).startswith("<svg ")
    assert Sealed.parse(sealed.code.encode()).receipt == one
    told = numbers_in(one.generations)
    assert set(told) <= imported
    assert max(told) == max(imported)
    assert one.digest == digest_of({number: identity(number) for number in told})


@given(st.sets(st.integers(1, 300)))
def test_numbers_as_ranges_are_the_same_numbers(numbers: set[int]) -> None:
    assert numbers_in(numbers_as_text(numbers)) == sorted(numbers)


def code_of(payload: bytes) -> bytes:
    return (PREFIX + base64.b32encode(zlib.compress(payload)).decode().rstrip("=")).encode()


def changed(**fields: Any) -> bytes:
    return json.dumps({**receipt(1, 2).document(), **fields}).encode()


HOSTILE = {
    "nothing": (b"", "is not JSON"),
    "a list": (b"[]", "is not a JSON object"),
    "too much": (b" " * 70_000, "more than 65,536 bytes"),
    "deep": (b"[" * 60_000, "nested too deeply"),
    "a photo": (b"\x89PNG\r\n\x1a\n", "it is a picture"),
    "a drawing": (b"  <svg viewBox='0 0 1 1'/>", "it is a picture"),
    "no text": (b"\xff\xfe\x00\xd8", "no text"),
    "another record": (b'{"generations": {}}', "number: Field required"),
    "without kind": (
        json.dumps({k: v for k, v in json.loads(changed()).items() if k != "kind"}).encode(),
        "say",
    ),
    "a newer format": (changed(format=99), "it has format 99"),
    "a kind of its own": (changed(kind="other"), "kind"),
    "more than all": (changed(generations="1-999999999"), "more than 100,000 generations"),
    "words": (changed(generations="all"), "generations"),
    "no numbers": (changed(generations=""), "names no generations"),
    "newest of others": (changed(newest={"9": "a" * 64}), "names no generations, or others"),
    "control characters": (changed(target="r\x1b[2J"), "target"),
    "a day": (changed(written="2026-11-27"), "no time zone"),
    "another envelope": (
        dsse.seal(b"{}", PrivateKey(ed25519.Ed25519PrivateKey.generate())),
        "around something else",
    ),
    "a bomb": (code_of(b"0" * 20_000_000), "holds more than any receipt"),
    "a letter less": (Sealed.parse(changed()).code.encode()[:-3], "not whole"),
    "a wrong letter": (PREFIX.encode() + b"0189", "a letter is wrong"),
    "a bad signature": (code_of(receipt(1).packed() + b"\n?"), "base64"),
}


@pytest.mark.parametrize(("given", "said"), HOSTILE.values(), ids=HOSTILE)
def test_what_is_no_receipt_is_refused_in_words(given: bytes, said: str) -> None:
    with pytest.raises(ReceiptError, match=said):
        Sealed.parse(given)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=400) | st.text().map(lambda text: (PREFIX + text).encode("utf-8", "replace")))
def test_no_bytes_end_in_another_error(given: bytes) -> None:
    try:
        Sealed.parse(given)
    except ReceiptError:
        return


def test_no_flipped_bit_of_a_signed_receipt_is_taken_for_signed() -> None:
    key = KEYS["p256"]
    assert key is not None
    trusted = TrustedKeys((PublicKey("far", key.public.key),))
    whole = content(receipt(1, 2), key)
    assert Sealed.parse(whole).signer(trusted, NOW).name == "far"
    for place in range(0, len(whole), 5):
        flipped = bytearray(whole)
        flipped[place] ^= 1
        try:
            sealed = Sealed.parse(bytes(flipped))
        except ReceiptError:
            continue
        if sealed.payload != Sealed.parse(whole).payload:
            with pytest.raises(UntrustedSignatureError):
                sealed.signer(trusted, NOW)


def test_few_receipts_are_kept_and_the_newest_of_each_target(tmp_path: Path) -> None:
    folder = ReceiptFolder(tmp_path)
    folder.write(receipt(1, number=1, target="seldom.example.com"), None)
    for _ in range(14):
        folder.write(receipt(1, number=folder.next_number()), None)
    assert [int(path.stem) for path in folder.paths()] == [1, *range(6, 16)]
    found = folder.newest("seldom.example.com")
    assert found is not None
    assert found[1].receipt.number == 1
    (folder.folder / "0015.json").write_text("half")
    newest = folder.newest(TARGET)
    assert newest is not None
    assert newest[0].name == "0014.json"
    assert folder.next_number() == 16
