"""Orders in Postgres."""

import os
from functools import cache

from psycopg.rows import dict_row
from psycopg_pool import ConnectionPool


@cache
def pool() -> ConnectionPool:
    """Connections for the threads of this process."""
    return ConnectionPool(
        os.environ["DATABASE_URL"], min_size=1, max_size=8, kwargs={"row_factory": dict_row}
    )


def close() -> None:
    """Close the connections, if any were opened."""
    if pool.cache_info().currsize:
        pool().close()


def add(token: str, item: str) -> int:
    """Keep an order; its number."""
    with pool().connection() as connection:
        text = "INSERT INTO orders (token, item) VALUES (%s, %s) RETURNING id"
        return connection.execute(text, (token, item)).fetchone()["id"]


def confirm(number: int) -> None:
    """An order is confirmed once, however often that is asked for."""
    with pool().connection() as connection:
        text = "UPDATE orders SET confirmed = now() WHERE id = %s AND confirmed IS NULL"
        connection.execute(text, (number,))


def stale(seconds: int) -> list[int]:
    """Orders that have waited too long to be confirmed."""
    with pool().connection() as connection:
        text = (
            "SELECT id FROM orders WHERE confirmed IS NULL"
            " AND ordered < now() - make_interval(secs => %s) ORDER BY id LIMIT 1000"
        )
        return [row["id"] for row in connection.execute(text, (seconds,))]


def newest(count: int) -> list[dict]:
    with pool().connection() as connection:
        text = "SELECT id, item, confirmed FROM orders ORDER BY id DESC LIMIT %s"
        return connection.execute(text, (count,)).fetchall()


def everything() -> list[dict]:
    with pool().connection() as connection:
        text = "SELECT token, item, confirmed IS NOT NULL AS confirmed FROM orders ORDER BY id"
        return connection.execute(text).fetchall()


def ping() -> None:
    with pool().connection(timeout=2) as connection:
        connection.execute("SELECT 1")
