"""One text of SQL becomes what each engine takes."""

import pytest

from hmlib.db.sql import statement


@pytest.mark.parametrize(
    ("sql", "sqlite", "postgresql"),
    [
        ("SELECT :a, :b, :a", "SELECT ?1, ?2, ?1", "SELECT $1, $2, $1"),
        ("x IN :ids", "x IN (SELECT value FROM json_each(?1))", "x = ANY($1)"),
        ("x NOT  IN\n:ids AND y = :y", "x NOT IN (SELECT value FROM json_each(?1)) AND y = ?2", "x <> ALL($1) AND y = $2"),
        ("x in (:a, :b)", "x in (?1, ?2)", "x in ($1, $2)"),
        ("':a' || ':b''c' || :d", "':a' || ':b''c' || ?1", "':a' || ':b''c' || $1"),
        ('"a:b" = :c', '"a:b" = ?1', '"a:b" = $1'),
        ("1 -- not :this\n+ :that", "1 -- not :this\n+ ?1", "1 -- not :this\n+ $1"),
        ("1 /* not :this\n' */ + :that", "1 /* not :this\n' */ + ?1", "1 /* not :this\n' */ + $1"),
        ("a::text = :b", "a::text = ?1", "a::text = $1"),
        ("join in_1 on a=:b", "join in_1 on a=?1", "join in_1 on a=$1"),
        ("LIKE :like ESCAPE '\\'", "LIKE ?1 ESCAPE '\\'", "LIKE $1 ESCAPE '\\'"),
    ],
)
def test_parameters_are_numbered(sql, sqlite, postgresql):
    assert statement(sql, "sqlite").text == sqlite
    assert statement(sql, "postgresql").text == postgresql


@pytest.mark.parametrize(
    ("sql", "reads"),
    [
        ("SELECT 1", True),
        (" -- first\n /* then */ (select 1) UNION SELECT 2", True),
        ("VALUES (1)", True),
        ("WITH x AS (SELECT 'delete') SELECT * FROM x -- update", True),
        ("WITH x AS (SELECT updated_at FROM y) SELECT * FROM x", True),
        ("WITH x AS (SELECT 1) INSERT INTO y SELECT * FROM x", False),
        ("UPDATE x SET a = 1 RETURNING a", False),
        ("SELECTED", False),
        ("", False),
    ],
)
def test_what_only_reads_is_told_apart(sql, reads):
    assert statement(sql, "sqlite").reads is reads


def test_a_missing_value_is_named_and_one_too_many_is_not_minded():
    with pytest.raises(ValueError, match=":b"):
        statement("SELECT :a, :b", "sqlite").bind({"a": 1})
    assert statement("SELECT :a", "sqlite").bind({"a": 1, "b": 2}) == [1]


def test_a_list_goes_as_one_value_of_the_engine():
    assert statement("x IN :ids", "sqlite").bind({"ids": {"a"}}) == ['["a"]']
    assert statement("x IN :ids", "postgresql").bind({"ids": ("a", "b")}) == [["a", "b"]]
