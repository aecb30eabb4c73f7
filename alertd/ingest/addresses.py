"""Addresses as families write them, brought to the one form that alertd stores and compares."""

import re

import phonenumbers

from alertd.domain.errors import Invalid
from alertd.ingest.shapes import text

# RFC 5321 section 4.5.3.1: 64 octets before the @, 255 for the domain, 254 in all (RFC 3696 erratum 1690).
_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_PHONE = re.compile(r"\+[0-9][0-9 ().\u00a0/-]{4,38}")
_PHONE_EXAMPLE = "write it with + and the country code, like +14155550123"
_MAIL_EXAMPLE = "write it like mia@example.org"


def normalise(channel: str, to: object) -> str:
    """The stored form of an address of this channel. Raises Invalid, which never quotes the address."""
    if channel in ("sms", "voice"):
        return phone(to)
    if channel == "email":
        return mailbox(to)
    return token(to) if channel == "push" else text(to)


def phone(value: object) -> str:
    """A telephone number as E.164. Raises Invalid for what no telephone network would route."""
    clean = text(value, 40)
    if not _PHONE.fullmatch(clean):
        if clean.startswith("00"):
            raise Invalid("begins with 00; write + instead, like +14155550123")
        raise Invalid(f"is not a telephone number; {_PHONE_EXAMPLE}")
    try:
        number = phonenumbers.parse(clean, None)
    except phonenumbers.NumberParseException:
        raise Invalid(f"is not a telephone number; {_PHONE_EXAMPLE}") from None
    if not phonenumbers.is_possible_number(number):
        raise Invalid(f"has too few or too many digits for its country; {_PHONE_EXAMPLE}")
    if not phonenumbers.is_valid_number(number):
        raise Invalid(f"does not exist in its country's numbering plan; check it, and {_PHONE_EXAMPLE}")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def mailbox(value: object) -> str:
    """An e-mail address in lower case; an international domain in its xn-- form.

    RFC 5321 lets a server tell Mia from mia, and none does: as two addresses she would be written to twice, and an
    opt-out would hold for one spelling.
    """
    clean = text(value, 254)
    local, at, domain = clean.rpartition("@")
    if not at or len(local) > 64 or not local.isascii() or not _LOCAL.fullmatch(local):
        raise Invalid(f"is not an e-mail address; {_MAIL_EXAMPLE}")
    return f"{local.lower()}@{_domain(domain.lower())}"


def _domain(domain: str) -> str:
    if not domain.isascii():
        # Python's codec is IDNA 2003, which would quietly write these as other letters: another mailbox.
        if any(c in "\u00df\u03c2\u200c\u200d" for c in domain):
            raise Invalid("has a domain that older systems spell otherwise; write its xn-- form")
        try:
            domain = domain.encode("idna").decode("ascii")
        except UnicodeError:
            raise Invalid(f"has a domain that cannot exist; {_MAIL_EXAMPLE}") from None
    labels = domain.split(".")
    if len(labels) < 2 or len(domain) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise Invalid(f"has a domain that cannot exist; {_MAIL_EXAMPLE}")
    if labels[-1].isdigit():
        raise Invalid(f"has a number where the domain's last part should be; {_MAIL_EXAMPLE}")
    return domain


def token(value: object) -> str:
    """A push token: 1 to 4,096 printable characters without spaces, kept as given."""
    if not isinstance(value, str) or not value:
        raise Invalid("must be the app's push token, a text")
    if len(value) > 4096:
        raise Invalid("is longer than 4,096 characters; that is no push token")
    if not value.isprintable() or any(c.isspace() for c in value):
        raise Invalid("holds a space, line break or control character; that is no push token")
    return value
