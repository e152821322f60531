"""What a program's recorded calls will cost: of a rehearsal, or of a log."""

from estimator.recorded.recorded_call import RecordedCall, Recording
from estimator.recorded.recording_file import read_recording, write_recording

__all__ = [
    "RecordedCall",
    "Recording",
    "read_recording",
    "write_recording",
]
