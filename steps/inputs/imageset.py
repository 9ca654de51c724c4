"""The ImageSet: generated from the values, or a user's own from a ConfigMap; checked either way."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from steps.autoshift.planning import plan_fleet
from steps.cli import boolean, kubernetes_name, optional
from steps.errors import ConflictError, NotFoundError
from steps.files import write_atomically
from steps.imageset.generate import generate_imageset
from steps.imageset.validate import ImageSetFacts, check_imageset
from steps.inputs.values import read_policies, read_values

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from steps.autoshift.plan import FleetPlan
    from steps.inputs.values import ValuesSource
    from steps.tree import Tree


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageSetChoice:
    """How the ImageSet comes about; `configmap`, where named, overrides generating."""

    openshift_version: str | None
    operators_only: bool
    configmap: str | None
    namespace: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageSet:
    """An ImageSet that oc-mirror accepts; `source` is `generated` or `configmap`."""

    text: str
    source: str
    facts: ImageSetFacts
    plan: FleetPlan | None = None

    @property
    def sha256(self) -> str:
        """Digest of the text: what one Task hands the next so that both mean the same ImageSet."""
        return hashlib.sha256(self.text.encode()).hexdigest()


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments that `from_arguments` reads."""
    group = parser.add_argument_group("ImageSet")
    group.add_argument(
        "--openshift-version", type=optional(str), help="X.Y or X.Y.Z; overrides what the values name"
    )
    group.add_argument(
        "--operators-only", type=boolean, default=False, help="true leaves OpenShift itself out"
    )
    group.add_argument(
        "--imageset-configmap",
        type=optional(kubernetes_name),
        help="ConfigMap whose key imageset.yaml is used as it is, instead of generating one",
    )
    group.add_argument(
        "--namespace", type=kubernetes_name, default="oc-mirror", help="the workload's namespace"
    )


def from_arguments(arguments: argparse.Namespace) -> ImageSetChoice:
    """Collect what `add_arguments` declared."""
    return ImageSetChoice(
        openshift_version=arguments.openshift_version,
        operators_only=arguments.operators_only,
        configmap=arguments.imageset_configmap,
        namespace=arguments.namespace,
    )


def obtain(source: ValuesSource, choice: ImageSetChoice) -> ImageSet:
    """Generate the ImageSet, or read it from the ConfigMap that the user named.

    Raises what reading values, fetching and checking raise; `NotFoundError` for the ConfigMap or its key.
    """
    if choice.configmap:
        return _from_configmap(choice.configmap, choice.namespace)
    _commit, tree = source.open()
    return generate(tree, source.file_path, choice)


def generate(tree: Tree, file_path: str, choice: ImageSetChoice) -> ImageSet:
    """Generate the ImageSet and check it as strictly as a user's. Raises `InvalidInputError`."""
    plan = plan_fleet(
        read_values(tree, file_path),
        read_policies(tree),
        openshift_version=choice.openshift_version,
        operators_only=choice.operators_only,
    )
    text = generate_imageset(plan, operators_only=choice.operators_only)
    facts = check_imageset(text, origin="the generated ImageSet")
    return ImageSet(text=text, source="generated", facts=facts, plan=plan)


def from_user(text: str, origin: str) -> ImageSet:
    """Check an ImageSet that a user wrote; `origin` says where it stands. Raises `InvalidInputError`."""
    return ImageSet(text=text, source="configmap", facts=check_imageset(text, origin=origin))


def _from_configmap(name: str, namespace: str) -> ImageSet:
    from steps.cluster import Cluster

    where = f"ConfigMap {name} in namespace {namespace}"
    create = f"oc create configmap {name} --from-file=imageset.yaml=FILE --namespace={namespace}"
    configmap = Cluster.connect().get("ConfigMap", name, namespace)
    if configmap is None:
        raise NotFoundError(f"there is no {where}", f"create it: {create}")
    data: dict[str, str] = configmap.get("data") or {}
    if not data.get("imageset.yaml"):
        keys = ", ".join(sorted(data)) or "none"
        raise NotFoundError(
            f"{where} has no key imageset.yaml (its keys: {keys})", f"create it anew: {create}"
        )
    return from_user(data["imageset.yaml"], where)


def share(workspace: Path, imageset: ImageSet) -> None:
    """Put the ImageSet where `shared` finds it: named by its digest, so that concurrent runs cannot mix."""
    write_atomically(_shared_path(workspace, imageset.sha256), imageset.text)


def shared(workspace: Path | None, sha256: str | None) -> ImageSet | None:
    """Return the generated ImageSet that an earlier Task shared, or None where it is not there."""
    path = _shared_path(workspace, sha256) if workspace and sha256 else None
    if not path or not path.is_file():
        return None
    text = path.read_text()
    return ImageSet(text=text, source="generated", facts=check_imageset(text, origin=str(path)))


def expect(imageset: ImageSet, sha256: str | None) -> None:
    """Refuse an ImageSet that is not the one an earlier Task reported. Raises `ConflictError`."""
    if sha256 and imageset.sha256 != sha256:
        raise ConflictError(
            "the ImageSet is no longer the one that generate-or-use-imageset reported",
            "it was changed during this run: start a new run",
        )


def _shared_path(workspace: Path, sha256: str) -> Path:
    return workspace / "imagesets" / f"{sha256}.yaml"
