"""Twilio's error codes and what they mean here, written by hand from the notes, and not from the channel's table."""

from alertd.ports import ChannelError, Later, Misconfigured, Refused, Unknown

NOTES: list[tuple[int, int, type[ChannelError]]] = [
    # Every code of the project's notes on Twilio, in their order: section 3.1 of the notes on reliability.
    (429, 20429, Later),  # "never processed and always safe to retry"
    (500, 20500, Unknown),
    (503, 20503, Later),
    (401, 20003, Misconfigured),
    (404, 20404, Misconfigured),
    (400, 21606, Misconfigured),
    (400, 21608, Misconfigured),
    (400, 30002, Misconfigured),
    (400, 21211, Refused),
    (400, 21614, Refused),
    (400, 21612, Misconfigured),  # the notes say: this address. But it is our sender that cannot reach it
    (400, 21408, Misconfigured),  # the notes say: this address. But it is the account that lacks a region
    (400, 21610, Refused),
    (400, 30001, Later),
    (400, 30003, Later),
    (
        400,
        30004,
        Later,
    ),  # the notes say: permanent-ish. A block may be lifted, and a carrier be back; so we ask again
    (400, 30005, Refused),
    (400, 30006, Later),
    (400, 30007, Misconfigured),
    (400, 30032, Misconfigured),
    (400, 30034, Misconfigured),
    (400, 30008, Later),
    (400, 30500, Later),
    (400, 30036, Later),
    (400, 14107, Later),
]
