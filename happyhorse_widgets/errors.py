"""Every exception that this package raises on purpose.

    HappyHorseError
    ├── InvalidRequest (ValueError)        bad input, found before anything was uploaded or paid
    │   └── InvalidImage                   a reference image that cannot be used
    ├── ConfigurationError                 keys, addresses or folders that cannot work
    ├── BudgetExceeded                     refused before sending: it would pass the budget
    ├── ApiError                           the exchange with Scenario went wrong
    │   ├── AuthenticationError            401: the key pair is not accepted
    │   ├── PermissionDenied               403: the plan or the project does not allow it
    │   ├── RequestRejected                400, 422 …: Scenario refuses the request as it is
    │   ├── NotFound                       404, 410: no such job, asset, upload or model
    │   ├── RateLimited                    429: too fast, or the plan's parallel limit is reached
    │   ├── ServerFault                    408, 409, 5xx: Scenario or a gateway failed
    │   ├── TransportFault                 no usable answer: DNS, connect, TLS, reset, time-out
    │   └── ProtocolFault                  an answer that cannot be read: HTML, cut JSON, a redirect
    ├── JobError                           a clip ended without a video
    │   ├── JobRejected                    never started, never paid
    │   ├── JobFailed                      started and failed; normally refunded
    │   ├── JobCanceled                    canceled on Scenario's side
    │   ├── JobWithdrawn                   taken back before it was sent; free
    │   └── JobUncertain                   a person has to decide: an answer, a job or a file was lost
    ├── MediaError                         a video file that is cut, empty or not a video
    ├── LibraryError                       the library on disk cannot be used
    ├── MissingExtra (ImportError)         a part that was not installed is needed
    └── WaitTimeout (TimeoutError)         the wait ended, the job goes on

Messages say what was given, what is allowed and what to do. None carries a credential, a signed URL or a request
object, and none chains to an exception that does.
"""

from __future__ import annotations

from typing import Any


class HappyHorseError(Exception):
    """The root: catch this to catch everything this package raises on purpose."""


class InvalidRequest(HappyHorseError, ValueError):
    """Bad input, found before anything was uploaded or paid.

    `problems` holds one line for each thing that is wrong, so that all can be mended at once.
    """

    def __init__(self, *problems: str) -> None:
        self.problems = problems
        super().__init__("\n".join(problems))


class InvalidImage(InvalidRequest):
    """A reference image that cannot be used: missing, not an image, too large, broken."""


class ConfigurationError(HappyHorseError):
    """Keys, addresses or folders that cannot work, such as a key without its secret."""


class BudgetExceeded(HappyHorseError):
    """Refused before sending: the clip's cost would pass the session's budget (creative units)."""


class ApiError(HappyHorseError):
    """The exchange with Scenario went wrong. The subclasses tell how.

    `status` is the HTTP status or None, `reason` the server's own words or "", `retry_after` seconds or None. `in_doubt` tells
    of a call that was repeated whether an earlier attempt may have taken effect.
    """

    in_doubt = False

    def __init__(
        self, message: str, *, status: int | None = None, reason: str = "", retry_after: float | None = None
    ) -> None:
        self.status = status
        self.reason = reason
        self.retry_after = retry_after
        super().__init__(message)

    def __reduce__(self) -> tuple[Any, ...]:
        # Exception's own pickling drops keyword-only arguments; workers hand these across processes.
        return (_restored, (type(self), self.args, self.__dict__.copy()))


def _restored(kind: type[HappyHorseError], args: tuple[Any, ...], state: dict[str, Any]) -> HappyHorseError:
    error = kind.__new__(kind)
    error.args = args
    error.__dict__.update(state)
    return error


class AuthenticationError(ApiError):
    """401: the key pair is not accepted."""


class PermissionDenied(ApiError):
    """403: the plan or the project does not allow it."""


class RequestRejected(ApiError):
    """400, 422 and other 4xx: Scenario refuses the request as it is; sending it again gives the same answer."""


class NotFound(ApiError):
    """404 or 410: no such job, asset, upload or model, or not in this project."""


class RateLimited(ApiError):
    """429: too many requests, or the plan's limit is reached.

    `action` and `limit` are the plan limit that Scenario names (`details.actionName`, `details.actionLimit`), else None.
    """

    action: str | None
    limit: int | None

    def __init__(
        self,
        message: str,
        *,
        reason: str = "",
        retry_after: float | None = None,
        action: str | None = None,
        limit: int | None = None,
    ) -> None:
        super().__init__(message, status=429, reason=reason, retry_after=retry_after)
        self.action = action
        self.limit = limit


class ServerFault(ApiError):
    """408, 409 or 5xx: Scenario or a gateway before it failed. Whether the call took effect is not known."""


class TransportFault(ApiError):
    """No usable answer. `sent` is False only where it is certain that no byte of the request left this machine."""

    def __init__(self, message: str, *, sent: bool) -> None:
        super().__init__(message)
        self.sent = sent


class ProtocolFault(ApiError):
    """An answer that cannot be read: HTML, cut JSON, a field missing, a redirect where none is followed."""


class JobError(HappyHorseError):
    """A clip ended without a video. `clip_id` is its local id, `hint` Scenario's advice or ""."""

    def __init__(self, message: str, *, clip_id: str = "", hint: str = "") -> None:
        self.clip_id = clip_id
        self.hint = hint
        super().__init__(message)

    __reduce__ = ApiError.__reduce__


class JobRejected(JobError):
    """The job was refused and never started; nothing was paid."""


class JobFailed(JobError):
    """The job started and failed. The message says whether Scenario refunds it."""


class JobCanceled(JobError):
    """The job was canceled on Scenario's side."""


class JobWithdrawn(JobError):
    """The job was taken back before it was sent; nothing was paid."""


class JobUncertain(JobError):
    """A person has to decide: the submission's answer, the job or its file was lost. The message says what was paid.

    `clip.look_again()` searches or fetches once more, free of charge; `clip.submit_again()` is a new job and costs anew.
    """


class MediaError(HappyHorseError):
    """A video file that is cut, empty or not a video."""


class LibraryError(HappyHorseError):
    """The library on disk cannot be used: locked by another kernel, read-only, full, broken or from a newer version."""


class MissingExtra(HappyHorseError, ImportError):
    """A library is needed that only comes with an extra; the message says how to install it."""


class WaitTimeout(HappyHorseError, TimeoutError):
    """The wait ended, the job did not: it goes on in the background, and can be awaited again."""
