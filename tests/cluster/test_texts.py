"""Any text that a user or oc-mirror writes is stored as it is."""

from __future__ import annotations

import pytest

from steps.cluster import Cluster as Client
from tests.testbed.client import Cluster

TEXTS = {
    "an emoji": "👋 Hello",
    "letters": "größer, 東京, 🜁",
    "what YAML does not take unescaped": "\x00 \x1b[0m \x7f \x85 \u2028 \ufeff \ufffe \uffff",
    "what looks like an escape": r"\ud83d\udc4b \\u0041 \n",
    "lines": "a\r\n\tb\n",
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_a_text_is_stored_as_it_is(
    cluster: Cluster, namespace: str, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # $KUBECONFIG counts only until the library is first imported, which another test may have done.
    path = str(cluster.kubeconfig)
    monkeypatch.setattr("kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", path)
    metadata = {"name": "texts", "namespace": namespace}
    Client.connect().apply(
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"text": text}}
    )
    assert cluster.get("configmap", "texts", "-n", namespace)["data"] == {"text": text}
