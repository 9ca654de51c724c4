"""Read, apply, create and delete objects.

`kubernetes.dynamic.DynamicClient` is the only part of the client library used, and without its discovery:
we touch few kinds, whose paths the API promises not to change, and discovery would cost two to sixty
requests a process.

Writes are server-side apply with one field manager: the API server merges, and an apply that changes
nothing leaves the resourceVersion alone (kubernetes.io/docs/reference/using-api/server-side-apply).
"""

from __future__ import annotations

import enum
import json
import logging
import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from steps.cluster.kinds import RESOURCES
from steps.cluster.refusals import Attempt, explain_refusal, explain_silence
from steps.errors import ClusterError, ConflictError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kubernetes.dynamic import DynamicClient

    from steps.cluster.kinds import Kind

log = logging.getLogger("steps.cluster")

_ESCAPED = re.compile("[\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")

FIELD_MANAGER = "oc-mirror-pipeline"
TIMEOUT = (3, 30)  # seconds to connect and to wait for bytes, each attempt
NOT_FOUND = 404

_METHODS = {"get": "get", "list": "get", "patch": "patch", "create": "post", "delete": "delete"}

KubernetesObject = dict[str, Any]


class Change(enum.Enum):
    """What an apply did to the object."""

    CREATED = "created"
    CHANGED = "changed"
    UNCHANGED = "unchanged"


class Cluster:
    """A connection to one API server.

    Every method can raise ForbiddenError (a right is missing), NotFoundError (the namespace), ConflictError,
    InvalidInputError (the API server finds the object invalid) and ClusterError (the rest, or no answer).
    """

    def __init__(self, client: DynamicClient) -> None:
        """Use `client`; `Cluster.connect` makes one."""
        self._client = client

    @classmethod
    def connect(cls, *, patient: bool = True) -> Cluster:
        """Connect with the pod's ServiceAccount or, outside a pod, with the kubeconfig.

        Nothing is sent yet; `patient` waits for an API server that restarts. Raises ClusterError where
        neither can be used.
        """
        from steps.cluster.connection import new_client

        return cls(new_client(patient=patient))

    def get(self, kind: Kind, name: str, namespace: str | None = None) -> KubernetesObject | None:
        """Read an object; return None if it or its namespace does not exist."""
        return self._call("get", kind, namespace, name, missing_ok=True)

    def list(
        self,
        kind: Kind,
        namespace: str | None,
        *,
        labels: str | None = None,
        fields: str | None = None,
    ) -> list[KubernetesObject]:
        """Read the objects of a namespace, or of kinds that have none (None), that match a label and a field
        selector.
        """
        found = self._call(
            "list", kind, namespace, query={"label_selector": labels, "field_selector": fields}
        )
        # The API server names the kind once, for the whole list.
        return [{"kind": kind, **item} for item in (found or {}).get("items") or []]

    def apply(self, manifest: KubernetesObject, *, dry_run: bool = False, quietly: bool = False) -> Change:
        """Apply `manifest`, taking over fields that others set; log and return what changed.

        With `dry_run` the API server runs validation and admission and stores nothing. `quietly` leaves the
        log alone.
        """
        kind, namespace, name = _identity(manifest)
        before = self.get(kind, name, namespace)
        query = {"field_manager": FIELD_MANAGER, "force_conflicts": "true", "dry_run": _all(dry_run)}
        after = self._call("patch", kind, namespace, name, body=manifest, query=query) or {}
        if before is None:
            change = Change.CREATED
        elif _wanted_state(before) == _wanted_state(after):
            change = Change.UNCHANGED
        else:
            change = Change.CHANGED
        if not dry_run and not quietly:
            log.info("%s %s/%s %s", kind, namespace, name, change.value)
        return change

    def create_if_missing(self, manifest: KubernetesObject, *, dry_run: bool = False) -> bool:
        """Create the object unless an object of its name exists; return whether it was created."""
        kind, namespace, name = _identity(manifest)
        if self.get(kind, name, namespace) is not None:
            return False
        query = {"field_manager": FIELD_MANAGER, "dry_run": _all(dry_run)}
        try:
            self._call("create", kind, namespace, name, body=manifest, query=query)
        except ConflictError:
            # Another process was faster, or the answer to our own first attempt was lost on its way.
            if self.get(kind, name, namespace) is None:
                raise
            return False
        if not dry_run:
            log.info("%s %s/%s created", kind, namespace, name)
        return True

    def create(self, manifest: KubernetesObject) -> None:
        """Create an object whose name nobody else uses: one that exists was created by an earlier attempt."""
        kind, namespace, name = _identity(manifest)
        with suppress(ConflictError):
            self._call("create", kind, namespace, name, body=manifest, query={"field_manager": FIELD_MANAGER})

    def delete(self, kind: Kind, name: str, namespace: str) -> bool:
        """Start to delete an object; return False if it does not exist.

        It stays readable until everything that it owns is gone.
        """
        options = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Foreground"}
        if self._call("delete", kind, namespace, name, body=options, missing_ok=True) is None:
            return False
        log.info("%s %s/%s deleted", kind, namespace, name)
        return True

    def serves(self, group: str) -> bool:
        """Say whether the API server serves an API group, such as `security.openshift.io` on OpenShift."""
        attempt = Attempt(verb="get", resource=f"API group {group}")
        return self._send("get", f"/apis/{group}", attempt, missing_ok=True) is not None

    def _call(
        self,
        verb: str,
        kind: Kind,
        namespace: str | None,
        name: str | None = None,
        *,
        body: KubernetesObject | None = None,
        query: Mapping[str, str | None] | None = None,
        missing_ok: bool = False,
    ) -> KubernetesObject | None:
        """Perform an API verb on a kind; with `missing_ok`, return None if the object does not exist."""
        resource = RESOURCES[kind]
        attempt = Attempt(verb=verb, resource=resource.full_name, namespace=namespace, name=name)
        path = resource.path(namespace, None if verb == "create" else name)
        return self._send(_METHODS[verb], path, attempt, body=body, query=query or {}, missing_ok=missing_ok)

    def _send(
        self,
        method: str,
        path: str,
        attempt: Attempt,
        *,
        body: KubernetesObject | None = None,
        query: Mapping[str, str | None] | None = None,
        missing_ok: bool = False,
    ) -> KubernetesObject | None:
        """Send one request and turn every failure into a StepError."""
        from kubernetes.client import ApiException
        from urllib3.exceptions import HTTPError

        content_type = "application/apply-patch+yaml" if method == "patch" else None
        sent = _yaml(body) if method == "patch" and body is not None else body
        options = {name: value for name, value in (query or {}).items() if value is not None}
        try:
            answer = self._client.request(
                method,
                path,
                body=sent,
                content_type=content_type,
                serializer=_plain,
                _request_timeout=TIMEOUT,
                **options,
            )
        except ApiException as error:
            if error.status == NOT_FOUND and missing_ok:
                return None
            raise explain_refusal(attempt, error.status, error.body or error.reason or "") from error
        except HTTPError as error:
            raise explain_silence(attempt, self._client.configuration.host, error) from error
        if not isinstance(answer, dict):
            host = self._client.configuration.host
            raise ClusterError(
                f"cannot {attempt}: what answers at {host} is no Kubernetes API server",
                "check the address in the kubeconfig, and whether a proxy answers in its place (NO_PROXY)",
            )
        return answer


def _plain(_client: DynamicClient, answer: KubernetesObject) -> KubernetesObject:
    """Keep an answer as the dictionary it is, instead of wrapping every field in an object."""
    return answer


def _yaml(manifest: KubernetesObject) -> bytes:
    r"""Write a manifest as JSON that is YAML, too, since the API server reads a patch that applies as YAML.

    JSON escapes a character beyond U+FFFF, such as an emoji, as two halves, which YAML refuses. So it stands
    as it is. What YAML does not take unescaped (YAML 1.2, 5.1) is escaped as `\uXXXX`.
    """
    text = json.dumps(manifest, ensure_ascii=False)
    return _ESCAPED.sub(lambda found: f"\\u{ord(found[0]):04x}", text).encode()


def _identity(manifest: KubernetesObject) -> tuple[Kind, str | None, str]:
    """Kind, namespace (None for an object of the whole cluster) and name of a manifest."""
    metadata = manifest["metadata"]
    return manifest["kind"], metadata.get("namespace"), metadata["name"]


def _wanted_state(found: KubernetesObject) -> object:
    """Return what differs only if users changed the object, and not if its controller reported on it.

    An object with a status has a generation, which counts changes of its spec, while its resourceVersion also
    moves with the status, perhaps between our read and our write.
    """
    metadata = found["metadata"]
    if "generation" not in metadata:
        return metadata["resourceVersion"]
    annotations = metadata.get("annotations") or {}
    own = {name: text for name, text in annotations.items() if "deployment.kubernetes.io/" not in name}
    return metadata["generation"], metadata.get("labels"), own


def _all(dry_run: bool) -> str | None:
    return "All" if dry_run else None
