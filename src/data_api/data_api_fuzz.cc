// Fuzzes what strangers send to the gateway (statements, bodies and signatures) and what servers
// answer to a client. Any bytes are read or refused with a sentence.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "data_api/array_text.h"
#include "data_api/base64.h"
#include "data_api/client_reply.h"
#include "data_api/client_request.h"
#include "data_api/credentials.h"
#include "data_api/field.h"
#include "data_api/keys.h"
#include "data_api/request.h"
#include "data_api/sigv4.h"
#include "data_api/sql_text.h"

using namespace hunt::data_api;

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

void try_sql(std::string_view text) {
  const auto sql = read_sql(text);
  if (!sql) return require(!sql.error().message.empty());
  // What was made has no parameters by name any more, and as many by number as there are names.
  require(sql->names.size() <= text.size());
  std::vector<Parameter> all;
  for (const auto& name : sql->names) {
    require(!name.empty() && text.find(":" + name) != std::string_view::npos);
    all.push_back({name, std::int64_t{1}, TypeHint::none});
  }
  require(hunt::data_api::bind(*sql, all).has_value());
  if (sql->names.empty()) {
    const auto again = read_sql(sql->text);
    require(again.has_value() && again->text == sql->text);
  }
}

void try_signature(std::string_view text) {
  const auto said = read_authorization(text);
  if (said) require(!said->signed_headers.empty() && !said->signature.empty());
  static const std::map<std::string, AccessKey, std::less<>> keys{
      {"AKID", {"AKID", "key", "", {}}}};
  WireRequest request;
  request.method = "POST";
  request.path = text.substr(0, 32);
  request.query = text;
  request.body = text;
  request.headers.emplace_back("host", text);
  request.headers.emplace_back("x-amz-date", "20261123T183017Z");
  const std::string made =
      authorization_for(request, "20261123T183017Z", {"20261123", "x", "rds-data"}, "AKID", "key");
  request.headers.emplace_back("authorization", made);
  const std::int64_t now_us = *read_amz_time("20261123T183017Z");
  require(Verifier(keys, "rds-data", "").verify(request, now_us).has_value());
  request.headers.back().second = text;
  require(!Verifier(keys, "rds-data", "").verify(request, now_us).has_value());
}

// What a client wrote says the same to who reads it.
void try_request(std::string_view text) {
  for (const auto operation : {Operation::execute, Operation::batch_execute, Operation::begin}) {
    const auto request = read_request(operation, text);
    require(request.has_value() || !request.error().message.empty());
    if (!request) continue;
    const std::string written = write_request(operation, *request);
    const auto again = read_request(operation, written);
    require(again.has_value() && write_request(operation, *again) == written);
  }
}

void try_reply(std::string_view text) {
  const auto rows = read_rows(text);
  require(rows.has_value() || !rows.error().message.empty());
  if (rows) {
    for (const auto& row : rows->rows) require(row.size() == rows->columns && !row.empty());
  }
  const auto transaction = read_transaction(text);
  require(transaction ? !transaction->empty() : !transaction.error().message.empty());
  const auto failure = read_failure(text.substr(0, 40), text);
  require(failure.state.empty() || failure.state.size() == 5);
  const auto profile = read_profile(text, "default");
  require(profile ? !profile->secret.empty() : !profile.error().message.empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 5) {
    case 0:
      try_sql(text);
      break;
    case 1:
      try_signature(text);
      break;
    case 2:
      try_request(text);
      (void)read_keys(text);
      break;
    case 3:
      try_reply(text);
      break;
    default: {
      (void)read_array(text);
      const auto bytes = decode_base64(text);
      std::string again;
      if (bytes) append_base64(again, *bytes);
      require(!bytes || again == text);
    }
  }
  return 0;
}
