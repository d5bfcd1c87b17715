"""The protocol's waiting times and sizes, all in one place."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

from happyhorse_widgets.errors import ConfigurationError


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How patient the engine is. The defaults are the documented protocol; tests and lessons shorten them.

    All times are in seconds.

    - `quiescence` (180): how long after a lost answer before jobs are looked for; until then the server may still charge
    - `reconcile_scans` (3) and `reconcile_gap` (20): how often, and how far apart, the job list is searched
    - `poll_interval` (2.5): between two looks at the list of running jobs
    - `single_poll` (3): between two looks at one job, while there are at most three
    - `unseen` (60): a job that the list has not shown for so long is asked for by itself
    - `retry_first` (0.5) and `retry_most` (20): full-jitter back-off of what may be repeated
    - `sandbox_speed` (20): how many times faster than Scenario the sandbox's simulated generation runs
    - `sandbox_scale` (1): size of the sandbox's frames against the true pixel size; tests draw small ones
    - `closing` (5): how long closing waits for a submission whose answer is under way
    - `local_addresses` (False): whether images may be fetched from servers on this machine and in the network around it, as
      in a lesson with an image server of its own; a file's path needs no leave

    Fixed, and no settings, are what kernels on one library have to agree on: an owner's heartbeat (10) and how long without one
    it counts as alive where its process cannot be seen (120; both in `ownership`), and how often it is looked for what others
    did (1; `tenure`). So are how far a look at the list goes back (10; `schedule.Mark`), up to how many jobs are asked for one
    by one (3; `watch`), and how often a repeatable call is tried (5; `api.retry.Retry`).

    Raises `ConfigurationError` for a value that is not a number above 0 (for `reconcile_scans` a whole one, for
    `local_addresses` True or False).
    """

    quiescence: float = 180.0
    reconcile_scans: int = 3
    reconcile_gap: float = 20.0
    poll_interval: float = 2.5
    single_poll: float = 3.0
    unseen: float = 60.0
    retry_first: float = 0.5
    retry_most: float = 20.0
    sandbox_speed: float = 20.0
    sandbox_scale: float = 1.0
    closing: float = 5.0
    local_addresses: bool = False

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if field.type == "bool":
                if not isinstance(value, bool):
                    raise ConfigurationError(f"Settings.{field.name} is {value!r}; it must be True or False.")
                continue
            kinds, name = (int, "a whole number") if field.type == "int" else (int | float, "a number")
            if isinstance(value, bool) or not isinstance(value, kinds) or not 0 < value < math.inf:
                raise ConfigurationError(f"Settings.{field.name} is {value!r}; it must be {name} above 0.")
