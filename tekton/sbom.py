"""The parts of an image as CycloneDX: packages of its system, Python packages, oc-mirror's Go modules.

The image itself is asked: its package manager, the metadata beside each Python package, and the list of
modules that the Go toolchain writes into a program.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

# Runs in the image, with its own Python; prints one JSON object.
QUESTION = r"""
import email, json, pathlib, shutil, subprocess
def lines(*command):
    out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return [line.split("\t") for line in out.splitlines()]
def told(path):
    about = email.message_from_string(path.read_text(errors="replace"))
    return [about["Name"], about["Version"], about["License-Expression"] or ""]
python = [told(path) for top in ("/opt", "/usr") for path in pathlib.Path(top).rglob("*.dist-info/METADATA")]
if shutil.which("rpm"):
    fields = "%{NAME}\t%{EPOCHNUM}\t%{VERSION}-%{RELEASE}\t%{ARCH}\t%{LICENSE}\n"
    kind, packages = "rpm", lines("rpm", "-qa", "--qf", fields)
elif shutil.which("dpkg-query"):
    kind, packages = "deb", lines("dpkg-query", "-W", "-f", "${Package}\t0\t${Version}\t${Architecture}\t\n")
else:
    raise SystemExit("the image has neither rpm nor dpkg-query")
about = pathlib.Path("/etc/os-release").read_text().splitlines()
release = dict(line.split("=", 1) for line in about if "=" in line)
system = {name: release.get(name, "").strip('"') for name in ("ID", "VERSION_ID")}
print(json.dumps({"kind": kind, "packages": packages, "python": python, "system": system}))
"""
NAMESPACES = {"rhel": "redhat"}  # as package URLs name the vendor


@dataclass(frozen=True)
class Image:
    """What the SBOM is of: `digest` is that of the manifest (`sha256:…`), `made` the time of the commit."""

    name: str
    version: str
    digest: str
    made: datetime


def write(image: Image, told: str, oc_mirror: bytes, go: str) -> str:
    """Return the SBOM as JSON.

    `told` is what `QUESTION` printed in the image, `oc_mirror` the bytes of the program, `go` what
    `go version -m` says of it; where that is empty, the SBOM names no modules of it.
    """
    answer = json.loads(told)
    root = Component(
        name=image.name,
        version=image.version,
        type=ComponentType.CONTAINER,
        bom_ref=f"{image.name}@{image.digest}",
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=image.digest.removeprefix("sha256:"))],
    )
    program = Component(
        name="oc-mirror",
        type=ComponentType.APPLICATION,
        bom_ref="oc-mirror",
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=hashlib.sha256(oc_mirror).hexdigest())],
    )
    packages = [*_system(answer), *_python(answer["python"])]
    modules = [_component(url, "") for url in sorted(_modules(go))]
    # The same image gives the same SBOM, byte by byte.
    parts = {part.bom_ref.value: part for part in (program, *packages, *modules)}
    bom = Bom(
        components=parts.values(),
        serial_number=uuid.uuid5(uuid.NAMESPACE_URL, f"oci:{image.name}@{image.digest}"),
    )
    bom.metadata.component, bom.metadata.timestamp = root, image.made
    bom.register_dependency(root, [program, *packages])
    bom.register_dependency(program, modules)
    return JsonV1Dot6(bom).output_as_string(indent=2) + "\n"


def _system(answer: Mapping[str, Any]) -> Iterator[Component]:
    """The packages of the image's package manager, without the keys that rpm lists among them."""
    kind, system = answer["kind"], answer["system"]
    namespace = NAMESPACES.get(system["ID"], system["ID"])
    for name, epoch, version, arch, licence in answer["packages"]:
        if name == "gpg-pubkey":
            continue
        qualifiers = {"arch": arch, "distro": f"{system['ID']}-{system['VERSION_ID']}"}
        if epoch != "0":
            qualifiers["epoch"] = epoch
        yield _component(PackageURL(kind, namespace, name, version, qualifiers).to_string(), licence)


def _python(told: list[list[str]]) -> Iterator[Component]:
    for name, version, licence in told:
        yield _component(PackageURL("pypi", None, name, version).to_string(), licence)


def _modules(go: str) -> Iterator[str]:
    """The package URL of each module that `go version -m` prints; of a replaced one, its replacement's."""
    module = ""
    for line in go.splitlines():
        fields = line.split()
        if len(fields) < 3 or fields[0] not in {"mod", "dep", "=>"}:
            continue
        if fields[0] != "=>" and module:
            yield module
        namespace, _, name = fields[1].rpartition("/")
        module = PackageURL("golang", namespace or None, name, fields[2]).to_string()
    if module:
        yield module


def _component(url: str, licence: str) -> Component:
    purl = PackageURL.from_string(url)
    licences = [LicenseFactory().make_from_string(licence)] if licence else []
    return Component(name=purl.name, version=purl.version, purl=purl, bom_ref=url, licenses=licences)
