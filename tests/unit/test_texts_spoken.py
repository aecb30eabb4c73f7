"""Words for the ear: nothing that a voice would spell out, or read as noise."""

import pytest

from alertd.texts.spoken import spoken


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (
            "Check glucose directly (receiver or finger stick).",
            "Check glucose directly, receiver or finger stick.",
        ),
        ("See https://status.example.org/a?b=1, then wait.", "See, then wait."),
        ("Details: www.example.org.", "Details."),
        ("*Follow* is down 🙂 — we are on it", "Follow is down, we are on it"),
        ("100 % of you & us", "100 % of you & us"),
        ("Treat if glucose < 70 or \u2265 300", "Treat if glucose < 70 or \u2265 300"),
        ("<=54 <b>now</b>", "<=54 b now /b"),
        ("Update 4: Log-in works.", "Update 4: Log-in works."),
        ("¿Qué hacer? Mida la glucosa.", "¿Qué hacer? Mida la glucosa."),
        ("  \u200b\ufeff  ", ""),
    ],
)
def test_spoken(written: str, said: str) -> None:
    assert spoken(written) == said
