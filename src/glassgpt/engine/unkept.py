"""Where nothing can be kept on disk, every start takes seconds longer: that is said once, and all goes on."""

import logging

_log = logging.getLogger(__name__)
_said: list[str] = []


def say_unkept(error: OSError) -> None:
    """Tell why; whatever else cannot be kept after that is not told."""
    if not _said:
        _said.append(f"{error.filename or 'the disk'}: {error.strerror or error}")
        _log.warning(
            "Packed weights and compiled kernels cannot be kept (%s): each start makes them anew, which takes seconds. "
            "Set GLASSGPT_CACHE to a folder that can be written, or say --no-cache.",
            *_said,
        )
