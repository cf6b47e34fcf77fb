"""What the worker does, and when beat asks it to."""

import os

from celery import Celery
from celery.signals import worker_process_shutdown

from shop import database

app = Celery("shop", broker=os.environ["REDIS_URL"])
app.conf.update(
    task_acks_late=True,
    task_ignore_result=True,
    task_reject_on_worker_lost=True,
    broker_connection_retry_on_startup=True,
    beat_schedule={"confirm-stale": {"task": "shop.tasks.confirm_stale", "schedule": 10.0}},
)


@worker_process_shutdown.connect
def close(**_) -> None:
    database.close()


@app.task
def confirm(number: int) -> None:
    """Done again after a crash: it counts once."""
    database.confirm(number)


@app.task
def confirm_stale() -> None:
    """Orders whose task was lost."""
    for number in database.stale(30):
        confirm.delay(number)
