"""Mirror what an ImageSet names with oc-mirror: what the deployed workload runs, and the same on a laptop.

One operation: workflow-to-disk makes the next generation of archives below DATA/generations,
workflow-from-disk pushes the generations that TARGET-REGISTRY lacks, workflow-direct copies from registry to
registry; workflow-delete-generate, workflow-delete-execute and workflow-cleanup remove what nothing needs,
in a target by an approved plan, and in DATA. workflow-verify-target asks whether the target still has what
earlier runs had verified there. --export and --import only carry generations: onto a medium, and
from media into DATA. --verify only checks those that lie somewhere, workflow-verify those in DATA.
--acknowledge reads the receipt that says what the registry of the other side has, and --changes only prints
what a generation brings. With --schedule it stays, as a service, and mirrors whenever the schedule says,
unless another, such as a CronJob, keeps it (--once). Whatever ends it, the next run goes on; nothing that was
archived is lost.

Exit codes: 0 done, 2 wrong arguments, 3 unusable ImageSet, pull secret, archive or data directory, 4 not
found, 5 data directory in use, 6 a registry refused, 8 oc-mirror failed, 14 ended at its
deadline, 15 signed by nobody who is trusted, 16 held until its list of changes is approved, 18 the
target has lost images, 19 another list of changes or plan of deletion was approved, or the plan is outdated,
130 interrupted, 143 ended by SIGTERM.
"""

from __future__ import annotations

import logging
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from steps import cli
from steps.errors import NotFoundError, StepError, UsageError
from steps.log_lines import is_decorated
from steps.mirroring import notify, operation
from steps.mirroring.checks import preflight
from steps.mirroring.ocmirror import registries_config
from steps.mirroring.request import FROM_DISK, make_request
from steps.mirroring.schedule import Schedule
from steps.mirroring.store import Store, receipt_code
from steps.mirroring.workflows import audit, changed
from steps.parameters import arguments, environment, shared_settings
from steps.parameters.places import MIRROR
from steps.parameters.table.changes import CHANGES, JSON, MARKDOWN
from steps.parameters.table.generation_signatures import VERIFY
from steps.parameters.table.oc_mirror import ENVIRONMENT, REGISTRIES_CONFIG
from steps.parameters.table.schedule import ONCE, SCHEDULE, TIME_ZONE
from steps.parameters.table.service import LISTEN_PORT, TERMINATION_LOG, TOLD_NAMESPACE
from steps.parameters.table.workflow import CHECK

if TYPE_CHECKING:
    from collections.abc import Mapping

    from steps.mirroring.ocmirror.registries_config import RegistriesConfig
    from steps.mirroring.request import Request
    from steps.mirroring.store.runs import Run, Watcher
    from steps.mirroring.workflows.changed import ListForm
    from steps.parameters.parameter import Values
    from steps.parameters.value_kinds import Compared

log = logging.getLogger("steps.mirror")


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """What the command line says: one operation, and whether to do it now, on schedule, or only to check.

    `once`: another keeps the schedule, and this is one run of it. `environment` are variables for us and for
    oc-mirror.
    """

    request: Request
    schedule: Schedule | None
    listen_port: int
    once: bool
    check: bool
    compared: Compared | None = None
    form: ListForm = "text"
    termination_log: Path
    verify: tuple[Path, ...] = ()
    namespace: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)


def parse(argv: list[str]) -> Inputs:
    """Parse the arguments; raises UsageError with all that is malformed, missing or contradictory."""
    given = arguments.parse(MIRROR, argv, __doc__)
    expression = given[SCHEDULE]
    variables, registries = _own_files(given[ENVIRONMENT], given[REGISTRIES_CONFIG])
    return Inputs(
        environment={**variables, **registries.environment},
        request=make_request(given, registries),
        schedule=Schedule(expression, given[TIME_ZONE]) if expression else None,
        listen_port=given[LISTEN_PORT],
        once=given[ONCE],
        check=given[CHECK],
        compared=given[CHANGES],
        form=_form(given),
        verify=given.all(VERIFY),
        termination_log=given[TERMINATION_LOG],
        namespace=given[TOLD_NAMESPACE] or "",
    )


def _form(given: Values) -> ListForm:
    """Return the form of what is printed."""
    if given[JSON]:
        return "json"
    return "markdown" if given[MARKDOWN] else "text"


def _own_files(variables: Path | None, registries: Path | None) -> tuple[dict[str, str], RegistriesConfig]:
    """Read the folders of --environment and --registries-config.

    Raises NotFoundError for one that is not there, UsageError with all that is wrong in them.
    """
    for name, folder in ((ENVIRONMENT.name, variables), (REGISTRIES_CONFIG.name, registries)):
        if folder is not None and not folder.is_dir():
            raise NotFoundError(f"{name}: there is no folder {folder}", "name the folder with the files")
    given = shared_settings.read(variables) if variables else {}
    found, problems = environment.check(given, "environment")
    files = shared_settings.read(registries) if registries else {}
    place = registries.absolute() if registries else None
    config, wrong = registries_config.check(files, "registries-config", folder=place)
    keys = [("policy.json", path) for path in config.keys]
    keys += [(name, path) for name in (environment.KEY,) if (path := found.get(name))]
    missing = [f"{name} names {path}, which is not there" for name, path in keys if not Path(path).is_file()]
    if problems or wrong or missing:
        raise UsageError("; ".join([*problems, *wrong, *missing]), arguments.HINT)
    return found, config


def run(inputs: Inputs) -> str | cli.Answer | None:
    """Do what `inputs` say, in the environment that they name; return what is to be printed.

    Raises a StepError.
    """
    inputs.request.check_site(begins=inputs.compared is None)
    if inputs.compared is not None:
        store = Store(inputs.request.data, inputs.request.cache)
        return changed.show(store, inputs.request.target_registry, inputs.compared, inputs.form)
    if inputs.verify:
        found = audit.of_media(inputs.request, inputs.verify)
        return cli.Answer(found.answer(as_json=inputs.form == "json"), found.exit_code)
    before = dict(os.environ)
    os.environ.update(inputs.environment)
    try:
        _run(inputs)
    finally:
        os.environ.clear()
        os.environ.update(before)
    return None


def _run(inputs: Inputs) -> None:
    """Check, serve or mirror once; raises a StepError, which is then in the termination log too."""
    recorded = False

    def keep_last_word(run: Run) -> None:
        nonlocal recorded
        recorded = True
        notify.write_last_word_of(inputs.termination_log, run)

    try:
        if inputs.check:
            store = Store(inputs.request.data, inputs.request.cache)
            ready = preflight.check(inputs.request, store)
            preflight.check_target(inputs.request, store, ready)
            done = ready.summary
        elif inputs.schedule and not inputs.once:
            from steps.service import serve  # draws pages: of no use to a single run, and takes a while

            watchers = _announcers(inputs)
            serve.serve(inputs.request, schedule=inputs.schedule, port=inputs.listen_port, watchers=watchers)
        else:
            watchers = [keep_last_word, *_announcers(inputs)]
            following = inputs.schedule.after if inputs.schedule else None
            done = operation.run(inputs.request, watchers=watchers, next_run=following).summary
            _show_receipt(inputs.request)
    except StepError as error:
        if not recorded:
            notify.write_last_word(inputs.termination_log, f"{error.reason}\n{error.hint}")
        raise
    except SystemExit:
        done = "ended by SIGTERM; the next run goes on from here"
        log.warning("%s", done)
        if not recorded:
            notify.write_last_word(inputs.termination_log, done)
        raise
    log.info("%s", done)
    if not recorded:
        notify.write_last_word(inputs.termination_log, done)


def _show_receipt(request: Request) -> None:
    """Show the code of the receipt on a terminal, after a run that may have written one."""
    columns = cli.columns(sys.stdout)
    if request.workflow != FROM_DISK or request.dry_run or not columns or not is_decorated(sys.stdout):
        return
    found = Store(request.data, request.cache).receipt_folder.newest(request.target_registry)
    drawn = receipt_code.for_terminal(found[1].code, columns) if found else None
    if drawn and (sys.stdout.encoding or "").lower().startswith("utf"):
        cli.say(f"{drawn}\n")
    elif found:
        log.info("this terminal has no room for the code of the receipt in %s", found[0])


def _announcers(inputs: Inputs) -> list[Watcher]:
    found = notify.notifier(Store(inputs.request.data, inputs.request.cache), inputs.namespace)
    return [found] if found else []


main = cli.entrypoint(parse, run, dated_in_a_pod=True)
