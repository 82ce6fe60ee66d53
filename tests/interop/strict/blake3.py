"""BLAKE3, unkeyed, 32 bytes of output. All chunks of a message are compressed side by side: a word of the state is one
big integer with a lane of 64 bits for each chunk, whose upper half takes the carries."""

import struct

CHUNK, BLOCK = 1024, 64
IV = (0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A, 0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19)
PERMUTATION = (2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8)
CHUNK_START, CHUNK_END, PARENT, ROOT = 1, 2, 4, 8
COLUMNS = ((0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15),
           (0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14))


def spread(words):
    """One lane for each 32-bit word."""
    return int.from_bytes(struct.pack(f"<{len(words)}Q", *words), "little")


def gather(value, lanes):
    return struct.unpack(f"<{lanes}Q", value.to_bytes(8 * lanes, "little"))


def compress(chaining, message, counters, length, flags, lanes):
    """The compression function over `lanes` inputs; `chaining` and `message` are words of lanes."""
    ones = spread((1,) * lanes)
    mask = ones * 0xFFFFFFFF
    v = [*chaining, *(ones * word for word in IV[:4]), spread(counters), 0, ones * length, ones * flags]
    for turn in range(7):
        for step, (a, b, c, d) in enumerate(COLUMNS):
            va, vb, vc, vd = v[a], v[b], v[c], v[d]
            va = (va + vb + message[2 * step]) & mask
            vd ^= va
            vd = ((vd >> 16) | (vd << 16)) & mask
            vc = (vc + vd) & mask
            vb ^= vc
            vb = ((vb >> 12) | (vb << 20)) & mask
            va = (va + vb + message[2 * step + 1]) & mask
            vd ^= va
            vd = ((vd >> 8) | (vd << 24)) & mask
            vc = (vc + vd) & mask
            vb ^= vc
            v[a], v[b], v[c], v[d] = va, ((vb >> 7) | (vb << 25)) & mask, vc, vd
        if turn < 6:
            message = [message[index] for index in PERMUTATION]
    return [v[i] ^ v[i + 8] for i in range(8)]


def columns_of(blocks):
    """16 words of lanes from blocks of 64 bytes."""
    return [spread(column) for column in zip(*struct.iter_unpack("<16I", b"".join(blocks)))]


def hash_chunks(chunks, first, root):
    """Chaining values of chunks of one length, as tuples of 8 words."""
    lanes, size = len(chunks), len(chunks[0])
    counters = range(first, first + lanes)
    chaining = [spread((word,) * lanes) for word in IV]
    starts = range(0, max(size, 1), BLOCK)
    for start in starts:
        length = min(BLOCK, size - start)
        last = start == starts[-1]
        flags = (CHUNK_START if start == 0 else 0) | (CHUNK_END | (ROOT if root else 0) if last else 0)
        blocks = [chunk[start:start + length].ljust(BLOCK, b"\0") for chunk in chunks]
        chaining = compress(chaining, columns_of(blocks), counters, length, flags, lanes)
    return list(zip(*(gather(word, lanes) for word in chaining)))


def join(pairs, root):
    """Chaining values of parents; a pair is 16 words."""
    lanes = len(pairs)
    start = [spread((word,) * lanes) for word in IV]
    message = [spread(column) for column in zip(*pairs)]
    flags = PARENT | (ROOT if root else 0)
    out = compress(start, message, (0,) * lanes, BLOCK, flags, lanes)
    return list(zip(*(gather(word, lanes) for word in out)))


def blake3(data):
    data = memoryview(data)
    whole = max(0, (len(data) - 1) // CHUNK)  # full chunks before the last one
    nodes = []
    for first in range(0, whole, CHUNK):
        batch = [bytes(data[i * CHUNK:(i + 1) * CHUNK]) for i in range(first, min(first + CHUNK, whole))]
        nodes += hash_chunks(batch, first, False)
    nodes += hash_chunks([bytes(data[whole * CHUNK:])], whole, whole == 0)
    # The left subtree is the largest full one: pairing neighbours level by level, the odd one moving up, is the same.
    while len(nodes) > 1:
        pairs = [nodes[i] + nodes[i + 1] for i in range(0, len(nodes) - 1, 2)]
        nodes = join(pairs, len(nodes) == 2) + (nodes[-1:] if len(nodes) % 2 else [])
    return struct.pack("<8I", *nodes[0])
