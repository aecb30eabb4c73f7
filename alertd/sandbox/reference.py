"""The sender's own id for a message: what ties a line of the log to the sender's books.

A sender that wants to recognise its message puts an id where the provider hands it back or keeps it: the
status-callback URL of an SMS, the data of a push, the Message-ID of a mail. By rule, in this order:

1. the first `<uuid>.<n>` found there (one try of one message), with the keys of the data in alphabetic order;
2. the first `<uuid>` in a Message-ID, or under one of DATA_KEYS;
3. the Message-ID or the callback URL as it stands.
"""

import re
from collections.abc import Mapping

DATA_KEYS = ("attempt", "delivery", "message_id", "id")

_UUID = r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_attempt = re.compile(rf"{_UUID}\.\d+")
_uuid = re.compile(_UUID)


def of_callback(url: str | None) -> str | None:
    """The reference in a status-callback URL, else the URL."""
    if not url:
        return None
    found = _attempt.search(url)
    return found.group() if found else url


def of_data(data: Mapping[str, str]) -> str | None:
    """The reference in a push's data; None where it carries none."""
    for key in sorted(data):
        if found := _attempt.fullmatch(data[key]):
            return found.group()
    for key in DATA_KEYS:
        if key in data:
            return data[key]
    return None


def of_message_id(message_id: str | None) -> str | None:
    """The reference in a Message-ID, else the Message-ID without its angle brackets."""
    if not message_id:
        return None
    found = _attempt.search(message_id) or _uuid.search(message_id)
    return found.group() if found else message_id.strip("<> ")
