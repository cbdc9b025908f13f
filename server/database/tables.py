"""The tables. Times are Unix seconds; a day is a date as YYYY-MM-DD in quota.timezone.

A change here needs a migration in migrations/versions/; a test compares the two.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)

METADATA = MetaData()

# A key is a user. Empty limits: the default of the settings.
KEY = Table(
    "key",
    METADATA,
    Column("id", String(8), primary_key=True),
    Column("label", Text, nullable=False),
    Column("scopes", Text, nullable=False),  # separated by spaces
    Column("weight", Double, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("rate_per_minute", Integer),
    Column("concurrency", Integer),
    Column("max_body_mb", Double),
    Column("daily_quota", Integer),
    Column("created_at", Double, nullable=False),
    Column("expires_at", Double),
    Column("revoked_at", Double),
)

# The secrets of a key, two during a rotation; only their SHA-256 is stored.
KEY_SECRET = Table(
    "key_secret",
    METADATA,
    Column("hash", String(64), primary_key=True),
    Column("key_id", ForeignKey("key.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("created_at", Double, nullable=False),
    Column("expires_at", Double),
)

# Numbers that only grow: `keys` is increased by each change of a key.
EPOCH = Table(
    "epoch",
    METADATA,
    Column("name", String(32), primary_key=True),
    Column("value", BigInteger, nullable=False),
)

# The ids of erased users, for a day, so that all processes drop what they keep of them in memory.
ERASED = Table(
    "erased",
    METADATA,
    Column("user", String(32), primary_key=True),
    Column("epoch", BigInteger, nullable=False),
    Column("at", Double, nullable=False),
)

# What is used of a daily quota, including what processes have leased and not given back.
QUOTA_DAY = Table(
    "quota_day",
    METADATA,
    Column("user", String(32), primary_key=True),
    Column("day", String(10), primary_key=True),
    Column("used", Integer, nullable=False),
)

# owner: the process. recalled: 1 if another process needs the unspent part.
QUOTA_LEASE = Table(
    "quota_lease",
    METADATA,
    Column("id", String(16), primary_key=True),
    Column("user", String(32), nullable=False),
    Column("day", String(10), nullable=False),
    Column("granted", Integer, nullable=False),
    Column("owner", String(16), nullable=False),
    Column("recalled", Integer, nullable=False),
    Index("ix_quota_lease_user_day", "user", "day"),
    Index("ix_quota_lease_owner", "owner"),
)

# One row for each counted request; the id makes a second insert harmless.
USAGE_EVENT = Table(
    "usage_event",
    METADATA,
    Column("id", String(64), primary_key=True),
    Column("user", String(32), nullable=False),
    Column("at", Double, nullable=False),
    Column("day", String(10), nullable=False, index=True),
    Column("images", Integer, nullable=False),
    Column("pages", Integer, nullable=False),
    Column("cached", Integer, nullable=False),
    Column("seconds", Double, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("code", String(40), nullable=False),  # of the error; empty if it succeeded
)

USAGE_DAY = Table(
    "usage_day",
    METADATA,
    Column("user", String(32), primary_key=True),
    Column("day", String(10), primary_key=True),
    Column("images", BigInteger, nullable=False),
    Column("pages", BigInteger, nullable=False),
    Column("cached", BigInteger, nullable=False),
    Column("seconds", Double, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("errors", BigInteger, nullable=False),
)

# Inputs and results, if the blob store is the database.
BLOB = Table(
    "blob",
    METADATA,
    Column("id", String(64), primary_key=True),
    Column("data", LargeBinary, nullable=False),
    Column("created_at", Double, nullable=False, index=True),
)

# States: queued, running, then done, failed or cancelled for good. Each change increases version.
# Until lease_until, the process lease_owner works on it; the input is there until the job is
# finished, and as long as its result if its format needs it (server/formats/registry.py). After
# expires_at only the id is known: request is then empty.
JOB = Table(
    "job",
    METADATA,
    Column("id", String(32), primary_key=True),
    Column("user", String(32), nullable=False),
    Column("batch_id", String(32), index=True),
    Column("number", Integer, nullable=False),  # in its batch, from 0
    Column("state", String(10), nullable=False),
    Column("version", Integer, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("weight", Double, nullable=False),  # of the user, when the job was accepted
    Column("attempts", Integer, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("started_at", Double),
    Column("finished_at", Double),
    Column("deadline_at", Double),
    Column("expires_at", Double),  # set when it finishes
    Column("lease_owner", String(32)),
    Column("lease_until", Double),
    Column("request", Text, nullable=False),  # JSON: options, read_cache, rendering
    Column("format", String(16), nullable=False),
    Column("input_blob", String(64), nullable=False),
    Column("input_bytes", BigInteger, nullable=False),
    Column("md5", String(32), nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("outcome", String(10)),  # miss, hit or joined
    Column("result_blob", String(64)),
    Column("error_code", String(40)),
    Column("error_message", Text),
    Column("pages_total", Integer, nullable=False),
    Column("pages_done", Integer, nullable=False),
    Column("pages_failed", Integer, nullable=False),
    Column("webhook_url", Text),
    Index("ix_job_user_created_at", "user", "created_at", "id"),
    Index("ix_job_user_state", "user", "state", "priority", "created_at"),
    Index("ix_job_state_lease_owner", "state", "lease_owner", "user"),
    Index("ix_job_state_lease_until", "state", "lease_until"),
    Index("ix_job_deadline_at", "deadline_at"),
    Index("ix_job_expires_at", "expires_at"),
    Index("ix_job_input_blob", "input_blob"),
    Index("ix_job_result_blob", "result_blob"),
)

# The finished pages of a document.
JOB_PAGE = Table(
    "job_page",
    METADATA,
    Column("job_id", ForeignKey("job.id", ondelete="CASCADE"), primary_key=True),
    Column("page", Integer, primary_key=True),
    Column("result_blob", String(64)),
    Column("error_code", String(40)),
    Column("error_message", Text),
)

BATCH = Table(
    "batch",
    METADATA,
    Column("id", String(32), primary_key=True),
    Column("user", String(32), nullable=False),
    Column("files", Integer, nullable=False),
    Column("unfinished", Integer, nullable=False),  # of its jobs
    Column("created_at", Double, nullable=False),
    Column("finished_at", Double),
    Column("expires_at", Double, index=True),
    Column("webhook_url", Text),
    Index("ix_batch_user_created_at", "user", "created_at"),
)

# One webhook message; sent until the receiver has it. state: pending, delivered or dead.
# next_at: when it is due. Before a process sends a message, it sets next_at to a later time, so
# that no other process sends the same message.
DELIVERY = Table(
    "delivery",
    METADATA,
    Column("id", String(40), primary_key=True),  # the webhook-id
    Column("user", String(32), nullable=False),
    Column("job_id", String(32), index=True),
    Column("batch_id", String(32), index=True),
    Column("url", Text, nullable=False),
    Column("host", String(255), nullable=False),  # of the URL; few messages at a time to each
    Column("body", Text, nullable=False),
    Column("state", String(10), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_at", Double),
    Column("last_status", Integer),
    Column("last_error", Text),
    Column("created_at", Double, nullable=False),
    Column("finished_at", Double),
    Index("ix_delivery_state_next_at", "state", "next_at"),
    Index("ix_delivery_finished_at", "finished_at"),
)

# What signs webhooks if the settings name no secret. expires_at: set by a rotation.
WEBHOOK_SECRET = Table(
    "webhook_secret",
    METADATA,
    Column("name", String(32), primary_key=True),
    Column("secret", String(120), nullable=False),
    Column("created_at", Double, nullable=False),
    Column("expires_at", Double),
)

# An Idempotency-Key with what was answered: a job, a batch, or the reply to a request that waited.
# If there is none of them, the request `owner` is being answered, at the latest until lease_until.
IDEMPOTENCY = Table(
    "idempotency",
    METADATA,
    Column("user", String(32), primary_key=True),
    Column("key", String(255), primary_key=True),
    Column("fingerprint", String(64), nullable=False),
    Column("owner", String(32), nullable=False),
    Column("lease_until", Double, nullable=False),
    Column("job_id", String(32)),
    Column("batch_id", String(32)),
    Column("reply", LargeBinary),
    Column("created_at", Double, nullable=False, index=True),
)

# An object of a store or a folder, and how far it is read. id: of ledger, source and key, so that a
# key may be long. etag: the version to be read; empty: the one that is there. finished_etag: the
# version whose result was put. States: pending, then done, failed or gone; a new version is pending
# again. Each change but a lease increases version. Until lease_until, lease_owner works on it.
STORAGE_OBJECT = Table(
    "storage_object",
    METADATA,
    Column("id", String(64), primary_key=True),
    Column("ledger", String(32), nullable=False),
    Column("source", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("etag", String(255), nullable=False),
    Column("finished_etag", String(255)),
    Column("size", BigInteger),
    Column("sequencer", String(64)),
    Column("state", String(10), nullable=False),
    Column("version", Integer, nullable=False),
    Column("attempts", Integer, nullable=False),  # how often it was taken
    Column("failures", Integer, nullable=False),  # of readings, and of processes that had it
    Column("error_code", String(40)),
    Column("found_at", Double, nullable=False),
    Column("next_at", Double, nullable=False),  # it waits until then
    Column("finished_at", Double),
    Column("lease_owner", String(32)),
    Column("lease_until", Double),
    Index("ix_storage_object_ledger_state", "ledger", "state", "next_at"),
)

# Results of objects, for those who want them in the database. id: of source and key.
STORAGE_RESULT = Table(
    "storage_result",
    METADATA,
    Column("id", String(64), primary_key=True),
    Column("source", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("etag", String(255), nullable=False),
    Column("status", String(10), nullable=False),  # success or error
    Column("text", Text, nullable=False),
    Column("result", Text, nullable=False),  # JSON
    Column("made_at", Double, nullable=False, index=True),
)
