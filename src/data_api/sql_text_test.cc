#include "data_api/sql_text.h"

#include <gtest/gtest.h>

namespace hunt::data_api {
namespace {

struct Case {
  std::string_view sql;
  std::string_view text;
  std::vector<std::string> names;
};

TEST(SqlText, knows_parameters_from_other_colons) {
  const std::vector<Case> cases{
      {"select :a", "select $1", {"a"}},
      {"select :a, :b, :a", "select $1, $2, $1", {"a", "b"}},
      {"select :a::int", "select $1::int", {"a"}},
      {"select x::int, ':a', \":a\"", "select x::int, ':a', \":a\"", {}},
      {"select 'it''s :a', :b", "select 'it''s :a', $1", {"b"}},
      {"select \"a\"\":b\", :c", "select \"a\"\":b\", $1", {"c"}},
      {"select E'\\':a', :b", "select E'\\':a', $1", {"b"}},
      {"select e'a'\n 'b\\':c', :d", "select e'a'\n 'b\\':c', $1", {"d"}},
      {"select type'\\', :a", "select type'\\', $1", {"a"}},
      {"select $$ :a $$, $x$ :b $$ $x$, :c", "select $$ :a $$, $x$ :b $$ $x$, $1", {"c"}},
      {"select a$b$ , :c, d$b$", "select a$b$ , $1, d$b$", {"c"}},
      {"select 1 -- :a\n, :b", "select 1 -- :a\n, $1", {"b"}},
      {"select /* :a /* ' */ :b */ :c", "select /* :a /* ' */ :b */ $1", {"c"}},
      {"select a[1:2], a[i:j], a[:lo], a[f(x):y]",
       "select a[1:2], a[i:j], a[$1], a[f(x):y]",
       {"lo"}},
      {"select array[:a, :b]", "select array[$1, $2]", {"a", "b"}},
      {"select f(x := 1, y := :a)", "select f(x := 1, y := $1)", {"a"}},
      {"select :a1_2:b", "select $1$2", {"a1_2", "b"}},
      {"insert into t values (:a);  -- done", "insert into t values ($1)  -- done", {"a"}},
      {"select U&'\\00e4:a', B'01', :b", "select U&'\\00e4:a', B'01', $1", {"b"}},
      {"select 1 -- a\r, :b", "select 1 -- a\r, $1", {"b"}},
      {"select'x', :b", "select'x', $1", {"b"}},
      {"select 12:34", "select 12:34", {}},
      {"select '{:a}'::int[] || :b", "select '{:a}'::int[] || $1", {"b"}},
      {"select x from t where d > :\xc3\xa4", "select x from t where d > $1", {"\xc3\xa4"}},
      {"select 1;;", "select 1", {}},
      {"create function f() returns int begin atomic select 1; select 2; end",
       "create function f() returns int begin atomic select 1; select 2; end",
       {}},
  };
  for (const auto& one : cases) {
    const auto read = read_sql(one.sql);
    ASSERT_TRUE(read.has_value()) << one.sql << ": " << read.error().message;
    EXPECT_EQ(read->text, one.text);
    EXPECT_EQ(read->names, one.names) << one.sql;
  }
}

TEST(SqlText, refuses_what_is_not_one_statement) {
  EXPECT_EQ(read_sql("select 1; select 2").error().message, "Multistatements aren't supported");
  EXPECT_EQ(read_sql("select 1; select 2").error().failure, Failure::validation);
  for (const std::string_view sql : {"", "  ", ";", "-- a", "select 'a", "select \"a", "select $$a",
                                     "select /* a", "select $1", "select e'a\\"}) {
    const auto read = read_sql(sql);
    ASSERT_FALSE(read.has_value()) << sql;
    EXPECT_EQ(read.error().failure, Failure::bad_request);
  }
  EXPECT_FALSE(read_sql(std::string_view("select 1\0", 9)).has_value());
}

TEST(SqlText, knows_what_begins_and_ends_transactions) {
  for (const std::string_view sql :
       {"BEGIN", " start transaction", "commit", "rollback", "END", "abort", "/* a */ Commit",
        "prepare transaction 'x'", "prepare transaction'x'"}) {
    EXPECT_TRUE(read_sql(sql)->controls_transaction) << sql;
  }
  for (const std::string_view sql : {"select 1", "savepoint a", "rollback to savepoint a",
                                     "rollback to a", "release a", "prepare p as select 1"}) {
    EXPECT_FALSE(read_sql(sql)->controls_transaction) << sql;
  }
}

TEST(SqlText, knows_what_may_leave_something_in_a_session) {
  for (const std::string_view sql :
       {"set a = 1", "listen x", "select set_config('a', 'b', false)",
        "select set_config('a', 'b', :c)", "select own.set_config('a', 'b', true)",
        "create temp table t (a int)", "select pg_advisory_lock(1)", "select 1 into temp t",
        "prepare p as select 1", "do 'x'", "update pg_settings set setting = 'x'",
        "select \"set_config\"('a', 'b', false)",
        "select a, b, c, d, e, f, g, h, i into temporary t from x", "select 1 into pg_temp.t",
        "with a as (select 1) select * into t from a", "explain analyze select 1",
        // Names in other words.
        "select U&\"\\0073et_config\"('a', 'b', false)", "select u&\"!0073et_config\" uescape '!'",
        "select pg_catalog.set_config ('a', 'b', false)",
        "select set_config -- (\n('a', 'b', false)",
        "select \"pg_catalog\" . \"set_config\"/**/('a', 'b', false)",
        // Functions that run what they are told, or that nobody here knows.
        "select query_to_xml('select set_config(''a'', ''b'', false)', false, false, '')",
        "select * from dblink('x', 'y') as t (a int)", "select ts_stat('select 1')",
        "select own(1)", "values (own(1))", "select 1 as a, own(1)",
        "insert into t (a) select own(1)", "select \"COUNT\"(1)", "select own.count(1)",
        "select \"as\" own(1)"}) {
    const auto read = read_sql(sql);
    EXPECT_TRUE(read->marks_session || !read->calls.empty()) << sql;
  }
  for (const std::string_view sql :
       {"select 1", "INSERT INTO t VALUES (1)", "with a as (select 1) select * from a",
        "insert into s.t (a, b) values (:a, :b) on conflict (a) do update set (a, b) = (1, 2)",
        "insert into \"s\".\"t\" (\"a\") values (now())", "select COUNT (*), pg_catalog.lower('a')",
        "with x (a) as (values (1)) select cast(a as numeric(10, 2)), a::varchar(3) from x",
        "select * from unnest(:a::int[]) as u(id) where id in (1, 2) and not (id = any(array[1]))",
        "select set_config ('a', 'b', true)",
        "select pg_advisory_xact_lock(1), U&'\\0073et_config', 'set_config(1)' -- own(1)",
        "select a.b, (1), row_number() over (partition by a order by b) from a join c using (d)"}) {
    EXPECT_FALSE(read_sql(sql)->marks_session) << sql;
    EXPECT_TRUE(read_sql(sql)->calls.empty()) << sql;
  }
}

TEST(SqlText, names_the_functions_that_it_knows_nothing_of) {
  const auto read = read_sql("select Own(1), \"Own\"(2), count(3) from their(4) as t(a)");
  EXPECT_EQ(read->calls, (std::vector<std::string>{"own", "Own", "their"}));
  EXPECT_FALSE(read->marks_session);
  // By the name of a schema they may be anybody's.
  EXPECT_TRUE(read_sql("select s.own(1)")->marks_session);
  EXPECT_TRUE(read_sql("select s.own(1)")->calls.empty());
  EXPECT_EQ(read_sql("select set_config('a', 'b', false)")->calls,
            std::vector<std::string>{"set_config"});
}

}  // namespace
}  // namespace hunt::data_api
