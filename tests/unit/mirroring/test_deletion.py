"""workflow-delete-generate and -execute, against a real registry: what goes, what stays, what is refused."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from steps.imageset.imageset import ImageSet
from steps.mirroring.ocmirror.output import Reading
from steps.mirroring.store import Store
from steps.mirroring.store.inventory import InventoryEntry, InventoryImage
from steps.mirroring.workflows import deletion_plan, v1_tags
from steps.mirroring.workflows.inspection import References, RepositoryContent, decide
from steps.oci.access import Access
from tests.standin.moody import Moody
from tests.standin.oc_mirror import Image, Registry
from tests.unit.mirroring.conftest import Place

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
GENERATE, EXECUTE = "--workflow=workflow-delete-generate", "--workflow=workflow-delete-execute"


def digest_of(target: str, image: str) -> str:
    """The digest that REPOSITORY:TAG has in a target, empty where it is not there."""
    repository, _, tag = image.rpartition(":")
    answer = call("HEAD", target, f"{repository}/manifests/{tag}")
    return answer.headers["Docker-Content-Digest"] if answer.ok else ""


def is_there(target: str, repository: str, digest: str) -> bool:
    return call("HEAD", target, f"{repository}/manifests/{digest}").ok


def call(method: str, target: str, path: str, **more: Any) -> requests.Response:
    host, _, prefix = target.partition("/")
    headers = {"Accept": f"{MANIFEST}, {INDEX}", **more.pop("headers", {})}
    return requests.request(method, f"http://{host}/v2/{prefix}/{path}", headers=headers, timeout=10, **more)


def tag_again(target: str, image: str, tag: str) -> None:
    """Let another tag mean the manifest of REPOSITORY:TAG."""
    repository, _, name = image.rpartition(":")
    manifest = call("GET", target, f"{repository}/manifests/{name}")
    again = call(
        "PUT",
        target,
        f"{repository}/manifests/{tag}",
        data=manifest.content,
        headers={"Content-Type": manifest.headers["Content-Type"]},
    )
    again.raise_for_status()


def list_in_index(target: str, image: str, tag: str) -> str:
    """Push an index as REPOSITORY:tag that lists the manifest of REPOSITORY:TAG; its digest."""
    repository, _, name = image.rpartition(":")
    manifest = call("GET", target, f"{repository}/manifests/{name}")
    entry = {
        "mediaType": MANIFEST,
        "digest": manifest.headers["Docker-Content-Digest"],
        "size": len(manifest.content),
        "platform": {"os": "linux", "architecture": "amd64"},
    }
    index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [entry]}
    call(
        "PUT",
        target,
        f"{repository}/manifests/{tag}",
        data=json.dumps(index),
        headers={"Content-Type": INDEX},
    ).raise_for_status()
    return digest_of(target, f"{repository}:{tag}")


@pytest.fixture
def moved_on(direct: Place) -> Place:
    """A target that has v1 and v2 of an image, its ImageSet v2 only."""
    assert direct.mirror().returncode == 0
    direct.names("team/app:v2", "team/db:v1")
    assert direct.mirror().returncode == 0
    return direct


def plan_of(place: Place) -> dict[str, Any]:
    plan: dict[str, Any] = json.loads((place.data / "removal" / "plan.json").read_text())
    return plan


def approved(place: Place) -> str:
    content = (place.data / "removal" / "plan.json").read_bytes()
    return f"--approved-plan-sha256={deletion_plan.sha256(content)}"


def test_what_no_imageset_needs_goes_and_what_is_needed_stays(moved_on: Place, target: str) -> None:
    old, new, shared = (digest_of(target, one) for one in ("team/app:v1", "team/app:v2", "team/db:v1"))
    ran = moved_on.mirror(GENERATE)
    assert ran.returncode == 0, ran.stderr
    plan = plan_of(moved_on)
    assert [one["origin"].rpartition("/")[2] for one in plan["images"]] == ["app:v1"]
    assert plan["manifests"] == [{"repository": "team/app", "digest": old, "tags": ["v1"]}]
    assert plan["counts"]["additional"] == 1
    assert "nothing was deleted" in ran.stderr
    assert is_there(target, "team/app", old)
    ran = moved_on.mirror(EXECUTE, approved(moved_on))
    assert ran.returncode == 0, ran.stderr
    assert not is_there(target, "team/app", old)
    assert is_there(target, "team/app", new)
    assert is_there(target, "team/db", shared)
    assert "garbage" in ran.stderr
    report = json.loads(next((moved_on.data / "removal").glob("report-*.json")).read_text())
    assert report["deleted"] == 1


def test_a_plan_is_carried_out_once(moved_on: Place) -> None:
    assert moved_on.mirror(GENERATE).returncode == 0
    hash_given = approved(moved_on)
    assert moved_on.mirror(EXECUTE, hash_given).returncode == 0
    ran = moved_on.mirror(EXECUTE, hash_given)
    assert ran.returncode == 0, ran.stderr
    assert "carried out before" in ran.stderr
    ran = moved_on.mirror(GENERATE)
    assert "holds nothing that could go" in ran.stderr


def test_only_the_approved_plan_is_carried_out(moved_on: Place, target: str) -> None:
    assert moved_on.mirror(GENERATE).returncode == 0
    ran = moved_on.mirror(EXECUTE, f"--approved-plan-sha256={'0' * 64}")
    assert ran.returncode == 19
    assert "approved is 000" in ran.stderr
    path = moved_on.data / "removal" / "plan.json"
    hash_given = approved(moved_on)
    path.write_text(path.read_text().replace("team/app", "team/db"))
    assert moved_on.mirror(EXECUTE, hash_given).returncode == 19
    assert digest_of(target, "team/db:v1")
    assert digest_of(target, "team/app:v1")


def test_without_a_plan_it_says_how_to_make_one(moved_on: Place) -> None:
    ran = moved_on.mirror(EXECUTE, f"--approved-plan-sha256={'0' * 64}")
    assert ran.returncode == 4
    assert "workflow-delete-generate" in ran.stderr


def test_a_dry_run_of_the_execution_only_lists(moved_on: Place, target: str) -> None:
    assert moved_on.mirror(GENERATE).returncode == 0
    ran = moved_on.mirror(EXECUTE, approved(moved_on), "--dry-run=true")
    assert ran.returncode == 0, ran.stderr
    assert f"team/app@{digest_of(target, 'team/app:v1')} v1" in ran.stderr
    assert (moved_on.data / "removal" / "plan.json").exists()


def test_a_plan_is_outdated_by_another_imageset(moved_on: Place, target: str) -> None:
    assert moved_on.mirror(GENERATE).returncode == 0
    moved_on.names("team/app:v1", "team/db:v1")
    ran = moved_on.mirror(EXECUTE, approved(moved_on))
    assert ran.returncode == 19
    assert f"outdated: {moved_on.imageset} is not what it was" in ran.stderr
    assert digest_of(target, "team/app:v1")


def test_a_comment_in_the_imageset_does_not_outdate_a_plan(moved_on: Place) -> None:
    assert moved_on.mirror(GENERATE).returncode == 0
    moved_on.imageset.write_text(moved_on.imageset.read_text() + "# a comment\narchiveSize: 4\n")
    assert moved_on.mirror(EXECUTE, approved(moved_on)).returncode == 0


def test_a_plan_is_outdated_by_the_next_run(moved_on: Place, target: str) -> None:
    assert moved_on.mirror(GENERATE).returncode == 0
    assert moved_on.mirror().returncode == 0
    ran = moved_on.mirror(EXECUTE, approved(moved_on))
    assert ran.returncode == 19
    assert "was mirrored to since" in ran.stderr
    assert digest_of(target, "team/app:v1")


def test_a_plan_is_of_one_target(moved_on: Place, target: str) -> None:
    assert moved_on.mirror(f"--target-registry={target}/other").returncode == 0
    assert moved_on.mirror(GENERATE).returncode == 0
    ran = moved_on.mirror(EXECUTE, approved(moved_on), f"--target-registry={target}/other")
    assert ran.returncode == 19
    assert "not for" in ran.stderr


def test_an_imageset_that_was_never_mirrored_makes_no_plan(moved_on: Place) -> None:
    moved_on.names("team/db:v1")
    ran = moved_on.mirror(GENERATE)
    assert ran.returncode == 5
    assert "was not mirrored" in ran.stderr


def test_a_target_without_a_record_makes_no_plan(moved_on: Place, target: str) -> None:
    ran = moved_on.mirror(GENERATE, f"--target-registry={target}/never")
    assert ran.returncode == 4


def test_a_further_imageset_keeps_what_it_needs(direct: Place, target: str) -> None:
    assert direct.mirror().returncode == 0
    first = direct.imageset.with_name("first.yaml")
    first.write_text(direct.imageset.read_text())
    direct.names("team/app:v2")
    assert direct.mirror().returncode == 0
    ran = direct.mirror(GENERATE, f"--also-imageset={first}")
    assert ran.returncode == 0, ran.stderr
    assert "holds nothing that could go" in ran.stderr
    ran = direct.mirror(GENERATE)
    assert plan_of(direct)["counts"]["images"] == 2
    ran = direct.mirror(EXECUTE, approved(direct), f"--also-imageset={first}")
    assert ran.returncode == 19
    assert digest_of(target, "team/db:v1")


def test_what_was_needed_of_late_stays(moved_on: Place) -> None:
    ran = moved_on.mirror(GENERATE, "--older-than=1d")
    assert "holds nothing that could go" in ran.stderr


def test_a_manifest_that_a_foreign_tag_shares_stays(moved_on: Place, target: str) -> None:
    tag_again(target, "team/app:v1", "somebody-elses")
    ran = moved_on.mirror(GENERATE)
    assert ran.returncode == 0, ran.stderr
    [kept] = plan_of(moved_on)["kept"]
    assert kept["because"] == "its tag somebody-elses is not of these images"
    assert plan_of(moved_on)["manifests"] == []


def test_a_manifest_that_a_kept_index_lists_stays(moved_on: Place, target: str) -> None:
    index = list_in_index(target, "team/app:v1", "multi")
    assert moved_on.mirror(GENERATE).returncode == 0
    [kept] = plan_of(moved_on)["kept"]
    assert kept["because"] == f"{index} lists it, and stays"


def test_an_index_goes_with_what_it_alone_lists(moved_on: Place, target: str) -> None:
    single = digest_of(target, "team/app:v1")
    index = list_in_index(target, "team/app:v1", "v1")
    assert moved_on.mirror(GENERATE).returncode == 0
    assert [one["digest"] for one in plan_of(moved_on)["manifests"]] == [index, single]
    assert moved_on.mirror(EXECUTE, approved(moved_on)).returncode == 0
    assert not is_there(target, "team/app", index)
    assert not is_there(target, "team/app", single)


def test_a_tag_added_after_the_plan_stops_its_execution(moved_on: Place, target: str) -> None:
    assert moved_on.mirror(GENERATE).returncode == 0
    tag_again(target, "team/app:v1", "somebody-elses")
    ran = moved_on.mirror(EXECUTE, approved(moved_on))
    assert ran.returncode == 19
    assert "but by now its tag somebody-elses is not of these images" in ran.stderr
    assert digest_of(target, "team/app:v1")


def test_a_signature_goes_with_its_image(moved_on: Place, target: str) -> None:
    old, new = digest_of(target, "team/app:v1"), digest_of(target, "team/app:v2")
    list_in_index(target, "team/app:v1", f"{old.replace(':', '-')}.sig")
    list_in_index(target, "team/app:v2", f"{new.replace(':', '-')}.sig")
    assert moved_on.mirror(GENERATE).returncode == 0
    assert moved_on.mirror(EXECUTE, approved(moved_on)).returncode == 0
    assert not digest_of(target, f"team/app:{old.replace(':', '-')}.sig")
    assert digest_of(target, f"team/app:{new.replace(':', '-')}.sig")


def deletes_slowly(place: Place, target: str, registry: Moody) -> None:
    """Lead a place to its target by way of a registry in which each deletion takes a moment."""
    place.arguments[1] = f"--target-registry={registry.host}/{target.partition('/')[2]}"
    registry.mood = lambda method, _path: 0.25 if method == "DELETE" else None


def test_killed_in_the_middle_and_run_again_it_ends_the_same(
    direct: Place, target: str, moody_target: Moody
) -> None:
    deletes_slowly(direct, target, moody_target)
    old = [f"team/app:v{number}" for number in range(1, 31)]
    direct.names(*old)
    assert direct.mirror().returncode == 0
    direct.names("team/app:v40", "team/db:v1")
    assert direct.mirror().returncode == 0
    assert direct.mirror(GENERATE).returncode == 0
    hash_given = approved(direct)
    process = direct.start(EXECUTE, hash_given)
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("deleted "):
            process.send_signal(signal.SIGKILL)
            break
    process.communicate()
    moody_target.mood = lambda _method, _path: None
    left = [image for image in old if digest_of(target, image)]
    assert left
    assert len(left) < len(old)
    ran = direct.mirror(EXECUTE, hash_given)
    assert ran.returncode == 0, ran.stderr
    assert re.search(r"deleted \d+ manifests .*\(\d+ were gone before\)", ran.stderr)
    assert not any(digest_of(target, image) for image in old)
    assert digest_of(target, "team/app:v40")
    assert digest_of(target, "team/db:v1")


def test_on_the_side_of_the_archives_earlier_generations_go(
    three: Place, disconnected: Place, target: str
) -> None:
    (disconnected.data / "generations").mkdir(parents=True)
    for folder in (three.data / "generations").iterdir():
        (disconnected.data / "generations" / folder.name).symlink_to(folder)
    assert disconnected.mirror().returncode == 0
    assert disconnected.mirror(GENERATE).returncode == 0
    assert disconnected.mirror(EXECUTE, approved(disconnected)).returncode == 0
    assert [bool(digest_of(target, f"team/app:v{number}")) for number in (1, 2, 3)] == [False, False, True]


class _KeepsAll(BaseHTTPRequestHandler):
    """A registry that has every image and deletes none, as docker-registry does where nobody allowed it."""

    def do_GET(self) -> None:
        body = b'{"tags": ["v1", "v2"]}'
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_HEAD(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", MANIFEST)
        number = self.path[-1] if self.path[-2] == "v" else "1"
        self.send_header("Docker-Content-Digest", f"sha256:{number * 64}")
        self.end_headers()

    def do_DELETE(self) -> None:
        self.send_response(405)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *arguments: object) -> None:
        """Be silent."""


@pytest.fixture
def keeps_all() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _KeepsAll) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_registry_that_does_not_delete_is_named(direct: Place, keeps_all: str) -> None:
    for version in ("v1", "v2"):
        direct.names(f"team/app:{version}")
        reading = Reading()
        reading.feed(f"Success copying {direct.host}/team/app:{version} ➡️ {keeps_all}/team/")
        imageset = ImageSet.recorded(direct.imageset.read_bytes(), "imageset.yaml")
        Store(direct.data).inventory.add(reading, target=keeps_all, imageset=imageset)
    where = f"--target-registry={keeps_all}"
    assert direct.mirror(GENERATE, where).returncode == 0
    ran = direct.mirror(EXECUTE, where, approved(direct))
    assert ran.returncode == 6
    assert "does not delete (HTTP 405)" in ran.stderr
    assert (direct.data / "removal" / "plan.json").exists()


def test_sigterm_ends_it_within_a_moment_and_the_next_run_goes_on(
    direct: Place, target: str, moody_target: Moody
) -> None:
    deletes_slowly(direct, target, moody_target)
    old = [f"team/app:v{number}" for number in range(1, 41)]
    direct.names(*old)
    assert direct.mirror().returncode == 0
    direct.names("team/db:v1")
    assert direct.mirror().returncode == 0
    assert direct.mirror(GENERATE).returncode == 0
    process = direct.start(EXECUTE, approved(direct))
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("deleted "):
            process.send_signal(signal.SIGTERM)
            break
    process.communicate(timeout=60)
    moody_target.mood = lambda _method, _path: None
    assert process.returncode == 143
    assert any(digest_of(target, image) for image in old)
    assert direct.mirror(EXECUTE, approved(direct)).returncode == 0
    assert not any(digest_of(target, image) for image in old)


class _ByTwo(_KeepsAll):
    """A registry that tells its tags in pages, as Quay does."""

    def do_GET(self) -> None:
        more = "last=b" not in self.path
        body = json.dumps({"tags": ["a", "b"] if more else ["c"]}).encode()
        self.send_response(200)
        if more:
            self.send_header("Link", '</v2/team/app/tags/list?n=2&last=b>; rel="next"')
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def test_tags_are_read_to_the_last_page() -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), _ByTwo) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        with Access().open(f"127.0.0.1:{server.server_port}/team/app") as repository:
            assert repository.tags() == ["a", "b", "c"]
        server.shutdown()


@pytest.mark.parametrize("workflow", ["delete-generate", "delete-execute", "cleanup"])
def test_it_is_never_done_on_a_schedule(moved_on: Place, workflow: str) -> None:
    ran = moved_on.mirror(f"--workflow=workflow-{workflow}", "--schedule=0 2 * * *")
    assert ran.returncode == 2
    assert "is done once, not on a schedule" in ran.stderr


def test_the_execution_needs_an_approval(moved_on: Place) -> None:
    ran = moved_on.mirror(EXECUTE)
    assert ran.returncode == 2
    assert "needs approved-plan-sha256" in ran.stderr


def test_an_incomplete_record_makes_no_plan(moved_on: Place, target: str) -> None:
    folder = Store(moved_on.data).inventory.folder(target)
    for path in folder.iterdir():
        path.write_text(path.read_text().replace('"complete": true', '"complete": false'))
    ran = moved_on.mirror(GENERATE)
    assert ran.returncode == 5
    assert "does not say all that it copied" in ran.stderr


def test_a_clock_set_back_does_not_make_the_last_run_an_old_one(direct: Place, target: str) -> None:
    assert direct.mirror().returncode == 0
    store = Store(direct.data)
    [path] = store.inventory.folder(target).iterdir()
    future = f"{datetime.now(UTC) + timedelta(days=9):%Y-%m-%dT%H:%M:%SZ}"
    path.write_text(re.sub(r'"finished": "[^"]*"', f'"finished": "{future}"', path.read_text()))
    direct.names("team/app:v2", "team/db:v1")
    assert direct.mirror().returncode == 0
    assert [len(entry.images) for entry in store.inventory.of(target)] == [2, 2]
    assert {place for image in store.inventory.of(target)[-1].images for place in image.places} == {
        "team/app:v2",
        "team/db:v1",
    }


def test_nightly_runs_of_one_imageset_leave_one_record(direct: Place, target: str) -> None:
    for _night in range(3):
        assert direct.mirror().returncode == 0
    assert len(Store(direct.data).inventory.of(target)) == 1


# --- the decision itself ---


def test_content_that_two_releases_share_stays_until_both_go() -> None:
    contents = RepositoryContent(
        tags={"4.18.1-x86_64-a": "sha256:a", "4.18.2-x86_64-a": "sha256:a", "4.18.1-x86_64-b": "sha256:b"},
        children={},
        present=frozenset({"sha256:a", "sha256:b"}),
    )
    references = References(candidates={"sha256:a", "sha256:b"})
    decision = decide("openshift/release", contents, references, releases=["4.18.1-x86_64"])
    assert [deletion.digest for deletion in decision.deletions] == ["sha256:b"]
    decision = decide("openshift/release", contents, references, releases=["4.18.1-x86_64", "4.18.2-x86_64"])
    assert {deletion.digest for deletion in decision.deletions} == {"sha256:a", "sha256:b"}


names = st.sampled_from("abcdef")


@given(
    tags=st.dictionaries(names, names),
    children=st.dictionaries(names, st.lists(names, max_size=3).map(tuple)),
    doomed=st.sets(names),
    needed=st.sets(names),
)
def test_nothing_needed_ever_goes(
    tags: dict[str, str], children: dict[str, tuple[str, ...]], doomed: set[str], needed: set[str]
) -> None:
    digests = {tag: f"sha256:{name}" for tag, name in tags.items()}
    lists = {f"sha256:{one}": tuple(f"sha256:{child}" for child in many) for one, many in children.items()}
    decision = decide(
        "team/app", RepositoryContent(digests, lists), References(candidates=doomed - needed, needed=needed)
    )
    going = [deletion.digest for deletion in decision.deletions]
    staying = {digest for tag, digest in digests.items() if tag not in doomed - needed}
    assert len(going) == len(set(going))
    assert not staying & set(going)
    assert not {child for digest in staying for child in lists.get(digest, ())} & set(going)


def test_an_image_is_as_old_as_the_last_run_that_needed_it() -> None:
    image = InventoryImage(origin="r.example.com/a:v1", kind="additional", places=("a:v1",))
    now = datetime(2026, 11, 23, tzinfo=UTC)
    run = InventoryEntry(target="t", imageset="1", finished="2026-01-01T00:00:00Z", images=(image,))
    again = run.changed(imageset="2", finished="2026-11-01T00:00:00Z")
    ninety = timedelta(days=90)
    assert deletion_plan.candidates([run], [], older_than=ninety, now=now)
    assert not deletion_plan.candidates([run, again], [], older_than=ninety, now=now)
    assert (
        deletion_plan.candidates([run, again], [], older_than=None, now=now)[0].last_needed == again.finished
    )
    assert not deletion_plan.candidates([run, again], [image], older_than=None, now=now)


@pytest.mark.parametrize(("text", "expected"), [("", 0x811C9DC5), ("a", 0xE40C292C), ("foobar", 0xBF9CF968)])
def test_the_hash_is_that_of_gos_library(text: str, expected: int) -> None:
    assert v1_tags.fnv32a(text.encode()) == expected


def recorded(place: Place, target: str, *names: str) -> None:
    """Let the ImageSet name these images, and the inventory say that a run brought them."""
    head = "kind: ImageSetConfiguration\napiVersion: mirror.openshift.io/v2alpha1\nmirror:\n"
    lines = "".join(f"  - name: {name}\n" for name in names)
    place.imageset.write_text(f"{head}  additionalImages:\n{lines}")
    reading = Reading(copied=dict.fromkeys(names, f"{target}/team/"), copies=len(names))
    imageset = ImageSet.parse(place.imageset.read_bytes(), str(place.imageset))
    Store(place.data).inventory.add(reading, target=target, imageset=imageset)


def test_tags_of_oc_mirror_v1_go_with_their_image_where_asked(direct: Place, target: str) -> None:
    host, _, prefix = target.partition("/")
    registry = Registry(host, verify=False)
    registry.check()
    old, other = (Image(f"r.example.com/team/app:{name}", "additional", "team/app", name) for name in "ab")
    for image in (old, other):
        image.tag = image.manifest.replace(":", "-")
        registry.push(image, f"{prefix}/team/app")
    tag_again(target, f"team/app:{old.tag}", "latest")
    recorded(
        direct, target, f"r.example.com/team/app@{old.manifest}", f"r.example.com/team/app@{other.manifest}"
    )
    recorded(direct, target, f"r.example.com/team/app@{other.manifest}")
    assert direct.mirror(GENERATE).returncode == 0
    (kept,) = plan_of(direct)["kept"]
    assert kept["because"] == "its tag latest is not of these images"
    ran = direct.mirror(GENERATE, "--delete-v1-images=true")
    assert ran.returncode == 0, ran.stderr
    (deletion,) = plan_of(direct)["manifests"]
    assert deletion["tags"] == ["latest", old.tag]
    ran = direct.mirror(EXECUTE, approved(direct))
    assert ran.returncode == 0, ran.stderr
    assert not is_there(target, "team/app", old.manifest)
    assert is_there(target, "team/app", other.manifest)


def test_a_tag_of_v1_that_leads_elsewhere_by_now_is_nobodys() -> None:
    contents = RepositoryContent({"sha256-a": "sha256:a", "latest": "sha256:b"}, {})
    decision = decide("team/app", contents, References({"sha256-a"}, set(), {("latest", "sha256:a")}))
    assert [deletion.digest for deletion in decision.deletions] == ["sha256:a"]
    assert "sha256:b" in decision.stays


def test_an_operators_image_had_a_hash_of_its_name_as_tag() -> None:
    digest = "sha256:" + "ab" * 32
    candidate = deletion_plan.Candidate(
        origin=f"docker://registry.redhat.io/a/b@{digest}",
        kind="operator or chart",
        last_needed="",
        places=(),
    )
    assert v1_tags.of(candidate) == (
        f"{v1_tags.fnv32a(f'registry.redhat.io/a/b@{digest}'.encode()):x}",
        "ababab",
        "latest",
    )
    assert v1_tags.of(candidate.model_copy(update={"kind": "release"})) == ()
