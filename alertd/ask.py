"""One question by HTTP to alertd itself: no proxy of the environment is asked about it, and no redirect followed.

Urllib asks the proxy of `http_proxy` about 127.0.0.1, too: it answers for a machine of its own, or not at all.
"""

from http.client import HTTPException
from urllib.request import HTTPDefaultErrorHandler, HTTPErrorProcessor, HTTPHandler, HTTPSHandler, OpenerDirector

_MOST = 1 << 20  # bytes of an answer that are read; ours has hundreds

_opener = OpenerDirector()
for _handler in (HTTPHandler, HTTPSHandler, HTTPErrorProcessor, HTTPDefaultErrorHandler):  # and no other
    _opener.add_handler(_handler())


def ask(url: str, within: float) -> bytes:
    """The body of an answer that says all is well; each step of it may take `within` seconds.

    `url`: http or https. Raises urllib.error.HTTPError for any other answer, OSError if there is none.
    """
    try:
        with _opener.open(url, timeout=within) as answer:
            return bytes(answer.read(_MOST))
    except HTTPException as error:  # whoever listens there speaks something else
        raise OSError(type(error).__name__) from None
