"""The plan as a JSON document for programs: a pull request, a page, a script."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from steps.autoshift.plan import Channel, FleetPlan, Need, Operator, UpdatePath

FORMAT: Final = 1
"""Grows where a field changes its meaning or goes away; a new field leaves it as it is."""


def plan_document(plan: FleetPlan, changes: Mapping[str, Any] | None = None) -> str:
    """Return the plan as JSON text; docs/reference/plan.md describes the fields.

    `changes` says what is asked for against the ImageSet that is in use; None where that is not known.
    """
    document = {
        "format": FORMAT,
        "sources": plan.sources,
        "sourceNotes": plan.source_notes,
        "versionOrigin": plan.version_origin,
        "overlay": {"path": plan.overlay, "changes": plan.overlaid} if plan.overlay else None,
        "changes": changes,
        "warnings": plan.warnings,
        "notes": plan.notes,
        "uncheckedCatalogs": plan.unchecked,
        "clusters": [
            {
                "kind": cluster.kind,
                "name": cluster.name,
                "sets": cluster.sets,
                "openshift": [
                    {"version": str(request), "channel": request.channel}
                    for request in cluster.version_requests
                ],
            }
            for cluster in plan.clusters
        ],
        "architectures": plan.architectures,
        "releases": [
            {
                "channel": release.channel,
                "minVersion": release.minimum,
                "maxVersion": release.maximum,
                "shortestPath": release.shortest_path,
                "insteadOf": release.instead_of,
                "for": release.asked_by,
            }
            for release in plan.releases
        ],
        "updatePath": _update_path(plan.update_path),
        "operators": [_operator(operator) for operator in plan.operators],
        "images": [
            {"name": image.image.name, "origin": image.image.origin, "for": image.asked_by}
            for image in plan.images
        ],
    }
    return json.dumps(document, indent=1) + "\n"


def _update_path(path: UpdatePath | None) -> dict[str, Any] | None:
    return {"from": path.start, "to": path.end, "channels": path.channels} if path else None


def _operator(operator: Operator) -> dict[str, Any]:
    return {
        "catalog": operator.catalog,
        "package": operator.package,
        "defaultChannel": operator.default_channel,
        **_need(operator.need),
        "for": operator.asked_by,
        "size": operator.size,
        "channels": [_channel(channel) for channel in operator.channels],
    }


def _channel(channel: Channel) -> dict[str, Any]:
    return {
        "name": channel.name,
        "minVersion": channel.minimum,
        "maxVersion": channel.maximum,
        "origin": channel.origin,
        **_need(channel.need),
        "for": channel.asked_by,
    }


def _need(need: Need) -> dict[str, Any]:
    return {"labels": need.labels, "requiredBy": need.required_by, "ofHubSetup": need.of_setup}
