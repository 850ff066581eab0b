"""What a brief that came from elsewhere may name: nothing that lies on this machine."""

from __future__ import annotations

from fabula.documents import Document, machine_paths, uploaded
from fabula.errors import BadInput
from fabula.runs.uploads import check_uploads
from fabula.safety.fetch import GuardedFetch
from fabula.settings import Settings
from fabula.store.engine import Store

ADDRESSES = ("http://", "https://")


async def check_material(settings: Settings, store: Store, owner: str, brief: Document) -> None:
    """Refuse paths, addresses inside, and uploaded files that are not the owner's.

    An http(s) address that may be public stays, and is fetched as any stranger's is.
    """
    fetch = GuardedFetch(private_hosts=settings.fetch_private_hosts)
    for field, value in machine_paths(brief):
        address = value.strip()
        if address.lower().startswith(ADDRESSES):
            _check_address(fetch, field, address)
        elif uploaded(value) is None:
            raise BadInput(
                f"brief.{field}",
                f"got `{value[:60]}`: a brief sent to a service may name no path of its machine; "
                "send the material inline, upload it and name it as `file:<id>`, or give an "
                "address",
                f"`{value[:60]}`: 서비스에 보낸 요청서는 그 기계의 파일을 가리킬 수 없습니다. "
                "내용을 함께 보내거나, 파일로 올려 `file:<id>`로 쓰거나, 주소를 주세요",
            )
    await check_uploads(store, owner, brief)


def _check_address(fetch: GuardedFetch, field: str, address: str) -> None:
    try:
        fetch.check(address)
    except BadInput as error:
        en = error.en.removeprefix(f"{error.field}: ")
        ko = error.ko.removeprefix(f"{error.field}: ")
        raise BadInput(f"brief.{field}", en, ko) from None
