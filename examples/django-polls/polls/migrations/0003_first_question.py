"""A new site has something to vote on."""

from django.db import migrations


def ask(apps, _schema_editor):
    question = apps.get_model("polls", "Question").objects.create(
        text="When do you deploy?",
    )
    for text in ("In the morning", "On a Friday evening", "At any time"):
        question.choices.create(text=text)


class Migration(migrations.Migration):
    dependencies = [("polls", "0002_question_background")]

    operations = [migrations.RunPython(ask, migrations.RunPython.noop)]
