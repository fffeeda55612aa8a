"""The English sentences of checks, verifications and reports. They are part of the tables in `_en`."""

from __future__ import annotations

from typing import Final

SENTENCES: Final[dict[str, str]] = {
    # files, lengths, addresses, money
    "check.look_failed": "The check of {fields} failed by a fault of its own: {reason}.",
    "check.no_such_mode": "There is no mode {value} of a check. The modes are: {known}.",
    "check.not_fetched": "The content of {fields} was not looked at: only URLs are given.",
    "check.not_looked": "The pictures and the sound of {fields} were not looked at: an extra is not installed.",
    "check.out_of_time": "The time for the check was over before all of {fields} was looked at.",
    "check.refused": "The check refuses this submission. {findings}",
    "cost.free": "A submission with this key exists already[ (job {paid_job})], so it is not paid for again.",
    "cost.paid_before": "The same inputs were paid for before[: job {paid_job}].",
    "cost.unknown": "The cost is not known: the length of {fields} is missing.",
    "cost.within_budget": "{left} credits of the budget are left; this job takes {credits}.",
    "file.cut_short": "The file is incomplete: it ends before its last part.",
    "file.large": "The file has {size} MiB. No limit is documented, but it takes long to transfer.",
    "file.rotated": "The picture is stored turned by {degrees}° and its header says so. Programs that ignore the "
    "header see it turned.",
    "file.undocumented_format": "The format is {format}. The service documents {known}.",
    "file.variable_rate": "The frame rate of the video varies. The sound may drift if it is made constant.",
    "length.billed_minimum": "The video lasts {seconds:g} s and is billed as {billed} s, the minimum.",
    "length.film_extended": "The audio lasts {sound:g} s and the video {film:g} s. The service extends the video by "
    "{added:g} s, and documents to bill the “video length”: {least} to {credits} credits.",
    "length.film_trimmed": "The video lasts {film:g} s and the audio {sound:g} s. The service trims the video to the "
    "audio: the last {cut:g} s are not used.",
    "length.given_differs": "The given length is {given:g} s, but the file lasts {measured:g} s. The longer counts.",
    "length.header_differs": "The content lasts {content:g} s, but the header says {header:g} s. The longer counts.",
    "length.over_limit": "It lasts {seconds:g} s, {over:g} s more than the {longest} s that the model behind the "
    "service accepts.",
    "length.rounded_up": "The video lasts {seconds:g} s and is billed as {billed} s: fractions are rounded up.",
    "mask.marks_nothing": "The mask is wholly black or transparent, so it marks nothing that may move.",
    "mask.other_shape": "The mask is {mask} and the picture {picture}: it does not fit, and will be stretched.",
    "mask.other_size": "The mask is {mask} and the picture {picture}, of the same shape.",
    "url.answered": "The server answered {status} to a request for the URL.",
    "url.content_type": "The server states the type {stated}, but the content is {found}.",
    "url.expired": "The signed URL expired at {at}.",
    "url.expires_soon": "The signed URL expires in {minutes} minutes, and the job may take up to {deadline}.",
    "url.not_encrypted": "The URL is http, so others can read the file on the way.",
    "url.not_public": "The URL leads to {host}, which the service on the internet cannot reach.",
    "url.not_reached": "The URL could not be fetched: {reason}.",
    "url.private_name": "The URL leads to {host}, a name that is probably known in a private network only.",
    "url.redirects": "The URL redirects more than {most} times.",
    "url.refused": "The server answered {status} to a request without credentials, as the service sends it.",
    "url.too_large": "The file has more than {most} MiB, so it was not looked at.",
    "url.too_slow": "The file did not arrive in time, so it was not looked at.",
    "url.web_page": "The URL leads to a web page, not to a file.",
    # faces
    "face.blurred": "[{person:term}: ][{ranges} s: ]The face is blurred, so the mouth has too little detail.",
    "face.bowed": "[{person:term}: ][{ranges} s: ]The head is bent up or down by about {degrees}°.",
    "face.coarse": "[{person:term}: ]The face has only {pixels} pixels from forehead to chin in the file. Enlarging "
    "it brings no detail.",
    "face.cut": "[{person:term}: ][{ranges} s: ]The border of the picture cuts the face.",
    "face.dark": "[{person:term}: ][{ranges} s: ]The face is so dark or so bright that it can hardly be seen.",
    "face.gone": "No face is visible for {seconds} s of {length} s: {ranges} s.",
    "face.more_than_two": "There are {found} faces, but {wanted} people are to speak. It is not known which will.",
    "face.mouth_hidden": "[{person:term}: ][{ranges} s: ]The mouth seems to be hidden, for example by a hand, a mask "
    "or a microphone.",
    "face.none": "No face was found. Our eye knows people's faces that can be seen from the front: a drawing or an "
    "animal may still work.",
    "face.one_of_two": "{wanted} people are to speak, but {found} face was found.",
    "face.others": "There are {others} smaller faces too.",
    "face.outside_mask": "The mask leaves the mouth out.",
    "face.rolled": "[{person:term}: ][{ranges} s: ]The head is tilted by {degrees}°; 180° is upside down.",
    "face.several": "There are {found} faces, and one is to speak. It is not documented which: our guess is the "
    "largest, at {across} % of the width from the left.",
    "face.small": "[{person:term}: ][{ranges} s: ]The face will have only {pixels} pixels from forehead to chin in a "
    "video of {video} ({percent} % of the short side), too few to see the lips well.[ {enough} would be enough.]",
    "face.tiny": "[{person:term}: ]The face will have only {pixels} pixels from forehead to chin in a video of {video} "
    "({percent} % of the short side). Nothing can be seen to move.",
    "face.turned": "[{person:term}: ][{ranges} s: ]The head is turned to the side by more than {degrees}°.",
    "film.cuts": "The film has {cuts} cuts: at {times} s. After a cut another face may be taken for the speaker.",
    "film.others": "Other people are visible for {percent} % of the film. It is not documented who will speak: our "
    "guess is the largest face.",
    # sound
    "sound.channels_cancel": "The two channels cancel each other: mixed to mono, the speech is {lost} dB quieter. A "
    "model that hears mono hears almost nothing.",
    "sound.clipped": "The sound is clipped: {percent} % of its louder samples are cut off, which distorts the speech.",
    "sound.little_speech": "There is speech in {speech:g} s of {seconds:g} s. The whole length is billed.",
    "sound.long_end": "There is no speech in the last {pause:g} s, which are billed too.",
    "sound.long_start": "There is no speech in the first {pause:g} s, which are billed too.",
    "sound.low_rate": "The sample rate is {rate} Hz, as on the telephone. The speech is dull, and lip sync may be less "
    "exact.",
    "sound.no_speech": "No speech was heard, only other sound such as music or noise. The mouth would not move.",
    "sound.no_track": "The file has no sound track.",
    "sound.one_channel": "The speech is in the {side:term} channel only. A mono mix of it is quieter.",
    "sound.same_twice": "Both people have the same sound, so both would say the same.",
    "sound.silent": "The sound is silent from start to end.",
    "sound.too_quiet": "The sound is very quiet: {level} dB of full scale, where speech has at least {least} dB.",
    # verifications
    "sandbox.no_speech": "No speech was heard in the sound, so the mouth stays closed.",
    "verify.comparison": "This compares the movement of the mouth with the speech. It is no score of quality.",
    "verify.early": "The mouth moves with the sound, but the picture is {milliseconds} ms early.",
    "verify.face_too_small": "Cannot tell: the face is {pixels} pixels high; at least {least} are needed.",
    "verify.in_sync": "In sync: the mouth moves with the sound (correlation {correlation:.2f}, offset {offset_ms} ms).",
    "verify.late": "The mouth moves with the sound, but the picture is {milliseconds} ms late.",
    "verify.left_missing": "There is a right audio, but no audio for the left person.",
    "verify.no_face": "Cannot tell: no face was found in the video.",
    "verify.no_library": "Verifying a video needs an extra.",
    "verify.no_sound": "Cannot tell: the video has no sound, and no audio was given.",
    "verify.no_speech": "Cannot tell: no speech was heard in the sound.",
    "verify.not_moving": "The mouth does not move, although there is speech.",
    "verify.other_sound": "Not in sync: the mouth moves, but not with this sound (correlation {correlation:.2f}).",
    "verify.source": "The same sound and the source video: correlation {correlation:.2f}.",
    "verify.swapped": "Not in sync: the mouth moves with the other person's speech.",
    "verify.too_short": "Cannot tell: a face is visible for only {seconds:.1f} s of speech.",
    "verify.two_people": "On the left: {left} On the right: {right}",
    "verify.unclear": "Cannot tell: the mouth moves with the sound so little that it can be by chance "
    "(correlation {correlation:.2f}).",
    # tags and reports
    "comfyui.not_a_tag": "`{field}` must be names with values such as `client=acme, project=x`, got {value!r}.",
    "many.tags": "`tags` must be one object for all forms, or a list with one for each form.",
    "report.no_such_group": "A report cannot be grouped by `{by}`.",
    "tags.no_object": "Tags must be an object of names and values, got {value}.",
    "tags.too_many": "A submission can have up to {most} tags, got {found}.",
    "tags.wrong_name": "The name of a tag must be one line of 1 to {most} characters without `=`, got {name}.",
    "tags.wrong_value": "The value of tag `{name}` must be one line of 1 to {most} characters, got {value}.",
}

REMEDIES: Final[dict[str, str | dict[str, str]]] = {
    # files, lengths, addresses, money
    "check_without_limit": "Run the check by itself first. It has no time limit then.",
    "fetch_urls": {
        "cli": "Add `--fetch` to fetch them for the check.",
        "python": "Pass fetch=True to fetch them for the check.",
        "comfyui": "Turn `fetch` on to fetch them for the check.",
        "airflow": "Set `fetch` to fetch them for the check.",
        "mcp": "Only local files are looked at: give a path in place of the URL.",
    },
    "give_lengths": {
        "cli": "Give it, for example with `--audio-seconds`.",
        "python": 'Give it in lengths={{"audio": 12.5}}.',
        "comfyui": "Connect the medium itself, whose length can be seen.",
        "airflow": "Give it in `media_seconds`.",
        "mcp": "Give the length in seconds, for example as `audio_seconds`.",
    },
    "give_whole_file": "Copy or download the file again.",
    "link_to_file": "Give the link to the file itself. The links of many sharing services lead to a page.",
    "mark_face": "Paint the face white in the mask, or leave the mask out.",
    "mask_of_same_size": "Save the mask in the size of the picture.",
    "publish_input": "Use a public URL, or give a local file, which is published for you.",
    "refused_check": {
        "cli": "Nothing was sent. Correct the input, or override the check with `--check off`.",
        "python": 'Nothing was sent. Correct the input, or override the check with check="off".',
        "comfyui": "Nothing was sent. Correct the input, or set `check` to off.",
        "airflow": "Nothing was sent. Correct the input, or set `check` to off.",
        "mcp": "Nothing was sent. Correct the input; lipsync_check shows whether it is right.",
    },
    "sign_again": "Sign the URL again.",
    "sign_for_longer": "Sign the URL for longer.",
    "state_content_type": "Set the content type of the file in your storage.",
    "use_paid_job": {
        "cli": "Get its video with `lipsync-nodes download {paid_job}`.",
        "python": "Get its video with the job id.",
        "comfyui": "Get its video with the job id, in the Wait node.",
        "mcp": "Get its video with lipsync_download and job_id {paid_job!r}.",
    },
    # faces
    "face_camera": "Use a picture in which the head faces the camera.",
    "larger_face": "Crop the picture closer to the face.",
    "larger_picture": "Use a picture with more pixels.",
    "lit_face": "Use a picture with more even light.",
    "one_face": "Crop the picture to the one who speaks, or mark the face in `mask_image`.",
    "sharper_face": "Use a sharper picture.",
    "show_mouth": "Use a picture in which the whole mouth can be seen.",
    "speaking_part": "Cut the film to the part in which the face is visible.",
    "two_faces": "Use a picture of the two people who speak, and of nobody else.",
    "upright_face": "Turn the picture upright.",
    "visible_face": "Use a picture in which a face can be seen from the front.",
    "whole_face": "Use a picture that shows the whole face.",
    # sound
    "give_both_sides": "Give each person their own speech.",
    "give_speech": "Give a file with speech.",
    "make_louder": "Make the sound louder, or export it again.",
    "mix_to_mono": "Give one of the channels as mono, or turn the polarity of one channel around.",
    "record_lower": "Export or record the sound again at a lower level.",
    "trim_sound": "Cut it off to pay for less.",
    # tags and reports
    "known_groups": "Use one of these: {known}.",
}
