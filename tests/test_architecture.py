"""What import-linter cannot see: foreign keys between floors, and who may write the books."""

import re
from pathlib import Path

import pytest
from django.apps import apps
from django.db import models

ROOT = Path(__file__).resolve().parent.parent
FLOORS = [["core"], ["accounts"], ["payments", "marketdata"], ["trading"], ["contests", "propfirm"], ["ai_strategies"]]
FLOOR = {app: number for number, floor in enumerate(FLOORS) for app in floor}


def own_models():
    return [model for model in apps.get_models() if model._meta.app_label in FLOOR]


def relations():
    return [
        (model, field)
        for model in own_models()
        for field in model._meta.get_fields()
        if isinstance(field, models.ForeignKey | models.OneToOneField)
    ]


@pytest.mark.parametrize(("model", "field"), relations(), ids=lambda item: getattr(item, "__name__", str(item)))
def test_foreign_keys_point_down_and_protect(model, field):
    target = field.related_model._meta.app_label
    own = model._meta.app_label
    if target == own or target not in FLOOR:
        return
    assert FLOOR[target] < FLOOR[own], f"{model.__name__}.{field.name} points up to {target}"
    assert field.remote_field.on_delete is models.PROTECT, f"{model.__name__}.{field.name} does not protect its target"
    assert field.remote_field.hidden, f"{model.__name__}.{field.name} has a reverse name on a lower floor"


def test_no_model_overrides_save_or_delete():
    for model in own_models():
        for name in ("save", "delete"):
            assert name not in vars(model), f"{model.__name__} overrides {name}"


def sources(pattern="*.py"):
    for app in FLOOR:
        for path in (ROOT / app).rglob(pattern):
            if "tests" not in path.parts and "migrations" not in path.parts:
                yield path


def test_the_environment_is_read_in_settings_only():
    allowed = {"embedded"}
    for path in sources():
        if not allowed & set(path.parts):
            assert not re.search(r"os\.(environ|getenv)", path.read_text()), f"{path} reads the environment"


def test_signals_are_not_used_for_logic():
    for path in sources():
        assert "django.db.models.signals" not in path.read_text(), f"{path} hooks a model signal"


def test_only_the_order_path_writes_orders_and_fills():
    writes = re.compile(r"\b(Order|Fill|Position)\.objects\.(create|bulk_create|update|filter\([^)]*\)\.update)")
    for path in sources():
        assert not writes.search(path.read_text()), f"{path} writes trading rows past the order path"


def test_no_template_holds_inline_script_or_style():
    for path in (ROOT / "templates").rglob("*.html"):
        text = path.read_text()
        inline = re.search(r"<script(?![^>]*\b(src=|type=\"(application/json|importmap)\"))", text)
        assert not inline, f"{path}: inline script"
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=\"", text), f"{path}: inline style or handler"
