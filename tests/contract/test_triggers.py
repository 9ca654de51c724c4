"""tekton/triggers/ fits the Tasks, itself, and the rule that nothing of an event becomes text of anything."""

from __future__ import annotations

import re
from typing import Any

import yaml

from steps import send_event
from tests.conftest import ROOT
from tests.contract.tekton_files import PIPELINE_FILES, PROJECT, TEKTON, documents, named, only, references

OBJECTS = [document for path in sorted((TEKTON / "triggers").glob("*.yaml")) for document in documents(path)]


def of_kind(kind: str) -> dict[str, dict[str, Any]]:
    return {d["metadata"]["name"]: d for d in OBJECTS if d["kind"] == kind}


def cronjob_pod() -> dict[str, Any]:
    (cronjob,) = of_kind("CronJob").values()
    spec: dict[str, Any] = cronjob["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    return spec


def test_every_object_has_a_name_and_our_namespace() -> None:
    for document in OBJECTS:
        assert document["metadata"]["name"]
        if not document["kind"].startswith("Cluster"):
            assert document["metadata"]["namespace"] == "oc-mirror-pipeline"
        assert document["metadata"]["labels"]["app.kubernetes.io/part-of"] == "oc-mirror-pipeline"


def test_the_listener_has_every_trigger_and_each_what_it_refers_to() -> None:
    (listener,) = of_kind("EventListener").values()
    triggers = of_kind("Trigger")
    assert [t["triggerRef"] for t in listener["spec"]["triggers"]] == list(triggers)
    for trigger in triggers.values():
        template = of_kind("TriggerTemplate")[trigger["spec"]["template"]["ref"]]
        wanted = named(template["spec"]["params"])
        bound: set[str] = set()
        for binding in trigger["spec"]["bindings"]:
            bound |= set(named(of_kind("TriggerBinding")[binding["ref"]]["spec"]["params"]))
        assert bound <= set(wanted)
        assert {name for name, p in wanted.items() if "default" not in p} <= bound
    assert listener["spec"]["serviceAccountName"] in of_kind("ServiceAccount")


def test_every_trigger_checks_a_signature_with_a_key_of_its_own_before_anything_else() -> None:
    keys = []
    for trigger in of_kind("Trigger").values():
        verify, filtering = trigger["spec"]["interceptors"]
        given = named(verify["params"])
        assert verify["ref"]["name"] in {"github", "gitlab"}
        assert given["eventTypes"]["value"]
        assert given["secretRef"]["value"]["secretName"] == "oc-mirror-webhook-keys"
        keys.append(given["secretRef"]["value"]["secretKey"])
        assert filtering["ref"]["name"] == "cel"
        assert "requestURL.parseURL().path" in named(filtering["params"])["filter"]["value"]
    assert len(set(keys)) == len(keys) == 7


def test_a_key_for_values_starts_no_build() -> None:
    for trigger in of_kind("Trigger").values():
        verify, filtering = trigger["spec"]["interceptors"]
        path = re.findall(r"path == '/(\w+)'", named(filtering["params"])["filter"]["value"])
        key = named(verify["params"])["secretRef"]["value"]["secretKey"]
        assert path == [key.rpartition("-")[2]]
        for overlay in named(filtering["params"]).get("overlays", {"value": []})["value"]:
            if overlay["key"] == "run":
                assert overlay["expression"] == {"values": "'deployment'", "source": "'build'"}[path[0]]


def test_an_event_gives_a_run_a_commit_and_an_occasion_and_only_to_arguments() -> None:
    (template,) = of_kind("TriggerTemplate").values()
    (run,) = template["spec"]["resourcetemplates"]
    assert run["kind"] == "TaskRun"
    spec = run["spec"]
    task = only(TEKTON / f"task-{spec['taskRef']['name']}.yaml")
    assert set(named(spec["params"])) <= set(named(task["spec"]["params"]))
    given = named(spec["params"])
    assert given.pop("task-image")["value"].endswith(f":v{PROJECT['version']}")
    for name, parameter in given.items():
        assert parameter["value"] == f"$(tt.params.{name})"
    spec = {**spec, "params": []}
    assert not references(spec)
    assert not references(run["metadata"])
    bodies = {r for b in of_kind("TriggerBinding").values() for r in references(b["spec"])}
    assert bodies == {"extensions.run", "extensions.git_secret", "body.after", "body.run", "body.occasion"}


def test_the_runs_that_are_shipped_fit_their_pipelines() -> None:
    (configmap,) = of_kind("ConfigMap").values()
    pipelines = {only(path)["metadata"]["name"]: only(path) for path in PIPELINE_FILES}
    for key, text in configmap["data"].items():
        spec = yaml.safe_load(text)["spec"]
        pipeline = pipelines[spec["pipelineRef"]["name"]]["spec"]
        given = named(spec["params"])
        assert set(given) <= set(named(pipeline["params"])), key
        assert set(named(spec.get("workspaces"))) <= set(named(pipeline["workspaces"])), key
        assert given.get("task-image", {"value": "v" + PROJECT["version"]})["value"].endswith(
            f"v{PROJECT['version']}"
        )
        accounts = {spec["taskRunTemplate"]["serviceAccountName"]}
        accounts |= {s["serviceAccountName"] for s in spec.get("taskRunSpecs", [])}
        assert accounts <= {"oc-mirror-pipeline", "oc-mirror-build", *of_kind("ServiceAccount")}
        tasks = named(pipeline["tasks"])
        assert all(s["pipelineTaskName"] in tasks for s in spec.get("taskRunSpecs", []))


def test_schedules_are_suspended_until_somebody_wants_them() -> None:
    (cronjob,) = of_kind("CronJob").values()
    spec = cronjob["spec"]
    assert spec["suspend"] is True
    assert (spec["timeZone"], spec["concurrencyPolicy"]) == ("Etc/UTC", "Forbid")
    assert spec["startingDeadlineSeconds"] >= 100  # fewer than that and the controller may miss it
    job = spec["jobTemplate"]["spec"]
    assert job["backoffLimit"]
    assert job["activeDeadlineSeconds"]


def test_the_schedules_pod_is_restricted_and_its_arguments_parse() -> None:
    pod = cronjob_pod()
    (container,) = pod["containers"]
    assert container["command"] == ["send-event"]
    assert container["image"].endswith(f":v{PROJECT['version']}")
    send_event.parse([a.replace("$(JOB_NAME)", "oc-mirror-schedule-29384756") for a in container["args"]])
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"]
    security = container["securityContext"]
    assert security["readOnlyRootFilesystem"]
    assert security["allowPrivilegeEscalation"] is False
    assert security["capabilities"] == {"drop": ["ALL"]}


def test_the_ways_in_limit_rate_and_size() -> None:
    ingress, route = (
        only(ROOT / "examples" / f"triggers-{kind}.yaml")["metadata"]["annotations"]
        for kind in ("ingress", "route")
    )
    nginx, haproxy = "nginx.ingress.kubernetes.io/", "haproxy.router.openshift.io/"
    limited = {"limit-rps", "limit-connections", "proxy-body-size", "proxy-read-timeout"}
    assert {nginx + name for name in limited} <= set(ingress)
    rate = f"{haproxy}rate-limit-connections"
    assert route[rate] == "true"
    assert {f"{rate}.concurrent-tcp", f"{rate}.rate-tcp", f"{rate}.rate-http"} <= set(route)
    assert all(isinstance(value, str) for value in [*ingress.values(), *route.values()])


def test_only_the_router_and_schedules_reach_the_listener() -> None:
    (policy,) = of_kind("NetworkPolicy").values()
    (rule,) = policy["spec"]["ingress"]
    assert policy["spec"]["podSelector"] == {"matchLabels": {"eventlistener": "oc-mirror"}}
    selectors = [peer for peer in rule["from"] if "podSelector" in peer]
    (cronjob,) = of_kind("CronJob").values()
    labels = cronjob["spec"]["jobTemplate"]["spec"]["template"]["metadata"]["labels"]
    assert all(s["podSelector"]["matchLabels"].items() <= labels.items() for s in selectors)
    assert all(re.fullmatch(r"TCP", port["protocol"]) for port in rule["ports"])


def test_no_account_here_reads_a_secret_or_stands_in_for_another() -> None:
    for kind in ("Role", "ClusterRole"):
        for role in of_kind(kind).values():
            for rule in role["rules"]:
                assert not {"secrets", "serviceaccounts", "pods", "jobs"} & set(rule["resources"])
                assert not {"impersonate", "delete", "update", "*"} & set(rule["verbs"])
