"""What an image holds, as CycloneDX 1.6: packages of its system, Python packages, the program oc-mirror.

`listed` asks the image that it runs in: its package manager, and the metadata beside each Python package.
`read` takes such a list from a file that another image wrote, and believes nothing of it. Specification:
cyclonedx.org/docs/1.6/json; package URLs: package-url/purl-spec.

`make release` adds the Go modules of oc-mirror to it (tekton/sbom.py), for which this image has no tool.
"""

from __future__ import annotations

import email.parser
import hashlib
import os
import shutil
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from steps import files
from steps.bounded import NotJsonError, json_of
from steps.errors import InvalidInputError
from steps.process import ask

if TYPE_CHECKING:
    from collections.abc import Iterator

    from steps.oci.reference import Reference

LARGEST: Final = 4 << 20
"""Bytes of a list; ours has some 100 kB."""
SPECIFICATION: Final = "1.6"
_TOPS: Final = (Path("/opt"), Path("/usr"))
_NAMESPACES: Final = {"rhel": "redhat"}  # as package URLs name the vendor
_FORMATS: Final = {
    "rpm": ("rpm", "-qa", "--qf", r"%{NAME}\t%{EPOCHNUM}\t%{VERSION}-%{RELEASE}\t%{ARCH}\t%{LICENSE}\n"),
    "deb": ("dpkg-query", "-W", "-f", r"${Package}\t0\t${Version}\t${Architecture}\t\n"),
}

Component = dict[str, Any]


def listed(image: Reference) -> dict[str, Any]:
    """Return the list of the image that this runs in, whose name and digest are `image`.

    The same image gives the same list. Raises InvalidInputError where its package manager fails.
    """
    packages = [*_program("oc-mirror"), *_system(), *_python()]
    parts = {part["bom-ref"]: part for part in packages}
    root = {
        "type": "container",
        "bom-ref": f"{image.name}@{image.digest}",
        "name": image.name,
        "version": image.digest,
        "hashes": [_sha256(image.digest.removeprefix("sha256:"))],
    }
    return {
        "bomFormat": "CycloneDX",
        "specVersion": SPECIFICATION,
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, f'oci:{image.name}@{image.digest}')}",
        "version": 1,
        "metadata": {"component": root},
        "components": [parts[ref] for ref in sorted(parts)],
        "dependencies": [{"ref": root["bom-ref"], "dependsOn": sorted(parts)}],
    }


def read(path: Path) -> dict[str, Any]:
    """Read a list. Raises InvalidInputError for anything else than a plain file with CycloneDX in JSON.

    A link is not followed: it may lead to a Secret that only the reader can see.
    """
    hint = "list-image-contents writes it, in the image that was built"
    try:
        handle = files.open_plain(path, os.O_NOFOLLOW)
        if handle is None:
            raise InvalidInputError(f"{path} is no plain file", hint)
        with os.fdopen(handle, "rb") as stream:
            found = json_of(stream.read(LARGEST + 1), limit=LARGEST)
    except OSError as error:
        raise InvalidInputError(f"{path} cannot be read: {error.strerror}", hint) from None
    except NotJsonError as error:
        raise InvalidInputError(f"{path}: {error}", hint) from None
    if not isinstance(found, dict) or found.get("bomFormat") != "CycloneDX":
        raise InvalidInputError(f"{path} is no list of contents in CycloneDX", hint)
    return found


def purl(kind: str, namespace: str, name: str, version: str, **qualifiers: str) -> str:
    """Return a package URL. A namespace may have several parts, with `/` between them."""
    parts = [kind, *(_quoted(part) for part in namespace.split("/") if part), _quoted(name)]
    more = "&".join(f"{key}={_quoted(value)}" for key, value in sorted(qualifiers.items()) if value)
    return f"pkg:{'/'.join(parts)}@{_quoted(version)}{f'?{more}' if more else ''}"


def _program(name: str) -> Iterator[Component]:
    if found := shutil.which(name):
        with Path(found).open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        yield {"type": "application", "bom-ref": name, "name": name, "hashes": [_sha256(digest)]}


def _system() -> Iterator[Component]:
    """The packages of the image's package manager, without the keys that rpm lists among them."""
    release = _release()
    system, distro = release.get("ID", ""), f"{release.get('ID', '')}-{release.get('VERSION_ID', '')}"
    for kind, command in _FORMATS.items():
        if shutil.which(command[0]) is None:
            continue
        answer = ask(command, environment=os.environ)
        if answer.exit_code:
            raise InvalidInputError(
                f"{command[0]} cannot list the packages of this image: exit code {answer.exit_code}",
                "run it in the image by hand",
            )
        for line in answer.output.splitlines():
            name, epoch, version, arch, licence = line.split("\t")
            if name != "gpg-pubkey":
                more = {"arch": arch, "distro": distro, "epoch": "" if epoch == "0" else epoch}
                url = purl(kind, _NAMESPACES.get(system, system), name, version, **more)
                yield _library(url, name, version, licence)
        return


def _python() -> Iterator[Component]:
    """The Python packages, of every interpreter that there is."""
    for top in _TOPS:
        for path in top.rglob("*.dist-info/METADATA"):
            about = email.parser.HeaderParser().parsestr(path.read_text(errors="replace"))
            name, version = str(about["Name"] or ""), str(about["Version"] or "")
            if name and version:
                url = purl("pypi", "", name.lower().replace("_", "-"), version)
                yield _library(url, name, version, str(about["License-Expression"] or ""))


def _release() -> dict[str, str]:
    path = Path("/etc/os-release")
    lines = path.read_text(errors="replace").splitlines() if path.is_file() else []
    return {
        name: value.strip("\"'") for name, equals, value in (line.partition("=") for line in lines) if equals
    }


def _library(url: str, name: str, version: str, licence: str) -> Component:
    # Whatever a package calls its licence is no expression of SPDX for certain: so it is a name.
    licences = {"licenses": [{"license": {"name": licence}}]} if licence else {}
    return {"type": "library", "bom-ref": url, "name": name, "version": version, "purl": url, **licences}


def _sha256(hexadecimal: str) -> dict[str, str]:
    return {"alg": "SHA-256", "content": hexadecimal}


def _quoted(text: str) -> str:
    return quote(text, safe=":.-_~")
