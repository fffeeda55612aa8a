"""The English table. Sentences are sorted by room; see `lipsync_nodes.words` for how one is written."""

from __future__ import annotations

from typing import Final

__all__ = ["JOB_ID", "JOINT", "MAY_HAVE_CHARGED", "REMEDIES", "SENTENCES", "TERMS"]

JOINT: Final = " "
JOB_ID: Final = "Job id: {job_id}."
MAY_HAVE_CHARGED: Final = "Credits may have been spent."

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
    "correct_input": "Correct the input and submit again; nothing was charged.",
    "check_key": {
        "cli": "Check LIPSYNC_API_KEY or the profile's api_key; `lipsync-nodes doctor` tests it.",
        "python": "Check LIPSYNC_API_KEY or the profile's api_key.",
        "comfyui": "Check LIPSYNC_API_KEY, which ComfyUI reads when it starts, or the profile's api_key.",
        "airflow": "Check the password of the connection: it is the API key.",
    },
    "add_credits": "Nothing was charged. Add credits to the account, or choose 480p or shorter audio.",
    "raise_budget": "Nothing was sent. Raise the budget, or choose 480p or shorter audio.",
    "check_job_id": "Check the job id, the base URL and that the key belongs to the account that submitted it.",
    "slow_down": "The request was refused. Try again later, with fewer requests at a time.",
    "try_later": "This is a fault of the service or of something in between; try again later.",
    "check_network": "Nothing was charged. Check the network and the base URL, then try again.",
    "more_time": "Nothing was sent. Try again, with more time.",
    "look_in_account": "It was not sent again, so as not to pay twice. Look for the job in your account at the service "
    "before you submit the same input again.",
    "submit_corrected": "Correct the input that the message speaks of and submit a new job.",
    "resubmit_uncertain": {
        "cli": "It may be billed, so the same input is not submitted again by itself. To pay for a new job, submit "
        "again with `--resubmit-uncertain`.",
        "python": "It may be billed, so the same input is not submitted again by itself. To pay for a new job, submit "
        "again with resubmit_uncertain=True.",
        "comfyui": "It may be billed, so the same input is not submitted again by itself. To pay for a new job, run "
        "this node once with `force_new` on.",
        "airflow": "It may be billed, so a retry submits nothing. Clear the task that submitted it to pay for a new "
        "job.",
    },
    "wait_again": {
        "cli": "The job goes on and is not lost: `lipsync-nodes wait {job_id}` waits again.",
        "python": "The job goes on and is not lost: client.wait('{job_id}') waits again.",
        "comfyui": "The job goes on and is not lost: run again, or give {job_id} to a Lipsync Wait node.",
        "airflow": 'The job goes on and is not lost: a retry of this task waits again, and so does `job_id="{job_id}"` '
        "of an operator or of a LipsyncJobSensor.",
        "pluggy": "The job goes on and is not lost: lipsync_nodes_wait with job '{job_id}' waits again.",
    },
    "download_again": "The job itself is done: download its output again. Output URLs expire, so do it soon.",
    # cli
    "line_not_sent": "This line was not sent.",
}

TERMS: Final[dict[str, str]] = {
    "audio": "an audio",
    "image": "an image",
    "mask": "a mask",
    "video": "a video",
}
