"""The processes that carry deliveries out: Celery workers and the sweeper."""
