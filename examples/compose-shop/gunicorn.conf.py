"""Gunicorn reads this: one process with threads, which waits for its requests when it ends."""

bind = "0.0.0.0:8000"
workers = 1
threads = 8
graceful_timeout = 8
accesslog = None


def worker_exit(server, worker):
    """The pool's threads would be waited for."""
    from shop import database

    database.close()
