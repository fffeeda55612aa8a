"""Graphs in ComfyUI's API format, put together by hand: `node("LipsyncWait", job=link("1"))`."""


def node(kind, **inputs):
    return {"class_type": kind, "inputs": inputs}


def link(name, output=0):
    return [name, output]


def split(inputs, save=True, **wait):
    """Submit, wait, save."""
    graph = {
        "submit": node("LipsyncSubmitImage", **inputs),
        "wait": node("LipsyncWait", job=link("submit"), **wait),
    }
    return graph | ({"save": saved("wait")} if save else {})


def one(inputs):
    """The one-node version, saved."""
    return {"run": node("LipsyncImage", **inputs), "save": saved("run")}


def saved(name, prefix="saved/lipsync"):
    return node("SaveVideo", video=link(name), filename_prefix=prefix, format="auto", codec="auto")
