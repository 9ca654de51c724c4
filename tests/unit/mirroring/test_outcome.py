"""What is made of oc-mirror's output and exit code."""

# ruff: noqa: E501 - lines of oc-mirror are quoted whole
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steps.errors import MirrorError
from steps.mirroring.ocmirror import output, reasons
from steps.mirroring.ocmirror.output import Reading


def read(*lines: str) -> Reading:
    reading = Reading()
    for line in lines:
        reading.feed(line)
    return reading


def failure(exit_code: int, *lines: str) -> MirrorError:
    with pytest.raises(MirrorError) as caught:
        output.check(exit_code, read(*lines))
    assert "\n" not in caught.value.reason
    return caught.value


def test_colours_and_control_characters_do_not_reach_the_log() -> None:
    line = "2026/08/21 12:41:51 \x1b[1;54m [INFO] \x1b[0m  : 📌 images to copy 395 \r\x07"
    assert Reading().feed(line) == "2026/08/21 12:41:51  [INFO]   : 📌 images to copy 395"


def test_results_are_counted() -> None:
    reading = read(
        " ✓  190 / 190 release images mirrored successfully",
        " ✗  12 / 13 operator images mirrored: Some operator images failed to be mirrored - please check the logs",
    )
    assert reading.counts == {"release": (190, 190), "operator": (12, 13)}
    assert reading.missing == {"operator": 1}


def test_all_mirrored_is_no_failure() -> None:
    output.check(0, read(" ✓  3 / 3 additional images mirrored successfully"))


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (1, "a general error"),
        (2, "release images failed"),
        (12, "operator images and additional images failed"),
        (20, "operator images and helm images failed"),
        (255, "it refused to start"),
        (-9, "killed by SIGKILL"),
        (77, "a code unknown to us"),
    ],
)
def test_exit_codes_in_words(code: int, words: str) -> None:
    assert output.describe(code) == words


@given(st.integers(min_value=2, max_value=30))
def test_every_combination_of_bits_names_just_its_kinds(code: int) -> None:
    words = output.describe(code)
    for bit, name in output.BITS.items():
        assert (name in words) == bool(code & bit)


def test_failed_images_are_named_with_their_causes() -> None:
    error = failure(
        12,
        " ✗  1 / 2 operator images mirrored: Some operator images failed to be mirrored - please check the logs",
        " ✗  0 / 1 additional images mirrored: Some additional images failed to be mirrored",
        "[ERROR]  : [Worker] error mirroring image quay.io/a/bundle@sha256:1 (Operator bundles: [a.v1 b.v1]"
        " - Operators: [a]) error: initializing source: unauthorized: access to the requested resource",
        "[ERROR]  : [Worker] error mirroring image quay.io/b:1 error: reading manifest 1 in quay.io/b: manifest unknown",
    )
    assert "1 of 2 operator images, 1 of 1 additional images not mirrored" in error.reason
    assert "quay.io/a/bundle@sha256:1 (authentication), quay.io/b:1 (not found)" in error.reason


def test_many_failed_images_do_not_fill_the_message() -> None:
    error = failure(
        8, *(f"error mirroring image quay.io/a:{number} error: i/o timeout" for number in range(300))
    )
    assert len(error.reason) < 400
    assert "and 295 more" in error.reason
    assert error.hint == reasons.TIMEOUT.hint


def test_skipped_bundles_do_not_hide_the_cause() -> None:
    error = failure(
        4,
        "error mirroring image a error: skipping operator bundle a because one of its related images failed to mirror",
        "error mirroring image b error: skipping operator bundle b because one of its related images failed to mirror",
        "error mirroring image c error: no space left on device",
    )
    assert error.hint == reasons.DISK_FULL.hint


def test_a_panic_is_not_a_release_error() -> None:
    error = failure(2, "panic: semver: invalid", "goroutine 1 [running]:")
    assert "crashed" in error.reason
    assert "release" not in error.reason


def test_a_refusal_to_start_is_quoted() -> None:
    error = failure(
        255, "F1123 06:37:37.000000       1 main.go:53] ⚠️  the use of the flag --v1 or --v2 is mandatory"
    )
    assert "the use of the flag --v1 or --v2 is mandatory" in error.reason


def test_an_archive_that_could_not_be_closed_is_a_failure() -> None:
    error = failure(
        0, "[WARN]  : error closing archive writer : write mirror_000001.tar: no space left on device"
    )
    assert error.hint == reasons.DISK_FULL.hint


def test_being_killed_points_to_memory() -> None:
    assert "memory limit" in failure(-9).hint


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("unauthorized: authentication required", reasons.AUTHENTICATION),
        ("requested access to the resource is denied", reasons.AUTHENTICATION),
        ("received unexpected HTTP status: 403 Forbidden", reasons.AUTHENTICATION),
        ("reading manifest v9 in quay.io/a: manifest unknown", reasons.NOT_FOUND),
        ("fetching blob: blob unknown to registry", reasons.MISSING_BASE),
        ("context deadline exceeded", reasons.TIMEOUT),
        ("dial tcp 1.2.3.4:443: i/o timeout", reasons.TIMEOUT),
        ("net/http: TLS handshake timeout", reasons.TIMEOUT),
        ("write /data/x: no space left on device", reasons.DISK_FULL),
        ("open /data/x: permission denied", reasons.READ_ONLY),
        ("tls: failed to verify certificate: x509: certificate signed by unknown authority", reasons.TLS),
        ("http: server gave HTTP response to HTTPS client", reasons.PLAIN_HTTP),
        ("dial tcp: lookup registry.invalid: no such host", reasons.NETWORK),
        ("received unexpected HTTP status: 503 Service Unavailable", reasons.NETWORK),
        ("toomanyrequests: 429 Too Many Requests", reasons.NETWORK),
        ("unexpected EOF", reasons.NETWORK),
        (
            "failed to authenticate: pinging container registry r: dial tcp r: connection refused",
            reasons.NETWORK,
        ),
        ("55000 is already bound and cannot be used", reasons.PORT),
        ('decode ImageSetConfiguration: json: unknown field "storageConfig"', reasons.CONFIGURATION),
        ("no images to copy", reasons.EMPTY),
        ("the default channel stable was filtered out", reasons.FILTER),
        ("something else", reasons.OTHER),
    ],
)
def test_error_texts_have_causes(text: str, cause: reasons.Cause) -> None:
    assert reasons.advice(text) is cause


def test_only_what_may_pass_by_itself_is_called_passing() -> None:
    assert reasons.NETWORK.passing
    assert reasons.TIMEOUT.passing
    assert not any(cause.passing for cause in (reasons.AUTHENTICATION, reasons.NOT_FOUND, reasons.TLS))


def test_a_port_that_was_taken_is_no_defect_of_oc_mirror() -> None:
    reading = output.Reading()
    reading.feed("panic: listen tcp :55000: bind: address already in use")
    with pytest.raises(MirrorError, match="could not start its cache") as caught:
        output.check(2, reading)
    assert "run again" in caught.value.hint
