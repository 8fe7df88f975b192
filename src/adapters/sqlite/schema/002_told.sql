-- How far the change feed was told; NULL: nobody ever followed it.

ALTER TABLE meta ADD COLUMN told_change INTEGER;
ALTER TABLE meta ADD COLUMN told_grant INTEGER;
