"""Commands that other distributions add to `lipsync-nodes`: how they run, and what a broken one can do to the rest."""

import json
import re
import subprocess
import sys
from importlib.metadata import entry_points

import click
import pytest

from lipsync_nodes.cli.added import COMMANDS
from lipsync_nodes.cli.app import app

HELLO = """
import click

@click.command()
@click.option("--name")
@click.option("--json", "as_json", is_flag=True)
def hello(name, as_json):
    "Say hello to somebody."
    click.echo(f"hello {name} {as_json}")
"""
# Distributions by name: their commands, and the module that these are in.
DISTRIBUTIONS = {
    "good": ("hello = good_module:hello", f"print('chatter')\n{HELLO}"),
    "raises": ("raises = raises_module:hello", "raise RuntimeError('sk_in_a_message')"),
    "leaves": ("leaves = leaves_module:hello", "raise SystemExit"),
    "gone": ("gone = gone_module:hello", ""),
    "text": ("text = text_module:hello", "hello = 'hello'"),
    "hides": ("secretive = hides_module:hello", HELLO.replace("command()", "command(hidden=True)")),
    "greedy": ("submit = greedy_module:hello", HELLO),
}
BROKEN = ("raises", "leaves", "gone", "text")


@pytest.fixture
def cli(tmp_path):
    """Run the command line as a process that finds all of these distributions."""
    for name, (point, source) in DISTRIBUTIONS.items():
        info = tmp_path / f"{name}-1.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n")
        (info / "entry_points.txt").write_text(f"[{COMMANDS}]\n{point}\n")
        (tmp_path / f"{name}_module.py").write_text(source)
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r});  from lipsync_nodes.cli import main; main()"

    def run(*words):
        return subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, timeout=60)

    return run


def test_an_added_command_runs_with_its_options(cli):
    done = cli("hello", "--name", "you")
    assert (done.returncode, done.stdout, done.stderr) == (0, "hello you False\n", "chatter\n")
    assert cli("hello", "--name", "--json").stdout == "hello --json False\n"
    assert "Usage: lipsync-nodes hello" in cli("hello", "--help").stdout


def test_the_help_lists_added_commands_and_broken_ones(cli):
    done = cli("--help")
    assert done.returncode == 0
    lines = {line.split()[0]: line for line in done.stdout.partition("Commands:\n")[2].splitlines()}
    assert "Say hello to somebody." in lines["hello"]
    assert "Install the nodes into a ComfyUI" in lines["comfyui"]
    for name in BROKEN:
        assert "(cannot be loaded" in lines[name]
    assert "secretive" not in lines
    assert "Usage: lipsync-nodes secretive" in cli("secretive", "--help").stdout


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_command_says_why_and_what_to_do(cli, name):
    done = cli(name, "--any", "words", "--help")
    assert done.returncode == 2
    assert f"The command {name} ({name}_module:hello) cannot be loaded: " in done.stderr
    assert f"Upgrade or uninstall {name}." in done.stderr
    assert "sk_in" not in done.stderr
    error = json.loads(cli(name, "--json").stdout)["error"]
    assert error["type"] == "ConfigurationError"


def test_a_command_of_the_core_is_never_replaced(cli):
    assert "Submit a job and print its id at once." in cli("submit", "--help").stdout
    assert "Submit a job and print its id at once." in cli("--help").stdout


def test_other_commands_do_not_import_what_was_added(cli):
    done = cli("estimate", "image", "--image", "https://x.example/i", "--audio", "https://x.example/a", "--json")
    assert "chatter" not in done.stderr
    assert "cannot be loaded" not in done.stderr


def test_plugins_lists_added_commands_and_what_is_wrong(cli):
    done, plain = cli("plugins", "--json"), cli("plugins")
    assert (done.returncode, plain.returncode) == (2, 2)
    found = json.loads(done.stdout)
    hello = {"name": "hello", "distribution": "good", "version": "1", "object": "good_module:hello"}
    assert hello in found["commands"]
    assert "lipsync-nodes hello  (good 1, good_module:hello)\n" in plain.stdout
    for name in BROKEN:
        assert any(f"The command {name} " in trouble for trouble in found["troubles"])
    assert "The command submit (greedy_module:hello) is not used: there is another of that name." in found["troubles"]


def test_the_help_says_of_our_commands_what_they_say_themselves():
    """It is written beside their names, so that none of them is loaded for the list."""
    context, width = click.Context(app), 62
    for name, (_, line) in app.own.items():
        shown = click.Command(name, help=line).get_short_help_str(width)
        assert shown == app.get_command(context, name).get_short_help_str(width)


@pytest.mark.parametrize("words", [(), ("sandbox",), ("airflow",), ("comfyui",), ("webhook",)], ids=" ".join)
def test_the_help_has_whole_sentences(words, cli):
    done = cli(*words, "--help")
    listed = done.stdout.partition("Commands:\n")[2]
    assert listed.strip()
    assert "..." not in listed


def test_the_help_says_the_defaults_of_an_endpoints_fields(cli):
    shown = " ".join(cli("estimate", "image-multi", "--help").stdout.split())
    assert "720p costs 4. Default: 480p." in shown
    assert "Default: meanwhile." in shown


@pytest.mark.parametrize("words", [(), ("submit",)], ids=" ".join)
def test_without_words_the_help_is_shown_in_lines(words, cli):
    done = cli(*words)
    assert re.search(r"\nCommands:\n  \w", done.stdout + done.stderr)
    assert "\\n" not in done.stderr


def test_the_help_loads_neither_our_commands_nor_what_they_need():
    code = """
import sys
from lipsync_nodes.cli import main
sys.argv[1:] = ["--help"]
try: main()
except SystemExit: print(*sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    loaded = set(done.stdout.splitlines()[-1].split())
    assert "click" in loaded
    ours = {f"lipsync_nodes.cli.{name}" for name in ("endpoints", "session", "jobs")}
    assert not loaded & {"rich", "httpx", "pydantic", "asyncio", *ours}


def test_the_pack_adds_the_command_comfyui():
    (point,) = entry_points(group=COMMANDS, name="comfyui")
    assert point.dist.name == "lipsync-nodes"
    assert point.load().commands.keys() == {"install", "check"}
