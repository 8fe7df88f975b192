// What goes to a Data API and comes back, and what its errors mean, without one.
#include "adapters/postgres/data_api_sql.h"

#include <gtest/gtest.h>

#include "adapters/postgres/data_api_access.h"
#include "adapters/postgres/data_api_failure.h"
#include "data_api/sigv4.h"
#include "ports/store_trouble.h"

namespace hunt::postgres {
namespace {

using data_api::Value;

std::string text_of(const data_api::Parameter& parameter) {
  return std::get<std::string>(parameter.value);
}

TEST(DataApiSql, numbers_become_names_with_their_types) {
  Params params;
  params.add(std::int64_t{-5}).add(std::string_view("it's")).add_bytes(std::string_view("\0\1", 2));
  EXPECT_EQ(named_sql("SELECT $1, '$2', $2::text, $3", params),
            "SELECT CAST(:p1 AS bigint), '$2', CAST(:p2 AS text)::text, CAST(:p3 AS bytea)");
  const auto named = named_params(params);
  ASSERT_EQ(named.size(), 3U);
  EXPECT_EQ(named[0].name, "p1");
  EXPECT_EQ(text_of(named[0]), "-5");
  EXPECT_EQ(text_of(named[1]), "it's");
  EXPECT_EQ(std::get<data_api::Blob>(named[2].value).bytes, std::string("\0\1", 2));
}

TEST(DataApiSql, arrays_are_text_that_postgres_reads) {
  const std::vector<std::string> texts{"", "a,b", "say \"x\"", "\\", "NULL", "{}"};
  const std::vector<std::optional<std::int64_t>> numbers{1, {}, INT64_MIN};
  Params params;
  params.array(texts.size(), [&](std::size_t i) { return std::string_view(texts[i]); });
  params.array(numbers.size(), [&](std::size_t i) { return numbers[i]; });
  params.array(1, [](std::size_t) { return model::Id128{0x0123456789abcdef, 1}; });
  params.array(0, [](std::size_t) { return std::int64_t{0}; });
  params.add(std::optional<std::int64_t>());
  EXPECT_EQ(named_sql("f($1,$2,$3,$4,$5)", params),
            "f(CAST(:p1 AS text[]),CAST(:p2 AS bigint[]),CAST(:p3 AS uuid[]),"
            "CAST(:p4 AS bigint[]),CAST(:p5 AS bigint))");
  const auto named = named_params(params);
  EXPECT_EQ(text_of(named[0]), R"({"","a,b","say \"x\"","\\","NULL","{}"})");
  EXPECT_EQ(text_of(named[1]), "{1,NULL,-9223372036854775808}");
  EXPECT_EQ(text_of(named[2]), "{01234567-89ab-cdef-0000-000000000001}");
  EXPECT_EQ(text_of(named[3]), "{}");
  EXPECT_TRUE(std::holds_alternative<std::monostate>(named[4].value));
}

TEST(DataApiSql, rows_read_text_as_they_read_binary) {
  data_api::ReplyRows reply;
  reply.columns = 6;
  reply.rows.push_back({Value(std::string("-9007199254740993")), Value(std::int64_t{7}),
                        Value(true), Value(std::string("01234567-89ab-cdef-0000-000000000001")),
                        Value(data_api::Blob{std::string("\0x", 2)}), Value()});
  const Rows rows = rows_of(reply);
  EXPECT_EQ(rows.size(), 1);
  EXPECT_EQ(rows.columns(), 6);
  EXPECT_EQ(rows.integer(0, 0), -9007199254740993);
  EXPECT_EQ(rows.natural(0, 1), 7U);
  EXPECT_TRUE(rows.truth(0, 2));
  EXPECT_EQ(rows.id(0, 3), (model::Id128{0x0123456789abcdef, 1}));
  EXPECT_EQ(rows.text(0, 4), std::string_view("\0x", 2));
  EXPECT_TRUE(rows.is_null(0, 5));
  EXPECT_FALSE(rows.is_null(0, 4));
  EXPECT_EQ(rows_of({}).size(), 0);
}

DataApiFailure meaning(const std::string& name, const std::string& message, unsigned status = 400) {
  const std::string body = "{\"message\":\"" + message + "\"}";
  return failure_of(data_api::read_failure(name, body), status, "server");
}

TEST(DataApiFailures, the_databases_own_are_those_of_libpq) {
  const auto locked =
      meaning("DatabaseErrorException", "ERROR: canceling; Detail: x; SQLState: 55P03");
  EXPECT_EQ(ports::trouble_of(locked.error), ports::StoreTrouble::locked);
  EXPECT_EQ(locked.error.message.find("Detail"), std::string::npos) << locked.error.message;
  EXPECT_EQ(meaning("DatabaseErrorException", "ERROR: x; SQLState: HU001").error.code,
            Errc::epoch_stale);
  EXPECT_EQ(meaning("BadRequestException", "ERROR: x; SQLState: 23505").error.code,
            Errc::invalid_argument);
  EXPECT_FALSE(meaning("DatabaseErrorException", "ERROR: x; SQLState: 53100").unknown);
  EXPECT_TRUE(meaning("DatabaseErrorException", "ERROR: x; SQLState: 08007").unknown);
  EXPECT_TRUE(meaning("DatabaseErrorException", "FATAL: x; SQLState: 57P01").unknown);
}

TEST(DataApiFailures, the_services_own_go_by_name_and_else_by_status) {
  EXPECT_TRUE(meaning("DatabaseResumingException", "resuming").resuming);
  EXPECT_FALSE(meaning("DatabaseResumingException", "resuming").unknown);
  const auto perhaps = meaning("BadRequestException", "Communications link failure");
  EXPECT_TRUE(perhaps.resuming);
  EXPECT_TRUE(perhaps.unknown) << "a connection may have been lost under the statement";
  EXPECT_FALSE(meaning("DatabaseUnavailableException", "", 504).unknown);
  EXPECT_TRUE(meaning("InternalServerErrorException", "", 500).unknown);
  EXPECT_TRUE(meaning("", "", 502).unknown);
  EXPECT_EQ(meaning("ThrottlingException", "").error.code, Errc::overloaded);
  EXPECT_EQ(meaning("", "", 404).error.code, Errc::unsupported);
  EXPECT_TRUE(meaning("ExpiredTokenException", "", 403).stranger);
  EXPECT_EQ(meaning("InvalidSignatureException", "", 403).error.code, Errc::unauthorized);
  EXPECT_EQ(meaning("NobodyKnowsException", "why", 400).error.message,
            "server: NobodyKnowsException: why");
  const std::string expected =
      "it does not match.\\n\\nThe Canonical String for this request "
      "should have been\\n'POST\\nx-amz-security-token:TOKEN'";
  for (const auto* name : {"InvalidSignatureException", "NobodyKnowsException", ""}) {
    const auto refused = meaning(name, expected, 403).error;
    EXPECT_EQ(refused.code, Errc::unauthorized) << name;
    EXPECT_NE(refused.message.find("it does not match."), std::string::npos) << refused.message;
    EXPECT_EQ(refused.message.find("TOKEN"), std::string::npos) << refused.message;
  }
}

TEST(DataApiUrls, say_what_is_wrong_and_show_no_secret) {
  const std::string arns =
      "resource=arn:aws:rds:x:1:cluster:a&secret=arn%3Aaws:secretsmanager:x:1:secret:s";
  const auto good = DataApiUrl::parse("data-api+https://h:443/?" + arns + "&database=d");
  ASSERT_TRUE(good.has_value()) << good.error().message;
  EXPECT_EQ(good->secret(), "arn:aws:secretsmanager:x:1:secret:s");
  EXPECT_EQ(good->host(), "h");
  EXPECT_EQ(good->shown(), "data-api+https://h:443?database=d");
  EXPECT_EQ(DataApiUrl::parse("data-api+http://[::1]:8099?" + arns + "&database=d")->host(),
            "[::1]:8099");
  for (const std::string& url : std::vector<std::string>{
           "data-api+ftp://h?" + arns + "&database=d", "data-api+http://h?" + arns,
           "data-api+http://h/path?" + arns + "&database=d", "data-api+http://h?database=d",
           "data-api+http://h?" + arns + "&database=d&database=e",
           "data-api+http://h?" + arns + "&databse=d", "data-api+http://?" + arns + "&database=d",
           "data-api+http://key:never-shown@h?" + arns + "&database=d",
           "data-api+http://h?" + arns + "&database=%0"}) {
    const auto bad = DataApiUrl::parse(url);
    ASSERT_FALSE(bad.has_value()) << url;
    EXPECT_EQ(bad.error().field, "store");
    EXPECT_EQ(bad.error().message.find("never-shown"), std::string::npos);
  }
}

TEST(DataApiAccesses, sign_so_that_a_verifier_takes_it) {
  const auto url = DataApiUrl::parse(
      "data-api+http://h:8099?resource=arn:aws:rds:eu-north-1:1:cluster:a"
      "&secret=arn:aws:secretsmanager:x:1:secret:s&database=d");
  std::string token = "old";
  const auto access = DataApiAccess::make(*url, [&token](const std::string& name) {
    if (name == "AWS_ACCESS_KEY_ID") return std::string("AKID");
    if (name == "AWS_SECRET_ACCESS_KEY") return std::string("key");
    return name == "AWS_SESSION_TOKEN" ? token : std::string();
  });
  ASSERT_TRUE(access.has_value()) << access.error().message;
  const std::map<std::string, data_api::AccessKey, std::less<>> keys{
      {"AKID", {"AKID", "key", "old", {}}}};
  data_api::Credentials used;
  const auto headers = (*access)->sign("/Execute", "{}", used);
  data_api::WireRequest request;
  request.method = "POST";
  request.path = "/Execute";
  request.body = "{}";
  std::string time;
  for (const auto& [name, value] : headers) {
    request.headers.emplace_back(name, value);
    if (name == "X-Amz-Date") time = value;
  }
  data_api::Verifier verifier(keys, "rds-data", "eu-north-1");
  const auto taken = verifier.verify(request, *data_api::read_amz_time(time));
  ASSERT_TRUE(taken.has_value()) << taken.error().message;
  request.body = "{ }";
  EXPECT_FALSE(verifier.verify(request, *data_api::read_amz_time(time)).has_value());
  EXPECT_FALSE((*access)->renew(used)) << "the same again";
  token = "new";
  EXPECT_TRUE((*access)->renew(used));
  (void)(*access)->sign("/Execute", "{}", used);
  EXPECT_EQ(used.session_token, "new");
}

}  // namespace
}  // namespace hunt::postgres
