"""The Chinese sentences of checks, verifications and reports. They are part of the tables in `_zh`."""

from __future__ import annotations

from typing import Final

SENTENCES: Final[dict[str, str]] = {
    # files, lengths, addresses, money
    # faces
    # sound
    # verifications
    # tags and reports
    "many.tags": "`tags` 须为所有表单共用的一个对象，或为每个表单各给一个对象的列表。",
    "tags.no_object": "标签必须是由名称和值组成的对象，得到 {value}。",
    "tags.too_many": "一次提交最多可有 {most} 个标签，得到 {found} 个。",
    "tags.wrong_name": "标签名称必须是 1 到 {most} 个字符的一行文本，且不含 `=`，得到 {name}。",
    "tags.wrong_value": "标签 `{name}` 的值必须是 1 到 {most} 个字符的一行文本，得到 {value}。",
}

REMEDIES: Final[dict[str, str | dict[str, str]]] = {
    # files, lengths, addresses, money
    # faces
    # sound
    # verifications
    # tags and reports
}
