"""A second reader of everything microsandbox keeps on disk, written from the format documents alone and with nothing of
the library in it. It is strict: what a release of microsandbox would refuse, or have written otherwise, is an error."""


class Malformed(Exception):
    """What was read is not what the formats say."""


def require(condition, message):
    if not condition:
        raise Malformed(message)
