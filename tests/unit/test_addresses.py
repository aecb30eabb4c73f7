import pytest

from alertd.domain.errors import Invalid
from alertd.ingest.addresses import normalise


@pytest.mark.parametrize(
    ("channel", "given", "expected"),
    [
        # The sample numbers of the documentation: +1, an area code, 555 01XX.
        ("sms", "+14155550123", "+14155550123"),
        ("voice", "+13035550142", "+13035550142"),
        ("sms", "+1 (212) 555-0199", "+12125550199"),
        ("sms", "+44 20 7946 0958", "+442079460958"),
        ("email", "mia@example.org", "mia@example.org"),
        ("email", " Mia.O'Neil+cgm@EXAMPLE.Org ", "mia.o'neil+cgm@example.org"),
        ("email", "mia@bücher.example.org", "mia@xn--bcher-kva.example.org"),
        ("push", "fcm:APA91b-_~x", "fcm:APA91b-_~x"),
        ("push", "x" * 4096, "x" * 4096),
        ("console", "terminal", "terminal"),
    ],
)
def test_an_address_is_brought_to_its_one_form(channel: str, given: str, expected: str) -> None:
    assert normalise(channel, given) == expected


@pytest.mark.parametrize(
    ("channel", "given", "message"),
    [
        ("sms", "3035550142", "is not a telephone number"),
        ("sms", "004155550123", "begins with 00; write + instead"),
        ("sms", "+1303555014", "has too few or too many digits"),
        ("sms", "+15555550123", "does not exist in its country's numbering plan"),
        ("sms", "+1 415 555 0123 ext. 5", "is not a telephone number"),
        ("sms", "+1800FLOWERS", "is not a telephone number"),
        ("sms", "+999123456789", "is not a telephone number"),
        ("sms", "+1415555\u06600123", "is not a telephone number"),
        ("sms", 14155550123, "must be a text, not a number"),
        ("voice", "", "must not be empty"),
        ("email", "eve", "is not an e-mail address"),
        ("email", "mia@@example.org", "is not an e-mail address"),
        ("email", "mia..o@example.org", "is not an e-mail address"),
        ("email", '"mia o"@example.org', "is not an e-mail address"),
        ("email", "Mia <mia@example.org>", "is not an e-mail address"),
        ("email", "mía@example.org", "is not an e-mail address"),
        ("email", "a" * 65 + "@example.org", "is not an e-mail address"),
        ("email", "mia@example.org\r\nBcc: eve@example.org", "holds a line break"),
        ("email", "mia@localhost", "has a domain that cannot exist"),
        ("email", "mia@-x.example.org", "has a domain that cannot exist"),
        ("email", "mia@example..org", "has a domain that cannot exist"),
        ("email", "mia@bü..example.org", "has a domain that cannot exist"),
        ("email", "mia@192.0.2.1", "has a number where the domain's last part should be"),
        ("email", "mia@fußball.example.org", "has a domain that older systems spell otherwise"),
        ("push", "", "must be the app's push token"),
        ("push", "a b", "holds a space"),
        ("push", "a\n", "holds a space"),
        ("push", "a\u200b", "holds a space, line break or control character"),
        ("push", "x" * 4097, "is longer than 4,096"),
        ("push", None, "must be the app's push token"),
        ("console", "a\nb", "holds a line break"),
    ],
)
def test_what_is_none_is_refused_without_being_quoted(channel: str, given: object, message: str) -> None:
    with pytest.raises(Invalid) as refused:
        normalise(channel, given)

    assert refused.value.message.startswith(message)
    assert not given or str(given) not in refused.value.message
