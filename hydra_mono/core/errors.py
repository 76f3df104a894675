"""The one exception family; the command line catches it once and prints one line."""


class HydraMonoError(Exception):
    """Something the user can mend: the message says what, where and how."""


class ConfigError(HydraMonoError):
    """A setting is unknown or out of range."""


class DataError(HydraMonoError):
    """A sequence cannot be read at all."""


class BadFrameError(HydraMonoError):
    """One frame cannot be used; the run skips it, counts it and goes on.

    ``reason`` is a short slug that groups equal faults in the final table (``nan-pose``).
    """

    def __init__(self, frame_name: str, reason: str, detail: str = "") -> None:
        super().__init__(f"{frame_name}: {reason}" + (f" ({detail})" if detail else ""))
        self.frame_name = frame_name
        self.reason = reason


class GraphError(HydraMonoError):
    """A change would break an invariant of the scene graph."""


class ExportError(HydraMonoError):
    """A run or graph cannot be written or read back."""


class QueryError(HydraMonoError):
    """A question cannot be understood, or names what the graph does not know."""


class MissingDependencyError(HydraMonoError):
    """An optional package or a system library is absent."""


def one_line(error: BaseException) -> str:
    """Any error as one line: ours as they are, others with their kind."""
    text = " ".join(str(error).split())
    if isinstance(error, HydraMonoError):
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
