from django.contrib import admin
from django.urls import include, path

import ballots.urls
import core.views

urlpatterns = [
    path("admin/", admin.site.urls),
    path("healthz", core.views.health),
    path("api/", include(ballots.urls.api)),
    path("", include("ballots.urls")),
    path("", include("polls.urls")),
]
