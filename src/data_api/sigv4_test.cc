// Signatures against AWS's published test suite ("aws-sig-v4-test-suite") and the worked example
// of its documentation.
#include "data_api/sigv4.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/text.h"

namespace hunt::data_api {
namespace {

constexpr std::string_view suite_secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
constexpr std::string_view suite_time = "20150830T123600Z";
const Scope suite_scope{"20150830", "us-east-1", "service"};

using Headers = std::vector<std::pair<std::string_view, std::string_view>>;

struct Vector {
  std::string_view name;
  WireRequest request;
  std::string_view signature;
};

Headers with(Headers more) {
  more.insert(more.begin(), {"Host", "example.amazonaws.com"});
  more.emplace_back("X-Amz-Date", suite_time);
  return more;
}

std::vector<Vector> suite() {
  return {
      {"get-vanilla",
       {"GET", "/", "", with({}), ""},
       "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
      {"post-vanilla",
       {"POST", "/", "", with({}), ""},
       "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"},
      {"get-vanilla-query-order-key-case",
       {"GET", "/", "Param2=value2&Param1=value1", with({}), ""},
       "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"},
      {"get-vanilla-empty-query-key",
       {"GET", "/", "Param1=value1", with({}), ""},
       "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb"},
      {"get-utf8",
       {"GET", "/\xe1\x88\xb4", "", with({}), ""},
       "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"},
      {"get-unreserved",
       {"GET", "/-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", "", with({}),
        ""},
       "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f"},
      {"post-header-key-sort",
       {"POST", "/", "", with({{"My-Header1", "value1"}}), ""},
       "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c"},
      {"post-header-value-case",
       {"POST", "/", "", with({{"My-Header1", "VALUE1"}}), ""},
       "cdbc9802e29d2942e5e10b5bccfdd67c5f22c7c4e8ae67b53629efa58b974b7d"},
      {"get-header-value-trim",
       {"GET", "/", "", with({{"My-Header1", " value1"}, {"My-Header2", " \"a   b   c\""}}), ""},
       "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736"},
      {"get-header-key-duplicate",
       {"GET", "/", "",
        with({{"My-Header1", "value2"}, {"My-Header1", "value2"}, {"My-Header1", "value1"}}), ""},
       "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea"},
      {"get-header-value-order",
       {"GET", "/", "",
        with({{"My-Header1", "value4"},
              {"My-Header1", "value1"},
              {"My-Header1", "value3"},
              {"My-Header1", "value2"}}),
        ""},
       "08c7e5a9acfcfeb3ab6b2185e75ce8b1deb5e634ec47601a50643f830c755c01"},
      {"post-x-www-form-urlencoded",
       {"POST", "/", "", with({{"Content-Type", "application/x-www-form-urlencoded"}}),
        "Param1=value1"},
       "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"},
  };
}

TEST(SigV4, agrees_with_the_published_vectors) {
  for (const auto& one : suite()) {
    const std::string made =
        authorization_for(one.request, suite_time, suite_scope, "AKIDEXAMPLE", suite_secret);
    const auto read = read_authorization(made);
    ASSERT_TRUE(read.has_value()) << one.name;
    EXPECT_EQ(read->signature, one.signature) << one.name;
    EXPECT_EQ(read->access_key, "AKIDEXAMPLE");
  }
}

TEST(SigV4, derives_the_key_of_the_documentation) {
  const Scope scope{"20150830", "us-east-1", "iam"};
  EXPECT_EQ(to_hex(signing_key(suite_secret, scope)),
            "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9");
}

class Verify : public testing::Test {
 protected:
  Verify() {
    keys_["AKID"] = {"AKID", "top secret", "", {}};
    keys_["ASIA"] = {"ASIA", "for an hour", "the token", {}};
  }

  // A request as a client makes it, then changed by `change`.
  template <class Change>
  Answer<const AccessKey*> verify(Change change, std::string_view id = "AKID") {
    Headers headers{{"Host", "127.0.0.1:8099"}, {"X-Amz-Date", "20261123T183017Z"}};
    if (id == "ASIA") headers.emplace_back("x-amz-security-token", "the token");
    WireRequest request{"POST", "/Execute", "", headers, "{}"};
    const Scope scope{"20261123", "eu-north-1", "rds-data"};
    authorization_ =
        authorization_for(request, "20261123T183017Z", scope, id, keys_[std::string(id)].secret);
    request.headers.emplace_back("Authorization", authorization_);
    change(request);
    return Verifier(keys_, "rds-data", region_).verify(request, now_us_);
  }
  template <class Change>
  void expect_refused(Change change, Failure failure, std::string_view words) {
    const auto answer = verify(change);
    ASSERT_FALSE(answer.has_value()) << words;
    EXPECT_EQ(answer.error().failure, failure) << answer.error().message;
    EXPECT_NE(answer.error().message.find(words), std::string::npos) << answer.error().message;
  }

  std::map<std::string, AccessKey, std::less<>> keys_;
  std::string region_;
  std::string authorization_;
  std::int64_t now_us_ = read_amz_time("20261123T183017Z").value();
};

constexpr auto nothing = [](WireRequest&) {};

TEST_F(Verify, takes_what_a_client_signed) {
  const auto answer = verify(nothing);
  ASSERT_TRUE(answer.has_value()) << answer.error().message;
  EXPECT_EQ((*answer)->id, "AKID");
  EXPECT_TRUE(verify(nothing, "ASIA").has_value());
}

TEST_F(Verify, refuses_what_was_changed_on_the_way) {
  const auto failure = Failure::invalid_signature;
  const std::string_view words = "does not match";
  expect_refused([](WireRequest& one) { one.body = "{ }"; }, failure, words);
  expect_refused([](WireRequest& one) { one.path = "/BatchExecute"; }, failure, words);
  expect_refused([](WireRequest& one) { one.method = "PUT"; }, failure, words);
  expect_refused([](WireRequest& one) { one.query = "a=b"; }, failure, words);
  expect_refused([](WireRequest& one) { one.headers[0].second = "example.com"; }, failure, words);
  expect_refused(
      [this](WireRequest& one) {
        authorization_.back() = authorization_.back() == '0' ? '1' : '0';
        one.headers.back().second = authorization_;
      },
      failure, words);
}

TEST_F(Verify, wants_the_hash_that_is_sent_to_be_the_bodys) {
  const auto answer = [this](std::string_view hash) {
    Headers headers{
        {"Host", "h"}, {"X-Amz-Date", "20261123T183017Z"}, {"x-amz-content-sha256", hash}};
    WireRequest request{"POST", "/Execute", "", headers, "{}"};
    const Scope scope{"20261123", "eu-north-1", "rds-data"};
    const std::string made =
        authorization_for(request, "20261123T183017Z", scope, "AKID", "top secret");
    request.headers.emplace_back("Authorization", made);
    return Verifier(keys_, "rds-data", "").verify(request, now_us_).has_value();
  };
  EXPECT_TRUE(answer(hex_sha256("{}")));
  EXPECT_FALSE(answer(hex_sha256("{ }")));
  EXPECT_FALSE(answer("UNSIGNED-PAYLOAD"));
}

TEST_F(Verify, refuses_strangers_and_wrong_tokens) {
  expect_refused([](WireRequest& one) { one.headers.pop_back(); }, Failure::missing_authentication,
                 "Missing");
  keys_.erase("ASIA");
  keys_["ASIA"] = {"ASIA", "for an hour", "another token", {}};
  EXPECT_FALSE(verify(nothing, "ASIA").has_value());
  keys_["AKID"].session_token = "now it has one";
  expect_refused(nothing, Failure::unrecognized_client, "invalid");
}

TEST_F(Verify, looks_at_scope_and_time) {
  const auto failure = Failure::invalid_signature;
  region_ = "us-east-1";
  expect_refused(nothing, failure, "valid region");
  region_.clear();
  now_us_ += 5 * 60 * 1'000'000LL;
  EXPECT_TRUE(verify(nothing).has_value());
  now_us_ += 1;
  expect_refused(nothing, failure, "Signature expired: 20261123T183017Z is now earlier than");
  now_us_ -= 10 * 60 * 1'000'000LL + 2;
  expect_refused(nothing, failure, "not yet current");
}

TEST_F(Verify, wants_host_and_every_amz_header_signed) {
  const auto failure = Failure::incomplete_signature;
  expect_refused([](WireRequest& one) { one.headers.emplace_back("X-Amz-Foo", "1"); }, failure,
                 "X-Amz-Foo");
  expect_refused([](WireRequest& one) { one.headers.erase(one.headers.begin()); }, failure,
                 "'host' is not in the request");
  const auto unsigned_host = [](WireRequest& one) {
    one.headers.back().second =
        "AWS4-HMAC-SHA256 Credential=AKID/20261123/eu-north-1/rds-data/aws4_request, "
        "SignedHeaders=x-amz-date, Signature=00";
  };
  expect_refused(unsigned_host, failure, "'Host' must be");
}

TEST(SigV4, reads_no_broken_authorization) {
  for (const std::string_view text :
       {"", "Bearer x", "AWS4-HMAC-SHA256", "AWS4-HMAC-SHA256 Credential=a",
        "AWS4-HMAC-SHA256 Credential=a/b/c/d/aws4_request, SignedHeaders=host",
        "AWS4-HMAC-SHA256 Credential=a/b/c/d/aws4_request, Signature=1",
        "AWS4-HMAC-SHA256 Credential=a/b/c/d/aws4_request, SignedHeaders=host;host, Signature=1",
        "AWS4-HMAC-SHA256 Credential=a/b/c/d/other, SignedHeaders=host, Signature=1",
        "AWS4-HMAC-SHA256 Credential=a/b/c/d/aws4_request, SignedHeaders=host, Signature=1, X=2"}) {
    EXPECT_FALSE(read_authorization(text).has_value()) << text;
  }
}

TEST(SigV4, times_go_both_ways) {
  const auto time = read_amz_time("20150830T123600Z");
  ASSERT_TRUE(time.has_value());
  EXPECT_EQ(write_amz_time(*time), "20150830T123600Z");
  EXPECT_FALSE(read_amz_time("20150830T1236000").has_value());
  EXPECT_FALSE(read_amz_time("2015-08-30T12:36Z").has_value());
  EXPECT_FALSE(read_amz_time("20151330T123600Z").has_value());
}

}  // namespace
}  // namespace hunt::data_api
