"""The records of submissions, so that no job is paid for twice and no paid job is lost."""

from lipsync_nodes.ledger._entry import ENDS, Entry
from lipsync_nodes.ledger._file import Ledger, callback_secret, ledger_file
from lipsync_nodes.ledger._inputs import normal_inputs
from lipsync_nodes.ledger._journal import Journal
from lipsync_nodes.ledger._keys import ContentKey
from lipsync_nodes.ledger._names import cut, job_name, plain_name, why_not
from lipsync_nodes.ledger._paced import PacedJournal
from lipsync_nodes.ledger._record import RecordJournal
from lipsync_nodes.ledger._records import RecordsJournal
from lipsync_nodes.ledger._report import GROUPINGS, Report, Sums, Unusable, report_of
from lipsync_nodes.ledger._targets import check_target, file_identity, names_folder
from lipsync_nodes.ledger._tokens import callback_of, new_callback, token_of

__all__ = [
    "ENDS", "GROUPINGS", "ContentKey", "Entry", "Journal", "Ledger", "PacedJournal", "RecordJournal", "RecordsJournal",
    "Report", "Sums", "Unusable", "callback_of", "callback_secret", "check_target", "cut", "file_identity", "job_name",
    "ledger_file", "names_folder", "new_callback", "normal_inputs", "plain_name", "report_of", "token_of", "why_not",
]  # fmt: skip
