"""The English table. Sentences are sorted by room; see `lipsync_nodes.words` for how one is written."""

from __future__ import annotations

from typing import Final

from lipsync_nodes.words import _en_checks as checks

JOINT: Final = " "
JOB_ID: Final = "Job id: {job_id}."
MAY_HAVE_CHARGED: Final = "Credits may have been spent."
FINDING: Final = "{severity:term}[ ({field})]: {text}"
VERDICT: Final = (
    "[{clear:flag}No problem was found.\n][{lines}\n]"
    "[Estimated cost: {credits} credits.][Estimated cost: at most {most} credits.]"
)

SENTENCES: Final[dict[str, str]] = {
    "error": "{message}",
    # settings
    "settings.account_changed": "The profile {profile!r} comes from another process. Here it has no API key, or "
    "the key of another account.",
    "settings.file_not_regular": "{path}[, which {variable} names,] is not a file.",
    "settings.file_not_toml": "{path} is not TOML[ ({position})].",
    "settings.file_not_utf8": "{path} is not UTF-8.",
    "settings.file_readable_by_others": "{path} holds keys and others can read it.",
    "settings.file_too_deep": "{path} cannot be read as TOML: it is nested too deep.",
    "settings.file_unreadable": "{path} cannot be read: {reason}.",
    "settings.file_unusable": "LIPSYNC_CONFIG names {path}, which cannot be used: {reason}.",
    "settings.no_home": "There is no home folder: HOME is not set, and the system does not know this user.",
    "settings.no_key": "There is no API key (profile {profile!r}).",
    "settings.no_such_profile": "There is no profile {profile} in {path}.",
    "settings.path_unusable": "The path {path} cannot be resolved: {reason}.",
    "settings.plugin_gave_no_key": "A plugin could not give the key of profile {profile!r}: {reason}.",
    "settings.profile_stays": "The profile {profile!r} cannot be sent to another process, because its secrets are "
    "not sent.",
    "settings.sandbox_not_started": "The profile 'sandbox' is the sandbox that ComfyUI and the command line start by "
    "themselves. Nothing started it here.",
    "settings.setting_outside_tables": "{path}: `{setting}` is above the first table, so it belongs to no profile.",
    "settings.storage_stays": "These storage options cannot be sent to another process, because secrets are not sent.",
    "settings.fault": "`{field}`[ ({origin})]: {fault:fault}",
    "settings.no_such_setting": "`{field}`[ ({origin})]: there is no such setting[; did you mean `{meant}`?][; there "
    "are {known}]",
    "settings.unusable_profile": "Profile {profile} cannot be used: {faults}.",
    "settings.webhook_stays": "This webhook cannot be sent to another process, because secrets are not sent.",
    # service
    "form.unpublished": "{fields}: not published yet, so there is no URL to send.",
    "form.wrong_fields": "{faults}.",
    "form.fault": "{fault:fault}[, got {value}]",
    "job.failed": "The job failed: [{words}|the service gives no reason].[ The service gives an output "
    "nevertheless: {output}.]",
    "job.no_output": "The service says that the job is completed, but gives no output[ that is a video: {came}].",
    "job.stopped": "The job ended without a video, its status is {status!r}: [{words}|the service gives no "
    "reason].[ The service gives an output nevertheless: {output}.]",
    "job.timeout": "Job {job_id} has not ended within {timeout:g} s; [when last seen it was {status!r}|its state "
    "was never seen][{unknown:flag}, a status that this version does not know][, with the output {output}][, "
    "and the service says: {words}].[ Last error: {trouble}]",
    "key.blank": "A submission key must be text and not blank, got {value}.",
    "key.not_unicode": "The submission key {value} is not valid Unicode.",
    "argument.not_a_job_id": "{value} is not a job id.",
    "argument.not_seconds": "{name} must be a positive number of seconds, {longest:,} at most, got {value}.",
    "media.too_long": "{media} lasts {seconds} s; the service is known to accept {longest} s at most.",
    "service.asks_to_wait": "The service answered {status_code}[; it asks to wait {pace:g} s][: {words}].",
    "service.cannot_pay": "The account has too few credits ({status_code})[: {words}].",
    "service.failed": "The service answered {status_code}[: {words}].",
    "service.no_such_endpoint": "The service has no such endpoint ({status_code})[: {words}].",
    "service.no_such_job": "The service knows no job {job_id} ({status_code})[: {words}].",
    "service.redirects": "The base URL redirects ({status_code}) to {target}.",
    "service.refused": "The service refused the request ({status_code})[: {words}].",
    "service.refused_key": "The service refused the key ({status_code})[: {words}].",
    "submit.unclear_answer": "The service answered {status_code} to the submit[: {words}]; it is unknown whether "
    "it made the job.[ It is a redirect to {target}: check the base URL.]",
    "credits.length_unknown": "The cost depends on the length of `{field}`, which is not known.",
    "credits.not_whole": "{name} must be a whole number of credits from 0 to {most:,}, got {value}.",
    "endpoint.none_for_form": "No endpoint takes a {kind}.",
    "endpoint.unknown": "There is no endpoint {name!r}. The endpoints are: {known}.",
    "form.not_json": "The form cannot be sent as JSON: {reason}.",
    # flows
    "budget.exceeded": "The job would cost up to {credits} credits; {left} of the budget of {limit} are left.",
    "budget.unknown_cost": "There is a budget of {limit} credits, but the cost of this job is not known.",
    "poll.no_answer": "The service did not answer: {reason}.",
    "poll.no_time": "No time was left to poll the job.",
    "poll.unreadable": "The answer cannot be read: {reason}.",
    "submit.elsewhere": "The same input is being submitted elsewhere, and that did not finish within {seconds:g} s.",
    "submit.in_doubt_before": "The same input was submitted before, at {when}, and [its job {job_id} cannot be "
    "found|it is unknown whether it made a job] ({reason}).",
    "submit.no_answer": "The submit was sent, but no answer came: {reason}.",
    "submit.no_job_named": "The service answered {status_code} to the submit, but named no job ({reason}); it is "
    "unknown whether it made one.",
    "submit.no_room": "Your own limits left no room for a submit within {seconds:g} s.",
    "submit.no_time": "The submit could not be sent within {seconds:g} s.",
    "submit.unreached": "The service could not be reached in {tries} tries: {reason}.",
    # http
    "connection.impossible": "No connection can be made: {reason}.",
    "submit.cancelled": "The submit was cancelled before it was sent.",
    # media
    "download.broke_off": "The download broke off at byte {at}: {reason}.",
    "download.cut": "The download ended in the middle of the video, and the server has no more of it.",
    "download.disk_full": "{folder} has {free} MiB left; the video needs {needed} MiB.",
    "download.expired": "The server of the output answered {status}; the URL may have expired.",
    "download.malformed_url": "The output's URL is malformed[: {reason}].",
    "download.name_impossible": "{path} cannot be written: {reason}.",
    "download.no_output": "The job has no output to download.",
    "download.not_a_video": "What was downloaded is not a video (neither MP4, MOV nor WebM).",
    "download.not_https": "The output's URL is not https, so it was not fetched.",
    "download.not_public": "The output leads to {address}, which is no public address; it was not fetched.",
    "download.not_there": "No video is at the output's URL ({reason}): it may have expired, or it is not there yet.",
    "download.redirects": "The output redirects more than {most} times.",
    "download.stopped": "The download was stopped.",
    "download.target_is": "{path} is {kind:term}.",
    "download.too_large": "The output is larger than the {most} bytes that are allowed.",
    "download.too_slow": "The download was too slow: {came} bytes came in {seconds:.0f} s.",
    "download.unwritable": "{path} could not be written: {reason}.",
    "download.wrong_part": "The server was asked to go on at byte {at} and sent {content_range}.",
    "download.wrong_type": "The output is {content_type}, not a video.",
    "media.animated": "{media} is an animated {format}; the service accepts a still picture only.",
    "media.changed": "{media} was changed while it was read.",
    "media.empty": "{media} is empty.",
    "media.format": "{media} is {format:term}, which the service does not accept.",
    "media.gap": "{media} has more than {most} MiB without picture or sound.",
    "media.has_no_length": "{media} is an image and has no length.",
    "media.not_a_file": "{media} is {kind:term}; give a file.",
    "media.nothing_lasts": "{media} has a length of zero.",
    "media.nothing_shown": "{media} is not media that can be read: it holds no picture and no sound.",
    "media.open_as_text": "{media} is open as text; open it in binary mode.",
    "media.picture_too_large": "{media} is a picture of {size} MiB; {most} MiB at most are read.",
    "media.replaced": "{media} was replaced while it was read, or leads out of the folders that may be read.",
    "media.too_many_packets": "{media} is too large to be measured: it has more than {most:,} packets.",
    "media.unknown_format": "{media} has a format that the service does not accept ({format}).",
    "media.unreadable": "{media} cannot be read: {reason}.",
    "media.not_media": "{media} is not media that can be read: {reason}[, or it has more than {megapixels:.0f} "
    "million pixels].",
    "media.wrong_kind": "`{field}` wants {wanted:term}, but {media} is {kind:term}.",
    "media.wrong_type": "`{field}` is declared as {claimed}, but it is {found}.",
    "media.no_library": "Reading media files needs an extra.",
    "storage.client_option": "`{option}` is an option of the HTTP client, not of the store, and cannot be set here.",
    "storage.failed": "The storage {storage} could not {action:term}: {reason}.",
    "storage.folder_unwritable": "The storage folder cannot be written: {reason}.",
    "storage.no_library": "This storage needs an extra.",
    "storage.none": "A local file has no URL, and no storage is configured to give it one.",
    "storage.plugin_failed": "A plugin could not publish {media}: {reason}.",
    "storage.sandbox_unreached": "The sandbox at {base_url} could not be reached: {reason}.",
    "storage.signature_too_long": "A signed URL would have to live for {days:.1f} days; S3 signs for 7 days at most.",
    "storage.takes_no_files": "{target} takes no files ({status}).",
    "storage.url_unreached": "The URL could not be reached: {reason}.",
    "storage.url_wrong": "The URL does not return the file ({status}).",
    "media.no_such_length": "{endpoint} has no medium `{field}` that has a length; it has: {known}.",
    # cli
    "batch.half_character": "it contains half of an emoji, which cannot be sent.",
    "batch.line_too_long": "it is longer than {most} bytes.",
    "batch.no_such_field": "{endpoint} has no field {fields}.",
    "batch.not_an_object": 'not a JSON object with "endpoint".',
    "batch.taken": "its `key` or `out` is that of an earlier line.",
    "batch.wrong_line": "{fault}",
    "batch.wrong_value": "`{field}` cannot be {value}.",
    "cli.broken_command": "The command {command} ({target}) cannot be loaded: {reason}.",
    "cli.file_trouble": "{reason}.",
    "cli.interrupted": "Stopped.",
    "cli.no_library": "The command line needs an extra.",
    "cli.unexpected": "{kind}[: {words}].",
    "cli.usage": "{message}",
    "receiver.cannot_listen": "The receiver cannot listen on {host}:{port}: {reason}.",
    "receiver.no_function": "--on-job {name} is not a function.",
    "receiver.no_library": "The receiver's server is not installed.",
    "receiver.no_such_job": "Job {job_id} was not submitted from here with a webhook to this receiver.",
    "receiver.not_named": "No receiver is named.",
    "receiver.unloadable_function": "--on-job {name} cannot be loaded: {reason}.",
    "receiver.unreached": "The receiver could not be reached: {reason}.",
    # ledger
    "key.of_another_endpoint": "The key {key!r} stands for a {endpoint} job already.",
    "key.of_other_inputs": "The key {key!r} stands for other inputs already: {changes}.",
    "ledger.in_memory": "A ledger in memory cannot be sent to another process.",
    "ledger.newer": "A newer version of lipsync-nodes has written the ledger {path} (its format is {format}).",
    "ledger.replaced": "The ledger {path} was deleted or replaced while it was open.",
    "ledger.unusable": "The ledger {path} cannot be used: {reason}.",
    "record.not_a_record": "The record of the submission contains something else: {found}.",
    "record.of_another_key": "This record journal is that of the submission {key!r} already.",
    "record.unavailable": "The record of the submission cannot be read or written: {reason}.",
    "record.wants_a_key": "A record journal needs a submission key.",
    "target.impossible": "{path} cannot be written: {reason}.",
    # client
    "client.no_such_option": "A submit has no option {options}.",
    "client.not_sendable": "A client with a budget or an http_client of its own cannot be sent to another process.",
    "key.needs_a_ledger": "A submission key needs a ledger.",
    "webhook.needs_a_ledger": 'webhook="auto" needs a ledger, or the secret that is shared with the receiver.',
    "webhook.needs_a_receiver": 'webhook="auto" needs the public URL of a receiver.',
    "webhook.not_a_url": "webhook must be a URL, got {value}.",
    "webhook.not_https": "webhook must be an https URL, got {value}.",
    "webhook.wrong_url": "webhook {fault:fault}, got {value}.",
    "many.estimates": "There must be one estimate for each form.",
    "many.wrong_concurrency": "concurrency must be at least 1, got {value}.",
    "process.cannot_be_sent": "A {kind} belongs to one process and cannot be sent to another.",
    "service_check.key_ignored": "{base_url} answers {without_key} without a key and {with_key} with yours: it "
    "does not check the key, so it is not the service.",
    "service_check.no_answer": "{base_url} does not answer: {reason}.",
    "service_check.no_second_answer": "{base_url} does not answer a second time: {reason}.",
    "service_check.not_json": "{base_url} answers {status} with {content_type}, not with JSON.",
    # sandbox
    "proxy.bad_tape": "The tape {file} cannot be read: {reason}.",
    "proxy.cannot_write_tape": "The tape {file} cannot be written: {reason}.",
    "proxy.of_itself": "The proxy would forward to itself: {url}.",
    "proxy.one_of": "A proxy needs the base URL of a service, or a tape to replay, and not both.",
    "sandbox.cannot_use_file": "The file {file} cannot be used: {reason}.",
    "sandbox.is_service": "{url} is the service, not a sandbox. Nothing was sent.",
    "sandbox.not_local": "{url} is not on this machine. A sandbox elsewhere needs its token in "
    "LIPSYNC_SANDBOX_TOKEN, and its base URL in the command.",
    "sandbox.not_reached": "No sandbox was reached at {url}: {reason}.",
    "sandbox.refused": "{url} answered {status}[: {words}]",
    "sandbox.folder_taken": "The embedded sandbox's folder {folder} is taken by another command, or cannot be used "
    "({reason}).",
    "sandbox.folder_unusable": "The folder {folder} cannot be used: {reason}.",
    "sandbox.cannot_listen": "The sandbox cannot listen on {host}:{port}: {reason}.",
    "sandbox.cannot_publish": "The file {file} cannot be published: {reason}.",
    "sandbox.missing_packages": "The sandbox needs packages that are not installed: {packages}.",
    "sandbox.no_such_job": "The sandbox knows no such job.",
    "sandbox.no_temporary_room": "There is no room for temporary files: {reason}.",
    "sandbox.not_running": "The sandbox is not running.",
    "sandbox.token_unusable": "The sandbox's token must have at least 8 characters, of letters, digits and . _ ~ -.",
    # the jobs of the sandbox
    "preview.empty_file": "The {media} is empty (0 bytes).",
    "preview.face_too_small": "The face in the {media} is too small: it is {pixels} pixels high at {short_side}p, "
    "and at least {least} are needed.[ At {enough}p it would be large enough.]",
    "preview.hardly_follows": "The mouth follows the sound only in part (correlation {correlation:.2f}, in sync from "
    "{least:.2f}). The face may be small, turned away, hidden in part or no real one, or its own mouth moves too much. "
    "A large face that looks into the camera follows best.",
    "preview.mouth_doubtful": "Something seems to be before the mouth, such as a hand. A mouth may be drawn on it. Use "
    "a picture that shows the whole mouth.",
    "preview.mouth_hidden": "The mouth in the {media} seems to be hidden, for example by a mask, or it is too blurred. "
    "Use one that shows the mouth.",
    "preview.narrow_picture": "The picture is too long and narrow: its longer side would have {pixels} pixels, and "
    "at most {most} can be. Crop it.",
    "preview.no_face": "No face was found in the {media}.",
    "preview.no_file": "The {media} was not found: there is no such file.",
    "preview.no_frames": "The video cannot be read: it holds no frames.",
    "preview.no_length": "The {media} is empty: it plays for 0 seconds.",
    "preview.no_moving_picture": "The video holds no moving picture.",
    "preview.no_picture": "There is neither an image nor a video.",
    "preview.no_sound": "The {media} has no sound track.",
    "preview.no_track": "The {media} has neither a sound track nor a video track.",
    "preview.not_an_image": "The {media} cannot be read: it is damaged, not an image, or of more than {millions} "
    "million pixels.",
    "preview.one_face": "Only one face was found in the image, but two people are to speak.",
    "preview.partly_shown": "The mouth moves for {percent} % of the time only. At {ranges} s no face is seen, it is "
    "too small, or its mouth is hidden. Cut these parts out, or use another video.",
    "preview.several_faces": "There are {found} faces[ from {seconds:.1f} s on]. [The one {side:term} speaks.]"
    "[Number {number} from the left speaks.][Numbers {numbers} from the left speak.] To choose, mark a face in "
    "`mask_image`.",
    "preview.too_long": "The {media} is too long: at most {most:.0f} seconds are accepted.",
    "preview.two_in_video": "A video has one speaker, but there are two sounds. Two people can speak in an image.",
    "preview.unknown_format": "The {media} is {format:term}, and this one cannot be read here. Save it as JPEG or PNG.",
    "preview.unreadable": "The {media} cannot be read: it is damaged or of an unknown format.",
    "preview.warnings": "{warnings}",
    "sandbox.failed": "The sandbox failed: {kind}",
    "sandbox.not_fetched": "{field} could not be fetched: [{status}][it took longer than {seconds} s][more than "
    "{mebibytes} MiB][no answer ({kind})] from {url}",
    "sandbox.renderer_died": "The preview renderer stopped unexpectedly (exit code {exit_code}).",
    "sandbox.renderer_failed": "The preview renderer failed: {reason}",
    "sandbox.renderer_hung": "The preview renderer said nothing for {seconds:g} s, so it was stopped. The media may "
    "be damaged in a way that it cannot cope with.",
    # comfyui
    "comfyui.already_there": "{place} already contains the pack (a {kind}); ComfyUI would load it twice.",
    "comfyui.audios": "the input holds {count} audios, and one is needed.",
    "comfyui.empty_audio": "the audio is empty: it has no samples.",
    "comfyui.empty_job": "`job` is empty.",
    "comfyui.images": "the input holds {count} pictures, and one is needed: choose it with ImageFromBatch.",
    "comfyui.no_picture": "the input holds no picture.",
    "comfyui.not_encoded": "the video could not be encoded: {reason}.",
    "comfyui.not_finite": "the input holds values that are not numbers (NaN or infinite).",
    "comfyui.numbers": "the values are of type {numbers}; convert them to float.",
    "comfyui.sample_rate": "the sample rate of the audio is {rate}, which is not possible.",
    "comfyui.scale": "the values go from {least} to {most}; those of {kind:term} go from {lowest} to 1.",
    "comfyui.shape": "the input has the shape ({shape}), which is not that of {kind:term}.",
    "comfyui.no_pack": "The ComfyUI pack is not installed here.",
    "comfyui.not_a_choice": "`{field}` must be one of {choices}, got {value}.",
    "comfyui.not_an_object": '`{field}` must be a JSON object such as {{"name": 1}}.',
    "comfyui.not_found": "There is no ComfyUI in {folder}.",
    "comfyui.not_in_range": "`{field}` must be from {least} to {most}, got {value}.",
    "comfyui.not_json": '`{field}` must be a JSON object such as {{"name": 1}}, and it is not JSON: {reason}.',
    "comfyui.not_ours": "{place} was not put there by this command; it was left as it is.",
    "comfyui.python_failed": "ComfyUI's Python cannot be run, {reason}.",
    "comfyui.wrong_socket": "`{field}` wants a URL or {media:term}, but got {kind}.",
    "comfyui.wrong_url": "`{field}` {fault:fault}, got {value}.",
    # airflow
    "airflow.batch_failed": "{failed} of {total} lines failed[, and {unsent} jobs were not submitted]: {faults} "
    "All lines are in {manifest}.",
    "airflow.batch_timeout": "{jobs} jobs of the batch have not ended in the time of `{argument}`.",
    "airflow.choice": "`{name}` is one of {choices}, got {value}.",
    "airflow.execution_timeout": "Job {job_id} has not ended within the task's `execution_timeout` of {limit:g} s.",
    "airflow.host_in_parts": "The host, port and schema of the connection {connection!r} do not make one URL.",
    "airflow.login": "The connection {connection!r} has a login, which is not used.",
    "airflow.media_seconds": '`media_seconds` must be numbers by the names of media, {{"audio": 12.5}}, got {value}.',
    "airflow.no_api_server": "LIPSYNC_AIRFLOW_URL has to be the URL of Airflow's api-server.",
    "airflow.no_lines": "`inputs` must be a list of objects, or a file with one in each line, got {value}.",
    "airflow.no_key": "The connection {connection!r} has no API key.",
    "airflow.no_such_asset": "Airflow knows no asset {asset}.",
    "airflow.not_seconds": "`{name}` must be a positive number of seconds or a timedelta, got {value}.",
    "airflow.not_started": "`airflow {command}` failed.",
    "airflow.other_machine": "{path} names a file of another machine.",
    "airflow.port_taken": "The port {port} cannot be used: {reason}.",
    "airflow.storage_unreachable": "{path} cannot be reached: {reason}.",
    "airflow.storage_unreadable": "{path} cannot be read: {reason}.",
    "airflow.too_old": "The demo needs Airflow 3.",
    "airflow.wrong_lines": "{count} of {total} lines are wrong: {faults}",
    "airflow.wrong_type": "`{field}` must be of type {type}, got {value}.",
    # pluggy
    "pluggy.wrong_context": "The context is wrong: {reason}.",
    # webhooks
    "webhook.no_signature_library": "Signed webhooks need a package that is not installed.",
    # agents
    "agents.still_sending": "The submission has not ended within {seconds:g} s.",
    "mcp.declined": "The user declined to pay for the job.",
    "mcp.wrong_arguments": "The arguments do not match the schema of the tool: {reason}.",
    "roots.inline_too_large": "`{field}`: the inline data are larger than {most} MiB.",
    "roots.none": "There is no folder to save videos in.",
    "roots.not_base64": "`{field}`: the inline data are not base64.",
    "roots.outside": "`{field}`: {path!r} is not in a folder that may be read.",
    **checks.SENTENCES,
}

REMEDIES: Final[dict[str, str | dict[str, str]]] = {
    # errors without a code of their own: the sentence is given where they are raised
    "own": "{hint}",
    # what the classes of errors advise
    "correct_input": {
        "python": "Correct the input and submit again; nothing was charged.",
        "comfyui": "Correct the input and run again. Nothing was charged.",
        "mcp": "Correct the input and call the tool again; nothing was charged.",
    },
    "check_key": {
        "cli": "Check LIPSYNC_API_KEY or the profile's api_key; `lipsync-nodes doctor` tests it.",
        "python": "Check LIPSYNC_API_KEY or the profile's api_key.",
        "comfyui": "Check LIPSYNC_API_KEY, which ComfyUI reads when it starts, or the profile's api_key.",
        "airflow": "Check the password of the connection: it is the API key.",
        "mcp": "Ask the user to check LIPSYNC_API_KEY or the profile's api_key.",
    },
    "add_credits": "Nothing was charged. Add credits to the account, or choose 480p or shorter audio.",
    "raise_budget": {
        "python": "Nothing was sent. Raise the budget, or choose 480p or shorter audio.",
        "mcp": "Nothing was sent. Ask the user to raise the server's budget, or choose 480p or shorter audio.",
    },
    "check_job_id": {
        "python": "Check the job id, the base URL and that the key belongs to the account that submitted it.",
        "comfyui": "Check the job id and `profile`: sandbox for a preview, otherwise the one that submitted the job.",
        "mcp": "Check the job id: lipsync_jobs lists the jobs that were submitted from here.",
    },
    "slow_down": "The request was refused. Try again later, with fewer requests at a time.",
    "try_later": "The fault is in the service or on the way to it. Try again later.",
    "check_network": "Nothing was charged. Check the network and the base URL, then try again.",
    "more_time": {
        "python": "Nothing was sent. Try again, with more time.",
        "comfyui": "Nothing was sent. Run again.",
        "mcp": "Nothing was sent. Call the same tool again.",
    },
    "look_in_account": {
        "all": "It was not sent again, to avoid paying twice. ",
        "python": "Look for the job in your account at the service before you submit the same input again.",
        "mcp": "Ask the user to look for the job in the account at the service.",
    },
    "submit_corrected": {
        "python": "Correct the input that the message names and submit a new job.",
        "comfyui": "Correct the input that the message names and run again.",
        "mcp": "Correct the input that the message names and call the tool again. To pay for a new job with the "
        "same input, set `again` to true.",
    },
    "resubmit_uncertain": {
        "cli": "It may be billed, so the same input is not submitted again automatically. To pay for a new job, "
        "submit again with `--resubmit-uncertain`.",
        "python": "It may be billed, so the same input is not submitted again automatically. To pay for a new job, "
        "submit again with resubmit_uncertain=True.",
        "comfyui": "It may be billed, so the same input is not submitted again automatically. To pay for a new job,"
        " run this node once with `force_new` on.",
        "airflow": "It may be billed, so a retry submits nothing. Clear the task that submitted it to pay for a "
        "new job.",
        "mcp": "It may be billed, so the same input is not submitted again automatically. To pay for a new job, "
        "call the tool again with `again` set to true.",
    },
    "wait_again": {
        "cli": "The job goes on and is not lost: `lipsync-nodes wait {job_id}` waits again.",
        "python": "The job goes on and is not lost: client.wait({job_id!r}) waits again.",
        "comfyui": "The job goes on and is not lost: run again, or give {job_id} to a Lipsync Wait node.",
        "airflow": 'The job goes on and is not lost: a retry waits for it again, and so does `job_id="{job_id}"` '
        "of an operator or of a LipsyncJobSensor.",
        "pluggy": "The job goes on and is not lost: the hook lipsync_nodes_wait with job={job_id!r} waits again.",
        "mcp": "The job goes on and is not lost: lipsync_wait with job_id {job_id!r} waits again.",
    },
    "download_again": {
        "python": "The job itself is done: download its output again. Output URLs expire, so do it soon.",
        "comfyui": "The job itself is done: run again to download the video. Output URLs expire, so do it soon.",
        "mcp": "The job itself is done: lipsync_download fetches its video. Output URLs expire, so do it soon.",
    },
    # what several rooms advise
    "nothing_sent": "Nothing was sent.",
    "nothing_charged": "Nothing was charged.",
    "check_base_url": "Check the base URL.",
    "install_extra": {
        "python": "Run: pip install '{package}'",
        "airflow": "Install {package} on the workers.",
        "comfyui": 'Run: "{python}" -m pip install "{package}"\nThen start ComfyUI again.',
    },
    "install_requirements": 'Run: "{python}" -m pip install -r "{requirements}"\nThen start ComfyUI again.',
    "another_name": "Give another name.",
    # settings
    "chmod": {
        "python": "Run: chmod 600 '{path}'",
        "comfyui": "Let nobody but your own user read {path}.",
    },
    "correct_or_unset": "Correct it, or unset it.",
    "known_profiles": {
        "python": "Profiles there: {known}.",
        "comfyui": "Set `profile` to one of these, or leave it empty: {known}.",
    },
    "name_profile": "Put them into profiles.toml or the environment, and name the profile.",
    "name_profiles_file": "Name the profiles.toml itself.",
    "name_in_full": "Give the full path.",
    "put_below_default": "Put it below the line [default].",
    "same_settings": "Give both processes the same environment and the same profiles.toml.",
    "save_as_utf8": "Save it as UTF-8 text.",
    "set_home": "Set HOME, or name files of your own in LIPSYNC_CONFIG and LIPSYNC_LEDGER.",
    "set_key": {
        "cli": "Set LIPSYNC_API_KEY to your key (sk_…). To try without one, run `lipsync-nodes demo`, or use the "
        "embedded sandbox, which needs none: `lipsync-nodes run … --sandbox`.",
        "python": "Set LIPSYNC_API_KEY to your key (sk_…), or try without one: a sandbox on this machine needs none "
        "(lipsync_nodes.sandbox.Sandbox).",
        "comfyui": "Set LIPSYNC_API_KEY, before ComfyUI starts, to your key: the page /lipsync-setup shows how. "
        "Or set `profile` of the node to sandbox, for free previews without a key.",
        "airflow": "Put the key (sk_…) into the password of the connection.",
        "mcp": "Ask the user to set LIPSYNC_API_KEY for the server, or to choose the profile sandbox, which "
        "needs no key.",
    },
    "start_own_sandbox": {
        "cli": "Use `--sandbox`.",
        "python": "Start one (lipsync_nodes.sandbox.Sandbox), and use its base_url instead of the profile.",
        "comfyui": "Start ComfyUI again, or set `profile` to another one.",
        "airflow": "Start a sandbox, and put its address into the host of the connection.",
    },
    # service
    "add_credits_then_poll": {
        "python": "Add credits to the account, then poll the job again.",
        "comfyui": "Add credits to the account, then run again.",
    },
    "another_key": "Give another.",
    "ask_support": {
        "cli": "Poll the job again later (`lipsync-nodes status {job_id} --json` shows the whole answer). If "
        "nothing changes, send its id to the service's support.",
        "python": "Poll the job again later. If nothing changes, send its id to the service's support.",
    },
    "check_job_id_and_url": "Check the job id and the base URL.",
    "cut_or_allow_long": {
        "cli": "Nothing was sent. Cut it, or override the limit with `--allow-long`.",
        "python": "Nothing was sent. Cut it, or override the limit with allow_long=True.",
        "comfyui": "Nothing was sent. Cut it, for example with Trim Audio Duration.",
        "airflow": "Nothing was sent. Cut it.",
        "mcp": "Nothing was sent. Cut it.",
    },
    "give_job_id": "Give the job id that the submit returned.",
    "name_or_no_key": "Give a name, or no key at all.",
    "use_that_base_url": "Set the base URL to that one.",
    "give_length_of": {
        "python": "Give the length of `{field}` in seconds.",
        "comfyui": "Connect the medium to `{field}`, or give its length in seconds.",
        "airflow": 'Give it in `media_seconds`, {{"{field}": 12.5}}.',
        "mcp": "Give its length in seconds as `{field}_seconds`.",
    },
    # flows
    "ask_again": {
        "python": "The job goes on; poll it again.",
        "comfyui": "The job goes on: run again.",
        "mcp": "The job goes on: lipsync_status fetches it again.",
    },
    "ask_by_id": {
        "cli": "`lipsync-nodes wait {job_id}` polls it again.",
        "python": "client.wait({job_id!r}) polls it again.",
        "comfyui": "A Lipsync Wait node with {job_id} polls it again.",
        "airflow": '`job_id="{job_id}"` of this operator or of a LipsyncJobSensor waits for it.',
        "pluggy": "The hook lipsync_nodes_wait with job={job_id!r} polls it again.",
        "mcp": "lipsync_wait with job_id {job_id!r} polls it again.",
    },
    "give_length": {
        "python": "Nothing was sent. Give the audio's length, or submit without a budget.",
        "comfyui": "Nothing was sent. Connect the audio itself, whose length can be seen, or take the budget out of "
        "the profile.",
        "airflow": "Nothing was sent. Give the lengths in `media_seconds`, or take the budget out of the connection.",
        "mcp": "Nothing was sent. Give the length of each audio or video that is a URL, as in `audio_seconds`.",
    },
    "keep_job_id": {
        "all": "The job was made but could not be recorded: ",
        "cli": "keep its id, and `lipsync-nodes wait {job_id}`.",
        "python": "keep its id, and wait for it with client.wait({job_id!r}).",
        "comfyui": "give its id {job_id} to a Lipsync Wait node.",
        "airflow": '`job_id="{job_id}"` of this operator or of a LipsyncJobSensor waits for it.',
        "pluggy": "keep its id; the hook lipsync_nodes_wait with job={job_id!r} waits for it.",
        "mcp": "keep its id, and wait for it with lipsync_wait.",
    },
    "limits": {
        "cli": "Nothing was submitted. `lipsync-nodes jobs` lists what runs; the limits are the profile's "
        "max_concurrency and submits_per_minute.",
        "python": "Nothing was submitted. The limits are the profile's max_concurrency and submits_per_minute.",
        "airflow": "Nothing was submitted. The limits are max_concurrency and submits_per_minute in the "
        "connection's extra.",
    },
    "look_then_resubmit": {
        "cli": "Look for the job in your account at the service; if it is not there, submit again with "
        "`--resubmit-uncertain`.",
        "python": "Look for the job in your account at the service; if it is not there, submit again with "
        "resubmit_uncertain=True.",
        "comfyui": "Look for the job in your account at the service; if it is not there, run this node once with "
        "`force_new` on.",
        "airflow": "Look for the job in your account at the service; if it is not there, submit again with "
        "`resubmit_uncertain=True`.",
        "mcp": "Ask the user to look for the job in the account at the service. If it is not there, call the "
        "tool again with `again` set to true.",
    },
    "nothing_sent_now": "Nothing was sent now.",
    "same_key_later": {
        "python": "Nothing was sent by this call. Ask again with the same key: it picks up the job of the other.",
        "comfyui": "Nothing was sent by this run. Run again later: it picks up the job.",
        "mcp": "Nothing was sent by this call. Call the same tool again with the same input: it picks up the "
        "job of the other.",
    },
    "webhook_settles": "A webhook may still settle it: try again later.",
    "webhook_tells": {
        "all": "It was not sent again, to avoid paying twice. If the job was made, its webhook tells of it: ",
        "cli": "check `lipsync-nodes jobs` before you submit the same input again.",
        "python": "look into the ledger before you submit the same input again.",
        "comfyui": "run again later to be given it.",
    },
    "webhook_tells_key": {
        "all": "It was not sent again, to avoid paying twice. If the job was made, its webhook tells of it: ",
        "cli": "check `lipsync-nodes jobs`, or submit with the same key later, which sends nothing until then.",
        "python": "submit with the same key later, which sends nothing until then.",
        "comfyui": "run again to be given it, which sends nothing until then.",
        "airflow": "run the task again later, which sends nothing until then.",
    },
    # http
    "check_base_url_and_id": "Check the base URL and the job id.",
    "check_proxy": "Check the environment's proxy and certificate settings (ALL_PROXY, SSL_CERT_FILE).",
    # media
    "check_access": "Check who may read it.",
    "check_storage": {
        "cli": "Nothing was submitted. Check its address and credentials with `lipsync-nodes doctor --storage`.",
        "python": "Nothing was submitted. Check its address and credentials.",
    },
    "give_file_path": "Give the path of a file.",
    "make_room": {
        "python": "Make room or choose another folder, and download it again. Output URLs expire, so do it soon.",
        "comfyui": "Make room and run again. Output URLs expire, so do it soon.",
    },
    "resume_download": {
        "python": "Download it again: it goes on from there. Output URLs expire, so do it soon.",
        "comfyui": "Run again: the download goes on from there. Output URLs expire, so do it soon.",
        "mcp": "Call lipsync_download: it goes on from there. Output URLs expire, so do it soon.",
    },
    "save_as_png": "Save it as PNG or JPG.",
    "save_frame": "Save one frame of it as PNG or JPG.",
    "service_must_reach": "The service has to reach it.",
    "set_storage": {
        "cli": "Put the file where it has a public URL and give that, or say where files go: in the environment\n   "
        " LIPSYNC_STORAGE=s3://my-bucket/lipsync        (pip install 'lipsync-nodes[storage]')\nor as `storage` "
        "of a profile; `lipsync-nodes doctor --storage` tests it. A sandbox needs none: add --sandbox.",
        "python": "Put the file where it has a public URL and give that, or say where files go: in the "
        "environment\n    LIPSYNC_STORAGE=s3://my-bucket/lipsync        (pip install "
        "'lipsync-nodes[storage]')\nor as `storage` of a profile. A sandbox needs none.",
        "comfyui": "Give a public URL, or say where media get one. In profiles.toml, below [default], write either\n"
        '    storage = "s3://my-bucket/lipsync"\n'
        "or, for a folder that your own web server serves,\n"
        '    storage = {{ url = "file:///srv/media", public_base = "https://media.example" }}\n'
        "or, if this ComfyUI has a public address of its own,\n"
        '    public_base = "https://comfy.example"\n'
        "The environment variables LIPSYNC_STORAGE=s3://my-bucket/lipsync and "
        "LIPSYNC_PUBLIC_BASE=https://comfy.example do the same. Nothing was sent.",
        "airflow": "Put the file where it has a public URL and give that, or say where files go: as `storage` in "
        'the connection\'s extra, {{"storage": "s3://my-bucket/lipsync"}}, which '
        "needs lipsync-nodes[storage] on the workers. A sandbox needs none.",
        "mcp": "Give a public URL, or ask the user to set `storage` in the server's profile, which gives files a URL.",
    },
    "shorten_lifetime": "Shorten the storage's `expires` or the job's timeout.",
    "take_out_option": "Nothing was submitted. Take it out of the storage's `options`.",
    "try_when_complete": "Nothing was sent. Try again when it is complete.",
    "wait_until_completed": {
        "python": "Wait until it is completed.",
        "mcp": "Wait with lipsync_wait until it is completed.",
    },
    # cli
    "line_not_sent": "This line was not sent.",
    "another_port": "Choose another port.",
    "check_named_files": "Check the files and folders that the command names.",
    "give_function": "Give MODULE:FUNCTION.",
    "name_receiver": "Give --to, or set LIPSYNC_WEBHOOK.",
    "report_fault": "This is a fault of lipsync-nodes: please report it, with what the same command shows under "
    "LIPSYNC_DEBUG=1.",
    "start_receiver": {
        "cli": "Is `lipsync-nodes webhook serve` running?",
        "python": "Is the receiver running?",
    },
    "submit_with_webhook": {
        "cli": "Submit one with `--webhook auto`; `lipsync-nodes jobs` lists them.",
        "python": 'Submit one with webhook="auto".',
    },
    "upgrade_command": "Upgrade or uninstall {distribution}.",
    # ledger
    "another_target": "Nothing was sent. Name another file or folder.",
    "delete_record": "Nothing was sent, to avoid paying twice. Look for the job in your account at the service; if "
    "it is not there, delete the record.",
    "free_ledger": "The ledger prevents paying twice, so nothing is submitted without it. Make the file or its "
    "disk usable again, or set LIPSYNC_LEDGER to another file.",
    "install_newer": "Nothing was sent, to avoid paying twice. Install that version again, or a later one.",
    "give_ledger_a_file": "Give the ledger a file.",
    "give_submission_key": "Nothing was sent. Give it a `key`.",
    "other_key_or_resubmit": {
        "all": "Nothing was sent. ",
        "cli": "Use another key, or make a new video under this one, which is paid for, with `--resubmit-changed`.",
        "python": "Use another key, or make a new video under this one, which is paid for, with resubmit_changed=True.",
        "comfyui": "Run this node once with `force_new` on to make a new video, which is paid for.",
        "airflow": "Clear the task to make a new video, which is paid for.",
    },
    "put_ledger_back": {
        "python": "Nothing was sent, to avoid paying twice: only the old file knows what was submitted. Put it "
        "back, with its -wal and -shm; or start this program again to go on with what is there now.",
        "comfyui": "Nothing was sent, to avoid paying twice: only the old file knows what was submitted. Put it "
        "back, with its -wal and -shm; or start ComfyUI again to go on with what is there now.",
    },
    "record_of_its_own": "Nothing was sent. Give each submission a record of its own.",
    "use_another_key": "Nothing was sent. Use another.",
    # client
    "client_per_process": "Make a client in each process: a budget counts in one.",
    "download_by_id": {
        "all": "The job itself is done: ",
        "cli": "`lipsync-nodes download {job_id}` fetches it again. Do it soon.",
        "python": "client.download(client.job({job_id!r}), path) fetches it again. Do it soon.",
        "comfyui": "a Lipsync Wait node with {job_id} fetches it again. Do it soon.",
        "airflow": 'a retry fetches it again, and so does `job_id="{job_id}"` of an operator. Do it soon.',
        "pluggy": "the hook lipsync_nodes_wait with job={job_id!r} gives its output again. Do it soon.",
        "mcp": "lipsync_download with job_id {job_id!r} fetches its video. Do it soon.",
    },
    "give_ledger": "Give the client a ledger: ledger=Ledger().",
    "give_ledger_or_secret": {
        "python": "Nothing was sent. Give the client one, ledger=Ledger(), or the profile's webhook a `secret`.",
        "airflow": "Nothing was sent. Put the secret into the connection (`webhook_secret`) and into the receiver's "
        "profile.",
    },
    "saved_all_the_same": "The video was saved all the same, whole, as {saved}.",
    "set_webhook": {
        "cli": "Nothing was sent. Set LIPSYNC_WEBHOOK to it; `lipsync-nodes webhook serve` starts one.",
        "python": "Nothing was sent. Set LIPSYNC_WEBHOOK to it.",
        "airflow": "Nothing was sent. Put it into the connection, as `webhook`.",
    },
    "check_whose_url": "Check the base URL: the service's own ends in /api/v1. A proxy or a log-in page may have "
    "answered.",
    "one_per_process": "Make one in each process.",
    # sandbox
    "another_folder": "Choose another one, which can be written to.",
    "another_tape": "Name a new file; an existing tape is not overwritten.",
    "another_port_or_host": "Choose another port or host.",
    "is_it_shared": "Is another sandbox running in it, or is {file} no file of a sandbox?",
    "name_service": "Give the base URL of the service.",
    "record_or_replay": "Give `upstream`, with or without `record`; or `replay` alone.",
    "record_tape": "Record one first.",
    "start_sandbox": "Start it, or use it in a `with` statement.",
    "start_or_name_sandbox": "Start one, or give the base URL of a running one.",
    "wait_or_own_sandbox": {
        "cli": "Wait for the other command, or start `lipsync-nodes sandbox` and set LIPSYNC_BASE_URL to the "
        "address that it prints.",
        "python": "Wait for the other command, or start a sandbox of its own and set LIPSYNC_BASE_URL to its address.",
        "comfyui": "Does another ComfyUI use this user folder? End it, and run again.",
    },
    # comfyui
    "connect_job": "Give a job id, or connect the job of a submit node.",
    "give_comfyui_folder": "Give the folder that holds main.py and custom_nodes, or ComfyUI Desktop's base folder.",
    "give_url_or_connect": "Give `{field}` a public URL, or load a file of this machine and connect it there. "
    "Nothing was charged.",
    "keep_one_pack": "Go on with that one, or remove it and run this again.",
    "move_away": "Move it away if you do not need it, and run this again.",
    "name_python": "Name the Python that starts ComfyUI by --python.",
    "reinstall": "Reinstall lipsync-nodes.",
    # airflow
    "clear_batch": "Every video that was paid for is saved. Clearing the task submits what failed and what was not "
    "submitted, and nothing else.",
    "file_of_worker": "A file of the worker is file:///folder/name.",
    "give_json": "Nothing was sent. What a template makes of it has to be JSON.",
    "host_is_base_url": "Put the whole base URL, such as https://lipsync.studio/api/v1, into the host, and leave port "
    "and schema empty.",
    "id_once_known": "Once you know its id, `job_id=` of this operator waits for it.",
    "is_asset_scheduled": "Is there a DAG with it in its schedule, and has Airflow read it?",
    "retry_waits": "The jobs go on and are not lost: a retry waits for them again.",
    "put_key_in_password": "Put the key (sk_…) into its password field; a sandbox takes any key, such as sk_x.",
    "other_port": "Choose another port.",
    "set_fail_on": 'Nothing was sent. Correct the input, or set `fail_on` to "never".',
    "see_airflows_log": "{log} says why. Perhaps another program is using the port: choose another one.",
    "webhook_elsewhere": "It was not sent again, to avoid paying twice. If the job was made, its webhook tells the "
    "receiver of it: the ledger on that host lists it. If it is not in your account at the service either, "
    "submit anew with `resubmit_uncertain=True`.",
    # agents
    "give_path_in_root": "[Give a path in one of these folders, or a public URL: {roots}.|Give a public URL: no "
    "folder may be read.]",
    "give_path_or_url": "Give a path or a public URL.",
    "give_root": "Ask the user to give the server a root folder, or fetch the output URL yourself.",
    "same_inputs_later": "Call the same tool again with the same input: it finds its job and does not pay twice.",
    **checks.REMEDIES,
}

# A term without a row is English already.
TERMS: Final[dict[str, str]] = {
    "AVIF": "an AVIF picture",
    "HEIC": "a HEIC picture",
    "PDF": "a PDF document",
    "SVG": "an SVG drawing",
    "audio": "an audio",
    "delete": "be deleted from",
    "device": "a device",
    "dialogue": "a dialogue",
    "directory": "a directory",
    "error": "Error",
    "file": "a file",
    "folder": "a folder",
    "image": "an image",
    "info": "Note",
    "left audio": "a left audio",
    "left person": "Left person",
    "mask": "a mask",
    "mask image": "a mask image",
    "no_file": "no file",
    "pipe": "a pipe",
    "right audio": "a right audio",
    "right person": "Right person",
    "sign": "sign a URL",
    "socket": "a socket",
    "use": "be used",
    "video": "a video",
    "warning": "Warning",
    "write": "be written",
}

# What is wrong with a value is said in English where it is found.
FAULTS: Final[dict[str, str]] = {}
