"""IPython magics: `%load_ext happyhorse_widgets`, then `%happyhorse` and `%%happyhorse`.

    %%happyhorse -r fox.png -r astronaut.png --duration 5 --seed 3
    character1 waves at character2

submits the cell's text as the prompt and shows the clip's card; `%happyhorse` alone opens a Studio.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from IPython.core.error import UsageError
from IPython.core.magic import Magics, cell_magic, line_magic, magics_class
from IPython.core.magic_arguments import argument, magic_arguments, parse_argstring
from IPython.display import display

from happyhorse_widgets.engine.connect import generate
from happyhorse_widgets.widgets.studio import Studio

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from happyhorse_widgets.engine.clip import Clip


@magics_class
class HappyHorseMagics(Magics):
    """The two magics, for one IPython shell."""

    @line_magic("happyhorse")
    def studio(self, line: str) -> None:
        """Open a Studio."""
        if line.strip():
            raise UsageError(
                "%happyhorse opens a Studio and takes nothing. To submit a prompt, write it below %%happyhorse."
            )
        display(Studio())

    @magic_arguments()
    @argument(
        "-r",
        "--reference",
        action="append",
        default=[],
        help="a reference image: path, address or asset id; repeat",
    )
    @argument("--aspect-ratio", default="16:9", help="16:9, 9:16, 1:1, 4:3 or 3:4")
    @argument("--resolution", default="1080P", help="720P or 1080P")
    @argument("--duration", type=int, default=5, help="whole seconds, 3 to 15")
    @argument("--seed", type=int, default=None, help="0 to 2147483647; default: the model's choice")
    @argument("--model", default=None, help="a Scenario model id")
    @argument("--name", default=None, help="the variable that will hold the clip")
    @cell_magic("happyhorse")
    def submit(self, line: str, cell: str) -> Clip:
        """Submit the cell's text as the prompt; gives the clip, whose card is shown."""
        options = parse_argstring(self.submit, line)
        clip = generate(
            cell.strip(),
            [self._unquoted(reference) for reference in options.reference],
            aspect_ratio=options.aspect_ratio,
            resolution=options.resolution,
            duration=options.duration,
            seed=options.seed,
            model=options.model,
        )
        if options.name and self.shell is not None:
            self.shell.push({options.name: clip})
        return clip

    @staticmethod
    def _unquoted(text: str) -> str:
        # IPython splits the line as a shell would, but leaves the quotes in.
        return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'" else text


def load_ipython_extension(shell: InteractiveShell) -> None:
    """What `%load_ext happyhorse_widgets` calls."""
    shell.register_magics(HappyHorseMagics)
