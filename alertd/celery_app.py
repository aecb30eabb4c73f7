"""Celery as alertd runs it: hints only, settings as measured in this project's notes on reliability."""

from celery import Celery
from kombu import Queue  # type: ignore[attr-defined]

_TRANSPORT = {
    # Redis keeps no list of what is in hand: a hint that dies with its worker is rung again by the sweeper. With
    # that list a worker whose processes were all busy when Redis died took nothing ever again: it could not tell
    # Redis that they were done, counted them as in hand, and so never looked at its connection (kombu 5.7.0).
    "ack_emulation": False,
    "socket_connect_timeout": 2,
    "socket_keepalive": True,
    "health_check_interval": 10,
    "global_keyprefix": "alertd:",
}
LANES = ("urgent", "bulk")


def celery_app(broker_url: str, *, publisher: bool = False) -> Celery:
    """A Celery app on this broker; a publisher gives up after a second, a worker waits."""
    app = Celery("alertd", broker=broker_url)
    app.conf.update(
        broker_transport_options=_TRANSPORT | {"socket_timeout": 1 if publisher else 5},
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_channel_error_retry=True,
        broker_connection_timeout=1 if publisher else 4,
        task_acks_late=True,
        # With it a task that kills its child would be run again for ever; the lease does that, bounded.
        task_reject_on_worker_lost=False,
        task_ignore_result=True,
        task_time_limit=60,
        task_soft_time_limit=45,
        task_serializer="json",
        accept_content=["json"],
        event_serializer="json",
        task_queues=[Queue(lane, routing_key=lane) for lane in LANES],  # type: ignore[no-untyped-call]
        task_create_missing_queues=False,
        task_default_queue=LANES[-1],
        task_default_exchange="",  # the default exchange: a named one drops messages after FLUSHALL
        worker_prefetch_multiplier=1,
        worker_max_tasks_per_child=1000,
        worker_send_task_events=False,
        worker_enable_remote_control=False,
        worker_soft_shutdown_timeout=20,
        worker_enable_soft_shutdown_on_idle=True,
        # Celery gives a new child 4 s to say that it is up, else kills it and starts another. On a busy machine
        # none ever is, and their starts keep it busy (measured: a worker gone for two minutes).
        worker_proc_alive_timeout=60.0,
        worker_pool_start_method="spawn",  # fork is not safe with threads and connections around
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
    )
    return app
