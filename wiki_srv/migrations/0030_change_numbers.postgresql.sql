-- Which rows of Wiki are followed, and by which kind.
CREATE TRIGGER article_touches AFTER INSERT OR UPDATE OR DELETE ON article FOR EACH ROW EXECUTE FUNCTION touch_by_id('article');
CREATE TRIGGER space_touches AFTER INSERT OR UPDATE OR DELETE ON space FOR EACH ROW EXECUTE FUNCTION touch_by_id('space');
CREATE TRIGGER folder_touches AFTER INSERT OR UPDATE OR DELETE ON folder FOR EACH ROW EXECUTE FUNCTION touch_by_id('folder');
