"""A user's own registries.conf, policy.json and registries.d: checked before the run, and followed by it."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from steps.mirroring.ocmirror import registries_config
from tests.standin import manners
from tests.standin.moody import Moody
from tests.standin.oc_mirror import Image, Registry
from tests.standin.signing import sign, tag_of
from tests.unit.mirroring.conftest import Place, real_only, serve_registry

Has = Callable[[str, str], bool]


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("registries.conf", "[[registry]\n", "is not TOML"),
        ("registries.conf", "[registries.search]\nregistries = ['x']\n", "the format of version 1"),
        ("registries.conf", "[[registry]]\ninsecure = true\n", "neither prefix nor location"),
        (
            "registries.conf",
            "[[registry]]\nprefix = 'a.example'\n[[registry.mirror]]\n",
            "without a location",
        ),
        ("registries.conf", "registry = 'a'\n", "no list of tables"),
        ("policy.json", "{", "is not JSON"),
        ("policy.json", "{}", "needs 'default'"),
        ("policy.json", '{"default": [{"type": "reject"}], "other": 1}', "'default' and 'transports' only"),
        ("policy.json", '{"default": [{"type": "reject"}], "transports": {"docker": {"a": []}}}', "for 'a'"),
        ("a.yaml", "docker: [", "is not YAML"),
        ("a.yaml", "docker: [1]", "no map of namespaces"),
        ("a.yaml", "dokker: {}", "default-docker and docker only"),
        ("a.yaml", "docker: {a.example: {look: x}}", "other fields for 'a.example'"),
        ("a.yaml", "default-docker: {use-sigstore-attachments: maybe}", "neither true nor false"),
        ("a.yml", "", "known are registries.conf, policy.json, and NAME.yaml"),
        ("auth.json", "{}", "known are registries.conf, policy.json, and NAME.yaml"),
        ("a.yaml", "x" * 1_100_000, "is larger than"),
        ("policy.json", "[" * 100_000, "is not JSON"),
    ],
)
def test_what_would_fail_hours_later_is_refused(name: str, text: str, words: str) -> None:
    _found, problems = registries_config.check({name: text}, "ConfigMap mine")
    assert len(problems) == 1
    assert problems[0].startswith(f"ConfigMap mine: {name} ")
    assert words in problems[0]


def test_two_files_that_name_the_same_are_refused() -> None:
    same = "docker: {a.example: {use-sigstore-attachments: true}}"
    _found, problems = registries_config.check({"a.yaml": same, "b.yaml": same}, "it")
    assert problems == ["it: b.yaml names 'a.example', as a.yaml does"]


CONF = """
[[registry]]
prefix = "quay.io/team"
location = "quay.io/team"
[[registry.mirror]]
location = "mirror.example/quay/team"
[[registry]]
prefix = "closed.example"
blocked = true
[[registry]]
prefix = "*.example.org"
location = "one.example"
"""


@pytest.mark.parametrize(
    ("name", "places"),
    [
        ("quay.io/team/app", ["mirror.example/quay/team/app", "quay.io/team/app"]),
        ("quay.io/teams/app", ["quay.io/teams/app"]),
        ("closed.example/app", []),
        ("other.example/app", ["other.example/app"]),
    ],
)
def test_registries_conf_says_from_where_an_image_is_read(name: str, places: list[str]) -> None:
    found, problems = registries_config.check({"registries.conf": CONF}, "it")
    assert not problems
    assert found.places(name) == places


@pytest.fixture
def config(tmp_path: Path) -> Callable[..., str]:
    """Writes a folder of these files and returns the argument for it."""

    def write(**files: str) -> str:
        folder = tmp_path / "config"
        folder.mkdir()
        for name, text in files.items():
            (folder / name.replace("_", ".")).write_text(text)
        return f"--registries-config={folder}"

    return write


def test_a_wrong_file_is_told_before_the_run(direct: Place, config: Callable[..., str]) -> None:
    ran = direct.mirror(config(policy_json="{}", registries_conf="[", extra_txt=""))
    assert ran.returncode == 2
    for name in ("policy.json needs", "registries.conf is not TOML", "extra.txt is not one of its files"):
        assert name in ran.stderr


def test_a_key_that_is_not_there_is_named(direct: Place, config: Callable[..., str], tmp_path: Path) -> None:
    (tmp_path / "variables").mkdir()
    (tmp_path / "variables" / "OCP_SIGNATURE_VERIFICATION_PK").write_text("/nowhere/key.pgp")
    signed = [{"type": "signedBy", "keyType": "GPGKeys", "keyPath": "/nowhere/key.gpg"}]
    policy = {"default": [{"type": "reject"}], "transports": {"docker": {"a.example": signed}}}
    ran = direct.mirror(config(policy_json=json.dumps(policy)), f"--environment={tmp_path / 'variables'}")
    assert ran.returncode == 2
    assert "policy.json names /nowhere/key.gpg, which is not there" in ran.stderr
    assert "OCP_SIGNATURE_VERIFICATION_PK names /nowhere/key.pgp, which is not there" in ran.stderr


def test_a_folder_that_is_not_there_is_named(direct: Place, tmp_path: Path) -> None:
    for name in ("registries-config", "environment"):
        ran = direct.mirror(f"--{name}={tmp_path / 'nothing'}")
        assert ran.returncode == 4
        assert f"{name}: there is no folder" in ran.stderr


@pytest.fixture
def own_source(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Moody]:
    """A registry with one signed image, team/app:v1."""
    with serve_registry(tmp_path_factory.mktemp("own")) as host, Moody(host) as moody:
        image = Image(f"{moody.host}/team/app:v1", "additional", "team/app", "v1")
        server = Registry(host, verify=False)
        server.check()
        server.push(image, "team/app")
        sign(server, "team/app", image)
        yield moody


def signature_of(host: str) -> str:
    return f"team/app:{tag_of(Image(f'{host}/team/app:v1', 'additional', 'team/app', 'v1'))}"


@pytest.mark.parametrize("copied", ["true", "false"])
def test_registries_d_of_the_user_wins(
    copied: str,
    own_source: Moody,
    direct: Place,
    target: str,
    has: Has,
    config: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("STANDIN_SIGNATURES", "true")
    direct.host = own_source.host
    direct.names("team/app:v1")
    rules = f"docker:\n  {own_source.host}:\n    use-sigstore-attachments: {copied}\n"
    ran = direct.mirror(config(mine_yaml=rules))
    assert ran.returncode == 0, ran.stderr
    assert has(target, signature_of(own_source.host)) is (copied == "true")


@real_only
def test_a_mirror_of_the_source_is_read_and_its_signatures_too(
    own_source: Moody, direct: Place, target: str, has: Has, config: Callable[..., str], tmp_path: Path
) -> None:
    direct.host = "closed.example"
    direct.names("team/app:v1")
    authfile = tmp_path / "auth.json"
    authfile.write_text('{"auths": {}}')
    conf = f"""
[[registry]]
prefix = "closed.example"
location = "closed.example"
blocked = true
[[registry.mirror]]
location = "{own_source.host}"
insecure = true
"""
    ran = direct.mirror(config(registries_conf=conf), f"--authfile={authfile}")
    assert ran.returncode == 0, ran.stderr
    assert has(target, "team/app:v1")
    assert has(target, signature_of(own_source.host))


@real_only
@pytest.mark.parametrize("workflow", ["direct", "to-disk"])
def test_a_policy_decides_what_may_be_read(
    workflow: str, own_source: Moody, direct: Place, connected: Place, config: Callable[..., str]
) -> None:
    place = direct if workflow == "direct" else connected
    place.host = own_source.host
    place.names("team/app:v1")
    scopes = {own_source.host: [{"type": "insecureAcceptAnything"}]}
    policy = {"default": [{"type": "reject"}], "transports": {"docker": scopes}}
    argument = config(policy_json=json.dumps(policy))
    ran = place.mirror(argument)
    assert ran.returncode == 0, ran.stderr
    path = Path(argument.partition("=")[2]) / "policy.json"
    path.write_text(json.dumps({"default": [{"type": "reject"}]}))
    ran = place.mirror(argument)
    assert ran.returncode == 8
    assert "rejected by policy" in ran.stderr


class _Graph(http.server.BaseHTTPRequestHandler):
    asked: list[str] = []  # noqa: RUF012

    def do_GET(self) -> None:
        self.asked.append(self.path)
        self.send_response(404)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_arguments: object) -> None: ...


@pytest.fixture
def graph() -> Iterator[str]:
    _Graph.asked.clear()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Graph) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/graph"
        server.shutdown()
        thread.join()


def test_what_we_ask_and_what_oc_mirror_asks_is_in_the_same_environment(
    direct: Place, tmp_path: Path, graph: str
) -> None:
    variables = tmp_path / "variables"
    variables.mkdir()
    (variables / "UPDATE_URL_OVERRIDE").write_text(f"{graph}\n")
    channels = "  platform:\n    channels:\n    - name: stable-4.18\n"
    head = "kind: ImageSetConfiguration\napiVersion: mirror.openshift.io/v2alpha1\nmirror:\n"
    direct.imageset.write_text(head + channels)
    direct.mirror(f"--environment={variables}", "--skip-unchanged=true")
    assert any("channel=stable-4.18" in path for path in _Graph.asked)


def test_a_variable_that_is_not_let_through_is_refused(direct: Place, tmp_path: Path) -> None:
    (tmp_path / "LD_PRELOAD").write_text("/x.so")
    ran = direct.mirror(f"--environment={tmp_path}")
    assert ran.returncode == 2
    assert "environment: LD_PRELOAD is no variable that is let through" in ran.stderr


def test_no_source_is_asked_that_the_user_has_decided_on(
    own_source: Moody, direct: Place, config: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STANDIN_SIGNATURES", "true")
    own_source.manners = [manners.has_no_signatures]
    direct.host = own_source.host
    direct.names("team/app:v1")
    rules = f"docker:\n  {own_source.host}:\n    use-sigstore-attachments: false\n"
    ran = direct.mirror(config(mine_yaml=rules))
    assert ran.returncode == 0, ran.stderr
    assert not any(".sig" in path for _method, path in own_source.asked)
