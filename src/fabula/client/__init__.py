"""Ask a fabula service: runs, their events and files, from any program.

`Client` blocks, `AsyncClient` is for an event loop; both have the same operations. Errors are those
of `fabula.errors`. `enqueue` is for other ARQ applications.
"""

from fabula.client.answers import (
    Artifact,
    ChangePlan,
    CostReport,
    Estimate,
    ProductInfo,
    Progress,
    Run,
    RunEvent,
    RunSummary,
    UploadedFile,
)
from fabula.client.clients import AsyncClient, Client
from fabula.client.enqueue import Enqueued, enqueue
from fabula.client.exchange import Retry

__all__ = [
    "Artifact",
    "AsyncClient",
    "ChangePlan",
    "Client",
    "CostReport",
    "Enqueued",
    "Estimate",
    "ProductInfo",
    "Progress",
    "Retry",
    "Run",
    "RunEvent",
    "RunSummary",
    "UploadedFile",
    "enqueue",
]
