"""What a volume cannot do is named with the volume, before the run where it can be."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from steps import files
from steps.mirroring.checks import volume
from steps.mirroring.store import Store
from tests.unit.mirroring.conftest import Place


def refusing(number: int) -> Callable[..., None]:
    def refuse(*_arguments: object, **_more: object) -> None:
        raise OSError(number, os.strerror(number))

    return refuse


CANNOT = {
    "locks (flock)": (fcntl, "flock", errno.ENOLCK),
    "modes (chmod)": (os, "chmod", errno.EPERM),
    "symbolic links": (os, "symlink", errno.EOPNOTSUPP),
}
"""What no file system of this machine lacks: the kernel's answer is put in the place of the call."""


@pytest.mark.parametrize("what", CANNOT)
def test_what_the_volume_cannot_do_is_named_before_the_run(
    disconnected: Place, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    where, name, number = CANNOT[what]
    monkeypatch.setattr(where, name, refusing(number))
    ran = disconnected.mirror()
    assert ran.returncode == 3
    *_, reason, hint = ran.stderr.splitlines()
    assert f"the data directory {disconnected.data} lies on the volume at /" in reason
    assert f"which cannot do {what}: {os.strerror(number)}" in reason
    assert "such as ext4" in hint
    assert "running oc-mirror" not in ran.stderr


def test_a_volume_that_gives_a_lock_to_two_at_a_time_is_refused(
    connected: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fcntl, "flock", lambda _descriptor, _how: None)  # as some FUSE file systems answer
    ran = connected.mirror()
    assert ran.returncode == 3
    assert "which cannot do locks (flock): it gave the same lock twice" in ran.stderr
    assert "running oc-mirror" not in ran.stderr


@pytest.mark.parametrize(
    ("kind", "options", "warned"),
    [
        ("nfs4", "rw,relatime,vers=4.2,hard,local_lock=none", False),
        ("nfs", "rw,vers=3,nolock,local_lock=all", True),
        ("nfs4", "rw,vers=4.1,local_lock=flock", True),
        ("nfs", "rw,vers=3,local_lock=posix", False),
        ("cifs", "rw,nobrl", True),
        ("ext4", "rw,nolock", False),
    ],
)
def test_locks_that_count_on_one_machine_are_warned_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, kind: str, options: str, *, warned: bool
) -> None:
    mount = tmp_path.absolute()
    while not mount.is_mount():
        mount = mount.parent
    line = f"nas:/export {mount} {kind} {options} 0 0"  # what the kernel would say of such a volume
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(volume, "_mounts", lambda: [line.split(" ")])
        volume.warn_of_local_locks(tmp_path)
    assert (f"at {mount}, {kind} count on this machine alone" in caplog.text) is warned


def test_links_are_asked_for_only_where_they_are_needed(
    connected: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "symlink", refusing(errno.EPERM))
    assert connected.mirror().returncode == 0


def test_the_trial_leaves_nothing(connected: Place) -> None:
    connected.data.mkdir()
    volume.check(connected.data, links=True)
    assert not list(connected.data.iterdir())


@pytest.mark.parametrize(
    ("number", "advice"),
    [
        (errno.ENOSPC, "enlarge the volume"),
        (errno.EDQUOT, "enlarge the volume"),
        (errno.EROFS, "writable volume"),
        (errno.EACCES, "writable volume"),
        (errno.EPERM, "such as ext4"),
        (errno.ENOLCK, "such as ext4"),
        (errno.EINVAL, "such as ext4"),
        (errno.EFBIG, "archiveSize"),
        (errno.EXDEV, "on one volume"),
        (errno.EIO, "mounted and sound"),
        (errno.ESTALE, "mounted and sound"),
    ],
)
def test_an_error_of_ours_names_the_volume_and_never_points_to_oc_mirror(
    number: int, advice: str, tmp_path: Path
) -> None:
    error = volume.explain(OSError(number, os.strerror(number), str(tmp_path / "x")), tmp_path)
    assert f"{tmp_path / 'x'}: {os.strerror(number)} (on the volume at " in error.reason
    assert advice in error.hint
    assert "oc-mirror's messages" not in error.hint


def test_an_error_in_the_middle_of_a_run_names_the_volume(
    connected: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "replace", refusing(errno.EIO))
    ran = connected.mirror()
    assert ran.returncode == 3
    *_, reason, hint = ran.stderr.splitlines()
    assert "Input/output error (on the volume at /" in reason
    assert "mounted and sound" in hint
    assert not Store(connected.data).generations.present()


def test_what_moves_to_another_volume_is_on_its_disk(
    tmp_path: Path, small_volume: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    source, other = tmp_path / "file", small_volume("size=1m")
    source.write_text("text")
    synced, fsync = [], os.fsync

    def spy(descriptor: int) -> None:
        synced.append(Path(f"/proc/self/fd/{descriptor}").readlink())
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", spy)
    files.move(source, other / "there")
    assert (other / "there").read_text() == "text"
    assert not source.exists()
    assert synced == [other / "there", other]
