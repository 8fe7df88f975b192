-- Which stream keeps the grants that were told, and up to which of its messages; NULL: not known.

ALTER TABLE meta ADD COLUMN kept_stream INTEGER;
ALTER TABLE meta ADD COLUMN kept_last INTEGER;
