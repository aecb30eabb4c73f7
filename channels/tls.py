"""One TLS context for the whole process: making one costs about 35 ms, a message costs a fraction of one."""

import functools
import ssl


@functools.cache
def tls_context() -> ssl.SSLContext:
    """Verifies certificates and host names against the system's authorities.

    OpenSSL's own variables `SSL_CERT_FILE` and `SSL_CERT_DIR` name others, for a company's own authority.
    """
    return ssl.create_default_context()
