r"""Stand-ins for Twilio, FCM and an SMTP server on loopback: to try alertd with, and to judge it by.

They check each request against the providers' published contracts, write what they accept to an append-only
log before they answer, misbehave on request, and show what each phone and mailbox received.

Nothing here knows anything of alertd: whoever judges alertd from this log shares no code with it. Read the
log with `alertd.sandbox.log`, which needs no event loop; start the stand-ins with `alertd.sandbox.server`.

    python -m alertd.sandbox --data-dir sandbox --port 8025
    curl -H 'Content-Type: application/json' -d '{"kind": "429", "channel": "sms", "count": 20}' \
        http://127.0.0.1:8025/control/faults
"""
