// Bodies in and out: request.h, field.h, reply.h, keys.h, base64.h.
#include <gtest/gtest.h>

#include "data_api/array_text.h"
#include "data_api/base64.h"
#include "data_api/field.h"
#include "data_api/keys.h"
#include "data_api/limits.h"
#include "data_api/reply.h"
#include "data_api/request.h"
#include "data_api/types.h"

namespace hunt::data_api {
namespace {

const std::string arns =
    R"("resourceArn":"arn:aws:rds:x:1:cluster:a","secretArn":"arn:aws:secretsmanager:x:1:s:a")";

Answer<Request> execute(const std::string& more) {
  return read_request(Operation::execute, "{" + arns + ",\"sql\":\"select 1\"" + more + "}");
}
Answer<Request> parameter(const std::string& inside) {
  return execute(",\"parameters\":[{\"name\":\"p\"," + inside + "}]");
}
template <class T>
T value_of(const std::string& field) {
  const auto request = parameter("\"value\":" + field);
  EXPECT_TRUE(request.has_value()) << field << (request ? "" : request.error().message);
  return request ? std::get<T>(request->sets[0][0].value) : T{};
}

TEST(Request, reads_every_member) {
  const auto request =
      execute(R"(,"database":"hunt","transactionId":"T","includeResultMetadata":true,)"
              R"("continueAfterTimeout":true,"formatRecordsAs":"JSON","resultSetOptions":)"
              R"({"decimalReturnType":"DOUBLE_OR_LONG","longReturnType":"STRING"})");
  ASSERT_TRUE(request.has_value()) << request.error().message;
  EXPECT_EQ(request->database, "hunt");
  EXPECT_EQ(request->transaction, "T");
  EXPECT_TRUE(request->continue_after_timeout && request->result.metadata);
  EXPECT_TRUE(request->result.as_json && request->result.decimal_numbers);
  EXPECT_TRUE(request->result.long_strings);
}

TEST(Request, reads_every_kind_of_value) {
  EXPECT_EQ(value_of<std::int64_t>(R"({"longValue":9007199254740993})"), 9007199254740993);
  EXPECT_EQ(value_of<double>(R"({"doubleValue":1.5})"), 1.5);
  EXPECT_EQ(value_of<double>(R"({"doubleValue":2})"), 2);
  EXPECT_TRUE(value_of<bool>(R"({"booleanValue":true})"));
  EXPECT_EQ(value_of<std::string>(R"({"stringValue":"a\u00e4"})"), "a\xc3\xa4");
  EXPECT_EQ(value_of<Blob>(R"({"blobValue":"AAEC"})").bytes, std::string("\0\1\2", 3));
  value_of<std::monostate>(R"({"isNull":true})");
  EXPECT_EQ(value_of<std::string>(R"({"stringValue":"a","longValue":null})"), "a");
}

TEST(Request, refuses_wrong_values_by_name) {
  const auto refused = [](const std::string& field, Failure failure, std::string_view words) {
    const auto request = parameter("\"value\":" + field);
    ASSERT_FALSE(request.has_value()) << field;
    EXPECT_EQ(request.error().failure, failure) << field;
    EXPECT_NE(request.error().message.find(words), std::string::npos) << request.error().message;
  };
  refused(R"({"longValue":1,"stringValue":"a"})", Failure::serialization, "two members");
  refused(R"({})", Failure::bad_request, "no field set");
  refused(R"({"longValue":1.5})", Failure::serialization, "whole number");
  refused(R"({"longValue":9223372036854775808})", Failure::serialization, "whole number");
  refused(R"({"longValue":"1"})", Failure::serialization, "whole number");
  refused(R"({"blobValue":"AAE"})", Failure::serialization, "base64");
  refused(R"({"blobValue":"AAF*"})", Failure::serialization, "base64");
  refused(R"({"arrayValue":{"longValues":[1]}})", Failure::bad_request,
          "Array parameters are not supported.");
  refused(R"({"isNull":false})", Failure::bad_request, "is false");
  refused(R"({"strinValue":"a"})", Failure::serialization, "stringValue");
  refused(R"("a")", Failure::serialization, "an object");
}

TEST(Request, refuses_wrong_bodies) {
  const auto refused = [](Operation operation, const std::string& body, Failure failure,
                          std::string_view words) {
    const auto request = read_request(operation, body);
    ASSERT_FALSE(request.has_value()) << body;
    EXPECT_EQ(request.error().failure, failure) << body;
    EXPECT_NE(request.error().message.find(words), std::string::npos) << request.error().message;
  };
  refused(Operation::execute, "", Failure::serialization, "no JSON");
  refused(Operation::execute, "[]", Failure::serialization, "no JSON object");
  refused(Operation::execute, "{}", Failure::validation, "resourceArn");
  refused(Operation::execute, "{" + arns + "}", Failure::validation, "'sql'");
  refused(Operation::commit, "{" + arns + "}", Failure::validation, "transactionId");
  refused(Operation::begin, "{" + arns + ",\"sql\":\"x\"}", Failure::serialization, "'sql'");
  refused(Operation::begin, "{" + arns + ",\"databse\":\"x\"}", Failure::serialization, "database");
  refused(Operation::begin, "{" + arns + ",\"schema\":\"x\"}", Failure::bad_request, "schema");
  refused(Operation::begin, "{" + arns + ",\"database\":1}", Failure::serialization, "a string");
  refused(Operation::begin, R"({"resourceArn":"short","secretArn":"arn:aws:rds"})",
          Failure::validation, "greater than or equal to 11");
  refused(Operation::begin, "{" + arns + ",\"database\":\"" + std::string(65, 'x') + "\"}",
          Failure::validation, "less than or equal to 64");
  const std::string long_sql(sql_characters_max + 1, ' ');
  refused(Operation::execute, "{" + arns + ",\"sql\":\"" + long_sql + "\"}", Failure::validation,
          "65536");
  refused(Operation::execute,
          "{" + arns + R"(,"sql":"x","resultSetOptions":{"longReturnType":"INT"}})",
          Failure::validation, "LONG, STRING");
  refused(Operation::execute, std::string(100, '[') + std::string(100, ']'), Failure::serialization,
          "no JSON");
}

TEST(Request, reads_the_sets_of_a_batch) {
  const auto request = read_request(
      Operation::batch_execute,
      "{" + arns + R"(,"sql":"x","parameterSets":[[{"name":"a","value":{"longValue":1}}],[]]})");
  ASSERT_TRUE(request.has_value()) << request.error().message;
  EXPECT_EQ(request->sets.size(), 2U);
}

TEST(Request, takes_no_more_sets_than_an_answer_can_tell) {
  const auto batch_of = [](std::size_t count) {
    std::string sets = "[]";
    for (std::size_t i = 1; i < count; ++i) sets += ",[]";
    return read_request(Operation::batch_execute,
                        "{" + arns + R"(,"sql":"x","parameterSets":[)" + sets + "]}");
  };
  const auto most = batch_of(batch_sets_max);
  ASSERT_TRUE(most.has_value()) << most.error().message;
  EXPECT_LE(batch_reply(most->sets.size()).size(), response_bytes_max);
  EXPECT_GT(batch_reply(batch_sets_max + 1).size(), response_bytes_max);
  const auto more = batch_of(batch_sets_max + 1);
  ASSERT_FALSE(more.has_value());
  EXPECT_EQ(more.error().failure, Failure::bad_request);
  EXPECT_NE(more.error().message.find("parameterSets has 45,590 sets"), std::string::npos)
      << more.error().message;
}

Answer<std::vector<Bound>> bound(Value value, TypeHint hint = TypeHint::none) {
  return bind(*read_sql("select :p"), {{"p", std::move(value), hint}});
}

TEST(Field, binds_values_with_their_types) {
  EXPECT_EQ((*bound(std::int64_t{-7}))[0].type, oid::int8);
  EXPECT_EQ((*bound(std::int64_t{-7}))[0].bytes, "-7");
  EXPECT_EQ((*bound(0.1))[0].bytes, "0.1");
  EXPECT_EQ((*bound(true))[0].type, oid::boolean);
  EXPECT_EQ((*bound(std::string("a")))[0].type, oid::text);
  EXPECT_EQ((*bound(std::string("1"), TypeHint::decimal))[0].type, oid::numeric);
  EXPECT_TRUE((*bound(Blob{std::string("\0", 1)}))[0].binary);
  EXPECT_EQ((*bound(std::monostate(), TypeHint::uuid))[0].type, oid::uuid);
  EXPECT_TRUE((*bound(std::monostate()))[0].null);
}

TEST(Field, holds_hints_to_their_forms) {
  const auto fits = [](TypeHint hint, std::string text) {
    return bound(std::move(text), hint).has_value();
  };
  EXPECT_TRUE(fits(TypeHint::date, "2026-11-23"));
  EXPECT_FALSE(fits(TypeHint::date, "23.11.2026"));
  EXPECT_FALSE(fits(TypeHint::date, "2026-11-23 10:00:00"));
  EXPECT_TRUE(fits(TypeHint::time, "10:00:00.123"));
  EXPECT_FALSE(fits(TypeHint::time, "10:00"));
  EXPECT_TRUE(fits(TypeHint::timestamp, "2026-11-23 10:00:00"));
  EXPECT_FALSE(fits(TypeHint::timestamp, "2026-11-23T10:00:00Z"));
  EXPECT_FALSE(fits(TypeHint::timestamp, "2026-11-23 10:00:00."));
  EXPECT_FALSE(bound(std::int64_t{1}, TypeHint::decimal).has_value());
  EXPECT_FALSE(bound(std::string("a\0b", 3)).has_value());
}

TEST(Field, wants_each_name_once) {
  const auto sql = *read_sql("select :a, :b");
  const std::vector<Parameter> right{{"b", true, {}}, {"a", std::int64_t{1}, {}}};
  EXPECT_EQ((*bind(sql, right))[0].type, oid::int8);
  EXPECT_EQ(bind(sql, {right[0]}).error().message, "Cannot find parameter: a");
  EXPECT_FALSE(bind(sql, {right[0], right[1], right[1]}).has_value());
  EXPECT_FALSE(bind(sql, {right[0], right[1], {"c", true, {}}}).has_value());
}

TEST(Field, lets_nulls_have_the_type_of_the_other_sets) {
  const auto sql = *read_sql("select :a");
  std::vector<std::vector<Bound>> sets;
  for (int i = 0; i < 10; ++i) {
    Value value;
    if (i % 2 != 0) value = std::int64_t{i};
    sets.push_back(*bind(sql, {{"a", value, {}}}));
  }
  EXPECT_EQ(settle_types(sets), 1U);
  EXPECT_EQ(sets[0][0].type, oid::int8);
  sets.push_back(*bind(sql, {{"a", true, {}}}));
  EXPECT_EQ(settle_types(sets), 2U);
}

ResultSet one_cell(std::uint32_t type, Cell cell) {
  ResultSet result;
  result.has_rows = true;
  result.columns.push_back({});
  result.columns[0].name = "c";
  result.columns[0].type = type;
  result.rows.push_back({std::move(cell)});
  return result;
}
std::string field_of(std::uint32_t type, Cell cell, ResultOptions options = {}) {
  const auto reply = execute_reply(one_cell(type, std::move(cell)), options);
  if (!reply) return reply.error().message;
  const std::string begin = R"({"numberOfRecordsUpdated":0,"records":[[)";
  EXPECT_EQ(reply->substr(0, begin.size()), begin);
  return reply->substr(begin.size(), reply->size() - begin.size() - 3);
}

TEST(Reply, tells_each_type_in_its_member) {
  EXPECT_EQ(field_of(20, {}), R"({"isNull":true})");
  EXPECT_EQ(field_of(20, "7"), R"({"longValue":7})");
  EXPECT_EQ(field_of(23, "-7"), R"({"longValue":-7})");
  EXPECT_EQ(field_of(16, "t"), R"({"booleanValue":true})");
  EXPECT_EQ(field_of(701, "1e+100"), R"({"doubleValue":1e+100})");
  EXPECT_EQ(field_of(701, "NaN"), R"({"doubleValue":"NaN"})");
  EXPECT_EQ(field_of(701, "-Infinity"), R"({"doubleValue":"-Infinity"})");
  EXPECT_EQ(field_of(1700, "1.50"), R"({"stringValue":"1.50"})");
  EXPECT_EQ(field_of(17, "\\x000102"), R"({"blobValue":"AAEC"})");
  EXPECT_EQ(field_of(25, "a\"b"), R"({"stringValue":"a\"b"})");
  EXPECT_EQ(field_of(1184, "2026-11-23 10:00:00.5+00"),
            R"({"stringValue":"2026-11-23 10:00:00.5"})");
  EXPECT_EQ(field_of(99'999, "of an enum"), R"({"stringValue":"of an enum"})");
  EXPECT_EQ(field_of(1016, "{1,2}"), R"({"arrayValue":{"longValues":[1,2]}})");
  EXPECT_EQ(field_of(1000, "{t,f}"), R"({"arrayValue":{"booleanValues":[true,false]}})");
  EXPECT_EQ(field_of(1009, R"({a,"b,\"c"})"), R"({"arrayValue":{"stringValues":["a","b,\"c"]}})");
  EXPECT_EQ(field_of(1009, "{}"), R"({"arrayValue":{"stringValues":[]}})");
  EXPECT_NE(field_of(1016, "{{1},{2}}").find("several dimensions"), std::string::npos);
}

TEST(Reply, follows_the_options_of_numbers) {
  ResultOptions options;
  options.long_strings = true;
  options.decimal_numbers = true;
  EXPECT_EQ(field_of(20, "9007199254740993", options), R"({"stringValue":"9007199254740993"})");
  EXPECT_EQ(field_of(23, "7", options), R"({"longValue":7})");
  EXPECT_EQ(field_of(1016, "{7}", options), R"({"arrayValue":{"stringValues":["7"]}})");
  EXPECT_EQ(field_of(1700, "7", options), R"({"longValue":7})");
  EXPECT_EQ(field_of(1700, "-7", options), R"({"longValue":-7})");
  EXPECT_EQ(field_of(1700, "7.5", options), R"({"doubleValue":7.5})");
}

TEST(Reply, formats_records_as_json) {
  ResultOptions options;
  options.as_json = true;
  ResultSet result = one_cell(23, "1");
  result.columns.push_back(result.columns[0]);
  result.columns[1].name = "d";
  result.columns[1].type = 1009;
  result.rows[0].emplace_back("{a}");
  result.rows.push_back({Cell(), Cell()});
  const auto reply = execute_reply(result, options);
  ASSERT_TRUE(reply.has_value());
  EXPECT_EQ(*reply, R"({"formattedRecords":"[{\"c\":1,\"d\":[\"a\"]},{\"c\":null,\"d\":null}]",)"
                    R"("numberOfRecordsUpdated":0})");
}

TEST(Reply, tells_metadata_where_asked) {
  ResultOptions options;
  options.metadata = true;
  ResultSet result = one_cell(1043, "a");
  result.columns[0].modifier = 24;
  result.columns[0].nullable = false;
  result.columns[0].table_name = "t";
  EXPECT_NE(execute_reply(result, options)
                ->find(R"("columnMetadata":[{"arrayBaseColumnType":0,"isAutoIncrement":false,)"
                       R"("isCaseSensitive":true,"isCurrency":false,"isSigned":false,"label":"c",)"
                       R"("name":"c","nullable":0,"precision":20,"scale":0,"schemaName":"",)"
                       R"("tableName":"t","type":12,"typeName":"varchar"}])"),
            std::string::npos)
      << *execute_reply(result, options);
}

TEST(Reply, keeps_to_the_size_of_a_response) {
  ResultSet result = one_cell(25, std::string(60'000, 'x'));
  while (result.rows.size() < 17) result.rows.push_back(result.rows[0]);
  EXPECT_TRUE(execute_reply(result, {}).has_value());
  result.rows.push_back(result.rows[0]);
  EXPECT_EQ(execute_reply(result, {}).error().failure, Failure::unsupported_result);
  ResultOptions as_json;
  as_json.as_json = true;
  EXPECT_TRUE(execute_reply(result, as_json).has_value()) << "10 MiB are for formattedRecords";
}

TEST(ArrayText, reads_one_dimension) {
  EXPECT_EQ(read_array(R"({"a\\b",c,""})"), (std::vector<std::string>{"a\\b", "c", ""}));
  EXPECT_EQ(read_array("[0:1]={1,2}"), (std::vector<std::string>{"1", "2"}));
  EXPECT_EQ(read_array(R"({"NULL"})"), std::vector<std::string>{"NULL"});
  for (const std::string_view text : {"", "{", "{NULL}", "{{1}}", "{\"a}", "{,}", "[0:1]"}) {
    EXPECT_FALSE(read_array(text).has_value()) << text;
  }
}

TEST(Base64, goes_both_ways) {
  for (const std::string& bytes : {std::string(), std::string("a"), std::string("ab"),
                                   std::string("abc"), std::string("\0\xff\x80", 3)}) {
    std::string text;
    append_base64(text, bytes);
    EXPECT_EQ(decode_base64(text), bytes);
  }
  for (const std::string_view text :
       {"a", "ab", "abc", "ab=c", "====", "ab==ab==", "ab\n=", "aB=="}) {
    EXPECT_FALSE(decode_base64(text).has_value()) << text;
  }
}

TEST(Keys, reads_the_file_and_names_what_is_wrong) {
  const auto keys = read_keys(
      R"({"access_keys":[{"id":"A","secret":"s","session_token":"t","secrets":["arn:1"]}],)"
      R"("secrets":[{"arn":"arn:1","user":"hunt","password":"p"},{"arn":"arn:2","user":"u"}]})");
  ASSERT_TRUE(keys.has_value()) << keys.error().message;
  EXPECT_EQ(keys->access_keys.at("A").secrets, std::vector<std::string>{"arn:1"});
  EXPECT_EQ(keys->secrets.at("arn:1").password, "p");
  const auto refused = [](std::string_view text, std::string_view words) {
    const auto read = read_keys(text);
    ASSERT_FALSE(read.has_value()) << text;
    EXPECT_NE(read.error().message.find(words), std::string::npos) << read.error().message;
    EXPECT_EQ(read.error().message.find("hush"), std::string::npos) << "shows a secret";
  };
  refused("", "no JSON");
  refused("{}", "access_keys");
  refused(R"({"access_keys":[{"id":"A","secret":""}],"secrets":[{"arn":"a","user":"b"}]})",
          "access_keys[0]: \"secret\" is empty");
  refused(R"({"access_keys":[{"id":"A","secrt":"hush"}],"secrets":[{"arn":"a","user":"b"}]})",
          "did you mean \"secret\"");
  refused(R"({"access_keys":[{"id":"A","secret":"hush","secrets":["x"]}],)"
          R"("secrets":[{"arn":"a","user":"b"}]})",
          "not among");
  refused(R"({"access_keys":[{"id":"A","secret":"hush"}],)"
          R"("secrets":[{"arn":"a","user":"b"},{"arn":"a","user":"c"}]})",
          "twice");
}

TEST(Refusal, each_has_a_name_and_a_status) {
  EXPECT_EQ(kind_of(Failure::internal).name, "InternalServerErrorException");
  EXPECT_EQ(kind_of(Failure::transaction_not_found).status, 404U);
  EXPECT_EQ(kind_of(Failure::service_unavailable).name, "ServiceUnavailableError");
  EXPECT_EQ(body_of({Failure::statement_timeout, "a\"b"}),
            R"({"message":"a\"b","dbConnectionId":0})");
}

}  // namespace
}  // namespace hunt::data_api
