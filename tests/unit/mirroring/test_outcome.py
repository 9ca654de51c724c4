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


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("Get https://user:pass@charts.example.com/index.yaml", "Get https://***@charts.example.com/index.yaml"),
        ("> Authorization: Basic dXNlcjpwYXNz", "> Authorization: ***"),
        ("Authorization: Bearer eyJh.b.c", "Authorization: ***"),
        ("[DEBUG]  : source docker://localhost:55000/a:v1@sha256:12", "[DEBUG]  : source docker://localhost:55000/a:v1@sha256:12"),
    ],
)  # fmt: skip
def test_logins_do_not_reach_the_log(line: str, shown: str) -> None:
    assert Reading().feed(line) == shown


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
        (77, "an unknown code"),
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
    assert (
        "quay.io/a/bundle@sha256:1 (authentication; operator a, bundles a.v1 and b.v1), quay.io/b:1 (no such tag)"
        in error.reason
    )


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
        ("reading manifest v9 in quay.io/a: manifest unknown", reasons.NO_TAG),
        ("reading manifest sha256:12ab in quay.io/a: manifest unknown", reasons.NOT_FOUND),
        ("reading manifest v1 in quay.io/a: name unknown", reasons.NOT_FOUND),
        ("reading manifest v1 in localhost:20123/a: manifest unknown", reasons.MISSING_BASE),
        ("fetching blob: blob unknown to registry", reasons.MISSING_BASE),
        # Seen with skopeo, from a registry whose files were changed.
        (
            'writing blob: Patch "http://127.0.0.1:5998/v2/app/blobs/uploads/a3e?_state=oJ": readfrom tcp'
            " 127.0.0.1:55446->127.0.0.1:5998: happened during read: Digest did not match, expected sha256:d0, got sha256:f9",
            reasons.DAMAGED,
        ),
        (
            "reading config blob sha256:33: Download config.json digest sha256:b6 does not match expected sha256:33",
            reasons.DAMAGED,
        ),
        (
            "determining manifest MIME type for docker://localhost:20123/a@sha256:76: Manifest does not match provided"
            " manifest digest sha256:76",
            reasons.DAMAGED,
        ),
        (
            "reading manifest v1 in localhost:20123/a: received unexpected HTTP status: 500 Internal Server Error",
            reasons.DAMAGED,
        ),
        (
            "reading manifest v1 in quay.io/a: received unexpected HTTP status: 500 Internal Server Error",
            reasons.NETWORK,
        ),
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
        ("mkdir /data/x: permission denied", reasons.READ_ONLY),
        ("unauthorized: you have no permission: permission denied", reasons.AUTHENTICATION),
    ],
)
def test_error_texts_have_causes(text: str, cause: reasons.Cause) -> None:
    assert reasons.advice(text) is cause


WRITTEN = "writing signatures: uploading manifest sha256-12ab.sig to r.example/a"
SIGNATURE = "reading signatures: reading manifest sha256-12ab.sig in registry.connect.redhat.com/a"
UPLOAD = "writing blob: initiating layer upload to /v2/m/a/b/blobs/uploads/ in r.example.com:5000"
MANIFEST = "writing manifest: uploading manifest v1 to r.example.com:5000/m/team/app"
SOURCE = "initializing source docker://r/a:v1: fetching manifest v1 in r/a: pinging container registry r: Get"
LISTED = (
    "copying image 2/3 from manifest list: determining manifest MIME type for docker://r/a:multi:"
    " reading manifest sha256:b988 in r/a"
)


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        # Seen with the real program; the messages after the last colon are those of registries.
        (f"{SIGNATURE}: name unknown", reasons.SIGNATURES),
        (f"{SIGNATURE}: unauthorized: access to the requested resource is not authorized", reasons.SIGNATURES),
        (f"{SIGNATURE}: denied: access denied", reasons.SIGNATURES),
        (f"{WRITTEN}: denied: immutable", reasons.TARGET_SIGNATURES),
        (f'{WRITTEN}: StatusCode: 405, ""', reasons.TARGET_SIGNATURES),
        (f"{WRITTEN}: received unexpected HTTP status: 503 Service Unavailable", reasons.NETWORK),
        (
            "writing signatures: writing sigstore attachments is disabled by configuration",
            reasons.TARGET_SIGNATURES,
        ),
        (f"{SIGNATURE}: manifest invalid: bad", reasons.SIGNATURES),
        (f"{SIGNATURE}: received unexpected HTTP status: 503 Service Unavailable", reasons.NETWORK),
        (f"{UPLOAD}: unsupported", reasons.READ_ONLY_TARGET),
        (f'{UPLOAD}: StatusCode: 405, ""', reasons.READ_ONLY_TARGET),
        (f'{UPLOAD}: StatusCode: 405, "<html><body>405 Method Not Allowed</body></html>"', reasons.READ_ONLY_TARGET),
        (f"{UPLOAD}: denied: System is currently read-only. Pulls will succeed but all write operations are currently suspended.", reasons.READ_ONLY_TARGET),
        (f"{UPLOAD}: denied: The system is in read only mode. Any modification is prohibited.", reasons.READ_ONLY_TARGET),
        (f"{MANIFEST}: unsupported", reasons.READ_ONLY_TARGET),
        (f"{MANIFEST}: tag invalid: The image tag 'v1' already exists in the 'team/app' repository and cannot be overwritten because the tag is immutable.", reasons.IMMUTABLE),
        (f"{MANIFEST}: unknown: Failed to process request due to 'team/app:v1' configured as immutable.", reasons.IMMUTABLE),
        (f"{MANIFEST}: unknown: Repository does not allow updating assets: docker-hosted", reasons.IMMUTABLE),
        (f"{MANIFEST}: denied: The client does not have permission for manifest: Not enough permissions to delete/overwrite artifact 'docker/team/app/v1/manifest.json' (user: 'x' needs DELETE permission).", reasons.IMMUTABLE),
        (f"{MANIFEST}: unknown: tag v1 is immutable", reasons.IMMUTABLE),
        (f"{UPLOAD}: name invalid: Invalid repository name", reasons.NESTING),
        (f"{UPLOAD}: name invalid", reasons.NESTING),
        (f"{UPLOAD}: name unknown", reasons.NO_REPOSITORY),
        (f"{UPLOAD}: name unknown: The repository with name 'team/app' does not exist in the registry with id '123'", reasons.NO_REPOSITORY),
        (f"{UPLOAD}: unauthorized: project m not found: project m not found", reasons.NO_REPOSITORY),
        (f"{UPLOAD}: unauthorized: access to the requested resource is not authorized", reasons.AUTHENTICATION),
        (f"{UPLOAD}: requested access to the resource is denied", reasons.AUTHENTICATION),
        (f"{MANIFEST}: denied: adding 2.0 GiB of storage resource, which when updated to current usage of 9 GiB will exceed the configured upper limit of 10 GiB.", reasons.QUOTA),
        ('writing blob: uploading layer chunked: StatusCode: 413, "<html>413 Request Entity Too Large</html>"', reasons.TOO_LARGE),
        (f"{LISTED}: manifest unknown", reasons.INCOMPLETE),
        (f"{LISTED}: name unknown: x", reasons.INCOMPLETE),
        (f'{LISTED}: StatusCode: 404, "not here"', reasons.INCOMPLETE),
        ("copying image 1/3 from manifest list: reading config blob sha256:10: fetching blob: blob unknown", reasons.INCOMPLETE),
        (f'{SOURCE} "https://r/v2/": tls: failed to verify certificate: x509: certificate is valid for other.example.com, not r', reasons.CERTIFICATE_NAME),
        (f'{SOURCE} "https://r/v2/": tls: failed to verify certificate: x509: cannot validate certificate for 127.0.0.1 because it doesn\'t contain any IP SANs', reasons.CERTIFICATE_NAME),
        (f'{SOURCE} "https://r/v2/": tls: failed to verify certificate: x509: certificate has expired or is not yet valid: current time 2026-11-26T01:00:00Z is after 2020-02-01T00:00:00Z', reasons.CERTIFICATE_EXPIRED),
        (f'{SOURCE} "https://r/v2/": tls: failed to verify certificate: x509: certificate signed by unknown authority', reasons.TLS),
    ],
)  # fmt: skip
def test_what_registries_say_has_a_class_of_its_own(text: str, cause: reasons.Cause) -> None:
    assert reasons.advice(text) is cause


def test_a_blob_that_is_unknown_is_the_sources_unless_archives_are_read() -> None:
    text = "error mirroring image quay.io/a:1 error: reading blob sha256:1: fetching blob: blob unknown to registry"
    head = "[INFO]   : 🔀 workflow mode: "
    assert failure(8, f"{head}diskToMirror", text).hint == reasons.MISSING_BASE.hint
    assert failure(8, f"{head}mirrorToDisk", text).hint == reasons.INCOMPLETE.hint


def test_signatures_that_are_not_there_lead_nobody_to_block_the_image() -> None:
    assert "signatures to auto or none" in reasons.SIGNATURES.hint
    assert "blockedImages" not in reasons.SIGNATURES.hint
    assert "another CA does not help" in reasons.CERTIFICATE_NAME.hint


def test_every_class_is_known_by_its_name() -> None:
    every = [value for value in vars(reasons).values() if isinstance(value, reasons.Cause)]
    assert set(every) == set(reasons.CAUSES)
    assert len({cause.name for cause in every}) == len(every)
    assert all(reasons.named(cause.name) is cause for cause in every)


def test_an_error_names_the_operators_and_bundles_that_need_the_image() -> None:
    error = failure(
        4,
        " ✗  0 / 2 operator images mirrored: Some operator images failed to be mirrored",
        "[ERROR]  : [Worker] error mirroring image quay.io/a@sha256:1 (Operator bundles: [a.v1 a.v2] - Operators: [a])"
        " error: initializing source docker://quay.io/a@sha256:1: unauthorized: authentication required",
        "error mirroring image quay.io/b@sha256:2 (Operator bundles: [b.v1 b.v2 b.v3 b.v4 b.v5] - Operators: [b c])"
        " error: manifest unknown",
    )
    assert "quay.io/a@sha256:1 (authentication; operator a, bundles a.v1 and a.v2)" in error.reason
    several = "operators b and c, bundles b.v1, b.v2, b.v3 and 2 more"
    assert error.wanted_by == {
        "quay.io/a@sha256:1": "operator a, bundles a.v1 and a.v2",
        "quay.io/b@sha256:2": several,
    }


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


@pytest.mark.parametrize(
    ("line", "most"),
    [
        ("1" * 12_000, 9),
        (f"{'1' * 12_000} / 2 release images mirrored", 9),
        ("images to copy " + "1" * 6000, 9),
    ],
)
def test_a_number_that_is_none_is_not_counted(line: str, most: int) -> None:
    counter, reading = output.Counter(), Reading()
    counter.see(reading.feed(line))
    assert counter.total < 10**most
    assert reading.counts == {}


def test_only_the_beginning_of_a_line_is_understood() -> None:
    """oc-mirror quotes servers: what they say may be as long as they like, and be made to look like its own."""
    line = f"{' ' * output.LONGEST}1 / 2 release images mirrored"
    reading = Reading()
    assert reading.feed(line) == line
    assert reading.counts == {}
