"""Before a clip is asked for: is the request sound, what would it cost, and its images sent ahead. Nothing here is paid."""

from __future__ import annotations

import asyncio
from concurrent.futures import CancelledError
from typing import TYPE_CHECKING, Any

from happyhorse_widgets.api.checks import check_sizes
from happyhorse_widgets.errors import InvalidImage, LibraryError

from .asking import ask, check_named
from .engine import CLOSED
from .lookups import Lookups
from .request import Reference, bytes_of, listed, own_names, read_references

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from concurrent.futures import Future

    from happyhorse_widgets.api.checks import Problem
    from happyhorse_widgets.media.images import ReferenceImage

    from .estimates import Estimate
    from .request import ReferenceSource


class Rehearsals(Lookups):
    """The part of a session that tries requests out."""

    def check(
        self,
        prompt: str,
        references: Mapping[str, Any] | Sequence[Any] | int,
        *,
        model: str | None = None,
        **values: Any,
    ) -> tuple[Problem, ...]:
        """All that is wrong, or unwise, with a request for so many references; nothing is sent."""
        schema, given = self.schema(model), {"prompt": prompt, **values}
        if isinstance(references, int):
            return tuple(check_named(schema, given, ("",) * references))
        names = own_names(references)
        return (
            *check_named(schema, given, names),
            *check_sizes(schema, [bytes_of(source) for source in listed(references)], names),
        )

    def estimate(
        self, prompt: str, references: Iterable[ReferenceSource], *, model: str | None = None, **values: Any
    ) -> Estimate:
        """What a clip would cost in creative units, and how long it would take; nothing is paid.

        Takes what `generate` takes and raises what it raises. The images are uploaded, which is free, for the dry run names them.
        """
        try:
            found: Estimate = self.run(
                self.estimate_async(prompt, references, model=model, **values)
            ).result()
        except CancelledError:
            raise LibraryError(CLOSED) from None
        return found

    async def estimate_async(
        self, prompt: str, references: Iterable[ReferenceSource], *, model: str | None = None, **values: Any
    ) -> Estimate:
        """`estimate` for code on the engine's loop (see `run`)."""
        engine = self._engine
        with engine.until_closed():
            schema = await engine.schemas.of(model or self.model)
            options = {name: values.pop(name) for name in ("keep_metadata", "fields") if name in values}
            asked = await asyncio.to_thread(
                ask, schema, prompt, references, values, has=engine.uploads.has, **options
            )
            known = await engine.estimates.recalled(schema, asked.request)
            if known is not None:
                return known
            for image in asked.images:
                await asyncio.to_thread(engine.uploads.keep, image)
            at_home = [await engine.uploads.at_home(reference) for reference in asked.request.references]
            asset_ids = await asyncio.gather(*map(engine.uploads.asset_id, at_home))
            with engine.uploads.doubted_if_refused(asset_ids):
                return await engine.estimates.of(schema, asked.request, asset_ids)

    def keep(self, references: Iterable[ReferenceSource]) -> tuple[Reference, ...]:
        """Read reference images, put them into the home, and give them by their content; an address is fetched for that.

        Takes what `generate` takes as `references`. Nothing is sent to Scenario. Raises `InvalidImage` that names every source
        that cannot be used, and what stands for an address that cannot be fetched.
        """
        uploads = self._engine.uploads
        kept = []
        for item in read_references(references):
            if not isinstance(item, Reference):
                uploads.keep(item)
                kept.append(Reference.of(item))
                continue
            if not uploads.has(item):
                raise InvalidImage(f"{item.name} is not in this library any more. Give the image itself.")
            kept.append(self.run(uploads.at_home(item)).result())
        return tuple(kept)

    def preupload(
        self, image: ReferenceImage, progress: Callable[[int, int], None] | None = None
    ) -> Future[str]:
        """Send an image ahead of the clip that will use it; the same bytes are sent once.

        The bytes are in the home when this returns. `progress` gets the bytes sent and the total, on the engine's loop. The
        future gives the asset id.
        """
        self._engine.uploads.keep(image)
        return self.run(self._engine.uploads.asset_id(Reference.of(image), progress))
