"""What long calls tell while they work."""
from dataclasses import dataclass
from typing import Callable, Optional


@dataclass(frozen=True)
class Progress:
    """Where a long call stands. The last event of a call that succeeds has the phase ``complete``."""

    #: ``resolving``, ``verifying``, ``materializing``, ``writing``, ``merging``, ``copying``, ``hashing``, ``packing``,
    #: ``unpacking``, ``installing``, ``indexing``, ``complete``, …
    phase: str
    #: What is worked on: a reference, digest or path. None when there is no one thing.
    item: Optional[str]
    #: Position of ``item``, from 0.
    index: int
    #: Number of items; 0 when unknown.
    count: int
    #: Bytes done; items while indexing.
    done: int
    #: How many there are, or None when unknown.
    total: Optional[int]


ProgressCallback = Callable[[Progress], None]

#: Receives what a command in a sandbox writes: ``stdout`` or ``stderr``, and the bytes.
OutputCallback = Callable[[str, bytes], None]
