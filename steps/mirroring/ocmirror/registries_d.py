"""What oc-mirror is told of signatures: one file for its option `--registries.d` (pure).

oc-mirror copies an image's signatures from the tag `sha256-HEX.sig` beside it, where a namespace of
containers-registries.d(5) says `use-sigstore-attachments: true`. Where that tag is not there, it goes on only
after the answer "manifest unknown"; after any other the image fails (containers/image,
docker/docker_client.go, getSigstoreAttachmentManifest and isManifestUnknownError).

Before it copies, it puts the folder of `--registries.d` over `working-dir/containers/registries.d`, which an
archive brings along, too, and adds `default.yaml` and files for its cache and its target, all with true, for
what no file there names (internal/pkg/registriesd). Two files must not name the same. So there is one file,
and it has the name of oc-mirror's own.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

import yaml

from steps.yaml.writing import Dumper

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

FILE: Final = "default.yaml"
KEY: Final = "use-sigstore-attachments"
DEFAULT, NAMESPACES = "default-docker", "docker"
SIGNERS: Final = ("quay.io/openshift-release-dev", "registry.access.redhat.com", "registry.redhat.io")
"""Where Red Hat signs what it publishes (OpenShift documentation, "Manage secure signatures with sigstore";
RHEL's own files in /etc/containers/registries.d); they answer "manifest unknown" for what is not signed."""


@dataclass(frozen=True, slots=True)
class Rules:
    """From where signatures are copied: namespaces (HOST[:PORT][/PATH]), the longest of which counts.

    `default` is for all others, in sources as in the target. `own` are the namespaces of a user's files, with
    all their fields, and `own_default` their default; both win.
    """

    default: bool
    namespaces: Mapping[str, bool] = field(default_factory=dict)
    own: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    own_default: Mapping[str, Any] | None = None

    def copies(self, repository: str) -> bool:
        """Return whether the signatures of HOST[:PORT]/REPOSITORY are copied."""
        for namespace in _namespaces(repository):
            if isinstance(found := self.own.get(namespace, {}).get(KEY), bool):
                return found
            if namespace in self.namespaces:
                return self.namespaces[namespace]
        own = (self.own_default or {}).get(KEY)
        return own if isinstance(own, bool) else self.default

    def decides(self, repository: str) -> bool:
        """Return whether HOST[:PORT]/REPOSITORY is not left to the default."""
        return any(name in self.own or name in self.namespaces for name in _namespaces(repository))

    def without(self, repositories: Iterable[str]) -> Rules:
        """Return the rules by which nothing is copied from these repositories."""
        return replace(self, namespaces={**self.namespaces, **dict.fromkeys(repositories, False)})

    def with_target(self, registry: str) -> Rules:
        """Return the rules by which signatures are written to the registry HOST[:PORT], too."""
        return replace(self, namespaces={**self.namespaces, registry: True})

    def render(self) -> str:
        """Return the content of the file."""
        found = {name: {KEY: copied} for name, copied in sorted(self.namespaces.items())}
        for name, fields in sorted(self.own.items()):
            found[name] = {**found.get(name, {}), **fields}
        document = {DEFAULT: {KEY: self.default, **(self.own_default or {})}, NAMESPACES: found}
        return yaml.dump(document, Dumper=Dumper, sort_keys=False)


def _namespaces(repository: str) -> list[str]:
    """Return HOST[:PORT]/REPOSITORY and what is above it, the longest first."""
    found = []
    while repository:
        found.append(repository)
        repository = repository.rpartition("/")[0]
    return found
