"""The same notes for programs, as JSON."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, abort, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import defer
from werkzeug.exceptions import HTTPException

from notes.models import Note, db

bp = Blueprint("api", __name__, url_prefix="/api/notes")


@bp.get("")
def export() -> dict[str, Any]:
    """Every note without its text, oldest first; ``?title=`` picks those with that title."""
    query = select(Note).options(defer(Note.body)).order_by(Note.id)
    if title := request.args.get("title"):
        query = query.where(Note.title == title)
    notes = [summary(note) for note in db.session.scalars(query)]
    return {"count": len(notes), "notes": notes}


@bp.get("/<int:note_id>")
def show(note_id: int) -> dict[str, Any]:
    note = db.get_or_404(Note, note_id)
    return {**summary(note), "body": note.body}


@bp.post("")
def create() -> Any:
    """Keep the note ``{"title": …, "body": …}``; sent twice, it is kept twice."""
    sent = request.get_json()
    title = sent.get("title") if isinstance(sent, dict) else None
    if not isinstance(title, str) or not 0 < len(title) <= Note.title.type.length:
        abort(400, "title: a string of 1 to 200 characters is needed")
    note = Note(title=title, body=str(sent.get("body", "")))
    db.session.add(note)
    db.session.commit()
    return summary(note), 201, {"Location": url_for("api.show", note_id=note.id)}


def summary(note: Note) -> dict[str, Any]:
    return {
        "id": note.id,
        "title": note.title,
        "created": note.created.isoformat(),
        "pinned": note.pinned,
    }


@bp.errorhandler(HTTPException)
def _as_json(error: HTTPException) -> Any:
    return {"error": error.description}, error.code
