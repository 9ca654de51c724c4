"""What parameters require of each other, whichever command they are given to.

A rule counts for a command that takes its parameters. Each returns a sentence that says what is wrong and
what would be right, or an empty text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from steps.parameters.table import content, deployment, other_commands
from steps.parameters.table.carrying import (
    ACKNOWLEDGE,
    EXPORT,
    FORGET_TARGET,
    IMPORT,
    RECEIPTS,
    VOLUME,
    VOLUME_SIZE,
)
from steps.parameters.table.changes import CHANGES, HOLD, JSON, MARKDOWN
from steps.parameters.table.generation_signatures import REQUIRE_SIGNATURE, TRUSTED_KEYS, VERIFY
from steps.parameters.table.image_signatures import (
    RELEASE_KEYS,
    REMOVE_SIGNATURES,
    SIGNATURES,
    VERIFY_SIGNATURES,
)
from steps.parameters.table.schedule import DEPLOY_MODE, ONCE, SCHEDULE
from steps.parameters.table.target import MAX_NESTED_PATHS, TARGET_REGISTRY
from steps.parameters.table.upkeep import APPROVED_PLAN_SHA256
from steps.parameters.table.verification import REPAIR, VERIFY_SCHEDULE, VERIFY_TARGET
from steps.parameters.table.workflow import CHECK, IMAGESET, INCREMENTAL_MODE, SINCE_DATE, WORKFLOW
from steps.parameters.value_kinds import Signatures, VerifySignatures, Workflow

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from steps.parameters.parameter import Parameter, Values

UPKEEP: Final = frozenset({Workflow.PLAN_DELETION, Workflow.DELETE, Workflow.CLEANUP, Workflow.VERIFY})
"""Workflows that mirror nothing, and are done once, by a person's decision."""
WITHOUT_TARGET: Final = frozenset({Workflow.TO_DISK, Workflow.CLEANUP, Workflow.VERIFY})
ACKNOWLEDGING: Final = frozenset({Workflow.TO_DISK, Workflow.CLEANUP})
"""Workflows that read the receipts in a folder; the others remove no generations that wait for any."""
WITH_IMAGESET: Final = frozenset({Workflow.TO_DISK, Workflow.DIRECT})


def _target(values: Values) -> str:
    workflow = values[WORKFLOW]
    if workflow in WITHOUT_TARGET or values[TARGET_REGISTRY]:
        return ""
    return f"{workflow} needs a target-registry, HOST[:PORT][/PATH]"


def _imageset(values: Values) -> str:
    workflow = values[WORKFLOW]
    if workflow not in WITH_IMAGESET or values[IMAGESET]:
        return ""
    return f"{workflow} needs an imageset, the path of an ImageSetConfiguration"


def _verified_target(values: Values) -> str:
    if not values[VERIFY_TARGET] or values[TARGET_REGISTRY]:
        return ""
    return "verify-target needs a target-registry, HOST[:PORT][/PATH], as the runs named it"


def _repair(values: Values) -> str:
    verifies = values[WORKFLOW] is Workflow.VERIFY_TARGET
    if not values[REPAIR] or verifies or values[VERIFY_SCHEDULE]:
        return ""
    return (
        f"repair goes with {Workflow.VERIFY_TARGET}, or with verify-schedule: give one, or leave repair out"
    )


def _verify_schedule(values: Values) -> str:
    workflow = values[WORKFLOW]
    if not values[VERIFY_SCHEDULE] or workflow in {Workflow.FROM_DISK, Workflow.DIRECT}:
        return ""
    return f"verify-schedule verifies a target: it goes with {Workflow.FROM_DISK} or {Workflow.DIRECT}"


def _verify_schedule_of_a_workload(values: Values) -> str:
    mode = values[DEPLOY_MODE]
    if not values[VERIFY_SCHEDULE] or mode == "deployment":
        return ""
    return f"verify-schedule is kept by the service: deploy-mode deployment, not {mode}"


def _schedule(values: Values) -> str:
    mode = values[DEPLOY_MODE]
    if mode == "job" or values[SCHEDULE]:
        return ""
    return f"deploy-mode {mode} needs a schedule, such as '0 2 * * *'"


def _once(workflow: Workflow) -> str:
    return f"{workflow} is done once, not on a schedule"


def _no_repetition_of_a_workload(values: Values) -> str:
    workflow = values[WORKFLOW]
    if workflow not in UPKEEP or values[DEPLOY_MODE] == "job":
        return ""
    return f"{_once(workflow)}: only deploy-mode job will do"


def _no_repetition(values: Values) -> str:
    workflow = values[WORKFLOW]
    if workflow not in UPKEEP or not values[SCHEDULE]:
        return ""
    return f"{_once(workflow)}: leave schedule out"


def _one_at_a_time(values: Values) -> str:
    given = _given_of(values, (*ACTIONS, CHECK))
    words = "both" if len(given) == 2 else "all"
    return f"{' and '.join(given)} are {words} given: do one after the other" if len(given) > 1 else ""


def _done_once(values: Values) -> str:
    given = [name for name in _given_of(values, ACTIONS) if name != VERIFY_TARGET.name]
    if not given or not values[SCHEDULE]:
        return ""
    return f"{given[0]} is done once: leave schedule out"


def _given_of(values: Values, parameters: tuple[Parameter[Any], ...]) -> list[str]:
    """Return the names of those of the parameters that are given."""
    return [one.name for one in parameters if (values.all(one) if one.repeatable else values[one])]


def _volumes(values: Values) -> str:
    size, volume = values[VOLUME_SIZE], values[VOLUME]
    if (size or volume) and not values[EXPORT]:
        return "volume-size and volume divide an export: give --export=FOLDER too"
    return "volume needs a volume-size, such as 25G" if volume and not size else ""


def _hold(values: Values) -> str:
    if not values[HOLD] or values[WORKFLOW] != Workflow.DIRECT:
        return ""
    return (
        f"hold=true cannot stop {Workflow.DIRECT}, which publishes while it copies:"
        f" use {Workflow.TO_DISK} and {Workflow.FROM_DISK}, or leave hold out"
    )


def _form(values: Values) -> str:
    as_json, as_markdown = values[JSON], values[MARKDOWN]
    changes = values[CHANGES] is not None
    if as_json and as_markdown:
        return "json and markdown are both given: one answer has one form"
    if as_json and not (changes or values.all(VERIFY)):
        return "json is a form of what --verify or --changes prints: give one of them too"
    if as_markdown and not changes:
        return "markdown is a form of what --changes prints: give it too"
    return ""


def _approval(values: Values) -> str:
    if values[WORKFLOW] != Workflow.DELETE or values[APPROVED_PLAN_SHA256]:
        return ""
    return f"{Workflow.DELETE} needs approved-plan-sha256, the hash that {Workflow.PLAN_DELETION} logged"


def _nesting(values: Values) -> str:
    target, limit = values[TARGET_REGISTRY], values[MAX_NESTED_PATHS]
    if not target or not limit or (depth := target.count("/")) < limit:
        return ""
    return (
        f"max-nested-paths {limit} leaves no room below target-registry {target}:"
        f" give {depth + 1} or more, or a target with a shorter path"
    )


def _since_date(values: Values) -> str:
    if not values[SINCE_DATE] or values[INCREMENTAL_MODE]:
        return ""
    return "since-date contradicts incremental-mode=false, which archives everything; give one or the other"


def _signatures(values: Values) -> str:
    wanted, removed = values[SIGNATURES], values[REMOVE_SIGNATURES]
    if wanted is None or removed is None or wanted == signatures_of(values):
        return ""
    return (
        f"signatures={wanted} contradicts remove-signatures={str(removed).lower()}, the former name for"
        f" signatures={signatures_of(values)}; leave remove-signatures out"
    )


def _verification(values: Values) -> str:
    wanted, keys = values[VERIFY_SIGNATURES], values[RELEASE_KEYS]
    if wanted is not VerifySignatures.STRICT or keys:
        return ""
    return "verify-signatures=strict needs release-keys, the public keys by which clusters verify releases"


def _verification_of_a_workload(values: Values) -> str:
    wanted, keys = values[VERIFY_SIGNATURES], values[deployment.RELEASE_KEYS_CONFIGMAP]
    if wanted is not VerifySignatures.STRICT or keys:
        return ""
    return "verify-signatures=strict needs release-keys, a ConfigMap with the keys of clusters"


def _only_verified(values: Values) -> str:
    workflow, wanted = values[WORKFLOW], values[VERIFY_SIGNATURES]
    if wanted is not VerifySignatures.ONLY or workflow in {Workflow.FROM_DISK, Workflow.DIRECT}:
        return ""
    return f"verify-signatures=only looks at a target: it goes with {Workflow.FROM_DISK} or {Workflow.DIRECT}"


def signatures_of(values: Values) -> Signatures:
    """Return whose signatures are copied; the former parameter counts where it is given."""
    removed = values[REMOVE_SIGNATURES]
    if removed is None:
        return values[SIGNATURES] or Signatures.AUTO
    return Signatures.NONE if removed else Signatures.ALL


def _trusted_keys(values: Values) -> str:
    return _needs_keys(values, TRUSTED_KEYS)


def _trusted_keys_of_a_workload(values: Values) -> str:
    return _needs_keys(values, deployment.TRUSTED_KEYS_CONFIGMAP)


def _needs_keys(values: Values, keys: Parameter[Any]) -> str:
    if WORKFLOW in values:
        verifies = values[WORKFLOW] in {Workflow.FROM_DISK, Workflow.VERIFY}
    else:
        verifies = not values[EXPORT]
    if not (verifies and values[REQUIRE_SIGNATURE]) or values[keys]:
        return ""
    return "require-signature needs trusted-keys, the public keys of those who sign"


def _local_files(values: Values) -> str:
    if not (values[deployment.LOCAL_FILES_CONFIGMAP] and values[deployment.LOCAL_FILES_CLAIM]):
        return ""
    return "local-files-configmap and local-files-claim are both given: /local-files shows one of them"


def _something_to_mirror(values: Values) -> str:
    if not (values[content.OPERATORS_ONLY] and values[content.OPENSHIFT_ONLY]):
        return ""
    return "operators-only and openshift-only are both true, which leaves nothing to mirror"


def _versions(values: Values) -> str:
    from steps.autoshift.releases import with_bounds  # late: few entrypoints have versions

    try:
        with_bounds(
            values[content.OPENSHIFT_VERSION], values[content.MIN_VERSION], values[content.MAX_VERSION]
        )
    except ValueError as error:
        return str(error)
    return ""


def _something_to_read(values: Values) -> str:
    if values[other_commands.MANIFESTS] or values[other_commands.CLUSTER]:
        return ""
    return "neither --manifests nor --cluster is given: give --manifests=DIR, --cluster=true, or both"


def without_effect(values: Values) -> list[str]:
    """Return a sentence for each parameter that was given and does nothing beside the others."""
    if WORKFLOW not in values or TARGET_REGISTRY not in values:
        return []
    workflow, target = values[WORKFLOW], values[TARGET_REGISTRY]
    found = []
    if workflow in WITHOUT_TARGET and target:
        found.append(f"target-registry {target} has no effect: {workflow} pushes nothing")
    if workflow not in ACKNOWLEDGING and values.texts.get(RECEIPTS.name):
        found.append(f"receipts has no effect: {workflow} acknowledges none")
    return found


ACTIONS: Final = (
    EXPORT,
    IMPORT,
    ACKNOWLEDGE,
    FORGET_TARGET,
    VERIFY,
    CHANGES,
    VERIFY_TARGET,
)
"""What `mirror` does instead of a workflow, and instead of each other."""
RULES: Final[tuple[tuple[tuple[Parameter[Any], ...], Callable[[Values], str]], ...]] = (
    ((WORKFLOW, TARGET_REGISTRY), _target),
    ((WORKFLOW, IMAGESET), _imageset),
    ((VERIFY_TARGET, TARGET_REGISTRY), _verified_target),
    ((WORKFLOW, REPAIR), _repair),
    ((WORKFLOW, VERIFY_SCHEDULE), _verify_schedule),
    ((DEPLOY_MODE, VERIFY_SCHEDULE), _verify_schedule_of_a_workload),
    ((DEPLOY_MODE, SCHEDULE), _schedule),
    ((WORKFLOW, DEPLOY_MODE), _no_repetition_of_a_workload),
    # ONCE: of `mirror` alone, since deploy-workload is given a schedule for every deploy-mode.
    ((WORKFLOW, SCHEDULE, ONCE), _no_repetition),
    ((*ACTIONS, CHECK), _one_at_a_time),
    ((*ACTIONS, SCHEDULE), _done_once),
    ((EXPORT, VOLUME_SIZE, VOLUME), _volumes),
    ((JSON, MARKDOWN, VERIFY, CHANGES), _form),
    ((REQUIRE_SIGNATURE, TRUSTED_KEYS), _trusted_keys),
    ((REQUIRE_SIGNATURE, deployment.TRUSTED_KEYS_CONFIGMAP), _trusted_keys_of_a_workload),
    ((WORKFLOW, APPROVED_PLAN_SHA256), _approval),
    ((WORKFLOW, HOLD), _hold),
    ((TARGET_REGISTRY, MAX_NESTED_PATHS), _nesting),
    ((SINCE_DATE, INCREMENTAL_MODE), _since_date),
    ((SIGNATURES, REMOVE_SIGNATURES), _signatures),
    ((VERIFY_SIGNATURES, RELEASE_KEYS), _verification),
    ((VERIFY_SIGNATURES, deployment.RELEASE_KEYS_CONFIGMAP), _verification_of_a_workload),
    ((WORKFLOW, VERIFY_SIGNATURES), _only_verified),
    ((deployment.LOCAL_FILES_CONFIGMAP, deployment.LOCAL_FILES_CLAIM), _local_files),
    ((content.OPERATORS_ONLY, content.OPENSHIFT_ONLY), _something_to_mirror),
    ((content.OPENSHIFT_VERSION, content.MIN_VERSION, content.MAX_VERSION), _versions),
    ((other_commands.MANIFESTS, other_commands.CLUSTER), _something_to_read),
)
"""Each rule with the parameters that it is about; it counts where all of them have a value."""


def found_in(values: Values) -> list[str]:
    """Return the sentences of the rules that do not hold, apart from rules about values that are wrong."""
    return [
        sentence
        for parameters, rule in RULES
        if all(parameter in values for parameter in parameters) and (sentence := rule(values))
    ]
