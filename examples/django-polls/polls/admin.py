from django.contrib import admin

from polls.models import Choice, Question


class ChoiceInline(admin.TabularInline):
    model = Choice
    extra = 2
    readonly_fields = ("votes",)


@admin.register(Question)
class QuestionAdmin(admin.ModelAdmin):
    inlines = (ChoiceInline,)
    list_display = ("text", "published")
    list_filter = ("published",)
    search_fields = ("text",)
