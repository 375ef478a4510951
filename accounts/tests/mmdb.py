"""Writes a MaxMind database of a few IPv4 networks, for tests of places."""

import struct
from ipaddress import ip_network
from pathlib import Path
from typing import Any

MARKER = b"\xab\xcd\xefMaxMind.com"
U16, U32, U64 = 5, 6, 9
Node = list[Any]


def _field(kind: int, size: int) -> bytes:
    """A control byte, with the extended type and size where they are needed."""
    head, rest = (kind << 5, b"") if kind < 8 else (0, bytes([kind - 7]))
    return bytes([head | size]) + rest if size < 29 else bytes([head | 29]) + rest + bytes([size - 29])


def encode(value: Any) -> bytes:
    if isinstance(value, dict):
        return _field(7, len(value)) + b"".join(encode(key) + encode(item) for key, item in value.items())
    if isinstance(value, list):
        return _field(11, len(value)) + b"".join(map(encode, value))
    if isinstance(value, str):
        return _field(2, len(value.encode())) + value.encode()
    kind, number = value
    raw = number.to_bytes((number.bit_length() + 7) // 8, "big")
    return _field(kind, len(raw)) + raw


def write(path: Path, kind: str, records: dict[str, dict[str, Any]]) -> str:
    """A database of this type ("GeoLite2-City") with a record for each network."""
    tree: Node = [None, None]
    data = b""
    for network, record in records.items():
        net = ip_network(network)
        bits = [int(net.network_address) >> (31 - at) & 1 for at in range(net.prefixlen)]
        node = tree
        for bit in bits[:-1]:
            node[bit] = node[bit] or [None, None]
            node = node[bit]
        node[bits[-1]] = len(data)
        data += encode(record)
    nodes: list[Node] = []

    def number(node: Node) -> None:
        nodes.append(node)
        for child in node:
            if isinstance(child, list):
                number(child)

    number(tree)
    places = {id(node): at for at, node in enumerate(nodes)}

    def pointer(child: Any) -> int:
        if isinstance(child, list):
            return places[id(child)]
        return len(nodes) if child is None else len(nodes) + 16 + child

    body = b"".join(struct.pack(">II", *map(pointer, node)) for node in nodes)
    about = {
        "node_count": (U32, len(nodes)),
        "record_size": (U16, 32),
        "ip_version": (U16, 4),
        "database_type": kind,
        "languages": ["en"],
        "binary_format_major_version": (U16, 2),
        "binary_format_minor_version": (U16, 0),
        "build_epoch": (U64, 1_700_000_000),
        "description": {"en": "test"},
    }
    path.write_bytes(body + b"\0" * 16 + data + MARKER + encode(about))
    return str(path)
