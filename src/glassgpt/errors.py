"""Every exception a user of GlassGPT can meet.

    GlassGPTError
    ├── InvalidParameter      a setting outside what is allowed            (also a ValueError)
    ├── ContextOverflow       more tokens than the model can see           (also a ValueError)
    ├── TokenizerError        text or ids this vocabulary cannot carry     (also a ValueError)
    ├── CheckpointError       a model file that is missing parts, damaged or unsupported
    ├── ModelNotFound         no model under this name or path             (also a FileNotFoundError)
    ├── DataError             a corpus or token shard that cannot be used
    └── RunError              a training run that cannot start, save or resume
        └── StoppedElsewhere  another rank of the run stopped, and says why


        ├── RunInUse          another process trains in this folder
        ├── NotFinite         loss or gradient is not a number, or steps out of line
        ├── OutOfMemory       a step that does not fit
        └── SavingFailed      checkpoints that cannot be written

Each message says what was given, what is allowed and what to do.
"""


class GlassGPTError(Exception):
    """The root: catch this to catch everything GlassGPT raises on purpose."""


class InvalidParameter(GlassGPTError, ValueError):
    """A setting outside what is allowed: `name`, the `value` given, and the `rule`."""

    def __init__(self, name: str, value: object, rule: str) -> None:
        """Compose the message from the three parts."""
        super().__init__(f"{name}={value!r} is not allowed: {rule}.")
        self.name, self.value, self.rule = name, value, rule


class ContextOverflow(GlassGPTError, ValueError):
    """More tokens than the model has positions for."""


class TokenizerError(GlassGPTError, ValueError):
    """Text or ids that this vocabulary cannot carry."""


class CheckpointError(GlassGPTError):
    """A model file that is missing parts, damaged or unsupported."""


class ModelNotFound(GlassGPTError, FileNotFoundError):
    """No model under this name or path."""


class DataError(GlassGPTError):
    """A corpus or token shard that cannot be used."""


class RunError(GlassGPTError):
    """A training run that cannot start, save or resume."""


class StoppedElsewhere(RunError):
    """Another rank of the run stopped, and says why."""


class RunInUse(RunError):
    """Another process trains in this folder."""


class NotFinite(RunError):
    """Loss or gradient is not a number, or far out of line, too often to go on."""


class OutOfMemory(RunError):
    """A step that does not fit into memory."""


class SavingFailed(RunError):
    """Checkpoints cannot be written: the disk is full, failing or closed to us."""
