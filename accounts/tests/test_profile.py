"""The profile: what it takes, pictures that are none, who may see a public page."""

import struct
import zlib
from contextlib import suppress
from io import BytesIO
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client as Browser
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from rest_framework.test import APIClient

from accounts.adapters import images
from accounts.domain.profile import bio_clean
from accounts.models import Profile, User
from accounts.selectors.profile import UTC_ZONE, zone_of, zones
from accounts.services.avatars import MAX_BYTES, avatar_remove, avatar_set
from accounts.services.handles import handle_set
from accounts.services.profile import profile_update
from accounts.tests.factories import PASSWORD, UserFactory
from core.errors import DomainError, Invalid
from core.models import AuditEntry


@pytest.fixture
def person(db, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    return UserFactory(display_name="Jane Doe")


@pytest.fixture
def api(person):
    client = APIClient()
    client.force_authenticate(person)
    return client


@pytest.fixture
def browser(person):
    client = Browser()
    client.force_login(person)
    return client


def picture(kind="PNG", size=(640, 400), mode="RGB", **options):
    out = BytesIO()
    Image.new(mode, size, "teal" if mode in ("RGB", "RGBA", "P") else 0).save(out, kind, **options)
    return out.getvalue()


def png(width, height, data=b"\0"):
    """A PNG that claims any size."""

    def chunk(name, body):
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b"")


def stored(profile):
    return Image.open(Path(profile.avatar.path))


class TestAvatars:
    @pytest.mark.parametrize(
        ("kind", "mode"),
        [("JPEG", "RGB"), ("PNG", "RGB"), ("PNG", "RGBA"), ("PNG", "P"), ("PNG", "L"), ("PNG", "1"), ("PNG", "I;16"),
         ("WEBP", "RGB"), ("GIF", "P"), ("JPEG", "CMYK"), ("JPEG", "L")],
    )  # fmt: skip
    def test_pictures_become_a_square_webp(self, person, kind, mode):
        made = stored(avatar_set(user_id=person.pk, data=picture(kind, mode=mode)))
        assert (made.format, made.size) == ("WEBP", (256, 256))

    def test_nothing_of_the_file_is_kept(self, person):
        exif = Image.Exif()
        exif[0x010F], exif[0x0112] = "SecretCamera", 6
        data = picture("JPEG", exif=exif, icc_profile=b"profile-of-mine", comment=b"hello-comment")
        profile = avatar_set(user_id=person.pk, data=data)
        raw = Path(profile.avatar.path).read_bytes()
        assert not any(word in raw for word in (b"SecretCamera", b"profile-of-mine", b"hello-comment", b"Exif"))
        assert profile.avatar.name != "avatar.webp"

    def test_it_is_turned_as_the_camera_was_held(self):
        source = Image.new("RGB", (300, 300), "white")
        source.paste("black", (0, 0, 300, 150))
        exif, out = Image.Exif(), BytesIO()
        exif[0x0112] = 3
        source.save(out, "JPEG", exif=exif, quality=95)
        made = Image.open(BytesIO(images.square_webp(out.getvalue()))).convert("L")
        assert made.getpixel((128, 40)) > 200
        assert made.getpixel((128, 216)) < 60

    NOT_IMAGES = {
        "text": b"hello",
        "svg": b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
        "html": b"<!doctype html><script>alert(1)</script>",
        "script in a gif's clothes": b"GIF89a/*<script>*/=1;alert(1)",
        "php behind a real picture": picture("GIF", mode="P") + b"<?php system($_GET[0]); ?>",
        "page behind a real picture": picture("JPEG") + b"<html><script>alert(1)</script>",
        "script in a comment": picture("JPEG", comment=b"<ScRiPt>alert(1)</script>"),
        "bitmap": picture("BMP"),
        "tiff": picture("TIFF"),
        "icon": picture("ICO", size=(64, 64)),
        "cut off": picture("PNG", size=(900, 900))[:-400],
        "cut off jpeg": picture("JPEG", size=(900, 900))[:700],
        "only a header": b"\x89PNG\r\n\x1a\n",
        "no pixels": png(0, 0),
        "less than it claims": png(64, 64),
    }

    @pytest.mark.parametrize("name", NOT_IMAGES)
    def test_what_is_no_picture_is_refused(self, person, name):
        with pytest.raises(Invalid) as caught:
            avatar_set(user_id=person.pk, data=self.NOT_IMAGES[name])
        assert caught.value.code == "avatar_not_image"
        assert not Profile.objects.get(pk=person.pk).avatar

    @pytest.mark.parametrize("size", [(5_000, 5_000), (100_000, 100_000), (12_001, 4), (2**31 - 1, 2**31 - 1)])
    def test_a_bomb_is_not_unfolded(self, person, size):
        with pytest.raises(Invalid) as caught:
            avatar_set(user_id=person.pk, data=png(*size, data=b"\0" * 100_000))
        assert caught.value.code in {"avatar_bomb", "avatar_not_image"}
        assert size != (5_000, 5_000) or caught.value.code == "avatar_bomb"

    def test_a_long_animation_costs_one_frame(self, person):
        frames = [Image.new("P", (64, 64), number % 200) for number in range(300)]
        out = BytesIO()
        frames[0].save(out, "GIF", save_all=True, append_images=frames[1:])
        assert getattr(stored(avatar_set(user_id=person.pk, data=out.getvalue())), "n_frames", 1) == 1

    def test_too_large_and_nothing_at_all(self, person):
        with pytest.raises(Invalid) as caught:
            avatar_set(user_id=person.pk, data=b"\0" * (MAX_BYTES + 1))
        assert caught.value.code == "avatar_too_large"
        with pytest.raises(Invalid):
            avatar_set(user_id=person.pk, data=b"")

    @given(
        st.binary(max_size=400), st.sampled_from([b"", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"\xff\xd8\xff\xe0", b"RIFF"])
    )
    def test_whatever_is_sent_is_decoded_or_refused(self, tail, head):
        with suppress(images.NotAnImageError, images.ImageBombError):
            assert Image.open(BytesIO(images.square_webp(head + tail))).size == (256, 256)

    def test_the_old_file_goes_when_the_new_one_is_there(self, person, django_capture_on_commit_callbacks):
        with django_capture_on_commit_callbacks(execute=True):
            first = avatar_set(user_id=person.pk, data=picture()).avatar.path
        with django_capture_on_commit_callbacks(execute=True):
            second = avatar_set(user_id=person.pk, data=picture("GIF", mode="P")).avatar.path
        assert (Path(first).exists(), Path(second).exists()) == (False, True)
        with django_capture_on_commit_callbacks(execute=True):
            avatar_remove(user_id=person.pk)
        assert not Path(second).exists()
        assert not Profile.objects.get(pk=person.pk).avatar
        assert AuditEntry.objects.filter(action="avatar_removed").count() == 1

    def test_it_is_served_as_a_picture_and_nothing_else(self, api, person):
        file = SimpleUploadedFile("../../x.html", picture(), content_type="text/html")
        url = api.put("/api/v1/me/avatar", {"avatar": file}, format="multipart").json()["avatar_url"]
        answer = Browser().get(url)
        assert answer.status_code == 200
        assert answer["Content-Type"] == "image/webp"
        assert answer["X-Content-Type-Options"] == "nosniff"
        assert answer["Content-Security-Policy"] == "default-src 'none'; sandbox"
        assert "immutable" in answer["Cache-Control"]
        assert b"".join(answer.streaming_content)[8:12] == b"WEBP"
        assert api.delete("/api/v1/me/avatar").status_code == 204

    @pytest.mark.parametrize(
        "path",
        ["/avatars/" + "0" * 32 + ".webp", "/avatars/..%2f..%2fsettings.webp", "/avatars/x.webp", "/avatars/x.py"],
    )
    def test_other_names_lead_nowhere(self, person, path):
        assert Browser().get(path).status_code == 404

    def test_the_api_says_why(self, api):
        answer = api.put("/api/v1/me/avatar", {"avatar": SimpleUploadedFile("a.png", b"hello")}, format="multipart")
        assert (answer.status_code, answer.json()["code"]) == (400, "avatar_not_image")
        assert api.put("/api/v1/me/avatar", {}, format="multipart").json()["code"] == "avatar_not_image"
        assert api.put("/api/v1/me/avatar", {"avatar": "x"}, format="json").status_code == 415

    def test_the_page_takes_one_and_removes_it(self, browser, person):
        answer = browser.post("/settings/profile/avatar", {"avatar": SimpleUploadedFile("a.png", picture())})
        assert answer.url == "/settings/profile"
        assert "/avatars/" in browser.get("/settings/profile").content.decode()
        answer = browser.post("/settings/profile/avatar", {"avatar": SimpleUploadedFile("a.png", b"<svg>")})
        assert answer.status_code == 422
        assert "not a picture" in answer.content.decode()
        assert browser.post("/settings/profile/avatar", {}).status_code == 422
        browser.post("/settings/profile/avatar", {"remove": "1"})
        assert not Profile.objects.get(pk=person.pk).avatar


class TestProfile:
    def test_some_of_it_changes_and_the_rest_stays(self, api, person):
        body = api.patch(
            "/api/v1/me/profile", {"bio": "  Slow \n and steady ", "time_zone": "Asia/Kolkata"}, format="json"
        )
        assert body.json()["bio"] == "Slow and steady"
        assert (body.json()["time_zone"], body.json()["currency"]) == ("Asia/Kolkata", "USD")
        assert str(zone_of(person)) == str(zone_of(person.pk)) == "Asia/Kolkata"
        assert api.get("/api/v1/me/profile").json() == body.json()

    @pytest.mark.parametrize(
        ("change", "code"),
        [
            ({"time_zone": "Mars/Olympus"}, "time_zone_unknown"),
            ({"time_zone": "../../etc/passwd"}, "time_zone_unknown"),
            ({"bio": "x\u202eevil"}, "bio_invalid"),
            ({"bio": "a\x00b"}, "invalid"),
            ({"bio": "x" * 201}, "invalid"),
            ({"currency": "XXX"}, "invalid"),
            ({"theme": "pink"}, "invalid"),
            ({"handle": "admin"}, "handle_reserved"),
            ({"handle": "jаne"}, "handle_confusable"),
            ({"display_name": "x"}, "invalid"),
        ],
    )
    def test_refused_with_its_code(self, api, change, code):
        answer = api.patch("/api/v1/me/profile", change, format="json")
        assert (answer.status_code, answer.json()["code"]) == (400, code)

    def test_all_of_it_or_nothing(self, person):
        handle_set(user_id=UserFactory().pk, handle="taken_one")
        with pytest.raises(DomainError):
            profile_update(user_id=person.pk, changes={"display_name": "Other", "bio": "x", "handle": "taken_one"})
        person.refresh_from_db()
        assert (person.display_name, person.profile.bio, person.handle) == ("Jane Doe", "", None)

    def test_unknown_fields_are_refused(self, person):
        with pytest.raises(Invalid):
            profile_update(user_id=person.pk, changes={"clearance": 9})

    def test_nobody_sets_what_is_not_theirs_to_set(self, api, person):
        api.patch("/api/v1/me/profile", {"clearance": 9, "role": "admin", "country": "DE", "bio": "x"}, format="json")
        person.refresh_from_db()
        assert (person.clearance, person.role, person.profile.country) == (2_147_483_647, "trader", "")

    @given(st.text(max_size=250))
    def test_a_bio_is_a_line_that_can_be_seen_or_refused(self, text):
        with suppress(Invalid):
            bio = bio_clean(text)
            assert len(bio) <= 200
            assert bio == " ".join(bio.split())
            assert "\u202e" not in bio

    def test_zones(self, person):
        assert {"Europe/Berlin", "UTC", "Asia/Kolkata"} <= zones()
        assert not any(name.startswith(("Etc/", "posix")) for name in zones())
        assert zone_of(None) is UTC_ZONE
        Profile.objects.filter(pk=person.pk).update(time_zone="Gone/Away")
        assert zone_of(person) is UTC_ZONE

    def test_the_page_saves_and_shows_refusals(self, browser, person):
        form = browser.get("/settings/profile").context["form"]
        data = {name: form[name].value() or "" for name in form.fields if name != "is_public"}
        data |= {"handle": "Jane_D", "theme": "light", "time_zone": "Europe/Berlin"}
        assert browser.post("/settings/profile", data).url == "/settings/profile"
        person.refresh_from_db()
        assert (person.handle, person.profile.theme, person.profile.is_public) == ("jane_d", "light", False)
        page = browser.get("/settings/profile").content.decode()
        assert 'data-theme="light"' in page
        assert 'data-account-theme="light"' in page
        answer = browser.post("/settings/profile", {**data, "handle": "other_one"})
        assert answer.status_code == 422
        assert "You can change your handle again on" in answer.content.decode()

    def test_the_theme_comes_with_signing_in(self, person):
        Profile.objects.filter(pk=person.pk).update(theme="light")
        client = Browser()
        client.login(email=person.email, password=PASSWORD)
        assert client.session["theme"] == "light"
        assert 'data-theme="light"' in client.get("/contests").content.decode()
        assert 'data-theme="dark"' in Browser().get("/contests").content.decode()

    def test_an_agent_has_none(self, db):
        agent = User.objects.create_user("robot@example.com", None, display_name="Robot", kind="agent")
        client = APIClient()
        client.force_authenticate(agent)
        assert client.get("/api/v1/me/profile").status_code == 404


class TestPublicPage:
    @pytest.fixture
    def shown(self, person):
        handle_set(user_id=person.pk, handle="jane_d")
        Profile.objects.filter(pk=person.pk).update(bio="Slow and steady", country="DE", phone="+4915112345678")
        return person

    def test_everyone_sees_what_is_public_and_nothing_else(self, shown):
        page = Browser().get("/people/jane_d").content.decode()
        body = APIClient().get("/api/v1/people/Jane_D").json()
        assert "Jane Doe" in page
        assert set(body) == {"handle", "display_name", "bio", "avatar_url", "since", "sections"}
        for secret in (shown.email, "+4915112345678", "Germany"):
            assert secret not in page
            assert secret not in str(body)

    def test_opted_out_is_not_there_but_for_oneself(self, shown, browser, api):
        Profile.objects.update(is_public=False)
        assert Browser().get("/people/jane_d").status_code == 404
        assert APIClient().get("/api/v1/people/jane_d").json()["code"] == "person_not_found"
        assert "Only you see this page" in browser.get("/people/jane_d").content.decode()
        assert api.get("/api/v1/people/jane_d").status_code == 200

    @pytest.mark.parametrize(
        "gone", [{"status": "suspended"}, {"is_active": False}, {"anonymised_at": "2026-01-01T00:00Z"}]
    )
    def test_who_is_gone_is_not_there(self, shown, gone):
        User.objects.filter(pk=shown.pk).update(**gone)
        assert Browser().get("/people/jane_d").status_code == 404
        assert APIClient().get("/api/v1/people/jane_d").status_code == 404

    @pytest.mark.parametrize("handle", ["nobody", "x" * 300, "%00", "jane_d%20", "💥"])
    def test_nobody_of_that_name(self, shown, handle):
        assert Browser().get(f"/people/{handle}").status_code == 404
        assert APIClient().get(f"/api/v1/people/{handle}").status_code == 404
