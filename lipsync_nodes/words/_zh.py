"""The Chinese table, in the order of the English one."""

from __future__ import annotations

from typing import Final

__all__ = ["JOB_ID", "JOINT", "MAY_HAVE_CHARGED", "REMEDIES", "SENTENCES", "TERMS"]

JOINT: Final = ""
JOB_ID: Final = "任务 ID:{job_id}。"
MAY_HAVE_CHARGED: Final = "可能已消耗积分。"

SENTENCES: Final[dict[str, str]] = {
    # errors without a code of their own: the sentence comes from whoever raised them
    "error": "{message}",
    "authentication_error": "{message}",
    "budget_exceeded": "{message}",
    "configuration_error": "{message}",
    "connection_failed": "{message}",
    "download_error": "{message}",
    "insufficient_credits": "{message}",
    "invalid_request": "{message}",
    "job_failed": "{message}",
    "job_not_found": "{message}",
    "job_stopped": "{message}",
    "job_timeout": "{message}",
    "rate_limited": "{message}",
    "service_error": "{message}",
    "submission_uncertain": "{message}",
    "submit_timeout": "{message}",
}

REMEDIES: Final[dict[str, str | dict[str, str]]] = {
    "own": "{hint}",
    # what the classes of errors advise
    "correct_input": "请改正输入后重新提交;未计费。",
    "check_key": {
        "cli": "请检查 LIPSYNC_API_KEY 或配置中的 api_key;可用 `lipsync-nodes doctor` 测试。",
        "python": "请检查 LIPSYNC_API_KEY 或配置中的 api_key。",
        "comfyui": "请检查 LIPSYNC_API_KEY(ComfyUI 启动时读取)或配置中的 api_key。",
        "airflow": "请检查连接的密码:它就是 API 密钥。",
    },
    "add_credits": "未计费。请为账户充值积分,或选择 480p、较短的音频。",
    "raise_budget": "未发送任何内容。请提高预算,或选择 480p、较短的音频。",
    "check_job_id": "请检查任务 ID、基础网址,以及密钥是否属于提交该任务的账户。",
    "slow_down": "请求被拒绝。请稍后再试,并减少同时发出的请求。",
    "try_later": "这是服务端或中间环节的故障,请稍后再试。",
    "check_network": "未计费。请检查网络和基础网址,然后重试。",
    "more_time": "未发送任何内容。请留出更多时间后重试。",
    "look_in_account": "为避免重复付费,没有再次发送。再次提交相同输入之前,请先在服务网站的账户中查找该任务。",
    "submit_corrected": "请按提示改正输入,并提交新任务。",
    "resubmit_uncertain": {
        "cli": "该任务可能计费,因此相同输入不会自动再次提交。要为新任务付费,请加 `--resubmit-uncertain` 再次提交。",
        "python": "该任务可能计费,因此相同输入不会自动再次提交。要为新任务付费,请用 resubmit_uncertain=True 再次提交。",
        "comfyui": "该任务可能计费,因此相同输入不会自动再次提交。要为新任务付费,请打开“强制新建”运行此节点一次。",
        "airflow": "该任务可能计费,因此重试不会提交。要为新任务付费,请清除(clear)提交它的那个任务实例。",
    },
    "wait_again": {
        "cli": "任务仍在继续,不会丢失:用 `lipsync-nodes wait {job_id}` 可再次等待。",
        "python": "任务仍在继续,不会丢失:用 client.wait('{job_id}') 可再次等待。",
        "comfyui": "任务仍在继续,不会丢失:请再次运行,或把 {job_id} 填入“对口型:等待”节点。",
        "airflow": "任务仍在继续,不会丢失:重试此 Airflow 任务,或在 operator、LipsyncJobSensor 中设置 "
        '`job_id="{job_id}"`,可再次等待。',
        "pluggy": "任务仍在继续,不会丢失:用 lipsync_nodes_wait 传入任务 '{job_id}' 可再次等待。",
    },
    "download_again": "任务本身已完成:请再次下载它的输出。输出网址会过期,请尽快下载。",
    # cli
    "line_not_sent": "这一行未发送。",
}

TERMS: Final[dict[str, str]] = {
    "audio": "音频",
    "image": "图像",
    "mask": "遮罩",
    "video": "视频",
}
