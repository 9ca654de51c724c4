"""Tables of the cluster's messages about pods that cannot start, with cause and remedy of each (pure).

The texts are those of kubelet, scheduler, admission and the volume controllers, as seen on Kubernetes 1.34
(k8s.io/kubernetes: pkg/kubelet/images, pkg/kubelet/events, pkg/volume, pkg/scheduler, plugin/pkg/admission).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from steps.errors import StartError

if TYPE_CHECKING:
    from steps.workload.settings import Settings

LONGEST_MESSAGE = 500


@dataclass(frozen=True, slots=True)
class Symptom:
    """A pattern of a message, the reason it stands for, and the remedy.

    A `transient` symptom is an error only if it is still there when the time is up, and not even then if it
    is also `harmless`.
    """

    pattern: str
    reason: str
    hint: str
    transient: bool = False
    harmless: bool = False


_REMAKE = (
    "'oc create secret generic {pull_secret} --from-file=.dockerconfigjson=PULL-SECRET.json "
    "--type=kubernetes.io/dockerconfigjson --namespace={namespace}', then start the run again"
)
_EVENTS = "read 'oc get events -n {namespace} --sort-by=.lastTimestamp'"

_OTHER_CLASS = (
    "'oc delete pvc {claim_name} -n {namespace}', then start the run again with a storage-class that exists "
    "('oc get storageclass')"
)

CREATION = (
    Symptom(
        r"violates PodSecurity",
        "Pod Security of namespace '{namespace}' refuses its pod",
        "the pod fits 'restricted'; see which webhook changes it, or set the namespace's "
        "pod-security.kubernetes.io/enforce label to what the message allows",
    ),
    Symptom(
        r"security context constraint",
        "no security context constraint admits its pod",
        "leave fs-group 'auto', or 'oc adm policy add-scc-to-user restricted-v2 -z oc-mirror -n {namespace}'",
    ),
    Symptom(
        r"exceeded quota|failed quota",
        "a quota of namespace '{namespace}' refuses its pod",
        "raise the quota or free some of it: 'oc describe resourcequota -n {namespace}'",
    ),
    Symptom(
        r"(maximum|minimum) (cpu|memory)|LimitRange",
        "a limit range of namespace '{namespace}' refuses its pod",
        "widen it: 'oc describe limitrange -n {namespace}'",
    ),
    Symptom(
        r"namespace .* being terminated",
        "namespace '{namespace}' is being deleted",
        "wait until it is gone, create it again, then start the run again",
    ),
    Symptom(r"is forbidden", "the cluster's admission refuses its pod", _EVENTS),
    Symptom(r"", "its pod cannot be created", _EVENTS, transient=True),
)

_MISSING = (
    Symptom(
        r'volume "signing-key".*secret "[^"]*" not found',
        "the Secret '{signing_key}' that signing-key names does not exist in '{namespace}'",
        "'oc create secret generic {signing_key} -n {namespace} --from-file=signing.key' (with a passphrase "
        "also --from-file=passphrase), then start the run again",
    ),
    Symptom(
        r'secret "[^"]*" not found',
        "the pull secret '{pull_secret}' does not exist in '{namespace}'",
        _REMAKE,
    ),
    Symptom(
        r"non-existent secret key",
        "the secret '{pull_secret}' in '{namespace}' has no key .dockerconfigjson",
        f"'oc delete secret {{pull_secret}} -n {{namespace}}' and make it anew: {_REMAKE}",
    ),
    Symptom(
        r'configmap "oc-mirror-config" not found',
        "the ConfigMap 'oc-mirror-config' does not exist in '{namespace}'",
        "run the whole deployment pipeline: create-deployment-configmaps writes it",
    ),
    Symptom(
        r'configmap "[^"]*" not found',
        "a ConfigMap that a parameter names does not exist in '{namespace}'",
        "'oc get configmaps -n {namespace}' lists them; create it, or correct the name",
    ),
)

MOUNTING = (
    Symptom(
        r'configmap "(kube-root-ca|openshift-service-ca)\.crt" not found',
        "namespace '{namespace}' has no certificates for its pods yet",
        "the cluster's controllers write them into each new namespace: 'oc get configmaps -n {namespace}'",
        transient=True,
        # Of a namespace that is new: the event stays when they have come, and the pod may wait for its image.
        harmless=True,
    ),
    *_MISSING,
    Symptom(
        r"Multi-Attach",
        "the volume of claim '{claim_name}' is still attached to another node",
        "see which pod uses it: 'oc get pods -n {namespace} -o wide'",
        transient=True,
        # The workload that is being replaced still uses it, or its node has not detached it yet.
        harmless=True,
    ),
    Symptom(r"", "a volume of its pod cannot be mounted", _EVENTS, transient=True),
)

PULLING = (
    Symptom(
        r"unauthorized|authentication required|denied|forbidden|401|403",
        "the registry refuses to give out the image {image}",
        "add credentials for its host to the secret '{pull_secret}' in '{namespace}', link another secret "
        "('oc secrets link oc-mirror SECRET --for=pull -n {namespace}'), or check that the repository exists",
    ),
    Symptom(
        r"not found|manifest unknown|name unknown|404",
        "the registry does not have the image {image}",
        "build it again ('oc create -f tekton/runs/build-pipelinerun.yaml') or record one that exists",
    ),
    Symptom(
        r"x509|certificate",
        "the node does not trust the registry of the image {image}",
        "make the registry's CA known to the cluster's nodes",
    ),
    Symptom(
        r"InvalidImageName|invalid reference format",
        "the image reference {image} is malformed",
        "record a well-formed one with update-image-configmap",
    ),
    Symptom(
        r"",
        "the image {image} cannot be pulled",
        "check that the nodes reach its registry, then start the run again",
        transient=True,
    ),
)

CLAIM = (
    Symptom(
        r"no storage class is set",
        "claim '{claim_name}' stays pending: the cluster has no default StorageClass",
        _OTHER_CLASS,
    ),
    Symptom(
        r"storageclass\S* \"?[^\"]*\"? not found",
        "claim '{claim_name}' stays pending: its StorageClass does not exist",
        _OTHER_CLASS,
    ),
    Symptom(
        r"exceeded quota",
        "a quota refuses the volume of claim '{claim_name}'",
        "raise it, or ask for a smaller storage-size: 'oc describe resourcequota -n {namespace}'",
    ),
)

SCHEDULING = (
    Symptom(
        r"available persistent volumes to bind|unbound immediate|node\(s\) had volume node affinity conflict",
        "claim '{claim_name}' stays pending: no volume fits it",
        "is there a volume of {storage_size} for its class? 'oc describe pvc {claim_name} -n {namespace}'",
        transient=True,
    ),
    Symptom(
        r'persistentvolumeclaim "[^"]*" not found',
        "claim '{claim_name}' was deleted",
        "start the run again: it creates the claim",
        transient=True,
    ),
    Symptom(
        r"",
        "no node takes its pod",
        "free or add capacity (the pod asks for {memory} of memory): 'oc describe nodes'",
        transient=True,
    ),
)

RUNNING = (
    Symptom(
        r"non-root|runAsNonRoot",
        "the image {image} wants to run as root",
        "deploy an image of the build pipeline, whose USER is a number other than 0",
    ),
    Symptom(
        r"executable file not found|no such file or directory|exec format error",
        "the image {image} has no 'mirror' that runs on this node",
        "deploy an image of the build pipeline, made for the nodes' architecture",
    ),
    Symptom(r"", "its container cannot be started", _EVENTS, transient=True),
)

CONFIGURATION = (*_MISSING, *RUNNING)
"""For CreateContainerConfigError: a Secret or ConfigMap of the container is missing, or its user is root."""


def diagnose(
    symptoms: tuple[Symptom, ...], message: str, settings: Settings, kind: str
) -> tuple[Symptom, StartError] | None:
    """Return the first symptom whose pattern is in `message`, and its error; None if no symptom fits.

    `kind` names the workload at the start of the error's reason.
    """
    names = ("namespace", "pull_secret", "signing_key", "claim_name", "image", "memory", "storage_size")
    known = {name: getattr(settings, name) for name in names}
    for symptom in symptoms:
        if re.search(symptom.pattern, message, re.IGNORECASE):
            line = one_line(message)
            reason = f"the {kind} cannot start: {symptom.reason.format(**known)}"
            reason += f" ({line})" if line else ""
            return symptom, StartError(reason, symptom.hint.format(**known))
    return None


def one_line(message: str) -> str:
    """Return a message of the cluster on a single line of at most LONGEST_MESSAGE characters."""
    line = " ".join(message.split())
    return line if len(line) <= LONGEST_MESSAGE else line[: LONGEST_MESSAGE - 1] + "…"
