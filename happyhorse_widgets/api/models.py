"""What Scenario answers, read tolerantly: one odd field costs that field, never the answer.

Unknown fields are ignored, unknown statuses kept, nulls and unreadable values become the field's default, an
unreadable element of a list is left out. Only what makes an answer useless (no job id, not JSON) is a
ProtocolFault. Names are Python's; the wire's are their camelCase unless a field says otherwise. Times are
epoch seconds.
"""

from __future__ import annotations

import re
from typing import Any, NewType

import msgspec

from happyhorse_widgets.api.servertext import plain
from happyhorse_widgets.api.signedurls import SignedUrl  # noqa: TC001 - the decoder resolves the annotations

Instant = NewType("Instant", float)
"""A point in time in epoch seconds; ISO 8601 or epoch numbers on the wire."""
Units = NewType("Units", float)
"""Creative units, never negative."""
Fraction = NewType("Fraction", float)
"""A share of a whole, 0–1."""
Status = NewType("Status", str)
"""A job's status in lower case with hyphens, its older synonyms replaced."""

ENDED = frozenset({"success", "failure", "canceled"})
"""The statuses after which a job changes no more; every other one, known or not, counts as running."""


class Answer(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The base of all: immutable, camelCase on the wire."""


class Billing(Answer, frozen=True):
    """What a job cost. `disable_refund` is True when a failed job is not refunded."""

    cu_cost: Units | None = None
    cu_discount: Units | None = None
    disable_refund: bool = False


class StatusChange(Answer, frozen=True):
    """One line of a job's history."""

    status: Status
    date: Instant | None = None


class Job(Answer, frozen=True):
    """A job: `status` is one of pending, queued, warming-up, in-progress, finalizing, success, failure,
    canceled or new.

    `progress` is 0–1 or None. `metadata` is what the server keeps of it, arbitrary, with signed URLs cut.
    """

    job_id: str
    job_type: str = ""
    status: Status = Status("unknown")
    progress: Fraction | None = None
    created_at: Instant | None = None
    updated_at: Instant | None = None
    status_history: tuple[StatusChange, ...] = ()
    metadata: dict[str, Any] = {}
    billing: Billing | None = None

    @property
    def has_ended(self) -> bool:
        return self.status in ENDED

    @property
    def input(self) -> dict[str, Any]:
        """The body it was made with, as far as the server tells."""
        value = self.metadata.get("input")
        return value if isinstance(value, dict) else {}

    @property
    def asset_ids(self) -> tuple[str, ...]:
        """The results, in the server's order."""
        value = self.metadata.get("assetIds")
        return (
            tuple(item for item in value if isinstance(item, str) and item) if isinstance(value, list) else ()
        )

    @property
    def error(self) -> str:
        """Why it failed, in the server's words, fit to be shown; "" when it does not say."""
        return self._words("error")

    @property
    def hint(self) -> str:
        """The server's advice after a failure, fit to be shown; or ""."""
        return self._words("hint")

    def _words(self, name: str) -> str:
        value = self.metadata.get(name)
        return plain(value) if isinstance(value, str) else ""


class JobPage(Answer, frozen=True):
    """One page of jobs. Go on until `next_token` is None: a page may be empty while a token remains."""

    jobs: tuple[Job, ...]
    next_token: str | None = msgspec.field(default=None, name="nextPaginationToken")


class Submission(Answer, frozen=True):
    """A job that was accepted, and what it costs (None: the server did not say)."""

    job: Job
    creative_units_cost: Units | None = None
    creative_units_discount: Units | None = None
    cost_details: dict[str, Any] = {}


class Estimate(Answer, frozen=True):
    """What a request would cost."""

    creative_units_cost: Units
    creative_units_discount: Units | None = None
    cost_details: dict[str, Any] = {}


class FileProperties(Answer, frozen=True):
    """Facts about an asset's file: bytes, pixels, seconds, frames per second."""

    size: int | None = None
    width: int | None = None
    height: int | None = None
    duration: float | None = None
    frame_rate: float | None = None
    codec_name: str = ""


class FrameAsset(Answer, frozen=True):
    """The first or last frame of a video, an asset of its own."""

    asset_id: str
    url: SignedUrl | None = None


class Asset(Answer, frozen=True):
    """A file at Scenario. `url` is signed and temporary: use it at once, keep `id`."""

    id: str
    kind: str = ""
    mime_type: str = ""
    status: str = ""
    url: SignedUrl | None = None
    properties: FileProperties = FileProperties()
    first_frame: FrameAsset | None = None
    last_frame: FrameAsset | None = None
    metadata: dict[str, Any] = {}
    tags: tuple[str, ...] = ()
    created_at: Instant | None = None

    @property
    def seed(self) -> int | None:
        """The seed it was made with; Scenario writes it as a text."""
        text = str(self.metadata.get("seed"))[:20]
        return int(float(text)) if re.fullmatch(r"[0-9]{1,15}(\.0)?", text) else None


class UploadPart(Answer, frozen=True):
    """Where one part of a file is PUT to, without credentials, until `expires`."""

    number: int
    url: SignedUrl
    expires: Instant | None = None


class Upload(Answer, frozen=True):
    """A multipart upload.

    `status` is pending, complete, validating or validated, then imported (`entity_id` is the asset) or failed.
    """

    id: str
    status: str = "pending"
    parts: tuple[UploadPart, ...] = ()
    entity_id: str = ""
    error_message: str = ""


class Requirement(Answer, frozen=True):
    """When an input is required; only `always` concerns a single field."""

    always: bool = False


class ModelInput(Answer, frozen=True):
    """One input of a model.

    For arrays the lengths count items, for strings characters; `max_size` is in bytes.
    """

    name: str
    type: str = ""
    kind: str = ""
    label: str = ""
    description: str = ""
    hint: str = ""
    placeholder: str = ""
    allowed_values: tuple[Any, ...] = ()
    default: Any = None
    min: float | None = None
    max: float | None = None
    step: float | None = None
    min_length: int | None = None
    max_length: int | None = None
    max_size: int | None = None
    cost_impact: bool | None = None
    required: Requirement | None = None


class PerformanceVariant(Answer, frozen=True):
    """How long and how dear one variant of a model is: seconds and creative units, at the median (p75)."""

    variant_key: str = ""
    total_latency_p50_sec: float | None = None
    total_latency_p75_sec: float | None = None
    cost_per_asset_p50: Units | None = msgspec.field(default=None, name="costPerAssetP50CU")


class PerformanceStats(Answer, frozen=True):
    """Statistics of a model; `default` is the `variant_key` of its usual variant."""

    variants: tuple[PerformanceVariant, ...] = ()
    default: str = ""


class Model(Answer, frozen=True):
    """A model and its inputs."""

    id: str
    name: str = ""
    short_description: str = ""
    tags: tuple[str, ...] = ()
    inputs: tuple[ModelInput, ...] = ()
    performance_stats: PerformanceStats = PerformanceStats()


class PromptGuide(Answer, frozen=True):
    """How to write for a model, in Markdown."""

    value: str = ""


class Example(Answer, frozen=True):
    """One published result of a model."""

    asset: Asset
    model_id: str = ""
    job: Job | None = None


class Prompts(Answer, frozen=True):
    """Proposed prompts, and what proposing them cost."""

    prompts: tuple[str, ...]
    creative_units_cost: Units | None = None


class Translation(Answer, frozen=True):
    """A prompt in English, the language it was in, and what translating it cost."""

    translation: str
    detected_language: str = ""
    creative_units_cost: Units | None = None


class Project(Answer, frozen=True):
    """A project of a team."""

    id: str
    name: str = ""


class Team(Answer, frozen=True):
    """A team that the key belongs to."""

    id: str
    name: str = ""
    plan: str = ""
    projects: tuple[Project, ...] = ()


class PlanLimits(Answer, frozen=True):
    """The plan's limits: jobs at once, creative units per period. None where the server says nothing."""

    parallel_custom_jobs: float | None = None
    creative_units: float | None = None


class PlanValues(Answer, frozen=True):
    """How much of the limits is used in this period."""

    creative_units: float | None = None


class Period(Answer, frozen=True):
    """The billing period."""

    start: Instant | None = None
    end: Instant | None = None


class Limits(Answer, frozen=True):
    """A team's plan: its limits, what is used of them, the period they hold for."""

    plan: str = ""
    limits: PlanLimits = PlanLimits()
    values: PlanValues = PlanValues()
    period: Period = Period()


class Consumption(Answer, frozen=True):
    """What one user consumed: creative units paid, discount, and their sum."""

    user_id: str = ""
    value: float = 0.0
    discount: float = 0.0
    total: float = 0.0


class Usages(Answer, frozen=True):
    """Creative units consumed in a time range, by user."""

    consumption: tuple[Consumption, ...] = ()
