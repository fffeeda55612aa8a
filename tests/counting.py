"""Counts what is done to a form and its files on the way to the wire, by the functions that are really called."""

import hashlib
import json
import sys
import threading
from collections import Counter
from contextlib import contextmanager

import av
from pydantic import BaseModel

from lipsync_nodes.checks import _looks
from lipsync_nodes.host import CATALOGUE, Form

BUILDS = {Form._speak_plainly.__func__.__code__, BaseModel.model_copy.__code__}
FORM_STATE, DUMPS, DIGEST = Form.form_state.__code__, json.dumps.__code__, hashlib.file_digest.__code__
# Drafts are not counted: the prices of an endpoint are made from some, once in a process.
FORMS = {spec.form for spec in CATALOGUE}
# A form with local files, of which there are two: each is probed once and hashed once, and the speech is heard once.
ONCE = {"built": 1, "probed": 2, "heard": 1, "hashed": 2, "form_state": 1, "json": 1}


@contextmanager
def counting():
    """Give the counts of this thread and of those that it starts; the sandbox of the tests is in another."""
    counts, opened = Counter(), av.open
    _looks._memory._found.clear()  # what was heard in another test is not heard again

    def saw(frame, event, _arg):
        if event != "call":
            return
        code, values = frame.f_code, frame.f_locals
        if code in BUILDS and (values["cls"] if "cls" in values else type(values["self"])) in FORMS:
            counts["built"] += 1
        elif code is DIGEST:
            counts["hashed"] += 1
        elif code is FORM_STATE:
            counts["form_state"] += 1
        elif code is DUMPS and isinstance(values["obj"], dict) and values["obj"].keys() & {"formState", "audio"}:
            # What a key is made of has all fields, `extra` among them; it never leaves.
            counts["key" if "extra" in values["obj"] else "json"] += 1

    def probed(*args, **options):
        by_the_ear = sys._getframe(1).f_globals["__name__"].startswith("lipsync_nodes.perception")
        counts["heard" if by_the_ear else "probed"] += 1
        return opened(*args, **options)

    av.open = probed
    threading.setprofile(saw)
    sys.setprofile(saw)
    try:
        yield counts
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
        av.open = opened


def counted(main, *arguments):
    """Call a program that may end this process, and print its counts as the last line of stderr."""
    with counting() as counts:
        try:
            return main(*arguments)
        finally:
            sys.stderr.write(json.dumps(counts) + "\n")
