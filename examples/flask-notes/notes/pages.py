"""The pages a person sees."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from sqlalchemy import or_, select, text

from notes.models import Note, db

PER_PAGE = 20

bp = Blueprint("pages", __name__)


@bp.get("/")
def index() -> str:
    """All notes, pinned ones first, or those that hold every word of ``?q=``."""
    words = request.args.get("q", "").split()
    query = select(Note).order_by(Note.pinned.desc(), Note.id.desc())
    for word in words:
        query = query.where(
            or_(
                Note.title.icontains(word, autoescape=True),
                Note.body.icontains(word, autoescape=True),
            )
        )
    return render_template("index.html", notes=db.paginate(query, per_page=PER_PAGE))


@bp.post("/notes")
def create() -> Any:
    """Keep a note from the form, then show the list."""
    title = request.form.get("title", "").strip()
    if not title or len(title) > Note.title.type.length:
        flash("A note needs a title of at most 200 characters.", "error")
        return redirect(url_for("pages.index"), 303)
    db.session.add(Note(title=title, body=request.form.get("body", "").strip()))
    db.session.commit()
    flash(f"“{title}” is kept.")
    return redirect(url_for("pages.index"), 303)


@bp.get("/notes/<int:note_id>")
def show(note_id: int) -> str:
    return render_template("note.html", note=db.get_or_404(Note, note_id))


@bp.post("/notes/<int:note_id>/pin")
def pin(note_id: int) -> Any:
    note = db.get_or_404(Note, note_id)
    note.pinned = not note.pinned
    db.session.commit()
    return redirect(url_for("pages.show", note_id=note.id), 303)


@bp.post("/notes/<int:note_id>/delete")
def delete(note_id: int) -> Any:
    note = db.get_or_404(Note, note_id)
    db.session.delete(note)
    db.session.commit()
    flash(f"“{note.title}” is gone.")
    return redirect(url_for("pages.index"), 303)


@bp.get("/healthz")
def health() -> dict[str, str]:
    """For whoever watches the app: it runs and reaches its database."""
    db.session.execute(text("SELECT 1"))
    return {"status": "ok"}
