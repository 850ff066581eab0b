"""What a run makes and publishes, told in its events."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from fabula.runs.recorder import Recorder
from fabula.store.documents import FolderPublisher, StoredArtifacts
from fabula.store.engine import Fence, Store
from fabula.store.events import Event
from fabula.store.ports import Artifact
from fabula.store.published import published_event


class AnnouncedArtifacts(StoredArtifacts):
    """Artifacts whose arrival is an event."""

    def __init__(self, store: Store, fence: Fence, recorder: Recorder) -> None:
        super().__init__(store, fence)
        self._recorder = recorder

    async def put(self, name: str, data: bytes, media_type: str) -> Artifact:
        artifact = await super().put(name, data, media_type)
        note = {"hash": artifact.hash, "media_type": media_type, "size": artifact.size}
        self._recorder.add(Event("artifact", item=name, note=note))
        return artifact


class AnnouncedPublisher(FolderPublisher):
    """A folder whose publications are recorded: what is not named there is only stored."""

    def __init__(self, folder: Path, recorder: Recorder) -> None:
        super().__init__(folder)
        self._recorder = recorder

    async def publish(self, files: Sequence[tuple[Artifact, bytes]]) -> str:
        place = await super().publish(files)
        self._recorder.add(published_event([artifact for artifact, _ in files]))
        # Before the step counts as done: a step that is done is not done again after a crash.
        await self._recorder.flush()
        return place
