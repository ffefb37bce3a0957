"""The command line: `ticketing COMMAND`. Commands live in `ticketing/commands/`, and are loaded when they are asked for.

Exit codes: 0 done; 1 done, and the answer is bad (records left out, an invariant broken); 2 not done, with one sentence why.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence

import click

from ticketing.foundation.errors import TicketingError

COMMANDS = {
    "init": "Prepare database and keys of an installation.",
    "serve": "Serve storefront and API.",
    "demo": "Make a season, let buyers act, run the flows, serve everything.",
    "clean-demo": "Stop the demo and remove its data.",
    "import": "Import season files and seating plans.",
    "vendor": "Add vendors and their members.",
    "keys": "Rotate the keys that contact data is encrypted with.",
    "simulate": "Sell a vendor's events to simulated buyers.",
    "verify": "Check every invariant in one snapshot.",
    "warehouse": "Look at, rebuild and export the warehouse.",
    "dashboards": "Serve the dashboards.",
    "flows": "Run Prefect's server, deploy the flows, start a worker.",
    "provider": "Run the fake payment provider.",
    "sink": "Run a mail server that keeps what it gets in a directory.",
}


class LazyGroup(click.Group):
    """Imports a command's module only when the command runs: `ticketing verify` need not load a web server."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = cmd_name.replace("-", "_") + ("_" if cmd_name == "import" else "")
        command: click.Command = importlib.import_module(f"ticketing.commands.{module}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """The event-ticketing back office."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point: errors become one sentence and exit code 2."""
    try:
        result = cli.main(args=None if arguments is None else list(arguments), prog_name="ticketing", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except TicketingError as error:
        click.echo(f"ticketing: {error.message}", err=True)
        sys.exit(2)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
    sys.exit(result if isinstance(result, int) else 0)


if __name__ == "__main__":
    main()
