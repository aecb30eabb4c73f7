"""Masks what must not be read in logs: phone numbers, mailboxes, tokens, keys, passwords in URLs.

Pure, and idempotent: masking what is masked changes nothing.
"""

import re

HIDDEN = "***"


def mask_address(channel: str, to: str) -> str:
    """What may be shown of an address: `+1***0123`, `m***@example.org`, `tok***ab12`; else `***`."""
    if channel in {"sms", "voice"}:
        return _masked_phone(to)
    if channel == "email":
        return _masked_mailbox(to)
    if channel == "push":
        return _masked_token(to)
    return HIDDEN


def mask_text(text: str) -> str:
    """The text with everything that looks like an address or a secret masked, also URL-encoded."""
    if not _MAY_HIDE_ONE(text):
        return text
    for pattern, masked in _MASKS:
        text = pattern.sub(masked, text)
    return text


# Country codes are one digit (1, 7), one of these pairs, or three digits (ITU-T, list of assigned codes,
# https://www.itu.int/pub/T-SP-E.164D).
_COUNTRY = re.compile(r"1|7|2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58]|\d{3}")


def _masked_phone(number: str) -> str:
    """The country code and at most four last digits, as long as at least four stay hidden."""
    digits = re.sub(r"\D", "", number.replace("%2B", "+").replace("%2b", "+"))
    country = _COUNTRY.match(digits)
    if country is None:
        return HIDDEN
    shown = min(4, len(digits) - country.end() - 4)
    return f"+{country.group()}{HIDDEN}{digits[-shown:] if shown > 0 else ''}"


def _masked_mailbox(mailbox: str) -> str:
    """The first letter and the domain: the domain is what an operator needs when a mail server refuses."""
    local, _, domain = mailbox.replace("%40", "@").rpartition("@")
    first = local[:1].strip("*") if len(local) > 1 else ""
    return f"{first}{HIDDEN}@{domain}" if domain and local else HIDDEN


def _masked_token(token: str) -> str:
    """The last four characters, enough to tell two phones of one caregiver apart."""
    return f"tok{HIDDEN}{token[-4:]}" if len(token) >= 16 else HIDDEN


def _masked_run(found: re.Match[str]) -> str:
    """A token, unless the run is a ruler (`-----`) or another thing without letters and digits."""
    run = found.group()
    mixed = any(c.isdigit() for c in run) and any(c.isalpha() for c in run)
    return _masked_token(run) if mixed or run.isalpha() else run


_LOCAL = r"[^\s@<>\"',;:()\[\]\\|/=&?]"  # a character of the part before the @

_MASKS = (
    # A password in a URL, before its tail is taken for a mailbox; people forget to encode a slash in it.
    (re.compile(r"://(?:[^/\s'\"]+|[^/\s'\"@:]*:[^\s'\"@]{1,200})@"), f"://{HIDDEN}@"),
    (re.compile(r"(?i)\b(bearer|basic)(\s+|%20)[A-Za-z0-9._~+/=-]{8,}"), rf"\1 {HIDDEN}"),
    (re.compile(r"\bald_[A-Za-z0-9_-]+"), f"ald_{HIDDEN}"),
    # The links by which caregivers (a) and responders (r) acknowledge, caregivers choose (p), and an address opts
    # out (u): who has one is that person.
    (re.compile(r"/([apru])/[A-Za-z0-9_.~-]{8,}"), rf"/\1/{HIDDEN}"),
    # FCM registration tokens: long, no fixed length, alphabet of base64url plus a colon.
    (re.compile(r"(?:[A-Za-z0-9_:-]|%3[Aa]){80,}"), _masked_run),
    (
        # The look-behind lets a match begin only where a local part does: a long line costs its length.
        re.compile(rf"(?:\"[^\"\n@]+\"|(?<!{_LOCAL}){_LOCAL}+)(?:@|%40)\w[\w-]*(?:\.[\w-]*\w)+"),
        lambda found: _masked_mailbox(found.group()),
    ),
    # E.164: at most 15 digits after the plus (https://www.itu.int/rec/T-REC-E.164), here from 7 on, also when
    # written with blanks, dots, hyphens or brackets.
    (
        re.compile(r"(?:\+|%2[Bb])[1-9](?:[ .()-]{0,2}\d){6,}"),
        lambda found: _masked_phone(found.group()),
    ),
)
# Most texts hold nothing to mask; one search finds that out in a fraction of the time.
_MAY_HIDE_ONE = re.compile(r"[@+%]|ald_|/[apru]/|(?i:bearer|basic)|[\w:-]{80}").search
