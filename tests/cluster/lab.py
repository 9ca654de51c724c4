"""A namespace as the pipeline finds it; entrypoints run in it with the rights of tekton/10-rbac.yaml."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from steps.workload.configmaps import deployment_configmaps
from tests.conftest import ROOT
from tests.testbed.client import Cluster
from tests.testbed.waiting import wait_until

RESTRICTED = {"pod-security.kubernetes.io/enforce": "restricted"}
IMAGESET = (ROOT / "examples" / "custom-imageset.yaml").read_text()
ACCOUNT = "runner"
NEVER = "0 0 29 2 *"
"""A schedule that is due in no run of the tests: a CronJob's own Job would come in between."""

Completed = subprocess.CompletedProcess[str]


@dataclass(frozen=True)
class Lab:
    """One namespace; `image` is the product's, by digest."""

    cluster: Cluster
    namespace: str
    image: str
    kubeconfig: Path

    def command(self, program: str, **arguments: str) -> list[str]:
        """The command line of an entrypoint, as a Task gives it."""
        script = Path(sys.executable).with_name(program)
        place = (
            "pipeline_namespace"
            if program in {"get-current-image", "update-image-configmap"}
            else "namespace"
        )
        named = {place: self.namespace, **arguments}
        return [str(script), *(f"--{name.replace('_', '-')}={value}" for name, value in named.items())]

    def deploy_command(self, run: str, **arguments: str) -> list[str]:
        defaults = {
            "image": self.image,
            "pipeline_namespace": self.namespace,
            "run_name": run,
            "storage_size": "1Gi",
            "memory": "128Mi",
            "start_timeout": "60s",
            "schedule": NEVER,
        }
        return self.command("deploy-workload", **{**defaults, **arguments})

    @property
    def environment(self) -> dict[str, str]:
        clean = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
        return {**clean, "KUBECONFIG": str(self.kubeconfig)}

    def run(self, command: list[str]) -> Completed:
        return subprocess.run(
            command, env=self.environment, capture_output=True, text=True, check=False, timeout=300
        )

    def deploy(self, run: str, **arguments: str) -> str:
        """Run deploy-workload, which must succeed; return what it logged."""
        done = self.run(self.deploy_command(run, **arguments))
        assert done.returncode == 0, done.stderr
        return done.stderr

    def refuse(self, code: int, run: str, **arguments: str) -> str:
        """Run deploy-workload, which must end with `code` and two lines; return what it logged."""
        return self._refused(code, self.run(self.deploy_command(run, **arguments)))

    def refuse_in_the_end(self, code: int, run: str, **arguments: str) -> str:
        """`refuse` with a start-timeout that may be over before the cluster has said what is wrong.

        As long as the workload may still start, the command succeeds, and is given again.
        """
        command = self.deploy_command(run, **arguments)

        def failed() -> Completed | None:
            done = self.run(command)
            return done if done.returncode else None

        done = wait_until(f"the refusal of {run}", failed, timeout=240, tolerate=())
        assert done
        return self._refused(code, done)

    @staticmethod
    def _refused(code: int, done: Completed) -> str:
        assert done.returncode == code, done.stderr
        assert "Traceback" not in done.stderr
        reason, hint = done.stderr.strip().splitlines()[-2:]
        assert reason.startswith("ERROR: "), done.stderr
        assert hint.startswith("  hint: "), done.stderr
        return done.stderr

    def kubectl(self, *arguments: str) -> str:
        return self.cluster.kubectl("-n", self.namespace, *arguments).stdout

    def get(self, *arguments: str) -> Any:
        return self.cluster.get("-n", self.namespace, *arguments)

    def names(self, kinds: str) -> list[str]:
        """The objects of some kinds that are not on their way out, as KIND/NAME."""
        return sorted(
            f"{item['kind']}/{item['metadata']['name']}"
            for item in self.get(kinds)["items"]
            if not item["metadata"].get("deletionTimestamp")
        )

    def add_configuration(self, imageset: str = IMAGESET) -> None:
        manifests = deployment_configmaps(
            values=None, imageset=imageset, namespace=self.namespace, commit="", source="test"
        )
        self.cluster.apply(json.dumps({"apiVersion": "v1", "kind": "List", "items": manifests}))

    def add_pull_secret(self, key: str = ".dockerconfigjson") -> None:
        auths = {"auths": {"registry.redhat.io": {"auth": base64.b64encode(b"user:password").decode()}}}
        literal = f"--from-literal={key}={json.dumps(auths)}"
        self.kubectl("create", "secret", "generic", "oc-mirror-pull-secret", literal)

    def apply(self, *manifests: dict[str, Any]) -> None:
        named = [{**m, "metadata": {**m["metadata"], "namespace": self.namespace}} for m in manifests]
        self.cluster.apply(json.dumps({"apiVersion": "v1", "kind": "List", "items": named}))


def make_lab(cluster: Cluster, namespace: str, image: str, folder: Path) -> Lab:
    """Give an account of the namespace's own what the pipeline's has in both of its, and a kubeconfig."""
    rules = [
        rule
        for document in yaml.safe_load_all((ROOT / "tekton" / "10-rbac.yaml").read_text())
        if document["kind"] == "Role" and document["metadata"]["name"] == "oc-mirror-pipeline"
        for rule in document["rules"]
    ]
    kubeconfig = make_account(cluster, namespace, folder, rules=rules)
    return Lab(cluster, namespace, image, kubeconfig)


def make_account(cluster: Cluster, namespace: str, folder: Path, *, rules: list[dict[str, Any]]) -> Path:
    """Make an account with these rights, and a kubeconfig that logs in as it."""
    meta = {"name": ACCOUNT, "namespace": namespace}
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": ACCOUNT}
    rbac = "rbac.authorization.k8s.io/v1"
    items = [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta},
        {"apiVersion": rbac, "kind": "Role", "metadata": meta, "rules": rules},
        {
            "apiVersion": rbac,
            "kind": "RoleBinding",
            "metadata": meta,
            "roleRef": reference,
            "subjects": [{"kind": "ServiceAccount", **meta}],
        },
    ]
    cluster.apply(json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))
    token = cluster.kubectl("create", "token", ACCOUNT, "-n", namespace, "--duration=2h").stdout.strip()
    config = yaml.safe_load(cluster.kubectl("config", "view", "--raw", "--minify").stdout)
    config["users"] = [{"name": ACCOUNT, "user": {"token": token}}]
    config["contexts"][0]["context"]["user"] = ACCOUNT
    path = folder / "kubeconfig.yaml"
    path.write_text(yaml.safe_dump(config))
    return path


def serve_kinds(cluster: Cluster, *definitions: dict[str, Any]) -> list[str]:
    """Have the API server serve kinds, given as CustomResourceDefinitions; return their names.

    That a definition is established is stored before every part of the API server knows of it.
    """
    cluster.apply(json.dumps({"apiVersion": "v1", "kind": "List", "items": definitions}))
    names = [str(definition["metadata"]["name"]) for definition in definitions]
    for name in names:
        cluster.kubectl("wait", f"crd/{name}", "--for=condition=Established", "--timeout=240s")
        wait_until(f"{name} to be served", partial(cluster.kubectl, "get", name), timeout=60)
    return names


@contextmanager
def granted(cluster: Cluster, namespace: str, file: Path) -> Iterator[None]:
    """Give the account the rights of a file with a ClusterRole and its binding, under names of the test's."""
    role, binding = (
        {**document, "metadata": {"name": f"test-{document['metadata']['name']}-{namespace}"}}
        for document in yaml.safe_load_all(file.read_text())
    )
    binding["roleRef"] = {**binding["roleRef"], "name": role["metadata"]["name"]}
    binding["subjects"] = [{"kind": "ServiceAccount", "name": ACCOUNT, "namespace": namespace}]
    for document in (role, binding):
        cluster.apply(json.dumps(document))
    yield
    for document in (role, binding):
        cluster.kubectl("delete", document["kind"].lower(), document["metadata"]["name"])
