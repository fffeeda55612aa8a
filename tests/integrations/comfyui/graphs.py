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


def listed(kind, inputs, **more):
    """Two pictures as a list: the node is executed for each, at the same time."""
    return {
        "one": node("EmptyImage", width=64, height=64, batch_size=1, color=1),
        "two": node("EmptyImage", width=64, height=64, batch_size=1, color=200),
        "batch": node("ImageBatch", image1=link("one"), image2=link("two")),
        "list": node("RebatchImages", images=link("batch"), batch_size=1),
        "run": node(kind, **inputs | {"image": link("list")}, **more),
    }
