"""Local files, bytes and open files: checked before a cent is spent, and published to a real S3 server."""

import io
import os
import shutil
import subprocess
import sys
import textwrap
import wave
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import urlsplit
from urllib.request import url2pathname

import httpx
import obstore
import pytest

from lipsync_nodes import ConfigurationError, ImageForm, InvalidRequest, LipsyncClient, VideoForm, estimate_credits
from lipsync_nodes.media import PreparedForm, content_key, published
from lipsync_nodes.media._probe import probe
from lipsync_nodes.plugins import hookimpl, plugins
from lipsync_nodes.sandbox import MEDIA, Sandbox
from lipsync_nodes.service import Asset
from lipsync_nodes.settings import Profile, Storage
from tests.conftest import FORMS, QUICK
from tests.faults import bad_service as bad
from tests.faults.bad_service import BadService
from tests.s3 import S3_KEY, S3_SECRET

FACE, VOICE, OTHER = MEDIA / "portrait.jpg", MEDIA / "speech_left.mp3", MEDIA / "speech_right.mp3"


def silence(path, seconds, rate=8000):
    with wave.open(str(path), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(1)
        sound.setframerate(rate)
        sound.writeframes(bytes([128]) * int(seconds * rate))
    return path


def storage_of(endpoint, **options):
    secrets = {"endpoint": endpoint, "access_key_id": S3_KEY, "secret_access_key": S3_SECRET, "region": "us-east-1"}
    return Storage(url="s3://bucket/inputs", options={**secrets, "virtual_hosted_style_request": "false"}, **options)


@pytest.fixture
def profile(s3):
    return Profile(api_key="sk_x", base_url="https://service.example", storage=storage_of(s3[0]))


def publish(profile, seconds=60.0, **form):
    form = ImageForm(**{"image": FACE, "audio": VOICE, **form})
    urls = published(form, profile, seconds=seconds)
    return SimpleNamespace(**form.form_state(urls))


def test_an_uploaded_file_needs_its_untampered_url(profile):
    """A file is uploaded and fetched by anybody but not with a tampered url."""
    form = publish(profile)
    for url, path in ((form.image, FACE), (form.audio, VOICE)):
        answer = httpx.get(url)
        assert (answer.status_code, answer.content) == (200, path.read_bytes())
        assert httpx.get(url.replace("X-Amz-Signature=", "X-Amz-Signature=0")).status_code == 403
        assert httpx.get(url.partition("?")[0]).status_code in {400, 403}
        assert S3_SECRET not in url
    assert httpx.get(form.audio).headers["content-type"] == "audio/mpeg"


def test_an_expired_url_is_refused(profile):
    from datetime import timedelta

    url = publish(profile).image
    name = urlsplit(url).path.removeprefix("/bucket/inputs/")
    store = obstore.store.from_url(
        profile.storage.url, config=profile.storage.secrets(), client_options={"allow_http": True}
    )
    long, short = (obstore.sign(store, "GET", name, timedelta(seconds=seconds)) for seconds in (600, 1))
    bad.wait_until(lambda: httpx.get(short).status_code in {400, 403})
    assert httpx.get(long).status_code == 200


def test_the_same_content_is_uploaded_once_whatever_its_name(profile, s3, tmp_path):
    shutil.copy(FACE, tmp_path / "other name.png")
    publish(profile)
    files = {path: path.stat().st_mtime_ns for path in s3[1].rglob("*") if path.is_file()}
    form = publish(profile, image=tmp_path / "other name.png", audio=VOICE.read_bytes())
    assert files == {path: path.stat().st_mtime_ns for path in s3[1].rglob("*") if path.is_file()}
    assert urlsplit(form.image).path.endswith(".jpg"), "the type is the content's"


@pytest.mark.parametrize("kind", ["path", "text", "bytes", "file", "asset"])
def test_an_input_is_whatever_the_user_has(profile, kind):
    with FACE.open("rb") as file:
        given = {
            "path": FACE,
            "text": str(FACE),
            "bytes": FACE.read_bytes(),
            "file": file,
            "asset": Asset(FACE.read_bytes(), "image/jpeg"),
        }[kind]
        form = publish(profile, image=given)
        assert not file.closed
    assert httpx.get(form.image).content == FACE.read_bytes()


def test_a_url_lives_as_long_as_the_job_may_take(profile):
    assert "X-Amz-Expires=86400&" in publish(profile).image
    assert "X-Amz-Expires=176400&" in publish(profile, seconds=48 * 3600).image
    with pytest.raises(ConfigurationError, match="7 days at most"):
        publish(profile, seconds=7 * 86400)


def test_storage_that_refuses_is_told_before_anything_is_sent(s3):
    endpoint = s3[0]
    wrong = storage_of(endpoint).model_copy(update={"options": {**storage_of(endpoint).options}})
    wrong = Storage(url=wrong.url, options={**wrong.secrets(), "secret_access_key": "expired-0123456789"})
    with pytest.raises(ConfigurationError, match="could not be written") as caught:
        publish(Profile(api_key="sk_x", base_url="https://service.example", storage=wrong))
    assert "expired-0123456789" not in str(caught.value)
    with bad.unused_port() as port:
        nobody = storage_of(f"http://127.0.0.1:{port}")
        with pytest.raises(ConfigurationError, match="Check its address and credentials") as caught:
            publish(Profile(api_key="sk_x", base_url="https://service.example", storage=nobody))


@pytest.mark.skipif(sys.platform == "win32", reason="reads ru_maxrss")
def test_a_gigabyte_is_uploaded_in_little_memory(s3, tmp_path):
    """Upload and hash are streamed. The file is a sound of that size."""
    big = tmp_path / "big.wav"
    with wave.open(str(big), "wb") as sound:
        sound.setnchannels(2)
        sound.setsampwidth(4)
        sound.setframerate(192_000)
        for _ in range(1024):
            sound.writeframes(bytes(1 << 20))
    code = f"""
        import resource, sys
        from pathlib import Path
        from lipsync_nodes import ImageForm
        from lipsync_nodes.media import published
        from lipsync_nodes.settings import Profile, Storage
        from lipsync_nodes.sandbox import MEDIA
        import obstore.store, lipsync_nodes.client
        def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        storage = Storage(url="s3://bucket/big", options={storage_of(s3[0]).secrets()!r})
        profile = Profile(api_key="sk_x", base_url="https://service.example", storage=storage)
        published(ImageForm(image=MEDIA / "portrait.jpg", audio=MEDIA / "speech_left.mp3"), profile, seconds=9)
        before = peak()
        form = ImageForm(image="https://x/i", audio=Path({str(big)!r}))
        published(form, profile, seconds=60, allow_long=True)
        print((peak() - before) // 1024)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 64
    shutil.rmtree(s3[1] / "big")


# What is refused before any POST.


def wrong_inputs(folder):
    text = folder / "text.png"
    text.write_text("this is not a picture at all\n" * 50)
    (folder / "empty.png").touch()
    cut = folder / "cut.png"
    cut.write_bytes(b"\x89PNG\r\n\x1a\n")
    silence(folder / "eleven.wav", 11 * 60)
    return {
        "missing file": ({"image": folder / "none.png"}, "No such file"),
        "directory": ({"image": folder}, r"directory|Permission"),
        "empty": ({"image": folder / "empty.png"}, "is empty"),
        "no bytes": ({"image": b""}, "is empty"),
        "text named .png": ({"image": text}, "not media"),
        "a header alone": ({"image": cut}, "not media"),
        "a sound where an image is wanted": ({"image": VOICE}, "wants an image"),
        "an image where a sound is wanted": ({"audio": FACE}, "wants an audio"),
        "eleven minutes": ({"audio": folder / "eleven.wav"}, "600 s at most"),
        "said to be something else": ({"image": Asset(FACE, "image/png")}, "it is image/jpeg"),
        "ftp": ({"image": "ftp://x/i.png"}, r"http\(s\)"),
        "file": ({"image": "file:///etc/passwd"}, r"http\(s\)"),
        "no host": ({"image": "https:///i.png"}, "host"),
        "a closed pipe": ({"image": Unreadable()}, "cannot be read"),
    }


class Unreadable(io.RawIOBase):
    def seek(self, *_):
        raise OSError("it broke")


WRONG = ["missing file", "directory", "empty", "no bytes", "text named .png", "a header alone", "eleven minutes",
         "a sound where an image is wanted", "an image where a sound is wanted", "said to be something else",
         "ftp", "file", "no host", "a closed pipe"]  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_bad_input_is_refused_before_any_post(case, sandbox, tmp_path):
    given, words = wrong_inputs(tmp_path)[case]
    with LipsyncClient(sandbox.api_key, sandbox.base_url) as client:
        with pytest.raises(InvalidRequest, match=words) as caught:
            client.submit(ImageForm(**{"image": FACE, "audio": VOICE, **given}))
    assert not caught.value.may_have_charged
    assert not sandbox.requests


def test_a_file_that_may_not_be_read_is_refused(sandbox, tmp_path):
    """Root may read every file; what not even root can read is the start of its own memory."""
    secret = Path("/proc/self/mem")
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        secret = Path(shutil.copy(FACE, tmp_path / "secret.jpg"))
        secret.chmod(0)
    with LipsyncClient(sandbox.api_key, sandbox.base_url) as client:
        with pytest.raises(InvalidRequest, match="cannot be read"):
            client.submit(ImageForm(image=secret, audio=VOICE))
    assert not sandbox.requests


def test_eleven_minutes_are_refused_whatever_the_estimate_says(sandbox, tmp_path):
    form = ImageForm(image="https://x/i.png", audio=silence(tmp_path / "eleven.wav", 660))
    with LipsyncClient(sandbox.api_key, sandbox.base_url) as client:
        with pytest.raises(InvalidRequest, match="600 s at most"):
            client.submit(form, estimate=20)
    assert not sandbox.requests


def test_eleven_minutes_can_be_insisted_on(sandbox, tmp_path):
    long = silence(tmp_path / "eleven.wav", 11 * 60)
    with LipsyncClient(sandbox.api_key, sandbox.base_url) as client:
        assert client.submit(ImageForm(image=FACE, audio=long), allow_long=True, check="off").id, "it is silent"


def test_without_storage_the_error_says_what_to_set(form):
    with LipsyncClient("sk_x", "https://service.example") as client:
        with pytest.raises(ConfigurationError, match=r"LIPSYNC_STORAGE=s3://my-bucket") as caught:
            client.submit(ImageForm(image=FACE, audio=VOICE))
    assert len(caught.value.hint.splitlines()) == 3


def test_a_base_that_is_no_sandbox_takes_no_files():
    with BadService() as service, LipsyncClient("sk_x", service.base_url) as client:
        service.on_upload = [bad.take_no_files]
        with pytest.raises(ConfigurationError, match="takes no files"):
            client.submit(ImageForm(image=FACE, audio=VOICE))
    assert not service.posts


# What becomes of them.


def test_local_files_go_to_the_sandboxs_own_store(face, sandbox):
    job = face.run(ImageForm(image=FACE, audio=VOICE), timeout=10, poll_interval=0.05)
    assert job.output
    (submit,) = sandbox.received("submit")
    for name, path in (("image", FACE), ("audio", VOICE)):
        assert httpx.get(submit.body["formState"][name]).content == path.read_bytes()


def test_a_sandbox_renders_what_it_fetched_from_s3(s3, tmp_path):
    with Sandbox() as box:
        profile = Profile(api_key=box.api_key, base_url=box.base_url, storage=storage_of(s3[0]))
        with LipsyncClient(profile=profile) as client:
            job = client.run(ImageForm(image=FACE, audio=VOICE), timeout=120, poll_interval=0.2)
            assert client.download(job, tmp_path).stat().st_size > 10_000
        (submit,) = box.received("submit")
        assert submit.body["formState"]["image"].startswith(f"{s3[0]}/bucket/inputs/")
        assert not box.received("files")


def test_a_folder_that_a_web_server_shows(tmp_path):
    storage = Storage(url=tmp_path.joinpath("www").as_uri(), public_base="https://files.example/lipsync/")
    form = publish(Profile(api_key="sk_x", storage=storage))
    assert form.image.startswith("https://files.example/lipsync/")
    name = form.image.rpartition("/")[2]
    assert (tmp_path / "www" / name).read_bytes() == FACE.read_bytes()
    assert {path.suffix for path in (tmp_path / "www").iterdir()} == {".jpg", ".mp3"}


@pytest.fixture
def folder(tmp_path):
    """A profile whose files go to a folder, and that folder."""
    www = tmp_path / "www"
    return Profile(api_key="sk_x", storage=Storage(url=www.as_uri(), public_base="https://files.example")), www


def replace_by_rename(path, content):
    """Replace a file by another one with the same size and time, as rsync and archives do."""
    times, other = path.stat(), path.with_suffix(".new")
    other.write_bytes(content)
    os.utime(other, ns=(times.st_atime_ns, times.st_mtime_ns))
    other.replace(path)


def rewrite(path, content):
    """Write another content into a file, and set its time back, as `cp -p` does."""
    times = path.stat()
    path.write_bytes(content)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def write_into(source, content):
    source.seek(0)
    source.write(content)
    source.flush()


@pytest.mark.parametrize("kind", ["renamed", "rewritten", "open file", "memory"])
def test_another_content_of_the_same_size_is_not_published(kind, folder, tmp_path):
    """Under the hash of what was there before, each later submission of that would get the wrong content."""
    profile, www = folder
    path = silence(tmp_path / "a.wav", 6)
    before, after = path.read_bytes(), path.read_bytes()[:-8] + b"differs!"
    change = {"renamed": replace_by_rename, "rewritten": rewrite}.get(kind, write_into)
    source = {"open file": lambda: path.open("r+b"), "memory": lambda: io.BytesIO(before)}.get(kind, lambda: path)()
    form = PreparedForm(ImageForm(image="https://x/i.png", audio=source))
    content_key(form, profile)
    change(source, after)
    with pytest.raises(InvalidRequest, match="was changed while it was read"):
        published(form, profile, seconds=60)
    assert not www.exists() or not list(www.iterdir())
    if source is not path:
        source.close()


def test_what_changes_while_it_is_stored_is_not_kept(folder, tmp_path, monkeypatch):
    """Half of it may be the old content, and half the new one."""
    profile, www = folder
    path = silence(tmp_path / "a.wav", 6)

    def copied(source, target):
        target.write(source.read())
        silence(path, 7)

    monkeypatch.setattr(shutil, "copyfileobj", copied)
    with pytest.raises(InvalidRequest, match="was changed while it was read"):
        published(ImageForm(image="https://x/i.png", audio=path), profile, seconds=60)
    assert list(www.iterdir()) == []


def test_a_change_while_a_plugin_publishes_is_refused(plugin, sandbox, tmp_path):
    """What changes while a plugin publishes it is not submitted."""
    path = silence(tmp_path / "a.wav", 6)

    def give():
        silence(path, 7)
        return "https://plugin.example/a.wav"

    plugin(give)
    with LipsyncClient(sandbox.api_key, sandbox.base_url) as client:
        with pytest.raises(InvalidRequest, match="was changed while it was read"):
            client.submit(ImageForm(image="https://x/i.png", audio=path), check="off")  # it is silent
    assert not sandbox.requests


def test_a_file_of_another_job_is_not_deleted_for_a_change(folder, tmp_path):
    profile, www = folder
    path = silence(tmp_path / "a.wav", 6)
    published(ImageForm(image="https://x/i.png", audio=path), profile, seconds=60)
    (kept,) = www.iterdir()
    form = PreparedForm(ImageForm(image="https://x/i.png", audio=path))
    content_key(form, profile)
    silence(path, 7)
    with pytest.raises(InvalidRequest, match="was changed while it was read"):
        published(form, profile, seconds=60)
    assert kept.exists(), "a job that runs may still have to fetch it"


@pytest.mark.parametrize(
    "values",
    [{"url": "file:///x"}, {"url": "s3://b", "public_base": "https://x"}, {"url": "file:///x", "public_base": "x"}],
)
def test_storage_that_makes_no_sense_is_refused(values):
    with pytest.raises(ValueError, match=r"public_base|http"):
        Storage(**values)


def test_a_url_arrives_byte_for_byte_as_it_was_given(sandbox):
    urls = [
        "https://bucket.example:443/a/./b//c/?X-Amz-Credential=AK%2F2026%2Fs3&X-Amz-Signature=a+b%2Bc%20d==",
        "https://cdn.example/../x/?q=%e4%bd%a0&plus=1+1&tilde=~&at=@&trailing=/",
    ]
    with LipsyncClient(sandbox.api_key, sandbox.base_url, policy=QUICK) as client:
        with BadService() as service, LipsyncClient("sk_x", service.base_url) as other:
            seen = []
            service.on_submit = [lambda r: (seen.append(r.read()), r.answer(200, {"id": r.service.make_job()}))]
            other.submit(ImageForm(image=urls[0], audio=urls[1]))
        client.submit(FORMS["image"])
    assert [seen[0]["formState"][name] for name in ("image", "audio")] == urls


def test_lengths_of_local_files_make_the_estimate():
    assert estimate_credits(ImageForm(image=FACE, audio=VOICE)) == 12
    assert estimate_credits(VideoForm(video="https://x/v", audio=OTHER)) == 14
    assert estimate_credits(ImageForm(image=FACE, audio=VOICE), audio_seconds=10) == 20


def test_a_content_key_knows_a_file_by_its_content(tmp_path):
    copy = shutil.copy(VOICE, tmp_path / "copy.bin")
    profile = Profile()
    keys = {
        content_key(ImageForm(image=FACE, audio=audio), profile) for audio in (VOICE, str(copy), VOICE.read_bytes())
    }
    assert len(keys) == 1
    assert content_key(ImageForm(image=FACE, audio=OTHER), profile) not in keys


@pytest.mark.parametrize(
    ("name", "kind", "media_type"),
    [("portrait.jpg", "image", "image/jpeg"), ("speech_left.mp3", "audio", "audio/mpeg")],
)
def test_the_kind_is_the_contents(name, kind, media_type, tmp_path):
    for given in (MEDIA / name, shutil.copy(MEDIA / name, tmp_path / "file.mp4")):
        found = probe(Asset(Path(given)))
        assert (found.kind, found.media_type) == (kind, media_type)


def test_a_windows_drive_is_a_path():
    assert ImageForm(image="C:\\pictures\\face.png", audio="https://x/a").assets
    assert url2pathname("/x")


# A plugin comes before any storage.


class Publisher:
    """A third-party plugin."""

    def __init__(self, give):
        self.asked, self._give = [], give

    @hookimpl
    def lipsync_publish_asset(self, asset, media_type):
        self.asked.append((asset.source, media_type))
        return self._give()


@pytest.fixture
def plugin():
    registered = []

    def register(give):
        registered.append(Publisher(give))
        plugins().register(registered[-1])
        return registered[-1]

    yield register
    for each in registered:
        plugins().unregister(each)


def test_a_plugin_can_publish(plugin):
    publisher = plugin(lambda: "https://cdn.example/x?sig=a%2Bb+c")
    form = publish(Profile(api_key="sk_x", base_url="https://service.example"))
    assert form.image == form.audio == "https://cdn.example/x?sig=a%2Bb+c"
    assert publisher.asked == [(FACE, "image/jpeg"), (VOICE, "audio/mpeg")]


def test_a_plugin_can_leave_it_to_the_storage(plugin, profile):
    publisher = plugin(lambda: None)
    assert "/bucket/inputs/" in publish(profile).image
    assert publisher.asked


def test_a_plugin_that_breaks_is_told_before_anything_is_sent(plugin, profile):
    plugin(lambda: 1 / 0)
    with pytest.raises(ConfigurationError, match=r"plugin could not publish.*ZeroDivisionError"):
        publish(profile)


def test_an_installed_plugin_is_found_and_a_broken_one_is_named(tmp_path):
    for name, value in (("good", "good_plugin"), ("broken", "no_such_module")):
        info = tmp_path / f"{name}-1.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n")
        (info / "entry_points.txt").write_text(f"[lipsync_nodes]\n{name} = {value}\n")
    (tmp_path / "good_plugin.py").write_text(
        "from lipsync_nodes.plugins import hookimpl\n"
        "@hookimpl\n"
        "def lipsync_publish_asset(asset): return 'https://cdn.example/' + asset.source.name\n"
    )
    code = f"""
        import sys
        sys.path.insert(0, {str(tmp_path)!r})
        from lipsync_nodes import ImageForm
        from lipsync_nodes.media import published
        from lipsync_nodes.sandbox import MEDIA
        from lipsync_nodes.settings import Profile
        form = ImageForm(image=MEDIA / "portrait.jpg", audio="https://x/a.mp3")
        print(published(form, Profile(), seconds=60)["image"])
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "https://cdn.example/portrait.jpg"
    assert "The plugin broken (no_such_module) cannot be loaded" in done.stderr


# On the command line.


@pytest.fixture
def command(s3, tmp_path):
    """Run the command line in a folder with a face and a voice, with the store's usual environment variables."""
    shutil.copy(FACE, tmp_path / "face.png")
    shutil.copy(VOICE, tmp_path / "voice.wav")
    env = {
        **os.environ,
        "AWS_ACCESS_KEY_ID": S3_KEY,
        "AWS_SECRET_ACCESS_KEY": S3_SECRET,
        "AWS_ENDPOINT": s3[0],
        "AWS_REGION": "us-east-1",
    }

    def run(*words, **more):
        line = [sys.executable, "-c", "from lipsync_nodes.cli import main; main()", *words]
        return subprocess.run(line, cwd=tmp_path, env={**env, **more}, capture_output=True, text=True, timeout=120)

    return run


@pytest.mark.parametrize("storage", [None, "s3://bucket/cli"], ids=["its own store", "S3"])
def test_local_files_against_a_sandbox_elsewhere(command, storage, tmp_path):
    """Local files on the command line against a sandbox that runs elsewhere."""
    with Sandbox() as box:
        there = {"LIPSYNC_BASE_URL": box.base_url, "LIPSYNC_API_KEY": box.api_key}
        there |= {"LIPSYNC_STORAGE": storage} if storage else {}
        options = ["--image", "face.png", "--audio", "voice.wav", "--out", "v.mp4", "--poll-interval", "0.2"]
        done = command("run", "image", *options, **there)
        assert done.returncode == 0, done.stderr
        assert (tmp_path / "v.mp4").stat().st_size > 10_000
        (submit,) = box.received("submit")
        assert ("/bucket/cli/" in submit.body["formState"]["image"]) is bool(storage)


def no_such_job(request):
    """Answer as the service does: 404 to a key, 401 to none."""
    bad.say(404 if request.headers["Authorization"] else 401)(request)


def test_doctor_says_which_step_of_the_storage_fails(command):
    with BadService() as service:
        service.on_poll = [no_such_job]
        there = {"LIPSYNC_BASE_URL": service.base_url, "LIPSYNC_API_KEY": "sk_x", "LIPSYNC_STORAGE": "s3://bucket/d"}
        done = command("doctor", "--storage", **there)
        assert done.returncode == 0, done.stdout
        assert "storage: delete" in done.stdout
        done = command("doctor", "--storage", **{**there, "AWS_SECRET_ACCESS_KEY": "wrong"})
        assert (done.returncode, "storage: put failed" in done.stdout) == (2, True)
