// A client's side of the wire: client_request.h, client_reply.h, credentials.h.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>

#include "data_api/client_reply.h"
#include "data_api/client_request.h"
#include "data_api/credentials.h"

namespace hunt::data_api {
namespace {

Request request_with(std::vector<Parameter> set) {
  Request request;
  request.resource = "arn:aws:rds:x:1:cluster:a";
  request.secret = "arn:aws:secretsmanager:x:1:s:a";
  request.database = "hunt";
  request.sql = "select :a";
  request.sets.push_back(std::move(set));
  return request;
}

TEST(ClientRequest, is_read_as_it_was_meant) {
  Request request = request_with({{"n", std::int64_t{-9007199254740993}, TypeHint::none},
                                  {"t", std::string("\"\\\n\xc3\xa4"), TypeHint::uuid},
                                  {"b", Blob{std::string("\0\xff", 2)}, TypeHint::none},
                                  {"f", true, TypeHint::none},
                                  {"d", 1.5, TypeHint::none},
                                  {"z", {}, TypeHint::none}});
  request.transaction = "T";
  request.result.as_json = request.result.long_strings = request.continue_after_timeout = true;
  const auto read = read_request(Operation::execute, write_request(Operation::execute, request));
  ASSERT_TRUE(read.has_value()) << read.error().message;
  EXPECT_EQ(read->database, "hunt");
  EXPECT_EQ(read->sql, request.sql);
  EXPECT_EQ(read->transaction, "T");
  EXPECT_TRUE(read->result.as_json && read->result.long_strings && read->continue_after_timeout);
  EXPECT_FALSE(read->result.metadata || read->result.decimal_numbers);
  const auto& set = read->sets.at(0);
  ASSERT_EQ(set.size(), 6U);
  EXPECT_EQ(std::get<std::int64_t>(set[0].value), -9007199254740993);
  EXPECT_EQ(std::get<std::string>(set[1].value), "\"\\\n\xc3\xa4");
  EXPECT_EQ(set[1].hint, TypeHint::uuid);
  EXPECT_EQ(std::get<Blob>(set[2].value).bytes, std::string("\0\xff", 2));
  EXPECT_TRUE(std::get<bool>(set[3].value));
  EXPECT_EQ(std::get<double>(set[4].value), 1.5);
  EXPECT_TRUE(std::holds_alternative<std::monostate>(set[5].value));
}

TEST(ClientRequest, has_only_what_its_operation_takes) {
  Request request = request_with({{"n", std::int64_t{1}, TypeHint::none}});
  request.transaction = "T";
  for (std::size_t i = 0; i < operation_count; ++i) {
    const auto operation = static_cast<Operation>(i);
    const auto read = read_request(operation, write_request(operation, request));
    EXPECT_TRUE(read.has_value()) << operation_names[i] << ": " << read.error().message;
    EXPECT_EQ(operation_of(path_of(operation)), operation);
  }
}

TEST(ClientReply, reads_fields_and_formatted_records_alike) {
  const auto fields = read_rows(
      R"({"records":[[{"longValue":7},{"stringValue":"9007199254740993"},{"isNull":true},)"
      R"({"booleanValue":false},{"blobValue":"AP8="},{"doubleValue":"NaN"}]],"more":1})");
  ASSERT_TRUE(fields.has_value()) << fields.error().message;
  EXPECT_EQ(fields->columns, 6U);
  EXPECT_EQ(std::get<std::int64_t>(fields->rows[0][0]), 7);
  EXPECT_EQ(std::get<std::string>(fields->rows[0][1]), "9007199254740993");
  EXPECT_TRUE(std::holds_alternative<std::monostate>(fields->rows[0][2]));
  EXPECT_EQ(std::get<Blob>(fields->rows[0][4]).bytes, std::string("\0\xff", 2));
  const auto formatted = read_rows(
      R"({"formattedRecords":"[{\"a\":9007199254740993,\"b\":null,\"c\":true,\"d\":\"x\"}]"})");
  ASSERT_TRUE(formatted.has_value()) << formatted.error().message;
  EXPECT_EQ(std::get<std::int64_t>(formatted->rows[0][0]), 9007199254740993);
  EXPECT_TRUE(std::holds_alternative<std::monostate>(formatted->rows[0][1]));
  EXPECT_EQ(std::get<std::string>(formatted->rows[0][3]), "x");
  EXPECT_EQ(read_rows(R"({"numberOfRecordsUpdated":3})")->rows.size(), 0U);
  EXPECT_EQ(read_rows(R"({"records":[],"numberOfRecordsUpdated":0})")->rows.size(), 0U);
}

TEST(ClientReply, takes_nothing_for_rows_that_is_none) {
  for (const char* body :
       {"", "<html>", "[]", "{}", R"({"records":1})", R"({"records":[1]})", R"({"records":[[1]]})",
        R"({"records":[[]]})", R"({"records":[[{"longValue":1}],[]]})",
        R"({"records":[[{"longValue":"1"}]]})", R"({"records":[[{"isNull":false}]]})",
        R"({"records":[[{"blobValue":"?"}]]})", R"({"records":[[{"arrayValue":{}}]]})",
        R"({"records":[[{"longValue":1,"isNull":true}]]})", R"({"formattedRecords":"x"})",
        R"({"formattedRecords":"[1]"})", R"({"formattedRecords":"[{\"a\":[]}]"})",
        R"({"formattedRecords":"[{\"a\":1},{}]"})", R"({"records":[[{"longValue":1}]])"}) {
    const auto read = read_rows(body);
    ASSERT_FALSE(read.has_value()) << body;
    EXPECT_EQ(read.error().code, Errc::corrupt);
  }
  EXPECT_EQ(read_transaction(R"({"transactionId":"T"})").value(), "T");
  EXPECT_FALSE(read_transaction(R"({"transactionId":""})").has_value());
}

TEST(ClientReply, finds_the_name_and_the_state_of_an_error_wherever_they_stand) {
  const auto in_header = read_failure(
      "DatabaseErrorException:http://internal",
      R"({"message":"ERROR: duplicate key; Detail: SQLState: 00000; SQLState: 23505"})");
  EXPECT_EQ(in_header.name, "DatabaseErrorException");
  EXPECT_EQ(in_header.state, "23505");
  EXPECT_EQ(read_failure("", R"({"code":"a.b#BadRequestException","Message":"m"})").name,
            "BadRequestException");
  EXPECT_EQ(read_failure("", R"({"__type":"X"})").name, "X");
  EXPECT_EQ(read_failure("", "<html>").name, "");
  EXPECT_EQ(read_failure("X", R"({"message":"SQLState: 2350"})").state, "");
  EXPECT_EQ(read_failure("X", R"({"message":"SQLState: 23 05"})").state, "");
}

Environment with(std::map<std::string, std::string> values) {
  return [values = std::move(values)](const std::string& name) {
    const auto found = values.find(name);
    return found == values.end() ? std::string() : found->second;
  };
}

TEST(Credentials, come_from_the_environment_first) {
  const auto both = read_credentials(with(
      {{"AWS_ACCESS_KEY_ID", "A"}, {"AWS_SECRET_ACCESS_KEY", "s"}, {"AWS_SESSION_TOKEN", "t"}}));
  ASSERT_TRUE(both.has_value()) << both.error().message;
  EXPECT_EQ(*both, (Credentials{"A", "s", "t"}));
  const auto half = read_credentials(with({{"AWS_SECRET_ACCESS_KEY", "never-shown"}}));
  ASSERT_FALSE(half.has_value());
  EXPECT_EQ(half.error().code, Errc::unauthorized);
  EXPECT_EQ(half.error().message.find("never-shown"), std::string::npos);
}

TEST(Credentials, come_from_a_profile_of_a_file) {
  constexpr std::string_view file =
      "# keys\n[default]\r\naws_access_key_id = A\r\naws_secret_access_key=s/+=\r\n"
      "[profile other]\n aws_access_key_id=B\naws_secret_access_key=t\naws_session_token = u\n"
      "region = x\n[half]\naws_access_key_id=C\n";
  EXPECT_EQ(read_profile(file, "default").value(), (Credentials{"A", "s/+=", ""}));
  EXPECT_EQ(read_profile(file, "other").value(), (Credentials{"B", "t", "u"}));
  EXPECT_FALSE(read_profile(file, "half").has_value());
  EXPECT_FALSE(read_profile(file, "none").has_value());
  const std::string path = ::testing::TempDir() + "hunt-credentials";
  std::ofstream(path) << file;
  EXPECT_EQ(read_credentials(with({{"AWS_SHARED_CREDENTIALS_FILE", path}}))->key_id, "A");
  EXPECT_EQ(
      read_credentials(with({{"AWS_SHARED_CREDENTIALS_FILE", path}, {"AWS_PROFILE", "other"}}))
          ->key_id,
      "B");
  std::filesystem::remove(path);
  const auto gone = read_credentials(with({{"AWS_SHARED_CREDENTIALS_FILE", path}}));
  ASSERT_FALSE(gone.has_value());
  EXPECT_NE(gone.error().message.find("AWS_ACCESS_KEY_ID"), std::string::npos);
  EXPECT_FALSE(read_credentials(with({})).has_value());
}

TEST(Credentials, are_for_the_region_of_the_environment_or_of_the_resource) {
  const auto arn = "arn:aws:rds:eu-north-1:1:cluster:hunt";
  EXPECT_EQ(read_region(with({{"AWS_REGION", "a"}, {"AWS_DEFAULT_REGION", "b"}}), arn).value(),
            "a");
  EXPECT_EQ(read_region(with({{"AWS_DEFAULT_REGION", "b"}}), arn).value(), "b");
  EXPECT_EQ(read_region(with({}), arn).value(), "eu-north-1");
  EXPECT_FALSE(read_region(with({}), "arn:aws:rds::1:cluster:hunt").has_value());
}

}  // namespace
}  // namespace hunt::data_api
