"""What pip runs when it builds a wheel or an sdist: the Explorer's page goes in, built here if it is not there yet.

GLASSGPT_PAGE says what happens where it is not: `auto` (the default) builds it if npm is at hand and warns if that
fails, `required` fails, `skip` leaves it out. An editable install leaves the page to `make page`.
"""

import os
import sys
from pathlib import Path

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class PageHook(BuildHookInterface):
    """Adds the built page, which git ignores, to what is packed."""

    def initialize(self, version: str, build_data: dict[str, object]) -> None:
        """Build the page if that is wanted; hatchling calls this before it collects files."""
        wish = os.environ.get("GLASSGPT_PAGE", "auto")
        web = Path(self.root) / "web"
        if version == "editable" or wish == "skip" or not web.is_dir():
            return  # an sdist already holds the page
        sys.path.insert(0, str(web))
        try:
            import build as page  # web/build.py

            if not page.is_built():
                page.build(fetch_node=False)
        except page.NotBuilt as reason:
            if wish == "required":
                raise
            self.app.display_warning(f"The wheel has no Explorer page: {reason}")
        finally:
            sys.path.remove(str(web))
