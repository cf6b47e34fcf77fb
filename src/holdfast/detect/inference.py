"""Packages from imports, where no file says what to install.

Only names of this list are ever installed: to install whatever a name in the code may
happen to be called on the index would run a stranger's code.
"""

from __future__ import annotations

import sys

from holdfast.app import Finding
from holdfast.detect.facts import Evidence
from holdfast.detect.source import Source
from holdfast.detect.tree import Tree
from holdfast.records import record

_SAME = """
aiofiles aiohttp aiosqlite alembic altair amqp anthropic anyio apispec apscheduler arq arrow
asgiref asyncpg attrs authlib babel backoff bcrypt beautifulsoup4 bleach blinker bokeh boto3
bottle botocore cachetools celery certifi cffi chainlit channels channels_redis chardet cheroot
cherrypy
click cloudinary colorama colorlog configobj connexion cryptography cssselect cvxpy daphne dash
databases dataset deepdiff defusedxml dill django django_celery_beat django_celery_results
django_extensions django_htmx django_redis django_tables2 django_unicorn dnspython docutils
dominate dramatiq duckdb dynaconf elasticsearch environs eve faker falcon fastapi fastapi_users
feedparser filelock fiona flask folium fpdf2 fsspec furl geopandas gevent geopy gradio granian
graphene graphene_django graphql greenlet gspread gunicorn h11 h2 httptools httpx huey humanize
hypercorn idna imageio ipython isodate itsdangerous jinja2 jmespath joblib jsonschema kombu
langchain litestar loguru lxml mako marimo markdown markdown2 markupsafe marshmallow matplotlib
mistune mistletoe mongoengine mongomock more_itertools motor msgpack msgspec networkx nicegui nltk
numpy oauthlib odmantic openai openpyxl orjson packaging pandas panel paramiko passlib peewee
pendulum phonenumbers pika piccolo plotly polars prometheus_client psutil psycopg pyarrow pydantic
pydantic_settings pydub pygments pymongo pymysql pyotp pyparsing pypdf pyproj pytz pywebio qrcode
quart quart_cors rdflib redis regex reportlab requests requests_oauthlib rich rq sanic scipy
seaborn sendgrid sentry_sdk shapely shiny simplejson six slowapi solara sortedcontainers spacy
sqlalchemy
sqlalchemy_utils sqlmodel sqladmin sqlparse sse_starlette starlette starlette_admin statsmodels
streamlit stripe structlog sympy tabulate tenacity textblob tiktoken tinydb toml tomli tomlkit
tornado tqdm trio twilio typer typing_extensions tzlocal ujson unidecode urllib3 uvicorn uvloop
validators viewflow vobject voila waitress watchdog wcwidth webargs webassets websockets werkzeug
whitenoise whoosh wikipedia wordcloud wsproto wtforms xlrd xlsxwriter xmltodict yarl yfinance zeep
zipp
langchain_community langchain_core langchain_openai langchain_text_splitters langchain_google_genai
langchain_groq langchain_huggingface langchain_chroma llama_index chromadb sentence_transformers
transformers torch torchvision tensorflow keras huggingface_hub groq replicate cohere ollama
xgboost lightgbm catboost prophet shap pydeck streamlit_option_menu streamlit_extras
streamlit_lottie streamlit_folium streamlit_authenticator streamlit_chat dash_daq dash_cytoscape
dash_leaflet dash_ag_grid dash_mantine_components dash_iconify dash_auth dash_extensions dash_bio
dash_player colorlover pandas_datareader sodapy flasgger djoser django_ratelimit django_cleanup
django_crontab cachelib
"""
"""Packages that are imported by their own name (``_`` where the package has ``-``)."""

_OTHER = {name: name.replace("_", "-") for name in _SAME.split()}
_FLASK = """
admin appbuilder apscheduler babel bcrypt bootstrap caching compress cors debugtoolbar dance
flatpages httpauth jwt_extended limiter login mail mailman marshmallow migrate minify moment
pymongo principal restful restx seasurf security session smorest sock socketio sqlalchemy talisman
uploads wtf script assets gravatar ckeditor pagedown mongoengine basicauth swagger_ui executor
dropzone jwt oauthlib htmx simplelogin
"""

PACKAGES = {
    **_OTHER,
    **{f"flask{joint}{name}": f"flask-{name.replace('_', '-')}"
       for name in _FLASK.split() for joint in ("_", ".ext.")},
    "argon2": "argon2-cffi", "PIL": "pillow", "yaml": "pyyaml", "bs4": "beautifulsoup4",
    "dotenv": "python-dotenv", "decouple": "python-decouple", "sklearn": "scikit-learn",
    "skimage": "scikit-image", "cv2": "opencv-python-headless", "jwt": "pyjwt", "attr": "attrs",
    "dateutil": "python-dateutil", "dns": "dnspython", "fitz": "pymupdf", "magic": "python-magic",
    "rest_framework": "djangorestframework", "environ": "django-environ",
    "rest_framework_simplejwt": "djangorestframework-simplejwt", "knox": "django-rest-knox",
    "drf_yasg": "drf-yasg", "drf_spectacular": "drf-spectacular", "ninja": "django-ninja",
    "corsheaders": "django-cors-headers", "storages": "django-storages", "import_export":
    "django-import-export", "ckeditor": "django-ckeditor", "mptt": "django-mptt",
    "taggit": "django-taggit", "allauth": "django-allauth", "dj_rest_auth": "dj-rest-auth",
    "crispy_forms": "django-crispy-forms", "crispy_bootstrap5": "crispy-bootstrap5",
    "crispy_bootstrap4": "crispy-bootstrap4", "crispy_tailwind": "crispy-tailwind",
    "bootstrap4": "django-bootstrap4", "django_bootstrap5": "django-bootstrap5",
    "bootstrap5": "django-bootstrap-v5", "widget_tweaks": "django-widget-tweaks",
    "debug_toolbar": "django-debug-toolbar", "django_filters": "django-filter",
    "dj_database_url": "dj-database-url", "simple_history": "django-simple-history",
    "jazzmin": "django-jazzmin", "tinymce": "django-tinymce", "compressor": "django-compressor",
    "imagekit": "django-imagekit", "easy_thumbnails": "easy-thumbnails", "axes": "django-axes",
    "health_check": "django-health-check", "django_countries": "django-countries",
    "phonenumber_field": "django-phonenumber-field", "wagtail": "wagtail", "cms": "django-cms",
    "modelcluster": "django-modelcluster", "cloudinary_storage": "django-cloudinary-storage",
    "psycopg2": "psycopg2-binary", "MySQLdb": "mysqlclient", "Crypto": "pycryptodome",
    "jose": "python-jose", "socketio": "python-socketio", "engineio": "python-engineio",
    "multipart": "python-multipart", "fpdf": "fpdf2", "telegram": "python-telegram-bot",
    "dash_bootstrap_components": "dash-bootstrap-components", "dash_table": "dash",
    "dash_core_components": "dash", "dash_html_components": "dash", "slugify": "python-slugify",
    "docx": "python-docx", "pptx": "python-pptx", "PyPDF2": "pypdf2", "google.generativeai":
    "google-generativeai", "OpenSSL": "pyopenssl", "flask_openapi3": "flask-openapi3",
    "apiflask": "apiflask", "blacksheep": "blacksheep", "tzdata": "tzdata", "zmq": "pyzmq",
    "graphene_django": "graphene-django", "strawberry": "strawberry-graphql", "ariadne": "ariadne",
    "pkg_resources": "setuptools<81", "st_aggrid": "streamlit-aggrid", "nacl": "pynacl",
    "usb": "pyusb", "serial": "pyserial", "ldap3": "ldap3", "markdownify": "markdownify",
    "waitress": "waitress", "paste": "paste", "pyramid": "pyramid", "webob": "webob",
    "mysql": "mysql-connector-python", "pymssql": "pymssql", "pyodbc": "pyodbc",
    "oracledb": "oracledb", "cx_Oracle": "cx-oracle", "influxdb_client": "influxdb-client",
    "flask_bootstrap": "flask-bootstrap", "playhouse": "peewee", "graphql": "graphql-core",
    "factory": "factory-boy", "websocket": "websocket-client", "tortoise": "tortoise-orm",
    "IPython": "ipython", "fasthtml": "python-fasthtml",
    "faiss": "faiss-cpu", "colorfield": "django-colorfield", "tailwind": "django-tailwind",
    "mathfilters": "django-mathfilters", "ckeditor_uploader": "django-ckeditor",
    "markdownx": "django-markdownx", "oauth2_provider": "django-oauth-toolkit",
    "social_django": "social-auth-app-django", "guardian": "django-guardian",
    "reversion": "django-reversion", "haystack": "django-haystack", "sorl": "sorl-thumbnail",
    "anymail": "django-anymail", "bootstrap3": "django-bootstrap3", "rosetta": "django-rosetta",
    "bootstrap_modal_forms": "django-bootstrap-modal-forms", "treebeard": "django-treebeard",
    "polymorphic": "django-polymorphic", "silk": "django-silk", "parler": "django-parler",
    "modeltranslation": "django-modeltranslation", "embed_video": "django-embed-video",
    "nested_admin": "django-nested-admin", "adminsortable2": "django-admin-sortable2",
    "star_ratings": "django-star-ratings", "hitcount": "django-hitcount", "pwa": "django-pwa",
    "stripe": "stripe", "background_task": "django-background-tasks",
    "google.cloud.storage": "google-cloud-storage", "google.genai": "google-genai",
    "google.cloud.firestore": "google-cloud-firestore",
    "google.cloud.bigquery": "google-cloud-bigquery",
    "git": "gitpython", "Levenshtein": "levenshtein", "html2text": "html2text",
}  # fmt: skip
"""Import names and the packages that hold them."""


@record
class Inferred:
    packages: tuple[str, ...]
    findings: tuple[Finding, ...]


def infer(tree: Tree) -> Inferred:
    """What the code of a tree imports that is neither Python's own nor the tree's."""
    known: dict[str, Evidence] = {}
    unknown: dict[str, Evidence] = {}
    for path in tree.python:
        source = tree.source(path)
        for top, packages in _foreign(tree, source).items() if source and not _aside(path) else ():
            for package in packages:
                known.setdefault(package, Evidence(path))
            if not packages:
                unknown.setdefault(top, Evidence(path))
    return Inferred(tuple(sorted(known)), tuple(_findings(known, unknown)))


def wanted_by(tree: Tree, path: str | None) -> frozenset[str]:
    """The packages that one file imports, as far as they are well known."""
    source = tree.source(path) if path else None
    found = _foreign(tree, source).values() if source else ()
    return frozenset(package for packages in found for package in packages)


def _foreign(tree: Tree, source: Source) -> dict[str, set[str]]:
    """Imported names that are neither Python's nor the tree's, with the well-known packages."""
    found: dict[str, set[str]] = {}
    absolute = (name for name in source.imports.values() if not name.startswith("."))
    for module in (*source.imported_modules, *absolute):
        top = module.partition(".")[0]
        if top not in found:
            if top in sys.stdlib_module_names or _is_local(tree, source, top):
                continue
            found[top] = set()
        if (package := package_of(module)) is not None:
            found[top].add(package)
    return found


def package_of(module: str) -> str | None:
    """The package with a module or a name of it: of ``google.cloud.storage``, not of ``google``."""
    while module:
        if (package := PACKAGES.get(module)) is not None:
            return package
        module = module.rpartition(".")[0]
    return None


def _aside(path: str) -> bool:
    return bool({"tests", "test", "docs", "examples"} & set(path.split("/")[:-1]))


def _is_local(tree: Tree, source: Source | None, name: str) -> bool:
    directory = source.path.rpartition("/")[0] if source else ""
    for base in {"", f"{directory}/" if directory else "", "src/"}:
        if tree.has(f"{base}{name}.py") or tree.has_directory(f"{base}{name}"):
            return True
    return any(path.endswith((f"/{name}.py", f"/{name}/__init__.py")) for path in tree.python)


def _findings(known: dict[str, Evidence], unknown: dict[str, Evidence]) -> list[Finding]:
    names = ", ".join(sorted(known)) or "none"
    found = [
        Finding(
            "dependencies",
            names,
            "no file says what to install; taken from the imports, in their newest versions",
        )
    ]
    for name, evidence in sorted(unknown.items()):
        why = f"{evidence} imports it, and no file says which package that is"
        found.append(Finding("unknown package", name, why, level="warning"))
    return found
