"""Answers as the description of the API shows them; a test holds each to its schema."""

from typing import Any

_PREVIEW = {
    "families": 4210,
    "messages": {"email": 300, "push": 5100, "sms": 3900},
    "seconds": 390.0,
    "exact": False,
    "scope": [{"service": "follow", "regions": ["us-west"]}],
}
OPENED = {"incident": 7, "update": 1, "state": "investigating", "dry_run": False, "preview": _PREVIEW}
PUBLISHED = {"incident": 7, "update": 2, "state": "identified", "dry_run": False, "preview": _PREVIEW}
RESOLVED = PUBLISHED | {"update": 3, "state": "resolved"}
REOPENED = PUBLISHED | {"update": 4, "state": "investigating"}
TOLD_WHY = RESOLVED | {
    "update": 4,
    "preview": {
        "families": 4199,
        "messages": {"email": 310, "push": 5080, "sms": 420},
        "seconds": 84.0,
        "exact": False,
    },
}
RECALLED = {
    "incident": 7,
    "update": 2,
    "families": 310,
    "messages": {"push": 512, "sms": 80},
    "stopped": {"push": 4100, "sms": 3820},
    "first": False,
    "dry_run": False,
}
CANCELLED = PUBLISHED | {"update": 3, "state": "cancelled"}
REHEARSED = OPENED | {
    "dry_run": True,
    "preview": _PREVIEW | {"window": "30m", "unread": {"es": 812}, "cut": {"sms": 420}},
}

EVENT_TAKEN = {"did": "opened", "incident": 7, "update": 1}
EVENT_REHEARSED = EVENT_TAKEN | {"dry_run": True, "preview": _PREVIEW}
ALERTS_TAKEN = {
    "did": {"opened": 1, "noted": 1},
    "alerts": [
        {"alert": "e94c744ae3d44df8", "status": "firing", "did": "opened", "incident": 7},
        {
            "alert": "82f18647108e0b7e",
            "status": "firing",
            "did": "noted",
            "incident": None,
            "why": "the alert has no label service",
        },
    ],
    "left_out": 0,
}

_SCOPE = [{"service": "follow", "regions": ["us"]}]
INCIDENT = {
    "number": 7,
    "id": "019acc2a-7c00-7d3e-9a51-0c2f5d1b7a10",
    "title": "Follow is down",
    "state": "investigating",
    "severity": "critical",
    "scope": _SCOPE,
    "policy": "follow",
    "since": "2019-11-30T07:40:00Z",
    "opened_at": "2019-11-30T07:52:00Z",
    "ended_at": None,
    "last_news_at": "2019-11-30T07:52:00Z",
    "promise": "2019-11-30T08:22:00Z",
    "postmortem_by": None,
    "exercise": False,
    "held": False,
    "confirm_at": None,
    "resolve_at": None,
}
INCIDENTS = {"incidents": [INCIDENT]}
_COMING = {"at": "2019-11-30T08:11:00Z", "who": "owner", "how": "nudge", "why": "post"}
ACKNOWLEDGED = {"incident": 7, "post_by": "2019-11-30T08:22:00Z", "next": _COMING, "dry_run": False}
KNOWN_BY_APP = {
    "incident": 7,
    "state": "investigating",
    "result": "thanks",
    "caregiver": "Mia",
    "answered": [],
    "next_by": "2019-11-30T08:42:00Z",
    "title": "Follow is down",
}
CHANNEL_TEST_BEGUN = {"id": "019acc2a-7c00-7d3e-9a51-0c2f5d1b7a11"}
CHANNEL_TEST = CHANNEL_TEST_BEGUN | {
    "channel": "sms",
    "to": "+1***0123",
    "state": "undelivered",
    "seconds": 2.4,
    "accepted_after": 0.2,
    "over": True,
    "reports": True,
    "code": "30003",
    "means": "the phone is off or out of reach; https://www.twilio.com/docs/api/errors/30003",
    "way_out": "the provider gave up: see that the phone is on and has reception, and test again",
    "failed": [{"attempt": 1, "after": 1.1, "outcome": "undelivered", "code": "30003"}],
}
POLICY_CHANGED = {
    "incident": 7,
    "before": "follow",
    "after": "follow",
    "families": 4210,
    "sooner": 3990,
    "later": 0,
    "windows": [{"key": "silence.window.critical", "before": "2h", "after": "30m"}],
    "others": ["floor"],
    "messages_before": {"push": 5100, "sms": 3900},
    "messages_after": {"push": 5100, "sms": 4200},
    "exact": False,
    "dry_run": False,
    "unset": [],
}
INCIDENT_DETAIL = INCIDENT | {
    "responders": {"post_by": "2019-11-30T08:22:00Z", "next": _COMING, "acknowledged_at": None},
    "updates": [
        {
            "number": 1,
            "human_number": 1,
            "source": None,
            "kind": "notice",
            "at": "2019-11-30T07:52:00Z",
            "title": "Follow is down",
            "severity": "critical",
            "state": "investigating",
            "scope": _SCOPE,
            "works": ["sensor_works"],
            "do": ["check_by_hand"],
            "message": {"en": "Followers get no readings.", "es": "Los seguidores no reciben lecturas."},
            "promise": "2019-11-30T08:22:00Z",
            "notify": True,
            "corrects": None,
            "recalls": None,
        }
    ],
}
TIMELINE = {
    "incident": INCIDENT,
    "entries": [
        {
            "at": "2019-11-30T07:52:00Z",
            "what": "notice",
            "text": 'Opened by on call (1a2b3c4d): Follow is down (critical; follow in us). "Followers get no '
            'readings." Told: push 5100 accepted; sms 3899 accepted, 1 refused.',
            "who": "on call (1a2b3c4d)",
            "update": 1,
            "human_number": 1,
            "promise": "2019-11-30T08:22:00Z",
            "told": {"push": {"accepted": 5100}, "sms": {"accepted": 3899, "refused": 1}},
            "last_accepted_at": "2019-11-30T07:58:31Z",
            "families": [],
        },
        {
            "at": "2019-11-30T07:53:10Z",
            "what": "refused",
            "text": "sms address of family fam-1001 refused by the provider (21211); address suspended, "
            "told over push instead",
            "channel": "sms",
            "code": "21211",
            "families": ["fam-1001"],
        },
    ],
    "more_failures": False,
}
PROGRESS = {
    "touched": 4210,
    "families": 4210,
    "heard": 4208,
    "newest_told": 4208,
    "next_by": "2019-11-30T08:22:00Z",
    "resting": {"no_address": 2},
    "ladders": {"climbing": 0, "answered": 3120, "unanswered": 1086, "unreachable": 2},
    "deliveries": {"push": {"accepted": 5100}, "sms": {"accepted": 3899, "refused": 1}},
    "unheard": [{"family": "fam-2040", "rest": "no_address"}],
}
IGNORED = {
    "ignored": [
        {
            "at": "2019-11-30T07:41:00Z",
            "source": "alertmanager",
            "reason": "unmapped",
            "why": "the alert has no label service",
            "alerts": ["Disk 95% full on edge-7"],
            "count": 1,
            "told": "owner",
        }
    ]
}
REACH = {
    "touched": 4210,
    "heard": 4208,
    "ladders": {"climbing": 0, "answered": 3120, "unanswered": 1086, "unreachable": 2},
    "unreachable": [{"family": "fam-2041", "step": 3, "heard_at": None, "next_by": "2019-11-30T08:22:00Z"}],
    "unanswered": [
        {
            "family": "fam-1001",
            "step": 3,
            "heard_at": "2019-11-30T07:52:02Z",
            "next_by": "2019-11-30T08:22:00Z",
        }
    ],
    "untellable": [{"family": "fam-2040", "step": 0, "heard_at": None, "next_by": None}],
    "resting": {"no_address": 1},
}
RETRIED = {"incident": 7, "families": 12, "dry_run": False}
UNSUSPENDED = {"addresses": 412, "opted_out": 3, "families": 409, "dry_run": False}
CALLED = {
    "incident": 7,
    "family": "fam-1001",
    "update": 3,
    "next_by": "2019-11-30T08:52:00Z",
    "dry_run": False,
}
REPORT = {
    "at": "2019-11-30T10:30:00Z",
    "incident": INCIDENT,
    "first_notices": {
        "families": 4210,
        "told": 4208,
        "in_time": 4196,
        "slept": 9,
        "late": 3,
        "longest": 391.4,
    },
    "silences": {"longest": 1810.2, "longest_at_night": 20400.0, "late": 3, "latest": 95.0},
    "promises": [
        {
            "made_at": "2019-11-30T07:52:00Z",
            "update": 1,
            "human_number": 1,
            "source": None,
            "what": "update",
            "due": "2019-11-30T08:22:00Z",
            "fate": "kept_by_holding",
            "kept_at": "2019-11-30T08:21:00Z",
            "kept_by": 2,
            "kept_by_number": None,
            "late": 3,
            "cause": "provider",
            "share": 0.9993,
            "families": {
                "told": 4196,
                "tried": 3,
                "waiting": 0,
                "unplanned": 0,
                "deferred": 9,
                "untellable": 2,
                "unaware": 0,
                "heard": 4205,
            },
        }
    ],
    "channels": {"push": {"accepted": 10200}, "sms": {"accepted": 7798, "refused": 1}},
    "heard": 4208,
    "ladders": {"climbing": 0, "answered": 3120, "unanswered": 1086, "unreachable": 2},
    "unreachable": [{"family": "fam-2041", "step": 3, "heard_at": None, "next_by": "2019-11-30T10:52:00Z"}],
    "unanswered": [
        {
            "family": "fam-1001",
            "step": 3,
            "heard_at": "2019-11-30T10:22:02Z",
            "next_by": "2019-11-30T10:52:00Z",
        }
    ],
    "resting": {"no_address": 2},
    "downtimes": [],
}
DELIVERIES = {
    "deliveries": [
        {
            "id": "019acc2a-8000-7b1c-8d7e-4f6a5b3c2d1e",
            "update": 1,
            "family": "fam-1001",
            "caregiver": "mia",
            "channel": "sms",
            "to": "+1***0123",
            "framing": "notice",
            "reason": "first_notice",
            "loud": True,
            "state": "accepted",
            "attempts": 1,
            "planned_at": "2019-11-30T07:52:01Z",
            "accepted_at": "2019-11-30T07:52:02Z",
            "next_by": "2019-11-30T08:22:00Z",
            "code": None,
        }
    ]
}
DELIVERY = DELIVERIES["deliveries"][0] | {
    "attempts": 2,
    "incident": 1,
    "tries": [{"number": 1, "at": "2019-11-30T07:52:01Z", "outcome": "later", "code": "503"}],
    "provider_id": "SM0123456789abcdef0123456789abcdef",
    "maybe": False,
    "next_try": None,
    "serves": [],
}
LISTED = {"families": [{"family": "fam-1001", "over": ["email", "push"]}], "next": "fam-1001"}
FAMILY_WRITTEN = {"family": "fam-1001"}
_SMS = {"channel": "sms", "to": "+1***0123"}
_NEVER_SAID = {"hours": None, "rule": None}
EXPLAINED = {
    "family": "fam-1001",
    "services": ["follow"],
    "region": "us-west",
    "no_loud_channel": False,
    "policies": [
        {"policy": "follow", "services": ["follow"], "floor": ["sms", "voice"], "no_loud_channel": False}
    ],
    "caregivers": [
        {
            "id": "mia",
            "name": "Mia",
            "role": "parent",
            "order": 1,
            "time_zone": "America/Los_Angeles",
            "addresses": [_SMS | {"stopped": None, "code": None}],
            "under": [
                {
                    "policy": "follow",
                    "hears": "always",
                    "quiet_hours": {"hours": "22:00-06:30", "rule": "caregiver"},
                    "on_duty": _NEVER_SAID,
                    "told": [
                        {
                            "service": "follow",
                            "severity": "critical",
                            "channels": ["push"],
                            "rule": "caregiver x severity",
                            "chain": [
                                {"rule": "caregiver x service x severity", "says": None},
                                {"rule": "caregiver x severity", "says": ["push"]},
                            ],
                            "over": [_SMS | {"why": "fallback"}],
                            "then": [],
                            "at_night": "wakes",
                            "softly": [],
                        }
                    ],
                }
            ],
        }
    ],
    "incidents": [
        {
            "incident": 7,
            "title": "Follow is down",
            "state": "investigating",
            "severity": "critical",
            "services": ["follow"],
            "touched_at": "2019-11-30T07:52:00Z",
            "held": False,
            "heard_at": "2019-11-30T07:52:02Z",
            "told_by_phone_at": None,
            "next_by": "2019-11-30T08:22:00Z",
            "due": "promise",
            "rest": None,
            "ladder": "answered",
            "step": 1,
            "knows": [{"caregiver": "mia", "update": 1, "awake": 1, "waits": False}],
            "messages": [
                _SMS
                | {
                    "at": "2019-11-30T07:52:02Z",
                    "update": 1,
                    "caregiver": "mia",
                    "state": "delivered",
                    "reason": "first_notice",
                    "framing": "notice",
                    "loud": True,
                }
            ],
            "owed": [],
            "next": [
                _SMS
                | {
                    "at": "2019-11-30T08:21:00Z",
                    "caregiver": "mia",
                    "reason": "silence",
                    "framing": "holding",
                    "loud": True,
                }
            ],
        }
    ],
}
IMPORTED = {
    "families": 4710,
    "stale": 0,
    "failed": 1,
    "failures": [{"line": 4711, "field": "time_zone", "message": "is missing"}],
}
ALIVE = {"alive": True}
READY = {
    "ready": True,
    "waiting": {"delivery_bulk": 0.2},
    "beats": {"sweeper": 1.4, "urgent": 12.0, "bulk": 12.0},
    "audit": {
        "passed": True,
        "ago": 11.2,
        "families": 4210,
        "unaccounted": 0,
        "excuses": {"muted": 12, "quiet": 3},
        "withheld": [],
        "failed": None,
        "pinged_ago": 11.1,
    },
}
METRICS = """\
# HELP alertd_families_unaccounted Families that have not heard in time and have no true excuse, at the last audit.
# TYPE alertd_families_unaccounted gauge
alertd_families_unaccounted 0.0
"""
_LATE = "deliveries over push of lane bulk have waited for 45 s: no worker takes them"
NOT_READY = {"error": {"code": "not_ready", "message": _LATE}, "ready": False, "reasons": [_LATE]}


def answers(status: int, example: Any, **more: Any) -> dict[int | str, dict[str, Any]]:
    """For a route's `responses`: a success with its example."""
    return {status: {"content": {"application/json": {"example": example}}, **more}}
