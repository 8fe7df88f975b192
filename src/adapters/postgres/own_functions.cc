#include "adapters/postgres/own_functions.h"

#include <algorithm>
#include <array>
#include <set>
#include <tuple>

#include "adapters/postgres/schema_parts.h"

namespace hunt::postgres {
namespace {

// Not bury() and new_spawns(): the lock that numbers are drawn under is the session's.
constexpr std::array<std::string_view, 5> lasting_nothing = {
    "grant_claims_by_rules", "grant_claims_packed", "ledger_settled", "now_us", "range_of"};

bool is_function(const SchemaPart& part) {
  return part.kind == SchemaPart::Kind::function;
}

}  // namespace

bool is_own_function(std::string_view name) noexcept {
  return std::find(lasting_nothing.begin(), lasting_nothing.end(), name) != lasting_nothing.end();
}

std::vector<std::string> own_function_names() {
  std::vector<std::string> names;
  for (const auto& part : schema_parts()) {
    if (is_function(part)) names.push_back(part.name);
  }
  return names;
}

const char* const list_own_functions_sql =
    "SELECT proname::text, pronamespace = to_regnamespace('public'),"
    " encode(sha256(convert_to(prosrc, 'UTF8')), 'hex')"
    " FROM pg_catalog.pg_proc WHERE proname = ANY($1::name[])";

bool are_own_functions(const data_api::ResultSet& listed) {
  using Key = std::tuple<std::string, std::string, std::string>;
  std::set<Key> there;
  for (const auto& row : listed.rows) {
    there.emplace(row[0].value_or(""), row[1].value_or(""), row[2].value_or(""));
  }
  const auto& parts = schema_parts();
  const auto count = std::count_if(parts.begin(), parts.end(), is_function);
  return static_cast<std::ptrdiff_t>(listed.rows.size()) == count &&
         std::all_of(parts.begin(), parts.end(), [&there](const SchemaPart& part) {
           return !is_function(part) || there.contains({part.name, "t", part.body});
         });
}

}  // namespace hunt::postgres
