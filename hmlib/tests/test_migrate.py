"""Migrations: each once, in order, whole or not at all, by one process at a time, never on a newer schema."""

import asyncio

import pytest

from hmlib.db.engine import Conflict
from hmlib.db.migrate import NewerSchema, migrate, newer, pending, refresh_statistics
from hmlib.tests.engines import connect

pytestmark = pytest.mark.gen_test

TABLE = "CREATE TABLE note (id TEXT PRIMARY KEY, text TEXT NOT NULL);"
GUARD = {
    "sqlite": """
        CREATE TRIGGER note_stays BEFORE DELETE ON note
        BEGIN
            UPDATE note SET text = 'touched; twice'; -- a comment; with a semicolon
            SELECT RAISE(ABORT, 'notes stay');
        END;
        """,
    "postgresql": """
        CREATE FUNCTION note_stays() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION 'notes stay' USING ERRCODE = 'integrity_constraint_violation';
        END; $$;
        CREATE TRIGGER note_stays BEFORE DELETE ON note FOR EACH ROW EXECUTE FUNCTION note_stays();
        """,
}


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "migrations"
    path.mkdir()
    (path / "0001_notes.sql").write_text(TABLE + "\n-- done; or so")
    for dialect, text in GUARD.items():
        (path / f"0002_guard.{dialect}.sql").write_text(text)
    (path / "0003_first_note.sql").write_text(
        "INSERT INTO note (id, text) VALUES ('1', 'a '':colon'' and ;');\nINSERT INTO note VALUES ('2', '%')"
    )
    return [("wiki", path)]


ALL = ["wiki/0001_notes", "wiki/0002_guard", "wiki/0003_first_note"]


async def test_all_are_applied_once_and_in_order(empty, folder):
    assert await pending(empty, folder) == ALL
    assert await migrate(empty, folder) == ALL
    assert (await pending(empty, folder), await migrate(empty, folder)) == ([], [])
    assert await empty.all("SELECT text FROM note ORDER BY id") == [{"text": "a ':colon' and ;"}, {"text": "%"}]


async def test_triggers_arrive_whole(empty, folder):
    await migrate(empty, folder)
    with pytest.raises(Conflict) as refused:
        await empty.run("DELETE FROM note")
    assert (refused.value.kind, refused.value.constraint) == ("other", "notes stay")


async def test_a_later_file_is_applied_later(empty, folder):
    await migrate(empty, folder)
    (folder[0][1] / "0004_more.sql").write_text("ALTER TABLE note ADD COLUMN colour TEXT")
    assert await migrate(empty, folder) == ["wiki/0004_more"]


async def test_a_file_that_fails_leaves_nothing_of_itself(empty, folder):
    file = folder[0][1] / "0004_wrong.sql"
    file.write_text("CREATE TABLE half (id TEXT);\nCREATE TABLE note (id TEXT);\n")
    with pytest.raises(Exception, match="already exists"):
        await migrate(empty, folder)
    assert await pending(empty, folder) == ["wiki/0004_wrong"]
    file.write_text("CREATE TABLE half (id TEXT);")
    assert await migrate(empty, folder) == ["wiki/0004_wrong"]


async def test_a_newer_schema_is_refused_untouched(empty, folder):
    await migrate(empty, folder)
    (folder[0][1] / "0003_first_note.sql").rename(folder[0][1] / "0003_but_another.sql")
    for asked in (migrate, pending):
        with pytest.raises(NewerSchema, match="wiki/0003_first_note"):
            await asked(empty, folder)
    assert await empty.value("SELECT COUNT(*) FROM migration") == 3


async def after_a_newer_version(db, folder, *names):
    """Apply more migrations, and take their files away again."""
    files = [folder[0][1] / f"{name}.sql" for name in names]
    for number, file in enumerate(files):
        file.write_text(f"ALTER TABLE note ADD COLUMN later_{number} TEXT")
    await migrate(db, folder)
    for file in files:
        file.unlink()


async def test_an_older_program_goes_on_with_a_schema_that_was_expanded(empty, folder):
    await after_a_newer_version(empty, folder, "0004_more", "0005_yet_more")
    assert (await pending(empty, folder), await migrate(empty, folder)) == ([], [])
    assert await newer(empty, folder) == ["wiki/0004_more", "wiki/0005_yet_more"]


async def test_an_older_program_refuses_what_says_that_it_breaks(empty, folder):
    await after_a_newer_version(empty, folder, "0004_drop_text_breaks", "0005_more")
    for asked in (migrate, pending):
        with pytest.raises(NewerSchema, match=r"wiki/0004_drop_text_breaks\): start the newer version"):
            await asked(empty, folder)


async def test_a_newer_schema_of_another_line_is_refused(empty, folder):
    await after_a_newer_version(empty, folder, "0005_theirs")
    (folder[0][1] / "0004_ours.sql").write_text("ALTER TABLE note ADD COLUMN ours TEXT")
    with pytest.raises(NewerSchema, match="lacks wiki/0004_ours"):
        await migrate(empty, folder)


async def test_another_services_database_is_refused(empty, folder):
    await migrate(empty, folder)
    with pytest.raises(NewerSchema):
        await migrate(empty, [("treasury", folder[0][1])])


@pytest.mark.gen_test(timeout=20)
async def test_processes_that_migrate_at_once_apply_each_file_once(db_url, folder):
    databases = [await connect(db_url) for _ in range(4)]
    applied = await asyncio.gather(*(migrate(database, folder) for database in databases))
    assert sorted(name for names in applied for name in names) == ALL
    for database in databases:
        await database.close()


@pytest.mark.parametrize("name", ["0003_again.sql", "4_short.sql", "0004-dash.sql", "0004_x.mysql.sql"])
async def test_a_folder_that_is_no_clean_sequence_is_a_mistake(empty, folder, name):
    (folder[0][1] / name).write_text(TABLE)
    with pytest.raises(ValueError, match=name[:4]):
        await migrate(empty, folder)


async def test_a_file_for_the_other_dialect_only_is_a_mistake(empty, folder):
    other = "postgresql" if empty.dialect == "sqlite" else "sqlite"
    (folder[0][1] / f"0004_there.{other}.sql").write_text(TABLE)
    with pytest.raises(ValueError, match="0004_there"):
        await pending(empty, folder)


async def test_statistics_are_made_anew(empty, folder):
    await migrate(empty, folder)
    await empty.many("INSERT INTO note (id, text) VALUES (:id, 'x')", [{"id": f"n{number}"} for number in range(1000)])
    await refresh_statistics(empty)
    if empty.dialect == "sqlite":
        assert await empty.value("SELECT stat FROM sqlite_stat1 WHERE tbl = 'note'")
    else:
        assert await empty.value("SELECT reltuples FROM pg_class WHERE relname = 'note'") == 1002
