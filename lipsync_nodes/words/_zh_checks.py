"""The Chinese sentences of checks, verifications and reports. They are part of the tables in `_zh`."""

from __future__ import annotations

from typing import Final

SENTENCES: Final[dict[str, str]] = {
    # files, lengths, addresses, money
    "check.look_failed": "对 {fields} 的检查自身出错：{reason}。",
    "check.no_such_mode": "没有检查模式 {value}。可用的模式：{known}。",
    "check.not_fetched": "未查看 {fields} 的内容：只给出了 URL。",
    "check.not_looked": "未查看 {fields} 的画面与声音：缺少一个附加组件。",
    "check.refused": "检查未通过，已拒绝提交。{findings}",
    "cost.free": "使用该键的提交已存在[（任务 {paid_job}）]，不会再次付费。",
    "cost.paid_before": "相同的输入此前已付费[：任务 {paid_job}]。",
    "cost.unknown": "费用未知：缺少 {fields} 的时长。",
    "cost.within_budget": "预算剩余 {left} 积分；本任务需 {credits} 积分。",
    "file.cut_short": "文件不完整：末尾部分缺失。",
    "file.large": "文件大小为 {size} MiB。服务未写明上限，但传输会很久。",
    "file.rotated": "画面以旋转 {degrees}° 的方式存储，文件头中有说明。忽略文件头的程序会看到旋转的画面。",
    "file.undocumented_format": "格式为 {format}。服务文档列出的是 {known}。",
    "file.variable_rate": "视频的帧率不固定。若被转为固定帧率，声音可能错位。",
    "length.billed_minimum": "视频时长 {seconds:g} 秒，按最低 {billed} 秒计费。",
    "length.film_extended": "音频时长 {sound:g} 秒，视频 {film:g} 秒。服务会把视频延长 {added:g} 秒，并按“视频时长”计费"
    "：{least} 至 {credits} 积分。",
    "length.film_trimmed": "视频时长 {film:g} 秒，音频 {sound:g} 秒。服务会把视频截到音频的长度：最后 {cut:g} 秒不会使"
    "用。",
    "length.given_differs": "给出的时长为 {given:g} 秒，但文件时长为 {measured:g} 秒。以较长者为准。",
    "length.header_differs": "内容时长为 {content:g} 秒，但文件头写的是 {header:g} 秒。以较长者为准。",
    "length.over_limit": "时长 {seconds:g} 秒，比服务所用模型接受的 {longest} 秒多 {over:g} 秒。",
    "length.rounded_up": "视频时长 {seconds:g} 秒，按 {billed} 秒计费：不足一秒的部分向上取整。",
    "mask.marks_nothing": "遮罩全黑或全透明，没有标出任何可运动的区域。",
    "mask.other_shape": "遮罩为 {mask}，画面为 {picture}：两者比例不同，遮罩会被拉伸。",
    "mask.other_size": "遮罩为 {mask}，画面为 {picture}，比例相同。",
    "url.answered": "请求该 URL 时，服务器返回 {status}。",
    "url.content_type": "服务器声明的类型是 {stated}，但内容是 {found}。",
    "url.expired": "签名 URL 已于 {minutes} 分钟前过期。",
    "url.expires_soon": "签名 URL 将在 {minutes} 分钟后过期，而任务最长可能需要 {deadline} 分钟。",
    "url.not_encrypted": "URL 为 http，传输途中他人可读取文件。",
    "url.not_public": "URL 指向 {host}，互联网上的服务无法访问。",
    "url.not_reached": "无法获取该 URL：{reason}。",
    "url.private_name": "URL 指向 {host}，这个名称可能只在内部网络中有效。",
    "url.redirects": "该 URL 的重定向超过 {most} 次。",
    "url.refused": "像服务那样不带凭据请求时，服务器返回 {status}。",
    "url.too_large": "文件超过 {most} MiB，因此未查看。",
    "url.too_slow": "文件未在 {seconds} 秒内传完，因此未查看。",
    "url.web_page": "该 URL 指向网页，而不是文件。",
    # faces
    "face.blurred": "[{person:term}：][{ranges} 秒：]人脸模糊，嘴部细节太少。",
    "face.bowed": "[{person:term}：][{ranges} 秒：]头部上仰或下低约 {degrees}°。",
    "face.coarse": "[{person:term}：]文件中人脸从额头到下巴只有 {pixels} 像素，放大也不会增加细节。",
    "face.cut": "[{person:term}：][{ranges} 秒：]人脸被画面边缘截断。",
    "face.dark": "[{person:term}：][{ranges} 秒：]人脸过暗或过亮，几乎看不清。",
    "face.gone": "{length} 秒中有 {seconds} 秒看不到人脸：{ranges} 秒。",
    "face.more_than_two": "有 {found} 张人脸，而说话的是 {wanted} 人，无法知道会是哪几位。",
    "face.mouth_hidden": "[{person:term}：][{ranges} 秒：]嘴部似乎被遮住，例如被手、口罩或麦克风遮住。",
    "face.none": "没有找到人脸。我们的检测只认识能从正面看到的真人面孔：绘画或动物仍可能可用。",
    "face.one_of_two": "要有 {wanted} 人说话，但只找到 {found} 张人脸。",
    "face.others": "另外还有 {others} 张较小的人脸。",
    "face.outside_mask": "遮罩没有包含嘴部。",
    "face.rolled": "[{person:term}：][{ranges} 秒：]头部倾斜 {degrees}°（180° 为上下颠倒）。",
    "face.several": "有 {found} 张人脸，而说话的只有一人。服务未说明会选哪一张：我们猜测是最大的一张，位于距左侧 "
    "{across}% 宽度处。",
    "face.small": "[{person:term}：][{ranges} 秒：]在 {video} 视频中，人脸从额头到下巴只有 {pixels} 像素（短边的 "
    "{percent}%），"
    "看不清嘴唇。[{enough} 就足够。]",
    "face.tiny": "[{person:term}：]在 {video} 视频中，人脸从额头到下巴只有 {pixels} 像素（短边的 {percent}%），"
    "看不出任何动作。",
    "face.turned": "[{person:term}：][{ranges} 秒：]头部侧转超过 {degrees}°。",
    "film.cuts": "影片有 {cuts} 处剪切：{times} 秒。剪切之后，可能会把另一张脸当作说话的人。",
    "film.others": "影片中有 {percent}% 的时间能看到其他人。服务未说明谁会说话：我们猜测是最大的人脸。",
    # sound
    # verifications
    "sandbox.no_speech": "声音中没有听到语音，因此嘴保持闭合。",
    "verify.comparison": "这是嘴部动作与语音的比较，不是画质评分。",
    "verify.early": "嘴部随声音运动，但画面提前了 {milliseconds} 毫秒。",
    "verify.face_too_small": "无法判断：人脸高度只有 {pixels} 像素，至少需要 {least} 像素。",
    "verify.in_sync": "同步：嘴部随声音运动（相关系数 {correlation:.2f}，偏移 {offset_ms} 毫秒）。",
    "verify.late": "嘴部随声音运动，但画面滞后了 {milliseconds} 毫秒。",
    "verify.left_missing": "给出了右侧音频，但没有左侧人物的音频。",
    "verify.no_face": "无法判断：视频中没有找到人脸。",
    "verify.no_library": "验证视频需要安装附加组件。",
    "verify.no_sound": "无法判断：视频没有声音，也没有给出音频。",
    "verify.no_speech": "无法判断：声音中没有听到语音。",
    "verify.not_moving": "有语音，但嘴没有动。",
    "verify.other_sound": "不同步：嘴在动，但不是随这段声音（相关系数 {correlation:.2f}）。",
    "verify.source": "同一段声音与源视频的相关系数：{correlation:.2f}。",
    "verify.swapped": "不同步：嘴部随另一个人的语音运动。",
    "verify.too_short": "无法判断：有语音且能看到人脸的时间只有 {seconds:.1f} 秒。",
    "verify.two_people": "左侧：{left} 右侧：{right}",
    "verify.unclear": "无法判断：嘴部与声音的关联太弱，可能只是巧合（相关系数 {correlation:.2f}）。",
    # tags and reports
    "comfyui.not_a_tag": "`{field}` 必须是“名称=值”，例如 `client=acme, project=x`，得到 {value!r}。",
    "many.tags": "`tags` 须为所有表单共用的一个对象，或为每个表单各给一个对象的列表。",
    "report.no_such_group": "报告不能按 `{by}` 分组。",
    "tags.no_object": "标签必须是由名称和值组成的对象，得到 {value}。",
    "tags.too_many": "一次提交最多可有 {most} 个标签，得到 {found} 个。",
    "tags.wrong_name": "标签名称必须是 1 到 {most} 个字符的一行文本，且不含 `=`，得到 {name}。",
    "tags.wrong_value": "标签 `{name}` 的值必须是 1 到 {most} 个字符的一行文本，得到 {value}。",
}

REMEDIES: Final[dict[str, str | dict[str, str]]] = {
    # files, lengths, addresses, money
    "fetch_urls": {
        "cli": "加上 `--fetch` 可为检查获取这些文件。",
        "python": "传入 fetch=True 可为检查获取这些文件。",
        "comfyui": "打开 `fetch` 可为检查获取这些文件。",
        "airflow": "设置 `fetch` 可为检查获取这些文件。",
    },
    "give_lengths": {
        "cli": "请给出时长，例如 `--audio-seconds`。",
        "python": '请用 lengths={{"audio": 12.5}} 给出时长。',
        "comfyui": "请连接媒体本身，以便读取时长。",
        "airflow": "请在 `media_seconds` 中给出时长。",
        "mcp": "请给出时长（秒），例如 `audio_seconds`。",
    },
    "give_whole_file": "请重新复制或下载该文件。",
    "link_to_file": "请给出文件本身的链接。许多分享服务的链接指向的是网页。",
    "mark_face": "请在遮罩中把人脸涂成白色，或不使用遮罩。",
    "mask_of_same_size": "请把遮罩保存为与画面相同的尺寸。",
    "publish_input": "请使用公开的 URL，或给出本地文件，由程序代为发布。",
    "refused_check": {
        "cli": "未发送任何内容。请修正输入，或用 `--check off` 跳过检查。",
        "python": '未发送任何内容。请修正输入，或用 check="off" 跳过检查。',
        "comfyui": "未发送任何内容。请修正输入，或将 `check` 设为 off。",
        "airflow": "未发送任何内容。请修正输入，或将 `check` 设为 off。",
        "pluggy": '未发送任何内容。请修正输入，或用 check="off" 跳过检查。',
        "mcp": "未发送任何内容。请改正输入；lipsync_check 会显示是否正确。",
    },
    "sign_again": "请重新签名该 URL。",
    "sign_for_longer": "请为该 URL 设置更长的有效期。",
    "state_content_type": "请在存储中设置该文件的内容类型。",
    "use_paid_job": {
        "cli": "用 `lipsync-nodes download {paid_job}` 取得其视频。",
        "python": "用任务 ID 取得其视频。",
        "comfyui": "在等待节点中用任务 ID 取得其视频。",
        "mcp": "用 lipsync_download（job_id {paid_job!r}）获取它的视频。",
    },
    # faces
    "face_camera": "请使用头部正对镜头的图片。",
    "larger_face": "请裁剪图片，让人脸更大。",
    "larger_picture": "请使用像素更多的图片。",
    "lit_face": "请使用光线更均匀的图片。",
    "one_face": "请把图片裁剪到只剩说话的人，或在 `mask_image` 中标出人脸。",
    "sharper_face": "请使用更清晰的图片。",
    "show_mouth": "请使用能看到整个嘴部的图片。",
    "speaking_part": "请把影片剪到能看到人脸的部分。",
    "two_faces": "请使用只有两位说话者的图片。",
    "upright_face": "请把图片转正。",
    "visible_face": "请使用能从正面看到人脸的图片。",
    "whole_face": "请使用显示整张人脸的图片。",
    # sound
    # verifications
    # tags and reports
    "known_groups": "请使用其中之一：{known}。",
}
