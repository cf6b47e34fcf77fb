from django.urls import path

from ballots import views

app_name = "ballots"
urlpatterns = [path("<int:pk>/vote/", views.vote, name="vote")]

api = [
    path("questions", views.questions, name="api-questions"),
    path("questions/<int:pk>/votes", views.vote_json, name="api-vote"),
    path("ballots", views.ballots, name="api-ballots"),
]
