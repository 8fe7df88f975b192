-- Which stream keeps the grants that were told, and up to which of its messages; 0: not known.

ALTER TABLE feed ADD COLUMN kept_stream bigint NOT NULL DEFAULT 0;
ALTER TABLE feed ADD COLUMN kept_last   bigint NOT NULL DEFAULT 0;
