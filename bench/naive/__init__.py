"""What people write instead: one Celery task, one SDK call and one ORM commit per message."""
