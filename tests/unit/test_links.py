"""Signed links: only ours are read, whatever is done to them."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alertd.domain.links import TOKEN_CHARS, Links, Purpose, read, sign

SECRET = bytes(range(32))
DELIVERY = UUID("01933b5e-7d1a-7c3e-8a4b-5b6c7d8e9f00")


def test_a_link_is_read_back():
    token = sign(SECRET, Purpose.ANSWER, DELIVERY)
    assert len(token) == TOKEN_CHARS
    assert read(SECRET, Purpose.ANSWER, token) == DELIVERY


def test_every_message_has_its_own_link_of_one_length():
    links = Links("https://alerts.example.org", SECRET)
    filled = links.fill_in(f"Confirm: {links.stand_in}", DELIVERY)
    assert filled == f"Confirm: https://alerts.example.org/a/{sign(SECRET, Purpose.ANSWER, DELIVERY)}"
    assert len(filled) == len(f"Confirm: {links.stand_in}")
    assert "0001020304" not in repr(links)


@pytest.mark.parametrize("at", range(TOKEN_CHARS))
def test_a_changed_character_is_noticed(at: int):
    token = sign(SECRET, Purpose.ANSWER, DELIVERY)
    other = "A" if token[at] != "A" else "B"
    assert read(SECRET, Purpose.ANSWER, token[:at] + other + token[at + 1 :]) is None


def test_a_link_for_one_purpose_is_none_for_another():
    assert read(SECRET, Purpose.PAGE, sign(SECRET, Purpose.ANSWER, DELIVERY)) is None


def test_a_link_that_opts_out_names_the_address_and_nothing_else():
    links = Links("https://alerts.example.org", SECRET)
    token = links.opt_out(DELIVERY).removeprefix("https://alerts.example.org/u/")
    assert read(SECRET, Purpose.OPT_OUT, token) == DELIVERY
    assert read(SECRET, Purpose.ANSWER, token) is None
    assert read(SECRET, Purpose.OPT_OUT, sign(SECRET, Purpose.ANSWER, DELIVERY)) is None


def test_another_secret_reads_nothing():
    assert read(bytes(32), Purpose.ANSWER, sign(SECRET, Purpose.ANSWER, DELIVERY)) is None


@given(
    st.one_of(
        st.text(max_size=40), st.text(min_size=32, max_size=32), st.text("AZaz09-_=+/", min_size=32, max_size=32)
    )
)
def test_whatever_somebody_writes_is_no_link(text: str):
    assert read(SECRET, Purpose.ANSWER, text) is None
