"""Zip archives made byte by byte, so that every field of them can be wrong."""

import struct
import zlib
from dataclasses import dataclass, field


def deflated(content: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return packer.compress(content) + packer.flush()


@dataclass
class Member:
    """One entry. What is None follows from the content."""

    name: bytes
    content: bytes = b""
    method: int = 0
    mode: int = 0o100644
    flags: int = 0
    extra: bytes = b""
    #: Overrides, of both headers unless the name says otherwise.
    packed: bytes | None = None
    crc: int | None = None
    size: int | None = None
    packed_size: int | None = None
    local_name: bytes | None = None
    local_size: int | None = None
    local_method: int | None = None
    #: Where the central directory says that the local header is.
    offset: int | None = None
    volume: int = 0
    version: int = 20

    def stated(self) -> tuple[int, int, int]:
        packed = self.data()
        return (
            zlib.crc32(self.content) if self.crc is None else self.crc,
            len(packed) if self.packed_size is None else self.packed_size,
            len(self.content) if self.size is None else self.size,
        )

    def data(self) -> bytes:
        if self.packed is not None:
            return self.packed
        return deflated(self.content) if self.method == 8 else self.content

    def local(self) -> bytes:
        crc, packed_size, size = self.stated()
        name = self.name if self.local_name is None else self.local_name
        size = size if self.local_size is None else self.local_size
        method = self.method if self.local_method is None else self.local_method
        fields = (20, self.flags, method, 0, 0x21, crc, packed_size, size, len(name))
        head = struct.pack("<4s5H3L2H", b"PK\x03\x04", *fields, len(self.extra))
        return head + name + self.extra + self.data()

    def central(self, offset: int) -> bytes:
        crc, packed_size, size = self.stated()
        offset = offset if self.offset is None else self.offset
        head = struct.pack(
            "<4s6H3L5H2L",
            b"PK\x01\x02",
            0x314,
            self.version,
            self.flags,
            self.method,
            0,
            0x21,
            crc,
            packed_size,
            size,
            len(self.name),
            len(self.extra),
            0,
            self.volume,
            0,
            self.mode << 16,
            offset,
        )
        return head + self.name + self.extra


@dataclass
class Archive:
    """An archive. What is None follows from the members."""

    members: list[Member] = field(default_factory=list)
    comment: bytes = b""
    comment_size: int | None = None
    prefix: bytes = b""
    before_end: bytes = b""
    suffix: bytes = b""
    count: int | None = None
    volume: int = 0
    directory_offset: int | None = None
    #: Adds a zip64 record; these are its fields.
    zip64: dict[str, int] | None = None

    def build(self) -> bytes:
        body, central = self.prefix, b""
        for member in self.members:
            central += member.central(len(body))
            body += member.local()
        offset = len(body) if self.directory_offset is None else self.directory_offset
        count = len(self.members) if self.count is None else self.count
        end_64 = self._end_64(len(body) + len(central), count, len(central), offset)
        comment_size = len(self.comment) if self.comment_size is None else self.comment_size
        end = struct.pack(
            "<4s4H2LH",
            b"PK\x05\x06",
            self.volume,
            self.volume,
            count,
            count,
            len(central),
            offset,
            comment_size,
        )
        return body + central + self.before_end + end_64 + end + self.comment + self.suffix

    def _end_64(self, at: int, count: int, directory_bytes: int, offset: int) -> bytes:
        if self.zip64 is None:
            return b""
        fields = {
            "size": 44,
            "count": count,
            "directory_bytes": directory_bytes,
            "directory_offset": offset,
            "locator_offset": at,
            "volumes": 1,
        } | self.zip64
        record = struct.pack(
            "<4sQ2H2L4Q",
            b"PK\x06\x06",
            fields["size"],
            45,
            45,
            0,
            0,
            fields["count"],
            fields["count"],
            fields["directory_bytes"],
            fields["directory_offset"],
        )
        return record + struct.pack(
            "<4sLQL", b"PK\x06\x07", 0, fields["locator_offset"], fields["volumes"]
        )


def archive(*members: Member) -> bytes:
    return Archive(list(members)).build()


def quoted_overlap_bomb(files: int, kernel: bytes) -> bytes:
    """Each file's data is a stored block that quotes the next file's header, then the next file's
    data: all of them share the last one's compressed content."""
    names = [f"{number:04}".encode() for number in range(files)]
    last = Member(names[-1], kernel, method=8)
    body, sizes, contents = last.local(), [len(last.data())], [kernel]
    offsets = [len(body)]
    for name in reversed(names[:-1]):
        header = body[: len(body) - sizes[0]]
        quote = struct.pack("<BHH", 0, len(header), len(header) ^ 0xFFFF)
        content = header + contents[0]
        packed = quote + body
        member = Member(name, content, method=8, packed=packed)
        body = member.local()
        sizes.insert(0, len(packed))
        contents.insert(0, content)
        offsets.insert(0, len(body))
    central = b""
    for name, size, content, from_end in zip(names, sizes, contents, offsets, strict=True):
        member = Member(name, content, method=8, packed=b"", packed_size=size)
        central += member.central(len(body) - from_end)
    end = struct.pack(
        "<4s4H2LH", b"PK\x05\x06", 0, 0, files, files, len(central), len(body), 0
    )  # fmt: skip
    return body + central + end
