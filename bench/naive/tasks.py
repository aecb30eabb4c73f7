"""The naive Celery app. Its defaults are Celery's, but for acks_late; its sender is Google's SDK."""

import os
from datetime import UTC, datetime, timedelta

import firebase_admin
from celery import Celery
from celery.signals import worker_process_init
from firebase_admin import credentials, messaging
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from bench import messages
from bench.naive.models import Push, connect

app = Celery("naive", broker=os.environ["NAIVE_BROKER_URL"])
app.conf.update(task_acks_late=True, task_ignore_result=True)

# The SDK has no setting for FCM's address; its sender reads this attribute when it is made.
messaging._MessagingService.FCM_URL = os.environ["NAIVE_FCM_URL"] + "/v1/projects/{0}/messages:send"

engine: Engine
firebase: firebase_admin.App


@worker_process_init.connect  # type: ignore[untyped-decorator]
def open_connections(**_: object) -> None:
    """Each child has its own connections."""
    global engine, firebase  # noqa: PLW0603  (the usual way in Celery apps)
    engine = connect(os.environ["NAIVE_DATABASE_URL"])
    firebase = firebase_admin.initialize_app(credentials.Certificate(os.environ["NAIVE_CREDENTIALS_FILE"]))


@app.task(name="naive.send_push")  # type: ignore[untyped-decorator]
def send_push(push_id: int) -> None:
    """Send one push and remember that it was sent."""
    with Session(engine) as session:
        push = session.get_one(Push, push_id)
        push.provider_id = messaging.send(_message(push), app=firebase)
        push.status = "sent"
        push.sent_at = datetime.now(UTC)  # noqa: TID251  (not part of alertd)
        session.commit()


@app.task(name="naive.warm_up")  # type: ignore[untyped-decorator]
def warm_up(push_id: int, folder: str) -> None:
    """Send one push, so that this child has its token and connections; leave a file named after the child."""
    send_push(push_id)
    with open(os.path.join(folder, str(os.getpid())), "w"):
        pass


def _message(push: Push) -> messaging.Message:
    return messaging.Message(
        token=push.token,
        notification=messaging.Notification(title=push.title, body=push.body),
        data=messages.DATA,
        android=messaging.AndroidConfig(
            priority="high",
            collapse_key=messages.COLLAPSE,
            ttl=timedelta(seconds=messages.TTL_SECONDS),
        ),
        apns=messaging.APNSConfig(
            headers={"apns-priority": "10", "apns-collapse-id": messages.COLLAPSE},
            payload=messaging.APNSPayload(
                aps=messaging.Aps(alert=messaging.ApsAlert(title=push.title, body=push.body), sound=messages.SOUND)
            ),
        ),
    )
