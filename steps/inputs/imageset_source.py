"""The ImageSet: generated from the values, or a user's own from a ConfigMap; checked either way."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from functools import partial
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from steps import units
from steps.autoshift.origins import origin_of
from steps.autoshift.plan_document import plan_document
from steps.autoshift.plan_text import describe_plan
from steps.autoshift.planning import NoVersionError, plan_fleet
from steps.errors import (
    ClusterError,
    ForbiddenError,
    InvalidInputError,
    NotFoundError,
    UsageError,
)
from steps.files import write_output
from steps.imageset.describe import describe_imageset
from steps.imageset.generate import generate_imageset
from steps.imageset.imageset import ImageSet, RefusedError, Version1Error
from steps.imageset.overlay import Overlay, read_overlay
from steps.inputs.hub import ORIGIN, HubVersion, hub_version
from steps.inputs.values_source import read_policies, read_values
from steps.workload.configmaps import IMAGESET_KEY, texts_of
from steps.yaml.source import SourceFile

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from steps.autoshift.plan import FleetPlan
    from steps.inputs.choice import ImageSetChoice
    from steps.inputs.values_source import ValuesFiles, ValuesSource
    from steps.parameters.value_kinds import PlanForm
    from steps.tree import Tree

SHOWN = 20  # of what catalogs lack, in a message

log = logging.getLogger("steps.inputs")


@dataclass(frozen=True, slots=True, kw_only=True)
class Obtained:
    """An ImageSet that oc-mirror accepts; `source` is `generated` or `configmap`."""

    imageset: ImageSet
    source: str
    plan: FleetPlan | None = None
    changes: dict[str, Any] | None = None
    """What it asks for against the one that is in use (`deployed.changes_against`)."""

    def describe(self, form: PlanForm, *, columns: int | None = None) -> str:
        """Describe the plan it was generated from, or else the ImageSet itself, in lines of `columns`.

        Raises UsageError where a plan is asked for as JSON and there is none.
        """
        if form == "json":
            if self.plan is None:
                raise UsageError("plan=json: an ImageSet of your own has no plan", "use plan=full")
            return plan_document(self.plan, self.changes)
        if self.plan is None:
            return describe_imageset(self.imageset)
        return describe_plan(self.plan, columns=columns, brief=form == "brief")

    def write_plan(self, folder: Path) -> None:
        """Write the plan to plan.txt and plan.json; nothing where there is none."""
        if self.plan:
            write_output(folder / "plan.txt", describe_plan(self.plan))
            write_output(folder / "plan.json", plan_document(self.plan, self.changes))


def obtain(source: ValuesSource, choice: ImageSetChoice) -> Obtained:
    """Generate the ImageSet, or read it from the ConfigMap that the user named.

    Raises what reading values, fetching and checking raise; `NotFoundError` for the ConfigMap or its key.
    """
    if choice.configmap:
        return _from_configmap(choice.configmap, choice.namespace)
    _commit, tree = source.open()
    return generate(tree, read_values(tree, source.file_path), choice)


def generate(tree: Tree, values: ValuesFiles, choice: ImageSetChoice) -> Obtained:
    """Generate the ImageSet and check it as strictly as a user's. Raises `InvalidInputError`."""
    overlay = _overlay(tree, choice.overlay) if choice.overlay else None
    plan = _checked(_plan(values, read_policies(tree), choice), choice.catalogs.mode)
    write = partial(
        generate_imageset, plan, operators_only=choice.operators_only, openshift_only=choice.openshift_only
    )
    if overlay is None:
        imageset = _parse(write(), "the generated ImageSet", plan, values)
    else:
        plan = replace(plan, overlay=overlay.path)
        imageset = _parse(write(overlay=overlay), f"the generated ImageSet with {overlay.path}", plan, values)
        plan = replace(plan, overlaid=_overlaid(write, imageset))
    plan = replace(plan, warnings=(*plan.warnings, *imageset.warnings))
    return Obtained(imageset=imageset, source="generated", plan=plan)


def _parse(text: str, name: str, plan: FleetPlan, values: ValuesFiles) -> ImageSet:
    """Check a generated ImageSet; where a field is refused, say what in the values it is from."""
    try:
        return ImageSet.parse(text, name)
    except RefusedError as error:
        origins = (origin_of(plan, values.files, finding.path) for finding in error.findings[:SHOWN])
        found = "; ".join(dict.fromkeys(filter(None, origins)))
        if not found:
            raise
        hint = f"correct these values or {plan.overlay}" if plan.overlay else "correct these values"
        raise InvalidInputError(f"{error.reason}; from {found}", hint) from error


def _overlaid(write: Callable[[], str], imageset: ImageSet) -> tuple[str, ...]:
    """Say what an overlay adds, changes and removes, a sentence each."""
    from steps.imageset.diff import diff_imagesets  # late: most runs have no overlay

    try:
        before = ImageSet.recorded(write().encode(), "the generated ImageSet")
    except InvalidInputError:  # without the overlay there is nothing to mirror
        before = None
    return tuple(diff_imagesets(before, imageset))


def _checked(plan: FleetPlan, mode: str) -> FleetPlan:
    """Refuse a plan of things that the catalogs do not have, or warn of them. Raises InvalidInputError."""
    if plan.lacks and mode != "warn":
        raise InvalidInputError(
            units.few(plan.lacks, SHOWN, joint="; "),
            "correct the labels of these operators, or set catalog-check to warn",
        )
    return replace(plan, warnings=(*plan.warnings, *plan.lacks))


def _plan(values: ValuesFiles, policies: list[SourceFile], choice: ImageSetChoice) -> FleetPlan:
    """Plan the fleet; where nobody names an OpenShift version, with that of the hub."""
    plan = partial(
        plan_fleet,
        values.files,
        policies,
        source_notes=values.notes,
        operators_only=choice.operators_only,
        openshift_only=choice.openshift_only,
        catalog_names=choice.catalog_names,
        clusters=choice.clusters,
        cluster_sets=choice.cluster_sets,
        read_catalogs=choice.catalogs.read,
    )
    try:
        return plan(openshift_version=choice.openshift_version)
    except NoVersionError as error:
        hub = _hub_version(error) if choice.asks_hub else None
        if hub is None:
            raise
    return plan(openshift_version=hub.version, version_origin=ORIGIN, release_channel=hub.channel)


def _hub_version(missing: NoVersionError) -> HubVersion | None:
    """Return the hub's version; where it cannot be read, what is missing is still the parameter."""
    try:
        return hub_version()
    except ForbiddenError:
        raise
    except ClusterError as error:
        log.info("No cluster was there to say its version: %s", error.reason)
        raise missing from error


def _overlay(tree: Tree, path: str) -> Overlay:
    pure = PurePosixPath(path)
    if pure.is_absolute() or ".." in pure.parts or "\0" in path:
        raise UsageError(
            f"imageset-overlay: '{path}' leaves the repository", "give a path relative to its root"
        )
    if pure.suffix not in {".yaml", ".yml"}:  # a checkout holds no other files
        raise UsageError(f"imageset-overlay: '{path}' is no YAML file", "name a file that ends in .yaml")
    try:
        content = tree.read(str(pure))
    except NotFoundError as error:
        near = [name for name in tree.paths if "overlay" in name or "imageset" in name]
        hint = f"check imageset-overlay; there are: {', '.join(near)}" if near else "check imageset-overlay"
        raise NotFoundError(f"imageset-overlay: there is no '{path}' in the repository", hint) from error
    return read_overlay(SourceFile(str(pure), content))


def from_user(text: str, origin: str, *, folder: Path | None = None) -> Obtained:
    """Check an ImageSet that a user wrote; `origin` says where it stands. Raises `InvalidInputError`.

    One of oc-mirror v1 is refused, and offered as v2 where nothing is lost by it: as a file in `folder`, or
    in the log.
    """
    try:
        return Obtained(imageset=ImageSet.parse(text, origin), source="configmap")
    except Version1Error as error:
        if error.converted is None:
            raise
        if folder:
            path = folder / "imageset-v2alpha1.yaml"
            write_output(path, error.converted)
            raise InvalidInputError(
                error.reason, f"use its conversion, {path}, after a look at it"
            ) from error
        log.info("The same ImageSet for oc-mirror v2:\n%s", error.converted)
        raise InvalidInputError(
            error.reason, "use its conversion, which stands above in this log, after a look at it"
        ) from error


def _from_configmap(name: str, namespace: str) -> Obtained:
    from steps.cluster import Cluster

    where = f"ConfigMap {name} in namespace {namespace}"
    create = f"oc create configmap {name} --from-file=imageset.yaml=FILE --namespace={namespace}"
    configmap = Cluster.connect().get("ConfigMap", name, namespace)
    if configmap is None:
        raise NotFoundError(f"there is no {where}", f"create it: {create}")
    texts = texts_of(configmap)
    if not texts.get(IMAGESET_KEY):
        keys = ", ".join(sorted(texts)) or "none"
        raise NotFoundError(
            f"{where} has no key imageset.yaml (its keys: {keys})", f"create it anew: {create}"
        )
    return from_user(texts[IMAGESET_KEY], where)
