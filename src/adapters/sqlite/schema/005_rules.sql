-- The timeline of rules, the same in every shard: which version is in force from when on, which
-- events are stopped, and the files of each version. Written as a whole; rules_seq counts that.
-- A later place counts before an earlier one from its from_us on.

ALTER TABLE meta ADD COLUMN rules_seq INTEGER NOT NULL DEFAULT 0;

CREATE TABLE rules_timeline (
  place     INTEGER PRIMARY KEY,  -- from 1
  version   TEXT NOT NULL,
  revision  INTEGER NOT NULL,     -- 0: none
  from_us   INTEGER NOT NULL,
  made_by   TEXT NOT NULL,
  note      TEXT NOT NULL
) STRICT;

CREATE TABLE rules_stopped (
  event     TEXT PRIMARY KEY,
  since_us  INTEGER NOT NULL,
  made_by   TEXT NOT NULL,
  note      TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE rules_files (
  version  TEXT NOT NULL,
  name     TEXT NOT NULL,
  content  TEXT NOT NULL,
  PRIMARY KEY (version, name)
) STRICT, WITHOUT ROWID;
