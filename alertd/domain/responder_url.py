"""Which URLs alertd pages a responder by: an allow-list, and nothing in them that leads elsewhere.

Apprise knows some 250 schemes; among them are some that run commands, write files or carry several recipients.
Checked where settings are read, and again where a page is sent.
"""

import re
from urllib.parse import unquote, urlsplit

from alertd.domain.errors import Invalid

SCHEMES = frozenset(
    {
        *("mailto", "mailtos"),  # e-mail, without and with TLS
        *("slack", "workflows", "discord", "mmost", "mmosts", "tgram", "matrix", "matrixs"),  # workflows: Teams
        *("pagerduty", "opsgenie", "pover", "ntfy", "ntfys", "gotify", "gotifys"),  # pover: Pushover
        *("json", "jsons"),  # a web hook of your own
    }
)
"""Apprise's names of the services that a responder may be paged by."""

_ELSEWHERE = frozenset({"smtp", "redirect", "template", "attach", "attachments", "pgp", "pgpkey", "wkd"})
"""Options that open a second destination, follow one, or read a file."""
_MORE = frozenset({"cc", "bcc"})
_REPEATS = frozenset({"retry", "wait"})
_OPTION = re.compile(r"[?&;]([^=&?#;]*)")
_METADATA = ("169.254.", "[fe80:")  # link-local: where clouds keep the secrets of a machine


def check_responder_url(url: str) -> None:
    """Raises Invalid, which never quotes the URL: it holds secrets."""
    scheme = re.match(r"([A-Za-z0-9+.-]+)://", url)
    if scheme is None:
        raise Invalid(
            "is neither a phone number like +14155550123 nor a URL like ntfys://ntfy.example.org/on-call"
        )
    if scheme.group(1).lower() not in SCHEMES:
        raise Invalid(f"has a scheme that alertd does not page by; it may be {', '.join(sorted(SCHEMES))}")
    if not url.isprintable() or any(c.isspace() for c in url):
        raise Invalid("holds a space or a control character; write it as %20")
    try:
        host = urlsplit(url).netloc.rpartition("@")[2].lower()
    except ValueError:
        raise Invalid("is not a URL") from None
    if host.startswith(_METADATA):
        raise Invalid("names a link-local address, where nobody is on call")
    # Behind a # too: Apprise reads `slack://.../#channel?template=...` as an option.
    options = {unquote(key).strip("+-: ").lower() for key in _OPTION.findall(url)}
    for found, why in (
        (_ELSEWHERE, "which leads elsewhere than the URL says: name the server itself in the URL"),
        (_MORE, "which adds recipients: one responder is one person"),
        (_REPEATS, "but alertd itself tries again"),
    ):
        wrong = sorted(options & found)
        if wrong:
            raise Invalid(f'has the option "{wrong[0]}", {why}')
