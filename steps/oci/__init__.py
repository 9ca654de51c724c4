"""The one way to container registries; nothing outside this package speaks to one."""

from steps.oci.access import AbsentError, BusyError, Logins, RefusedError, UnreachableError, obstacle

__all__ = ["AbsentError", "BusyError", "Logins", "RefusedError", "UnreachableError", "obstacle"]
