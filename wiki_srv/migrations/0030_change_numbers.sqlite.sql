-- Which rows of Wiki are followed, and by which kind.
CREATE TRIGGER article_insert_touches AFTER INSERT ON article
BEGIN
    INSERT INTO touched_row (kind, id) SELECT 'article', NEW.id;
END;
CREATE TRIGGER article_update_touches AFTER UPDATE ON article
BEGIN
    INSERT INTO touched_row (kind, id) SELECT 'article', NEW.id;
END;
CREATE TRIGGER article_delete_touches AFTER DELETE ON article
BEGIN
    INSERT INTO touched_row (kind, id) SELECT 'article', OLD.id;
END;

CREATE TRIGGER space_insert_touches AFTER INSERT ON space
BEGIN
    INSERT INTO touched_row (kind, id) SELECT 'space', NEW.id;
END;
CREATE TRIGGER space_update_touches AFTER UPDATE ON space
BEGIN
    INSERT INTO touched_row (kind, id) SELECT 'space', NEW.id;
END;
CREATE TRIGGER space_delete_touches AFTER DELETE ON space
BEGIN
    INSERT INTO touched_row (kind, id) SELECT 'space', OLD.id;
END;

CREATE TRIGGER folder_insert_touches AFTER INSERT ON folder
BEGIN
    INSERT INTO touched_row (kind, id) SELECT 'folder', NEW.id;
END;
CREATE TRIGGER folder_update_touches AFTER UPDATE ON folder
BEGIN
    INSERT INTO touched_row (kind, id) SELECT 'folder', NEW.id;
END;
CREATE TRIGGER folder_delete_touches AFTER DELETE ON folder
BEGIN
    INSERT INTO touched_row (kind, id) SELECT 'folder', OLD.id;
END;
