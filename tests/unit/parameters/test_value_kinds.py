"""Each kind of value: what passes, and what is refused."""

from __future__ import annotations

import contextlib
import re
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steps.parameters import value_kinds as kinds

TODAY = date(2026, 11, 23)


@pytest.mark.parametrize("text", ["yes", "True", "1", "", "TRUE", "false "])
def test_booleans_are_true_or_false_and_nothing_else(text: str) -> None:
    with pytest.raises(ValueError, match="neither 'true' nor 'false'"):
        kinds.boolean(text)


@pytest.mark.parametrize(("text", "value"), [("90", 90), ("60s", 60), ("5m", 300), ("1h", 3600), ("0", 0)])
def test_durations(text: str, value: int) -> None:
    assert kinds.duration(text) == value


@pytest.mark.parametrize("text", ["", "-1s", "1d", "1.5h", "s", "1 m"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration"):
        kinds.duration(text)


@given(st.text(max_size=30))
def test_a_kubernetes_name_is_never_a_path_or_an_option(text: str) -> None:
    try:
        name = kinds.object_name(text)
    except ValueError:
        return
    assert name[0].isalnum()
    assert "/" not in name


@given(st.dates(min_value=date(1970, 1, 1), max_value=TODAY))
def test_every_day_up_to_today_is_a_since_date(day: date) -> None:
    assert kinds.day_until(day.isoformat(), TODAY) == day


@given(st.dates(min_value=TODAY + timedelta(days=1)))
def test_the_future_is_no_since_date(day: date) -> None:
    with pytest.raises(ValueError, match="lies in the future"):
        kinds.day_until(day.isoformat(), TODAY)


@pytest.mark.parametrize("text", ["0001-01-01", "1969-12-31"])
def test_days_that_oc_mirror_takes_for_none_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"before 1970.*incremental-mode"):
        kinds.day_until(text, TODAY)


@pytest.mark.parametrize(
    "text",
    ["yesterday", "2026-02-30", "2026-9-1", "20260901", "2026-W01-1", "2026-09-20T00:00:00Z", " 2026-09-20"],
)
def test_what_is_no_day_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a date of the form YYYY-MM-DD"):
        kinds.day_until(text, TODAY)


@pytest.mark.parametrize(
    "registry",
    [
        "registry.example.com",
        "registry.example.com:443/mirror",
        "localhost:5000/a/b-c/d__e",
        "localhost/x",
        "registry:5000",
        "10.0.0.7:5000/openshift",
        "10.0.0.7/openshift",
    ],
)
def test_registries_with_port_and_path_pass(registry: str) -> None:
    assert kinds.registry(registry) == registry


@pytest.mark.parametrize(
    "registry",
    [
        "docker://registry.example.com",
        "registry.example.com/mirror:latest",
        "registry.example.com/mirror@sha256:" + "0" * 64,
        "registry.example.com/Mirror",
        "registry.example.com/",
        "registry.example.com//a",
        "registry.example.com:0",
        "registry.example.com:65536",
        "registry.example.com:https",
        "mirror",
        "mirror/openshift",
        "registry.example.com/helm-charts",
        "-oops.example.com",
        "registry.example.com/a b",
        "registry.example.com\n",
        "[fd00::1]:5000/x",
    ],
)
def test_what_oc_mirror_would_not_take_for_a_registry_is_refused(registry: str) -> None:
    with pytest.raises(ValueError, match=r"'"):
        kinds.registry(registry)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1),
        ("1.5Gi", 1.5 * 2**30),
        ("500Gi", 500 * 2**30),
        ("2T", 2 * 10**12),
        ("1e9", 10**9),
        (".5Ki", 512),
    ],
)
def test_quantities_have_their_value(text: str, value: float) -> None:
    assert kinds.bytes_of(text) == Decimal(value)


@pytest.mark.parametrize(
    "text", ["", "Gi", "5gi", "5 Gi", "5m", "1e99", "9Ei", "٥Gi", "1.2.3", "+5Gi", "5GiB"]
)
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not"):
        kinds.bytes_of(text)


@given(st.text(max_size=20))
def test_any_text_is_a_quantity_or_refused(text: str) -> None:
    with contextlib.suppress(ValueError):
        assert kinds.bytes_of(text) > 0


def test_fs_group_is_auto_none_or_a_number() -> None:
    assert (kinds.fs_group("auto"), kinds.fs_group("none"), kinds.fs_group("0")) == ("auto", None, 0)


@pytest.mark.parametrize(
    ("kind", "text", "said"),
    [
        (kinds.volume_size, "500", "'500' is 500 bytes, which is less than 1Gi; did you mean 500Gi?"),
        (kinds.volume_size, "500Mi", "'500Mi' is less than 1Gi"),
        (kinds.memory, "4", "'4' is 4 bytes, which is less than 64Mi; did you mean 4Gi?"),
        (kinds.memory, "2000", "'2000' is 2000 bytes, which is less than 64Mi; did you mean 2000Mi?"),
        (kinds.volume_size, "5GB", "'5GB' is not a quantity such as 500Gi; did you mean 5Gi?"),
        (kinds.memory, "8 gb", "'8 gb' is not a quantity such as 4Gi; did you mean 8Gi?"),
        (kinds.workflow, "to_disk", "did you mean 'workflow-to-disk'?"),
        (kinds.workflow, "Workflow-Direct", "did you mean 'workflow-direct'?"),
        (kinds.deploy_mode, "CronJob", "did you mean 'cronjob'?"),
        (kinds.memory, "four", "'four' is not a quantity such as 4Gi"),
        (kinds.span, "90", "'90' has no unit: write 90m for minutes, or 90s for seconds"),
        (kinds.deadline, "8", "'8' has no unit: write 8m for minutes, or 8s for seconds"),
        (kinds.workflow, "direct", "did you mean 'workflow-direct'?"),
        (kinds.deploy_mode, "cron-job", "did you mean 'cronjob'?"),
        (kinds.folder, __file__, "is a file, not a folder"),
    ],
)
def test_a_value_that_means_something_else_is_refused_with_what_was_meant(
    kind: kinds.Kind[object], text: str, said: str
) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        kind(text)
