"""Registries that fail: what passes is tried again, what stays is told in words, and nothing is lost."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from steps.mirroring.store import Store, lock
from tests.standin.moody import Mood, Moody
from tests.standin.oc_mirror import Image, Registry
from tests.unit.mirroring.conftest import MIRROR, Place, real_only, standin_only

pytestmark = pytest.mark.usefixtures("without_waiting")

Has = Callable[[str, str], bool]


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[int, str], None]:
    """Lets the stand-in fail so often, for that reason."""

    def fail(times: int, error: str) -> None:
        (tmp_path / "left").write_text(str(times))
        monkeypatch.setenv("STANDIN_FAIL_TIMES", str(tmp_path / "left"))
        monkeypatch.setenv("STANDIN_FAIL", "additional")
        monkeypatch.setenv("STANDIN_ERROR", error)

    return fail


def runs(stderr: str) -> int:
    return stderr.count("running oc-mirror")


@standin_only
@pytest.mark.parametrize(
    "error",
    [
        "writing blob: Patch: read tcp 127.0.0.1: connection reset by peer",
        "received unexpected HTTP status: 503 Service Unavailable",
        "reading blob: unexpected EOF",
        "too many requests to registry: 429",
        "pinging container registry: dial tcp: i/o timeout",
        "context deadline exceeded",
    ],
)
def test_what_may_pass_is_tried_again(
    connected: Place, failing: Callable[[int, str], None], error: str
) -> None:
    failing(2, error)
    ran = connected.mirror("--run-retries=2")
    assert ran.returncode == 0, ran.stderr
    assert runs(ran.stderr) == 3
    assert "retry 2 of 2" in ran.stderr
    (made,) = Store(connected.data).generations.present().values()
    assert made.predecessor is None
    assert made.history_written == tuple(connected.histories())


@standin_only
def test_retries_are_bounded(connected: Place, failing: Callable[[int, str], None]) -> None:
    failing(9, "unexpected EOF")
    ran = connected.mirror("--run-retries=2")
    assert ran.returncode == 8
    assert runs(ran.stderr) == 3
    assert "is up and reachable" in ran.stderr.splitlines()[-1]
    assert not connected.generations()
    assert not connected.histories()


@standin_only
@pytest.mark.parametrize(
    "error",
    [
        "unauthorized: authentication required",
        "reading manifest v9 in registry.example.com/team/app: manifest unknown",
        "write /data/x: no space left on device",
        "tls: failed to verify certificate: x509: certificate signed by unknown authority",
        "something that nobody has ever seen",
    ],
)
def test_what_stays_is_not_tried_again(
    connected: Place, failing: Callable[[int, str], None], error: str
) -> None:
    failing(1, error)
    ran = connected.mirror("--run-retries=5")
    assert ran.returncode == 8
    assert runs(ran.stderr) == 1


@standin_only
def test_a_panic_is_not_tried_again(connected: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STANDIN_PANIC", "1")
    ran = connected.mirror("--run-retries=5")
    assert ran.returncode == 8
    assert runs(ran.stderr) == 1


@standin_only
def test_from_disk_repeats_the_batch_and_not_the_whole(
    three: Place, disconnected: Place, failing: Callable[[int, str], None], target: str, has: Has
) -> None:
    (disconnected.data).mkdir(parents=True)
    (disconnected.data / "generations").symlink_to(three.data / "generations")
    failing(1, "received unexpected HTTP status: 502 Bad Gateway")
    ran = disconnected.mirror("--run-retries=1")
    assert ran.returncode == 0, ran.stderr
    assert ran.stderr.count("chain and files checked") == 1
    assert has(target, "team/app:v3")


def only(uploads: Mood) -> Callable[[str, str], Mood]:
    """A mood towards uploads alone: oc-mirror's check of the access sees a registry at peace.

    So does the preflight of a run without signatures; with them it writes one.
    """
    return lambda method, path: uploads if method in {"PUT", "PATCH"} else None


@pytest.mark.parametrize(
    ("mood", "reason", "hint"),
    [
        (401, "authentication", "pull secret"),
        (403, "authentication", "pull secret"),
        (404, "not found", "ImageSet"),
        (429, "network", "reachable"),
        (500, "network", "reachable"),
        (503, "network", "reachable"),
        ("drop", "network", "reachable"),
    ],
)
def test_a_target_that_fails_while_it_is_written_to(
    direct: Place, moody_target: Moody, has: Has, mood: Mood, reason: str, hint: str
) -> None:
    where = f"--target-registry={moody_target.host}/{direct.arguments[1].rpartition('/')[2]}"
    moody_target.mood = only(mood)
    ran = direct.mirror(where, "--signatures=none")
    assert ran.returncode == 8, ran.stderr
    *_, error, advice = ran.stderr.splitlines()
    assert f"({reason})" in error, error
    assert hint in advice
    moody_target.mood = lambda _method, _path: None
    ran = direct.mirror(where)
    assert ran.returncode == 0, ran.stderr
    assert has(where.partition("=")[2], "team/app:v1")


def test_a_target_that_comes_back_is_written_to_by_a_retry(
    direct: Place, moody_target: Moody, has: Has
) -> None:
    refused = 0

    def moods(method: str, _path: str) -> Mood:
        nonlocal refused
        if method in {"PUT", "PATCH"} and refused < 3:
            refused += 1
            return 503
        return None

    moody_target.mood = moods
    where = f"{moody_target.host}/{direct.arguments[1].rpartition('/')[2]}"
    ran = direct.mirror(f"--target-registry={where}", "--run-retries=5", "--signatures=none")
    assert ran.returncode == 0, ran.stderr
    assert runs(ran.stderr) > 1
    assert has(where, "team/app:v1")
    assert has(where, "team/db:v1")


def test_a_slow_target_is_waited_for(direct: Place, moody_target: Moody) -> None:
    moody_target.mood = lambda method, _path: 0.1 if method == "PUT" else None
    ran = direct.mirror(f"--target-registry={moody_target.host}/{direct.arguments[1].rpartition('/')[2]}")
    assert ran.returncode == 0, ran.stderr


@real_only
@pytest.mark.parametrize(
    ("mood", "reason"),
    [(401, "authentication"), (429, "network"), (500, "network"), ("drop", "network"), ("cut", "network")],
)
def test_a_source_that_fails_while_it_is_read(
    connected: Place, moody_source: Moody, mood: Mood, reason: str
) -> None:
    connected.host = moody_source.host
    connected.names("team/app:v1", "team/db:v1")
    moody_source.mood = lambda _method, path: mood if "/blobs/" in path else None
    ran = connected.mirror()
    assert ran.returncode == 8, ran.stderr
    assert f"({reason})" in ran.stderr.splitlines()[-2], ran.stderr.splitlines()[-2]
    assert not connected.generations()
    assert not connected.histories()
    moody_source.mood = lambda _method, _path: None
    assert connected.mirror().returncode == 0


@pytest.fixture
def large(_targets: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Moody]:
    """A source of images of 3 MB each, also for the stand-in, which makes up the same ones."""
    monkeypatch.setenv("STANDIN_BYTES", "3000000")
    with Moody(_targets) as registry:
        client = Registry(registry.host, verify=False)
        client.check()
        for repository in ("team/app", "team/db"):
            client.push(Image(f"{registry.host}/{repository}:v1", "additional", repository, "v1"), repository)
        yield registry


@pytest.mark.parametrize("megabytes", [4, 8, 11])
def test_a_disk_that_fills_up_costs_the_run_and_nothing_else(
    connected: Place, large: Moody, small_volume: Callable[[str], Path], megabytes: int
) -> None:
    """6 MB go into the cache and as many into the archive: it is full in the first or in the second."""
    connected.host = large.host
    connected.names("team/app:v1", "team/db:v1")
    connected.data = small_volume(f"size={megabytes}m") / "data"
    ran = connected.mirror("--run-retries=3")
    assert ran.returncode in {3, 8}, ran.stderr
    assert runs(ran.stderr) <= 1, "a full disk does not pass by itself"
    assert "enlarge the volume" in ran.stderr.splitlines()[-1], ran.stderr.splitlines()[-2:]
    assert not connected.generations()
    assert not connected.histories()
    small_volume("remount,size=60m")
    ran = connected.mirror()
    assert ran.returncode == 0, ran.stderr
    (made,) = Store(connected.data).generations.present().values()
    assert made.predecessor is None


def test_two_at_once_take_turns(connected: Place) -> None:
    connected.names("team/app:v1", "team/db:v1")
    # However long the first one takes here and now.
    patient = f"from steps.mirroring.store import lock; lock.PATIENCE = 120; {MIRROR[-1]}"
    command = [*MIRROR[:-1], patient, *connected.command("--always-archive=true")]
    both = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _process in range(2)]
    said = [process.communicate()[1] for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    made = Store(connected.data).generations.present()
    assert list(made) == [1, 2]
    assert made[2].predecessor is not None
    assert made[2].predecessor.identity == made[1].identity


def test_who_has_the_data_directory_is_told(connected: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("steps.mirroring.store.lock.PATIENCE", 0.3)
    with lock.exclusive(Store(connected.data).root, purpose="workflow-cleanup"):
        ran = connected.mirror()
    assert ran.returncode == 5
    assert "is in use by workflow-cleanup, process" in ran.stderr.splitlines()[-2]
    assert "since 20" in ran.stderr.splitlines()[-2]
    assert "wait until that run has ended" in ran.stderr.splitlines()[-1]
