"""Read a body of the web chunk by chunk, unpacked, and never more of it than was asked for."""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator


class TooLarge(Exception):
    """The body, as sent or unpacked, has more bytes than may be taken."""


class Damaged(Exception):
    """The body cannot be unpacked, or ends too early."""


PACKINGS = ("", "identity", "gzip", "x-gzip", "deflate")
"""What `read_body` can unpack; a body packed otherwise, or twice, is not to be read."""


async def read_body(chunks: AsyncIterator[bytes], *, packing: str, most: int) -> bytes:
    """Collect at most `most` bytes; raises TooLarge before more are held, or Damaged.

    A small body may unpack to gigabytes, so each chunk is unpacked only as far as there is room.
    """
    body = bytearray()
    sent = 0
    unpacker = _Unpacker() if packing not in ("", "identity") else None
    async for chunk in chunks:
        sent += len(chunk)
        body += unpacker.feed(chunk, most + 1 - len(body)) if unpacker else chunk
        if max(sent, len(body)) > most:
            raise TooLarge
    if unpacker and not unpacker.whole:
        raise Damaged
    return bytes(body)


class _Unpacker:
    """gzip, zlib and the bare deflate that some servers send under its name."""

    def __init__(self) -> None:
        self._zlib = zlib.decompressobj(zlib.MAX_WBITS | 32)
        self._begun = False

    @property
    def whole(self) -> bool:
        """The one packed stream has ended, and nothing but padding stands behind it."""
        return self._zlib.eof and not self._zlib.unused_data.strip(b"\0")

    def feed(self, chunk: bytes, room: int) -> bytes:
        try:
            out = self._zlib.decompress(chunk, room)
        except zlib.error:
            if self._begun:
                raise Damaged from None
            out = self._bare(chunk, room)
        self._begun = True
        return out

    def _bare(self, chunk: bytes, room: int) -> bytes:
        self._zlib = zlib.decompressobj(-zlib.MAX_WBITS)
        try:
            return self._zlib.decompress(chunk, room)
        except zlib.error:
            raise Damaged from None
