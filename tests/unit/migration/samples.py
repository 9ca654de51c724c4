"""An old installation in our own words: the names and fields of the old one, nothing of its text."""

from __future__ import annotations

INFRASTRUCTURE = """
apiVersion: v1
kind: Namespace
metadata: {name: oc-mirror}
---
apiVersion: v1
kind: ServiceAccount
metadata:
  name: oc-mirror-pipeline
  namespace: oc-mirror-pipeline
  labels: {autoshift.io/component: oc-mirror}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: oc-mirror, namespace: oc-mirror, labels: {autoshift.io/component: oc-mirror}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: oc-mirror-pipeline-admin}
subjects: [{kind: ServiceAccount, name: oc-mirror-pipeline, namespace: oc-mirror-pipeline}]
roleRef: {kind: ClusterRole, name: cluster-admin, apiGroup: rbac.authorization.k8s.io}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: oc-mirror-workload, namespace: oc-mirror, labels: {autoshift.io/component: oc-mirror}}
rules: [{apiGroups: [""], resources: [configmaps, secrets], verbs: [get, list]}]
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: oc-mirror-workspace, namespace: oc-mirror-pipeline}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 200Gi}}}
"""

PIPELINES = """
apiVersion: tekton.dev/v1
kind: Pipeline
metadata: {name: oc-mirror-build-deploy, namespace: oc-mirror-pipeline}
spec: {tasks: [{name: only, taskRef: {name: oc-mirror-deploy}}]}
---
apiVersion: tekton.dev/v1
kind: Pipeline
metadata: {name: oc-mirror-deployment-pipeline, namespace: oc-mirror-pipeline}
spec: {tasks: [{name: only, taskRef: {name: get-current-image}}]}
---
apiVersion: tekton.dev/v1
kind: Task
metadata: {name: oc-mirror-deploy, namespace: oc-mirror-pipeline}
spec: {steps: [{name: only, image: "example.com/cli:1"}]}
---
apiVersion: tekton.dev/v1
kind: Task
metadata: {name: get-current-image, namespace: oc-mirror-pipeline}
spec: {steps: [{name: only, image: "example.com/cli:1"}]}
"""

TRIGGER = """
apiVersion: triggers.tekton.dev/v1beta1
kind: TriggerTemplate
metadata: {name: oc-mirror-trigger-template, namespace: oc-mirror-pipeline}
spec:
  params: [{name: git-revision, default: main}]
  resourcetemplates:
    - apiVersion: tekton.dev/v1
      kind: PipelineRun
      metadata: {generateName: oc-mirror-webhook-}
      spec:
        pipelineRef: {name: oc-mirror-build-deploy}
        params:
          - {name: git-revision, value: $(tt.params.git-revision)}
          - {name: deploy-mode, value: job}
---
apiVersion: triggers.tekton.dev/v1beta1
kind: EventListener
metadata: {name: oc-mirror-event-listener, namespace: oc-mirror-pipeline}
spec:
  serviceAccountName: oc-mirror-pipeline
  triggers: [{name: push, template: {ref: oc-mirror-trigger-template}}]
"""

RUN = """
apiVersion: tekton.dev/v1
kind: PipelineRun
metadata: {name: oc-mirror-nightly, namespace: oc-mirror-pipeline}
spec:
  serviceAccountName: oc-mirror-pipeline
  pipelineRef: {name: oc-mirror-build-deploy}
  params:
    - {name: git-url, value: "https://git.example.com/fleet.git"}
    - {name: git-revision, value: release}
    - {name: image, value: "registry.example.com/mirror/oc-mirror:latest"}
    - {name: values-file, value: values.sbx.yaml}
    - {name: deploy-mode, value: cronjob}
    - {name: schedule, value: "@daily"}
    - {name: workflow, value: mirror-to-disk}
    - {name: imageset-config, value: test-imageset.yaml}
"""

IMAGESET = """
kind: ImageSetConfiguration
apiVersion: mirror.openshift.io/v1alpha2
storageConfig: {local: {path: ./mirror}}
mirror:
  operators:
    - catalog: registry.redhat.io/redhat/redhat-operator-index:v4.18
      packages: [{name: quay-operator}]
"""


def indented(text: str, by: int = 4) -> str:
    return "\n".join(f"{' ' * by}{line}" for line in text.strip().splitlines())


WORKLOADS = f"""
apiVersion: v1
kind: ConfigMap
metadata:
  name: oc-mirror-config
  namespace: oc-mirror
  annotations: {{autoshift.io/values-file: autoshift/values.hub.yaml}}
data:
  values.yaml: "hubClusterSets: {{}}"
  imageset.yaml: |
{indented(IMAGESET)}
---
apiVersion: v1
kind: ConfigMap
metadata: {{name: oc-mirror-images, namespace: oc-mirror-pipeline}}
data: {{image-url: "registry.example.com/mirror/oc-mirror:latest"}}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {{name: oc-mirror-content, namespace: oc-mirror}}
spec: {{accessModes: [ReadWriteOnce], storageClassName: fast, resources: {{requests: {{storage: 100Gi}}}}}}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {{name: oc-mirror-cache, namespace: oc-mirror}}
spec: {{accessModes: [ReadWriteOnce], storageClassName: fast, resources: {{requests: {{storage: 50Gi}}}}}}
---
apiVersion: batch/v1
kind: CronJob
metadata: {{name: oc-mirror-cronjob, namespace: oc-mirror}}
spec:
  schedule: "0 2 * * 0"
  timeZone: Europe/Berlin
  suspend: true
  jobTemplate:
    spec:
      template:
        spec:
          restartPolicy: Never
          serviceAccountName: oc-mirror
          containers:
            - name: oc-mirror
              image: registry.example.com/mirror/oc-mirror:latest
              args:
                - workflow-direct
                - --values-file
                - /config/values.yaml
                - --since
                - "2025-09-20"
                - -r
                - docker://r.example.com/m
                - --dry-run
              resources: {{limits: {{memory: 8Gi}}}}
          volumes:
            - {{name: config, configMap: {{name: oc-mirror-config}}}}
            - {{name: content, persistentVolumeClaim: {{claimName: oc-mirror-content}}}}
            - {{name: cache, persistentVolumeClaim: {{claimName: oc-mirror-cache}}}}
"""

BROKEN = "kind: Task\nspec:\n  script: |\n    cat << EOF\nnot: [indented\nEOF\n"

FILES = {
    "infrastructure.yaml": INFRASTRUCTURE,
    "pipelines.yaml": PIPELINES,
    "triggers.yaml": TRIGGER,
    "run.yaml": RUN,
    "workloads.yml": WORKLOADS,
    "imageset-test.yaml": IMAGESET,
    "task-broken.yaml": BROKEN,
    "pod.yaml": "apiVersion: v1\nkind: Pod\nmetadata: {name: trial, namespace: oc-mirror-pipeline}\n",
    "README.md": "no manifest",
}
