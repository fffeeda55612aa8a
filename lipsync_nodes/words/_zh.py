"""The Chinese table, in the order of the English one."""

from __future__ import annotations

from typing import Final

from lipsync_nodes.words import _zh_checks as checks

JOINT: Final = ""
JOB_ID: Final = "任务 ID：{job_id}。"
MAY_HAVE_CHARGED: Final = "可能已消耗积分。"
FINDING: Final = "{severity:term}[（{field}）]：{text}"
VERDICT: Final = "[{clear:flag}未发现问题。\n][{lines}\n][预计费用：{credits} 积分。][预计费用：最多 {most} 积分。]"

SENTENCES: Final[dict[str, str]] = {
    "error": "{message}",
    # settings
    "settings.account_changed": "另一进程的配置 {profile!r} 在这里没有 API 密钥，或密钥属于另一账户。",
    "settings.file_not_regular": "{path}[（由 {variable} 指定）]不是文件。",
    "settings.file_not_toml": "{path} 不是 TOML[（{position}）]。",
    "settings.file_not_utf8": "{path} 不是 UTF-8 编码。",
    "settings.file_readable_by_others": "{path} 存有密钥，但其他用户可以读取它。",
    "settings.file_too_deep": "{path} 无法作为 TOML 读取：嵌套过深。",
    "settings.file_unreadable": "无法读取 {path}：{reason}。",
    "settings.file_unusable": "LIPSYNC_CONFIG 指定的 {path} 无法使用：{reason}。",
    "settings.no_home": "没有主目录：未设置 HOME，系统也不认识此用户。",
    "settings.no_key": "没有 API 密钥（配置 {profile!r}）。",
    "settings.no_such_profile": "{path} 中没有配置 {profile}。",
    "settings.path_unusable": "无法解析路径 {path}：{reason}。",
    "settings.plugin_gave_no_key": "插件未能给出配置 {profile!r} 的密钥：{reason}。",
    "settings.profile_stays": "配置 {profile!r} 不能发送到另一进程：密钥只留在本进程。",
    "settings.sandbox_not_started": "配置“sandbox”是由 ComfyUI 和命令行自行启动的沙盒，此处没有启动它。",
    "settings.setting_outside_tables": "{path}：`{setting}` 在所有表之前，不属于任何配置。",
    "settings.storage_stays": "这些存储选项不能发送到另一进程：密钥只留在本进程。",
    "settings.fault": "`{field}`[（{origin}）]：{fault:fault}",
    "settings.no_such_setting": "`{field}`[（{origin}）]：没有此设置[；是否指 `{meant}`？][；可用的有 {known}]",
    "settings.unusable_profile": "配置 {profile} 无法使用：{faults}。",
    "settings.webhook_stays": "此 webhook 不能发送到另一进程：密钥只留在本进程。",
    # service
    "form.unpublished": "{fields}：尚未发布，没有可发送的网址。",
    "form.wrong_fields": "{faults}。",
    "form.fault": "{fault:fault}[，得到 {value}]",
    "job.failed": "任务失败：[{words}|服务端未说明原因]。[但它仍给出了输出：{output}。]",
    "job.no_output": "服务端称任务已完成，但没有给出输出[视频，只有：{came}]。",
    "job.stopped": "任务已结束但没有视频，状态为 {status!r}：[{words}|服务端未说明原因]。"
    "[但它仍给出了输出：{output}。]",
    "job.timeout": "任务 {job_id} 在 {timeout:g} 秒内未结束；[最近一次状态为 {status!r}|从未查到状态][{unknown:"
    "flag}，此版本不认识这个状态][，输出为 {output}][，服务端说明：{words}]。[最近的问题：{trouble}]",
    "key.blank": "提交键必须是非空文本，得到 {value}。",
    "key.not_unicode": "提交键 {value} 不是 Unicode 文本。",
    "argument.not_a_job_id": "{value} 不是任务 ID。",
    "argument.not_seconds": "{name} 必须是正的秒数，最多 {longest:,}，得到 {value}。",
    "media.too_long": "{media:term} 时长 {seconds} 秒；已知服务端最多接受 {longest} 秒。",
    "service.asks_to_wait": "服务端返回 {status_code}[，要求等待 {pace:g} 秒][：{words}]。",
    "service.cannot_pay": "账户积分不足（{status_code}）[：{words}]。",
    "service.failed": "服务端返回 {status_code}[：{words}]。",
    "service.no_such_endpoint": "服务端没有这个接口（{status_code}）[：{words}]。",
    "service.no_such_job": "服务端没有任务 {job_id}（{status_code}）[：{words}]。",
    "service.redirects": "基础网址重定向（{status_code}）到 {target}。",
    "service.refused": "服务端拒绝了请求（{status_code}）[：{words}]。",
    "service.refused_key": "服务端拒绝了密钥（{status_code}）[：{words}]。",
    "submit.unclear_answer": "服务端对提交返回 {status_code}[：{words}]；是否已创建任务未知。[这是到 {target} "
    "的重定向：请检查基础网址。]",
    "credits.length_unknown": "费用取决于 `{field}` 的时长，而时长未知。",
    "credits.not_whole": "{name} 必须是 0 到 {most:,} 之间的整数积分，得到 {value}。",
    "endpoint.none_for_form": "没有接口接受 {kind}。",
    "endpoint.unknown": "没有接口 {name!r}；有：{known}。",
    "form.not_json": "表单无法作为 JSON 发送：{reason}。",
    # flows
    "budget.exceeded": "任务最多需要 {credits} 积分；预算 {limit} 积分中还剩 {left}。",
    "budget.unknown_cost": "预算为 {limit} 积分，但此任务的费用未知。",
    "poll.no_answer": "没有收到回答：{reason}。",
    "poll.no_time": "没有时间再查询。",
    "poll.unreadable": "无法读取回答：{reason}。",
    "submit.elsewhere": "相同内容正在别处提交，{seconds:g} 秒内未结束。",
    "submit.in_doubt_before": "相同内容已于 {when} 提交过，[其任务 {job_id} 已查不到|是否创建了任务未知]（{reason}）。",
    "submit.no_answer": "提交已发送，但没有收到回答：{reason}。",
    "submit.no_job_named": "服务端对提交返回 {status_code}，但没有给出任务（{reason}）；是否已创建任务未知。",
    "submit.no_room": "受您自己设置的限制，{seconds:g} 秒内未能提交。",
    "submit.no_time": "{seconds:g} 秒内未能发送提交。",
    "submit.unreached": "尝试 {tries} 次仍未能连接服务端：{reason}。",
    # http
    "connection.impossible": "无法建立连接：{reason}。",
    "submit.cancelled": "提交在发送前被取消。",
    # media
    "download.broke_off": "下载在第 {at} 字节中断：{reason}。",
    "download.cut": "下载在视频中途结束，服务器没有剩余部分。",
    "download.disk_full": "{folder} 剩余 {free} MiB；视频需要 {needed} MiB。",
    "download.expired": "输出的服务器返回 {status}；网址可能已过期。",
    "download.malformed_url": "输出网址格式错误[：{reason}]。",
    "download.name_impossible": "无法写入 {path}：{reason}。",
    "download.no_output": "任务没有可下载的输出。",
    "download.not_a_video": "下载的内容不是视频（MP4、MOV 或 WebM）。",
    "download.not_https": "输出网址不是 https，因此没有获取。",
    "download.not_public": "输出指向 {address}，不是公网地址；没有获取。",
    "download.not_there": "输出网址上没有视频（{reason}）：可能已过期，或尚未就绪。",
    "download.redirects": "输出重定向超过 {most} 次。",
    "download.stopped": "下载已停止。",
    "download.target_is": "{path} 是{kind:term}。",
    "download.too_large": "输出超过允许的 {most} 字节。",
    "download.too_slow": "下载过慢：{seconds:.0f} 秒只收到 {came} 字节。",
    "download.unwritable": "无法写入 {path}：{reason}。",
    "download.wrong_part": "要求服务器从第 {at} 字节继续，它却发来 {content_range}。",
    "download.wrong_type": "输出是 {content_type}，不是视频。",
    "media.animated": "{media:term} 是 {format} 动图；服务端只接受静态图像。",
    "media.changed": "{media:term} 在读取时被改动。",
    "media.empty": "{media:term} 是空的。",
    "media.format": "{media:term} 是{format:term}，服务端不接受。",
    "media.gap": "{media:term} 中有超过 {most} MiB 没有图像或声音。",
    "media.has_no_length": "{media:term} 是图像，没有时长。",
    "media.not_a_file": "{media:term} 是{kind:term}；请给出文件。",
    "media.nothing_lasts": "{media:term} 中没有有时长的内容。",
    "media.nothing_shown": "{media:term} 不是可读取的媒体：没有图像也没有声音。",
    "media.open_as_text": "{media:term} 以文本方式打开；请以二进制方式打开。",
    "media.picture_too_large": "{media:term} 是 {size} MiB 的图像；最多读取 {most} MiB。",
    "media.replaced": "{media:term} 在读取时被替换，或指向允许读取的文件夹之外。",
    "media.too_many_packets": "{media:term} 太大，无法测量：超过 {most:,} 个数据包。",
    "media.unknown_format": "{media:term} 是服务端不认识的格式（{format}）。",
    "media.unreadable": "无法读取 {media:term}：{reason}。",
    "media.not_media": "{media:term} 不是可读取的媒体：{reason}[，或超过 {megapixels:.0f} 百万像素]。",
    "media.wrong_kind": "`{field}` 需要{wanted:term}，但 {media:term} 是{kind:term}。",
    "media.wrong_type": "`{field}` 声称是 {claimed}，但实际是 {found}。",
    "media.no_library": "读取媒体文件需要安装附加组件。",
    "storage.client_option": "`{option}` 不是存储的选项，而是其 HTTP 客户端的选项，不能在此设置。",
    "storage.failed": "存储 {storage} 无法{action:term}：{reason}。",
    "storage.folder_unwritable": "无法写入存储文件夹：{reason}。",
    "storage.no_library": "此存储需要安装附加组件。",
    "storage.none": "本地文件没有网址，也没有配置可提供网址的存储。",
    "storage.plugin_failed": "插件未能发布 {media:term}：{reason}。",
    "storage.sandbox_unreached": "无法连接 {base_url} 的沙盒：{reason}。",
    "storage.signature_too_long": "签名网址需要有效 {days:.1f} 天，而 S3 最多签 7 天。",
    "storage.takes_no_files": "{target} 不接受文件（{status}）。",
    "storage.url_unreached": "无法访问该网址：{reason}。",
    "storage.url_wrong": "该网址没有给出文件（{status}）。",
    "media.no_such_length": "{endpoint} 没有带时长的媒体 `{field}`；有：{known}。",
    # cli
    "batch.half_character": "其中有半个表情符号，无法发送。",
    "batch.line_too_long": "超过 {most} 字节。",
    "batch.no_such_field": "{endpoint} 没有字段 {fields}。",
    "batch.not_an_object": '不是带有 "endpoint" 的 JSON 对象。',
    "batch.taken": "它的 `key` 或 `out` 与前面某行相同。",
    "batch.wrong_line": "{fault}",
    "batch.wrong_value": "`{field}` 不能是 {value}。",
    "cli.broken_command": "无法加载命令 {command}（{target}）：{reason}。",
    "cli.file_trouble": "{reason}。",
    "cli.interrupted": "已停止。",
    "cli.no_library": "命令行需要安装附加组件。",
    "cli.unexpected": "{kind}[:{words}]。",
    "cli.usage": "{message}",
    "receiver.cannot_listen": "接收端无法监听 {host}:{port}：{reason}。",
    "receiver.no_function": "--on-job {name} 不是函数。",
    "receiver.no_library": "未安装接收端的服务器。",
    "receiver.no_such_job": "这里没有提交过带有本接收端 webhook 的任务 {job_id}。",
    "receiver.not_named": "没有指定接收端。",
    "receiver.unloadable_function": "无法加载 --on-job {name}：{reason}。",
    "receiver.unreached": "无法连接接收端：{reason}。",
    # ledger
    "key.of_another_endpoint": "提交键 {key!r} 已用于 {endpoint} 任务。",
    "key.of_other_inputs": "提交键 {key!r} 已用于其他输入：{changes}。",
    "ledger.in_memory": "内存中的账本不能发送到另一进程。",
    "ledger.newer": "账本 {path} 由更新版本的 lipsync-nodes 写入（格式 {format}）。",
    "ledger.replaced": "账本 {path} 在打开期间被删除或替换。",
    "ledger.unusable": "无法使用账本 {path}：{reason}。",
    "record.not_a_record": "提交记录中是其他内容：{found}。",
    "record.of_another_key": "此记录日志已属于提交 {key!r}。",
    "record.unavailable": "无法读写提交记录：{reason}。",
    "record.wants_a_key": "记录日志需要提交键。",
    "target.impossible": "无法写入 {path}：{reason}。",
    # client
    "client.no_such_option": "提交没有选项 {options}。",
    "client.not_sendable": "带有预算或自定 http_client 的客户端不能发送到另一进程。",
    "key.needs_a_ledger": "提交键需要账本。",
    "webhook.needs_a_ledger": 'webhook="auto" 需要账本，或与接收端共享的密钥。',
    "webhook.needs_a_receiver": 'webhook="auto" 需要接收端的公开网址。',
    "webhook.not_a_url": "webhook 必须是网址，得到 {value}。",
    "webhook.not_https": "webhook 必须是 https 网址，得到 {value}。",
    "webhook.wrong_url": "webhook {fault:fault}，得到 {value}。",
    "many.estimates": "每个表单都需要一个估算值。",
    "many.wrong_concurrency": "concurrency 至少为 1，得到 {value}。",
    "process.cannot_be_sent": "{kind} 只在一个进程内计数，不能发送到另一进程。",
    "service_check.key_ignored": "{base_url} 不带密钥时返回 {without_key}，带密钥时返回 {with_key}：它不检查密钥，"
    "因此不是该服务。",
    "service_check.no_answer": "{base_url} 没有回答：{reason}。",
    "service_check.no_second_answer": "{base_url} 第二次没有回答：{reason}。",
    "service_check.not_json": "{base_url} 返回 {status}，内容是 {content_type}，不是 JSON。",
    # sandbox
    "proxy.bad_tape": "无法读取录制文件 {file}：{reason}。",
    "proxy.cannot_write_tape": "无法写入录制文件 {file}：{reason}。",
    "proxy.of_itself": "代理会转发给自己：{url}。",
    "proxy.one_of": "代理需要服务的基础 URL，或要回放的录制文件，不能两者都给。",
    "sandbox.cannot_use_file": "无法使用文件 {file}：{reason}。",
    "sandbox.is_service": "{url} 是该服务，不是沙盒。没有发送任何内容。",
    "sandbox.not_local": "{url} 不在本机。其他机器上的沙盒需要其令牌 LIPSYNC_SANDBOX_TOKEN，并在命令中给出其基础 URL。",
    "sandbox.not_reached": "无法连接到 {url} 的沙盒：{reason}。",
    "sandbox.refused": "{url} 返回 {status}[：{words}]",
    "sandbox.folder_taken": "内置沙盒的文件夹 {folder} 被另一命令占用，或无法使用（{reason}）。",
    "sandbox.folder_unusable": "无法使用文件夹 {folder}：{reason}。",
    "sandbox.cannot_listen": "沙盒无法监听 {host}:{port}：{reason}。",
    "sandbox.cannot_publish": "无法发布文件 {file}：{reason}。",
    "sandbox.missing_packages": "沙盒需要的软件包未安装：{packages}。",
    "sandbox.no_such_job": "沙盒没有这个任务。",
    "sandbox.no_temporary_room": "没有存放临时文件的空间：{reason}。",
    "sandbox.not_running": "沙盒没有运行。",
    "sandbox.token_unusable": "沙盒的令牌至少要有 8 个字符，只能是字母、数字和 . _ ~ -。",
    # the jobs of the sandbox
    "preview.empty_file": "{media:term}为空（0 字节）。",
    "preview.face_too_small": "{media:term}中的人脸太小：在 {short_side}p 下高 {pixels} 像素，至少需要 {least} 像素。"
    "[在 {enough}p 下就够大了。]",
    "preview.hardly_follows": "嘴只是部分地随声音运动（相关系数 {correlation:.2f}，达到 {least:.2f} 才算同步）。"
    "人脸可能太小、侧向一边、被部分遮住或不是真人，也可能原画面中嘴的动作太大。正对镜头的大脸效果最好。",
    "preview.mouth_doubtful": "嘴前似乎有东西遮挡，例如手。嘴可能会被画在上面。请换一张露出整张嘴的图片。",
    "preview.mouth_hidden": "看不清{media:term}中的嘴：它似乎被口罩或手等遮住，或者过于模糊。请换一个能看清嘴的。",
    "preview.narrow_picture": "画面过于狭长：长边将达到 {pixels} 像素，最多允许 {most} 像素。请裁剪。",
    "preview.no_face": "在{media:term}中没有找到人脸。",
    "preview.no_file": "找不到{media:term}：没有这个文件。",
    "preview.no_frames": "无法读取视频：其中没有任何帧。",
    "preview.no_length": "{media:term}为空：播放时长为 0 秒。",
    "preview.no_moving_picture": "视频中没有动态画面。",
    "preview.no_picture": "既没有图像，也没有视频。",
    "preview.no_sound": "{media:term}没有音轨。",
    "preview.no_track": "{media:term}既没有音轨，也没有视频轨。",
    "preview.not_an_image": "无法读取{media:term}：文件已损坏、不是图像，或超过 {millions} 百万像素。",
    "preview.one_face": "在图像中只找到一张人脸，但需要两个人说话。",
    "preview.partly_shown": "嘴只在 {percent}% 的时间里运动。{ranges} 秒看不到人脸、人脸太小，或嘴被遮住。"
    "请剪掉这些片段，或换一个视频。",
    "preview.several_faces": "[从 {seconds:.1f} 秒起]共有 {found} 张人脸，由[{side:term}那张][从左数第 {number} 张]"
    "[从左数第 {numbers} 张]说话。如要选择，请在 `mask_image` 中标出人脸。",
    "preview.too_long": "{media:term}太长：最多接受 {most:.0f} 秒。",
    "preview.two_in_video": "视频中只有一个人说话，但给出了两段声音。两个人说话只能用图像。",
    "preview.unknown_format": "{media:term}是{format:term}，这里无法读取。请另存为 JPEG 或 PNG。",
    "preview.unreadable": "无法读取{media:term}：文件已损坏或格式未知。",
    "preview.warnings": "{warnings}",
    "sandbox.failed": "沙盒出错：{kind}",
    "sandbox.not_fetched": "无法从 {url} 获取 {field}：[{status}][用时超过 {seconds} 秒][超过 {mebibytes} MiB]"
    "[没有回答（{kind}）]",
    "sandbox.renderer_died": "预览渲染进程意外停止（退出码 {exit_code}）。",
    "sandbox.renderer_failed": "预览渲染出错：{reason}",
    "sandbox.renderer_hung": "预览渲染进程 {seconds:g} 秒没有响应，已被终止。媒体文件可能已损坏，无法处理。",
    # comfyui
    "comfyui.already_there": "{place} 已有此节点包（{kind}）；ComfyUI 会加载两次。",
    "comfyui.audios": "含有 {count} 个音频，只需要一个。",
    "comfyui.empty_audio": "是空音频，没有任何采样。",
    "comfyui.empty_job": "`job` 为空。",
    "comfyui.images": "含有 {count} 张图像，只需要一张：请用 ImageFromBatch 选择。",
    "comfyui.no_picture": "没有图像。",
    "comfyui.not_encoded": "视频无法编码：{reason}。",
    "comfyui.not_finite": "含有不是数字的值（NaN 或无穷大）。",
    "comfyui.numbers": "值的类型是 {numbers}；请转换为浮点数。",
    "comfyui.sample_rate": "音频的采样率是 {rate}，这是不可能的。",
    "comfyui.scale": "值的范围是 {least} 到 {most}；{kind:term}的范围应是 {lowest} 到 1。",
    "comfyui.shape": "形状是 ({shape})，不是{kind:term}的形状。",
    "comfyui.no_pack": "这里没有安装 ComfyUI 节点包。",
    "comfyui.not_a_choice": "`{field}` 必须是 {choices} 之一，得到 {value}。",
    "comfyui.not_an_object": '`{field}` 必须是 JSON 对象，例如 {{"name": 1}}。',
    "comfyui.not_found": "{folder} 中没有 ComfyUI。",
    "comfyui.not_in_range": "`{field}` 必须在 {least} 到 {most} 之间，得到 {value}。",
    "comfyui.not_json": '`{field}` 必须是 JSON 对象，例如 {{"name": 1}}；它不是 JSON：{reason}。',
    "comfyui.not_ours": "{place} 不是由此命令放置的；已保持原样。",
    "comfyui.python_failed": "无法运行 ComfyUI 的 Python：{reason}。",
    "comfyui.wrong_socket": "`{field}` 需要网址或{media:term}，得到 {kind}。",
    "comfyui.wrong_url": "`{field}` {fault:fault}，得到 {value}。",
    # airflow
    "airflow.batch_failed": "{total} 行中有 {failed} 行失败[，另有 {unsent} 个任务未提交]：{faults} "
    "所有行都在 {manifest} 中。",
    "airflow.batch_timeout": "该批次有 {jobs} 个任务在 `{argument}` 的时间内没有结束。",
    "airflow.choice": "`{name}` 应为 {choices} 之一，得到 {value}。",
    "airflow.execution_timeout": "任务 {job_id} 未在 Airflow 任务的 `execution_timeout`（{limit:g} 秒）内结束。",
    "airflow.host_in_parts": "连接 {connection!r} 的 host、port 和 schema 合不成一个 URL。",
    "airflow.login": "连接 {connection!r} 填了 login，但不会使用它。",
    "airflow.media_seconds": '`media_seconds` 必须是按媒体名给出的数字，如 {{"audio": 12.5}}，得到 {value}。',
    "airflow.no_api_server": "LIPSYNC_AIRFLOW_URL 必须是 Airflow api-server 的网址。",
    "airflow.no_lines": "`inputs` 必须是对象的列表，或每行一个对象的文件，得到 {value}。",
    "airflow.no_key": "连接 {connection!r} 中没有 API 密钥。",
    "airflow.no_such_asset": "Airflow 没有资产 {asset}。",
    "airflow.not_seconds": "`{name}` 必须是正的秒数或 timedelta，得到 {value}。",
    "airflow.not_started": "`airflow {command}` 失败。",
    "airflow.other_machine": "{path} 是另一台机器上的文件。",
    "airflow.port_taken": "无法使用端口 {port}：{reason}。",
    "airflow.storage_unreachable": "无法访问 {path}：{reason}。",
    "airflow.storage_unreadable": "无法读取 {path}：{reason}。",
    "airflow.too_old": "演示需要 Airflow 3。",
    "airflow.wrong_lines": "{total} 行中有 {count} 行有误：{faults}",
    "airflow.wrong_type": "`{field}` 的类型必须是 {type}，得到 {value}。",
    # pluggy
    "pluggy.wrong_context": "context 有误：{reason}。",
    # webhooks
    "webhook.no_signature_library": "签名的 webhook 需要的软件包未安装。",
    # agents
    "agents.still_sending": "提交未在 {seconds:g} 秒内结束。",
    "mcp.declined": "用户不同意为该任务付费。",
    "mcp.wrong_arguments": "参数与工具的 schema 不符：{reason}。",
    "roots.inline_too_large": "`{field}`：内嵌数据大于 {most} MiB。",
    "roots.none": "没有可保存视频的文件夹。",
    "roots.not_base64": "`{field}`：内嵌数据不是 base64。",
    "roots.outside": "`{field}`：{path!r} 不在允许读取的文件夹中。",
    **checks.SENTENCES,
}

REMEDIES: Final[dict[str, str | dict[str, str]]] = {
    # errors without a code of their own: the sentence is given where they are raised
    "own": "{hint}",
    # what the classes of errors advise
    "correct_input": {
        "python": "请改正输入后重新提交；未计费。",
        "comfyui": "请改正输入后重新运行。未计费。",
        "mcp": "请改正输入并再次调用该工具；未计费。",
    },
    "check_key": {
        "cli": "请检查 LIPSYNC_API_KEY 或配置中的 api_key；可用 `lipsync-nodes doctor` 测试。",
        "python": "请检查 LIPSYNC_API_KEY 或配置中的 api_key。",
        "comfyui": "请检查 LIPSYNC_API_KEY（ComfyUI 启动时读取）或配置中的 api_key。",
        "airflow": "请检查连接的密码：它就是 API 密钥。",
        "mcp": "请让用户检查 LIPSYNC_API_KEY 或配置中的 api_key。",
    },
    "add_credits": "未计费。请为账户充值积分，或选择 480p、较短的音频。",
    "raise_budget": {
        "python": "未发送任何内容。请提高预算，或选择 480p、较短的音频。",
        "mcp": "未发送任何内容。请让用户提高服务器的预算，或选择 480p、较短的音频。",
    },
    "check_job_id": {
        "python": "请检查任务 ID、基础网址，以及密钥是否属于提交该任务的账户。",
        "comfyui": "请检查任务 ID 和 `profile`：预览任务用 sandbox，其他任务用提交时的配置。",
        "mcp": "请检查任务 ID：lipsync_jobs 会列出从这里提交的任务。",
    },
    "slow_down": "请求被拒绝。请稍后再试，并减少同时发出的请求。",
    "try_later": "这是服务端或中间环节的故障，请稍后再试。",
    "check_network": "未计费。请检查网络和基础网址，然后重试。",
    "more_time": {
        "python": "未发送任何内容。请留出更多时间后重试。",
        "comfyui": "未发送任何内容。请重新运行。",
        "mcp": "未发送任何内容。请再次调用同一工具。",
    },
    "look_in_account": {
        "python": "为避免重复付费，没有再次发送。再次提交相同输入之前，请先在服务网站的账户中查找该任务。",
        "mcp": "为避免重复付费，没有再次发送。请让用户在服务网站的账户中查找该任务。",
    },
    "submit_corrected": {
        "python": "请按提示改正输入，并提交新任务。",
        "comfyui": "请按提示改正输入并重新运行。",
        "mcp": "请按提示改正输入并再次调用该工具。要用相同输入为新任务付费，请把 `again` 设为 true。",
    },
    "resubmit_uncertain": {
        "cli": "该任务可能计费，因此相同输入不会自动再次提交。要为新任务付费，请加 `--resubmit-uncertain` 再次提交。",
        "python": "该任务可能计费，因此相同输入不会自动再次提交。"
        "要为新任务付费，请用 resubmit_uncertain=True 再次提交。",
        "comfyui": "该任务可能计费，因此相同输入不会自动再次提交。要为新任务付费，请打开“强制新建”运行此节点一次。",
        "airflow": "该任务可能计费，因此重试不会提交。要为新任务付费，请清除（clear）提交它的那个任务实例。",
        "mcp": "该任务可能计费，因此相同输入不会自动再次提交。要为新任务付费，请把 `again` 设为 true 再次调用该工具。",
    },
    "wait_again": {
        "cli": "任务仍在继续，不会丢失：用 `lipsync-nodes wait {job_id}` 可再次等待。",
        "python": "任务仍在继续，不会丢失：用 client.wait({job_id!r}) 可再次等待。",
        "comfyui": "任务仍在继续，不会丢失：请再次运行，或把 {job_id} 填入“对口型：等待”节点。",
        "airflow": "任务仍在继续，不会丢失：重试会再次等待它；也可在 operator 或 LipsyncJobSensor 中设置 "
        '`job_id="{job_id}"`。',
        "pluggy": "任务仍在继续，不会丢失：用钩子 lipsync_nodes_wait 传入 job={job_id!r} 可再次等待。",
        "mcp": "任务仍在继续，不会丢失：用 lipsync_wait（job_id {job_id!r}）可再次等待。",
    },
    "download_again": {
        "python": "任务本身已完成：请再次下载它的输出。输出网址会过期，请尽快下载。",
        "comfyui": "任务本身已完成：请重新运行以下载视频。输出网址会过期，请尽快运行。",
        "mcp": "任务本身已完成：用 lipsync_download 下载视频。输出网址会过期，请尽快下载。",
    },
    # what several rooms advise
    "nothing_sent": "未发送任何内容。",
    "nothing_charged": "未计费。",
    "check_base_url": "请检查基础网址。",
    "install_extra": {
        "python": "请运行：pip install '{package}'",
        "airflow": "请在 worker 上安装 {package}。",
        "comfyui": '请运行："{python}" -m pip install "{package}"\n然后重新启动 ComfyUI。',
    },
    "install_requirements": '请运行："{python}" -m pip install -r "{requirements}"\n然后重新启动 ComfyUI。',
    "another_name": "请换一个名称。",
    # settings
    "chmod": {
        "python": "请运行：chmod 600 '{path}'",
        "comfyui": "请让 {path} 只能由您自己的用户读取。",
    },
    "correct_or_unset": "请改正它，或取消设置。",
    "known_profiles": {
        "python": "其中的配置有：{known}。",
        "comfyui": "请将 `profile` 设为以下之一，或留空：{known}。",
    },
    "name_profile": "请把它们写入 profiles.toml 或环境变量，并指定配置名。",
    "name_profiles_file": "请指定 profiles.toml 文件本身。",
    "name_in_full": "请给出完整路径。",
    "put_below_default": "请把它放到 [default] 一行之下。",
    "same_settings": "请让两个进程使用相同的环境变量和相同的 profiles.toml。",
    "save_as_utf8": "请保存为 UTF-8 文本。",
    "set_home": "请设置 HOME，或用 LIPSYNC_CONFIG 和 LIPSYNC_LEDGER 指定文件。",
    "set_key": {
        "cli": "请将 LIPSYNC_API_KEY 设为你的密钥（sk_…）。没有密钥也可试用：运行 `lipsync-nodes demo`，"
        "或使用不需要密钥的内置沙盒：`lipsync-nodes run … --sandbox`。",
        "python": "请将 LIPSYNC_API_KEY 设为你的密钥（sk_…）；没有密钥也可试用："
        "本机的沙盒不需要密钥（lipsync_nodes.sandbox.Sandbox）。",
        "comfyui": "请在 ComfyUI 启动前将 LIPSYNC_API_KEY 设为你的密钥：方法见页面 /lipsync-setup。"
        "没有密钥也可将节点的 `profile` 设为 sandbox，免费生成预览。",
        "airflow": "请把密钥（sk_…）填入连接的密码。",
        "mcp": "请让用户为服务器设置 LIPSYNC_API_KEY，或选择不需要密钥的配置 sandbox。",
    },
    "start_own_sandbox": {
        "cli": "请使用 `--sandbox`。",
        "python": "请启动一个沙盒（lipsync_nodes.sandbox.Sandbox），并用它的 base_url 代替该配置。",
        "comfyui": "请重新启动 ComfyUI，或将 `profile` 设为其他配置。",
        "airflow": "请启动一个沙盒，并将它的地址填入连接的主机。",
    },
    # service
    "add_credits_then_poll": {
        "python": "请为账户充值积分，然后再次查询任务。",
        "comfyui": "请为账户充值积分，然后重新运行。",
    },
    "another_key": "请换一个。",
    "ask_support": {
        "cli": "请稍后再次查询任务（`lipsync-nodes status {job_id} --json` 会显示服务端的全部回答）；若仍如此，"
        "请把任务 ID 告知服务端客服。",
        "python": "请稍后再次查询任务；若仍如此，请把任务 ID 告知服务端客服。",
    },
    "check_job_id_and_url": "请检查任务 ID 和基础网址。",
    "cut_or_allow_long": {
        "cli": "未发送任何内容。请剪短它，或用 `--allow-long` 坚持提交。",
        "python": "未发送任何内容。请剪短它，或用 allow_long=True 坚持提交。",
        "comfyui": "未发送任何内容。请剪短它，例如用 Trim Audio Duration 节点。",
        "airflow": "未发送任何内容。请剪短它。",
        "mcp": "未发送任何内容。请剪短它。",
    },
    "give_job_id": "请给出提交时返回的 ID。",
    "name_or_no_key": "请给出名称，或不给提交键。",
    "use_that_base_url": "请使用后者。",
    "give_length_of": {
        "python": "请给出 `{field}` 的时长（秒）。",
        "comfyui": "请把媒体接入 `{field}`，或给出其时长（秒）。",
        "airflow": '请在 `media_seconds` 中给出，如 {{"{field}": 12.5}}。',
        "mcp": "请用 `{field}_seconds` 给出其时长（秒）。",
    },
    # flows
    "ask_again": {
        "python": "任务仍在继续，请再次查询。",
        "comfyui": "任务仍在继续：请重新运行。",
        "mcp": "任务仍在继续：用 lipsync_status 可再次查询。",
    },
    "ask_by_id": {
        "cli": "用 `lipsync-nodes wait {job_id}` 可再次查询。",
        "python": "用 client.wait({job_id!r}) 可再次查询。",
        "comfyui": "把 {job_id} 填入“对口型：等待”节点可再次查询。",
        "airflow": '在此 operator 或 LipsyncJobSensor 中设置 `job_id="{job_id}"` 可等待它。',
        "pluggy": "用钩子 lipsync_nodes_wait 传入 job={job_id!r} 可再次查询。",
        "mcp": "用 lipsync_wait（job_id {job_id!r}）可再次查询。",
    },
    "give_length": {
        "python": "未发送任何内容。请给出音频时长，或不设预算。",
        "comfyui": "未发送任何内容。请直接接入音频（可测出时长），或从配置中去掉预算。",
        "airflow": "未发送任何内容。请在 `media_seconds` 中给出时长，或从连接中去掉预算。",
        "mcp": "未发送任何内容。请给出每个以网址提供的音频或视频的时长，例如 `audio_seconds`。",
    },
    "keep_job_id": {
        "cli": "任务已创建但未能记录：请保存任务 ID，并运行 `lipsync-nodes wait {job_id}`。",
        "python": "任务已创建但未能记录：请保存任务 ID，并用 client.wait({job_id!r}) 等待。",
        "comfyui": "任务已创建但未能记录：请把任务 ID {job_id} 填入“对口型：等待”节点。",
        "airflow": '任务已创建但未能记录：在此 operator 或 LipsyncJobSensor 中设置 `job_id="{job_id}"` 可等待它。',
        "pluggy": "任务已创建但未能记录：请保存任务 ID；用钩子 lipsync_nodes_wait 传入 job={job_id!r} 可等待它。",
        "mcp": "任务已创建但未能记录：请保存任务 ID，并用 lipsync_wait 等待。",
    },
    "limits": {
        "cli": "未提交任何内容。`lipsync-nodes jobs` 会列出运行中的任务；限制是配置中的 max_concurrency 和 "
        "submits_per_minute。",
        "python": "未提交任何内容。限制是配置中的 max_concurrency 和 submits_per_minute。",
        "airflow": "未提交任何内容。限制是连接 extra 中的 max_concurrency 和 submits_per_minute。",
    },
    "look_then_resubmit": {
        "cli": "请在服务网站的账户中查找该任务；若没有，请加 `--resubmit-uncertain` 再次提交。",
        "python": "请在服务网站的账户中查找该任务；若没有，请用 resubmit_uncertain=True 再次提交。",
        "comfyui": "请在服务网站的账户中查找该任务；若没有，请打开“强制新建”运行此节点一次。",
        "airflow": "请在服务网站的账户中查找该任务；若没有，请用 `resubmit_uncertain=True` 再次提交。",
        "mcp": "请让用户在服务网站的账户中查找该任务。若没有，请把 `again` 设为 true 再次调用该工具。",
    },
    "nothing_sent_now": "这次未发送任何内容。",
    "same_key_later": {
        "python": "此次调用未发送任何内容。请用相同的提交键再次提交：会取回对方的任务。",
        "comfyui": "此次运行未发送任何内容。请稍后重新运行：会取回该任务。",
        "mcp": "此次调用未发送任何内容。请用相同输入再次调用同一工具：会取回对方的任务。",
    },
    "webhook_settles": "webhook 之后仍可能告知结果：请稍后再试。",
    "webhook_tells": {
        "cli": "为避免重复付费，没有再次发送。若任务已创建，webhook 会告知：再次提交相同输入前，请看 `lipsync-nodes "
        "jobs`。",
        "python": "为避免重复付费，没有再次发送。若任务已创建，webhook 会告知：再次提交相同输入前，请查看账本。",
        "comfyui": "为避免重复付费，没有再次发送。若任务已创建，webhook 会告知：请稍后再次运行以取回它。",
    },
    "webhook_tells_key": {
        "all": "为避免重复付费，没有再次发送。若任务已创建，",
        "cli": "webhook 会告知：请看 `lipsync-nodes jobs`，或稍后用相同的提交键再次提交（在此之前不会发送）。",
        "python": "webhook 会告知：请稍后用相同的提交键再次提交（在此之前不会发送）。",
        "comfyui": "webhook 会告知：再次运行可取回它（在此之前不会发送）。",
        "airflow": "webhook 会告知：请稍后再次运行此任务（在此之前不会发送）。",
    },
    # http
    "check_base_url_and_id": "请检查基础网址和任务 ID。",
    "check_proxy": "请检查环境中的代理和证书设置（ALL_PROXY、SSL_CERT_FILE）。",
    # media
    "check_access": "请检查读取权限。",
    "check_storage": {
        "cli": "未提交任何内容。请用 `lipsync-nodes doctor --storage` 检查其地址和凭据。",
        "python": "未提交任何内容。请检查其地址和凭据。",
    },
    "give_file_path": "请给出文件路径。",
    "make_room": {
        "python": "请腾出空间或换一个文件夹，然后再次下载。输出网址会过期，请尽快下载。",
        "comfyui": "请腾出空间后重新运行。输出网址会过期，请尽快运行。",
    },
    "resume_download": {
        "python": "请再次下载：会从中断处继续。输出网址会过期，请尽快下载。",
        "comfyui": "请重新运行：下载会从中断处继续。输出网址会过期，请尽快运行。",
        "mcp": "请调用 lipsync_download：会从中断处继续。输出网址会过期，请尽快下载。",
    },
    "save_as_png": "请另存为 PNG 或 JPG。",
    "save_frame": "请将其中一帧保存为 PNG 或 JPG。",
    "service_must_reach": "服务端必须能访问它。",
    "set_storage": {
        "cli": "请把文件放到有公开网址的地方并给出网址，或说明文件存放处：在环境变量中设置\n    LIPSYNC_STORAGE=s3:"
        "//my-bucket/lipsync        (pip install 'lipsync-nodes[storage]')\n或在配置中设置 `storage`；用 "
        "`lipsync-nodes doctor --storage` 测试。沙盒不需要：加 --sandbox。",
        "python": "请把文件放到有公开网址的地方并给出网址，或说明文件存放处：在环境变量中设置\n    LIPSYNC_STORAGE=s3:"
        "//my-bucket/lipsync        (pip install 'lipsync-nodes[storage]')\n或在配置中设置 `storage`。沙盒不需要。",
        "comfyui": "请给出公开网址，或说明媒体存放处。在 profiles.toml 的 [default] 之下写入\n"
        '    storage = "s3://my-bucket/lipsync"\n'
        "或由您自己的网页服务器提供的文件夹：\n"
        '    storage = {{ url = "file:///srv/media", public_base = "https://media.example" }}\n'
        "或此 ComfyUI 自己的公开地址（如果有）：\n"
        '    public_base = "https://comfy.example"\n'
        "也可用环境变量 LIPSYNC_STORAGE=s3://my-bucket/lipsync 或 LIPSYNC_PUBLIC_BASE=https://comfy.example。"
        "未发送任何内容。",
        "airflow": '请把文件放到有公开网址的地方并给出网址，或在连接的 extra 中设置存储：{{"storage": "s3:'
        '//my-bucket/lipsync"}}，这需要 worker 上装有 lipsync-nodes[storage]。沙盒不需要。',
        "mcp": "请给出公开网址，或让用户在服务器的配置中设置 `storage`，使文件有网址。",
    },
    "shorten_lifetime": "请缩短存储的 `expires` 或任务的超时时间。",
    "take_out_option": "未提交任何内容。请从存储的 `options` 中去掉它。",
    "try_when_complete": "未发送任何内容。请等文件写完后重试。",
    "wait_until_completed": {
        "python": "请等待任务完成。",
        "mcp": "请用 lipsync_wait 等待任务完成。",
    },
    # cli
    "line_not_sent": "这一行未发送。",
    "another_port": "请换一个端口。",
    "check_named_files": "请检查命令中指定的文件和文件夹。",
    "give_function": "请给出 模块：函数。",
    "name_receiver": "请用 --to 指定，或设置 LIPSYNC_WEBHOOK。",
    "report_fault": "这是 lipsync-nodes 的缺陷：请报告它，并附上设置 LIPSYNC_DEBUG=1 后同一命令的输出。",
    "start_receiver": {
        "cli": "`lipsync-nodes webhook serve` 是否在运行？",
        "python": "接收端是否在运行？",
    },
    "submit_with_webhook": {
        "cli": "请用 `--webhook auto` 提交；`lipsync-nodes jobs` 会列出任务。",
        "python": '请用 webhook="auto" 提交。',
    },
    "upgrade_command": "请升级或卸载 {distribution}。",
    # ledger
    "another_target": "未发送任何内容。请换一个文件或文件夹。",
    "delete_record": "为避免重复付费，未发送任何内容。请在服务网站的账户中查找该任务；若没有，请删除该记录。",
    "free_ledger": "账本用来避免重复付费，没有它不会提交任何内容。请释放该文件或磁盘，或用 LIPSYNC_LEDGER 指定另一个。",
    "install_newer": "为避免重复付费，未发送任何内容。请重新安装该版本或更新的版本。",
    "give_ledger_a_file": "请让账本使用文件。",
    "give_submission_key": "未发送任何内容。请给出 `key`。",
    "other_key_or_resubmit": {
        "cli": "未发送任何内容。请换一个提交键，或用 `--resubmit-changed` 在此键下制作新视频（需付费）。",
        "python": "未发送任何内容。请换一个提交键，或用 resubmit_changed=True 在此键下制作新视频（需付费）。",
        "comfyui": "未发送任何内容。请打开“强制新建”运行此节点一次，制作新视频（需付费）。",
        "airflow": "未发送任何内容。请清除（clear）此任务实例以制作新视频（需付费）。",
    },
    "put_ledger_back": {
        "all": "为避免重复付费，未发送任何内容：只有旧文件记有提交过的内容。请把它连同 -wal 和 -shm 放回，",
        "python": "或重新启动本程序以使用现有文件。",
        "comfyui": "或重新启动 ComfyUI 以使用现有文件。",
    },
    "record_of_its_own": "未发送任何内容。请让每次提交使用各自的记录。",
    "use_another_key": "未发送任何内容。请换一个。",
    # client
    "client_per_process": "请在每个进程中各建一个客户端：预算只在一个进程内计数。",
    "download_by_id": {
        "cli": "任务本身已完成：用 `lipsync-nodes download {job_id}` 可再次下载。请尽快。",
        "python": "任务本身已完成：用 client.download(client.job({job_id!r}), path) 可再次下载。请尽快。",
        "comfyui": "任务本身已完成：把 {job_id} 填入“对口型：等待”节点可再次下载。请尽快。",
        "airflow": '任务本身已完成：重试会再次下载；也可在 operator 中设置 `job_id="{job_id}"`。请尽快。',
        "pluggy": "任务本身已完成：用钩子 lipsync_nodes_wait 传入 job={job_id!r} 可再次取得输出。请尽快。",
        "mcp": "任务本身已完成：用 lipsync_download（job_id {job_id!r}）可下载视频。请尽快。",
    },
    "give_ledger": "请给客户端一个：ledger=Ledger()。",
    "give_ledger_or_secret": {
        "python": "未发送任何内容。请给客户端一个账本（ledger=Ledger()），或给配置的 webhook 设置 `secret`。",
        "airflow": "未发送任何内容。请把密钥填入连接（`webhook_secret`）和接收端的配置。",
    },
    "saved_all_the_same": "视频仍已完整保存为 {saved}。",
    "set_webhook": {
        "cli": "未发送任何内容。请将 LIPSYNC_WEBHOOK 设为它；`lipsync-nodes webhook serve` 可启动一个接收端。",
        "python": "未发送任何内容。请将 LIPSYNC_WEBHOOK 设为它。",
        "airflow": "未发送任何内容。请把它填入连接的 `webhook`。",
    },
    "check_whose_url": "请检查基础网址：服务的网址以 /api/v1 结尾。回答的可能是代理或登录页。",
    "one_per_process": "请在每个进程中各建一个。",
    # sandbox
    "another_folder": "请换一个可写的文件夹。",
    "another_tape": "请指定一个新文件，已有的录制文件不会被覆盖。",
    "another_port_or_host": "请换一个端口或地址。",
    "is_it_shared": "是否有另一个沙盒在用它，或 {file} 不是沙盒的文件？",
    "name_service": "请给出服务的基础 URL。",
    "record_or_replay": "请给出 `upstream`，可带 `record`，或只给出 `replay`。",
    "record_tape": "请先录制一个。",
    "start_sandbox": "请启动它，或在 `with` 语句中使用。",
    "start_or_name_sandbox": "请启动一个沙盒，或给出正在运行的沙盒的基础 URL。",
    "wait_or_own_sandbox": {
        "cli": "请等待另一命令结束，或启动 `lipsync-nodes sandbox` 并将 LIPSYNC_BASE_URL 设为它显示的地址。",
        "python": "请等待另一命令结束，或另启动一个沙盒并将 LIPSYNC_BASE_URL 设为它的地址。",
        "comfyui": "是否有另一个 ComfyUI 在使用此用户文件夹？请结束它后重新运行。",
    },
    # comfyui
    "connect_job": "请填入任务 ID，或连接提交节点的任务。",
    "give_comfyui_folder": "请给出包含 main.py 和 custom_nodes 的文件夹，或 ComfyUI Desktop 的基础文件夹。",
    "give_url_or_connect": "请为 `{field}` 给出公开网址，或加载本机文件并连接到它。未计费。",
    "keep_one_pack": "请继续使用它，或删除它后重新运行。",
    "move_away": "若不需要，请将其移走后重新运行。",
    "name_python": "请用 --python 指定启动 ComfyUI 的 Python。",
    "reinstall": "请重新安装 lipsync-nodes。",
    # airflow
    "clear_batch": "已付费的视频都已保存。清除（clear）此任务只会提交失败的和未提交的任务。",
    "file_of_worker": "worker 上的文件写作 file:///folder/name。",
    "give_json": "未发送任何内容。模板的结果必须是 JSON。",
    "host_is_base_url": "请把完整的 base URL（如 https://lipsync.studio/api/v1）填入 host 栏，port 和 schema 留空。",
    "id_once_known": "知道任务 ID 后，在此 operator 中设置 `job_id=` 即可等待它。",
    "is_asset_scheduled": "是否有 DAG 以它为 schedule，且 Airflow 已读取该 DAG？",
    "retry_waits": "任务仍在继续，不会丢失：重试会再次等待它们。",
    "put_key_in_password": "请把密钥（sk_…）填入其密码栏；沙盒接受任意密钥，例如 sk_x。",
    "other_port": "请换一个端口。",
    "set_fail_on": '未发送任何内容。请改正输入，或把 `fail_on` 设为 "never"。',
    "see_airflows_log": "原因见 {log}。端口可能已被其他程序占用：请换一个。",
    "webhook_elsewhere": "为避免重复付费，没有再次发送。若任务已创建，其 webhook 会告知接收端："
    "该主机上的账本会列出它。若服务网站的账户中也没有，请用 `resubmit_uncertain=True` 重新提交。",
    # agents
    "give_path_in_root": "[请给出这些文件夹中的路径，或公开网址：{roots}。|请给出公开网址：不允许读取任何文件夹。]",
    "give_path_or_url": "请给出路径或公开网址。",
    "give_root": "请让用户为服务器指定根文件夹，或自行下载输出网址。",
    "same_inputs_later": "请用相同输入再次调用同一工具：会找到其任务，不会重复付费。",
    **checks.REMEDIES,
}

TERMS: Final[dict[str, str]] = {
    "in the middle": "中间",
    "on the left": "左边",
    "on the right": "右边",
    "AVIF": "AVIF 图像",
    "HEIC": "HEIC 图像",
    "PDF": "PDF 文档",
    "SVG": "SVG 图形",
    "The data": "数据",
    "The video": "视频",
    "audio": "音频",
    "delete": "删除",
    "device": "设备",
    "dialogue": "对话",
    "directory": "文件夹",
    "error": "错误",
    "file": "文件",
    "folder": "文件夹",
    "image": "图像",
    "info": "提示",
    "its distribution": "其发行包",
    "left": "左",
    "left audio": "左侧音频",
    "left person": "左侧的人",
    "mask": "遮罩",
    "mask image": "遮罩图像",
    "no_file": "无效文件",
    "pipe": "管道",
    "right": "右",
    "right audio": "右侧音频",
    "right person": "右侧的人",
    "sign": "签名网址",
    "socket": "套接字",
    "use": "使用",
    "video": "视频",
    "warning": "警告",
    "write": "写入",
}

# What is wrong with a value, by the English words for it.
FAULTS: Final[dict[str, str]] = {
    "Field required": "必填",
    "has a host name that cannot be: two dots in a row, or more than 63 characters between dots": (
        "的主机名无效：有连续的两个点，或两点之间超过 63 个字符"
    ),
    "has white space or control characters in it; percent-encode them": "含有空白或控制字符；请用百分号编码",
    "is a path that no file can have (a NUL, or half of a character)": "是任何文件都不可能有的路径",
    "is empty; give a URL or a file": "为空；请提供网址或文件",
    "is not a URL": "不是网址",
    "may not repeat a field of the form": "不能重复表单已有的字段",
    "must be a public http(s) URL with a host": "必须是带主机名的公开 http(s) 网址",
    "must be a public http(s) URL with a host, all unusual characters percent-encoded": (
        "必须是带主机名的公开 http(s) 网址，特殊字符须用百分号编码"
    ),
    "must be a public http(s) URL, a path, bytes or an open binary file": (
        "必须是公开的 http(s) 网址、路径、字节或以二进制方式打开的文件"
    ),
    "`public_base` goes with a `file:` URL, and only with one": (
        "`public_base` 须与 `file:` 网址同时使用，且只能与它同时使用"
    ),
    "begins with `Bearer`; give the key alone, the word is added to it": (
        "以 `Bearer` 开头；请只填密钥，该词会自动添加"
    ),
    "has a host name that cannot be: one has 1 to 63 letters, digits or hyphens between two dots (an inte"
    "rnational name is written in ASCII, xn--…)": (
        "的主机名无效：两点之间须为 1 到 63 个字母、数字或连字符（国际域名须写成 ASCII，xn--…）"
    ),
    "has a port that is no number from 1 to 65535": "的端口不是 1 到 65535 的数字",
    "has characters that no key has (non-ASCII, or several lines)": "含有密钥不会有的字符（非 ASCII 或多行）",
    "has quotes around it that are part of the value; give the key alone": "带有引号；请只填密钥",
    "has something before the key; give the key alone": "在密钥之前还有其他内容；请只填密钥",
    "has white space in it, which no key has": "含有空白，密钥不会有空白",
    "has white space, a backslash or control characters in it": "含有空白、反斜杠或控制字符",
    "is empty": "为空",
    "is longer than 2000 characters": "超过 2000 个字符",
    "is missing": "缺失",
    "must be 1 to 100 printable characters": "必须是 1 到 100 个可显示的字符",
    "must be a URL or a table": "必须是网址或表",
    "must be a URL such as s3://bucket/prefix": "必须是网址，例如 s3://bucket/prefix",
    "must be https: a token would be readable on the way (http only for this machine)": (
        "必须是 https：否则令牌在途中可被读取（只有本机可用 http）"
    ),
    "must be https: the media would be readable on the way (http only for this machine)": (
        "必须是 https：否则媒体在途中可被读取（只有本机可用 http）"
    ),
    "must be https: the key would be readable on the way (http only for this machine)": (
        "必须是 https：否则 API 密钥在途中可被读取（只有本机可用 http）"
    ),
    "must begin with https://, as https://lipsync.studio/api/v1 does": (
        "必须以 https:// 开头，例如 https://lipsync.studio/api/v1"
    ),
    "must end with its path, without a query (?) or fragment (#)": "必须以路径结尾，不能有查询（？）或片段（#）",
    "must name the folder in full: file:///folder, with three slashes": (
        "必须写出完整的文件夹：file:///folder，三个斜杠"
    ),
    "must not hold a user name or password": "不能含有用户名或密码",
}
