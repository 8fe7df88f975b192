#include "adapters/postgres/schema_parts.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "adapters/postgres/migrations.h"
#include "base/sha256.h"
#include "base/text.h"

namespace hunt::postgres {
namespace {

using Kind = SchemaPart::Kind;

// Up to the semicolons outside of bodies and quotes; without the comments before a statement.
std::vector<std::string> statements_of(std::string_view text) {
  std::vector<std::string> all;
  std::string one;
  bool body = false;
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (!body && !quoted && text.substr(i, 2) == "--") {
      i = std::min(text.find('\n', i), text.size() - 1);
    }
    if (!quoted && text.substr(i, 2) == "$$") {
      body = !body;
      one += text[i++];
    } else if (!body && text[i] == '\'') {
      quoted = !quoted;
    } else if (!body && !quoted && text[i] == ';') {
      all.push_back(std::move(one));
      one.clear();
      continue;
    }
    if (!one.empty() || std::string_view(" \n").find(text[i]) == std::string_view::npos) {
      one += text[i];
    }
  }
  return all;
}

std::vector<std::string> words_of(const std::string& statement) {
  std::vector<std::string> words;
  bool fresh = true;
  for (const char c : statement) {
    const bool between = std::string_view(" \n(),;").find(c) != std::string_view::npos;
    if (!between && std::exchange(fresh, false)) words.emplace_back();
    if (between) {
      fresh = true;
    } else {
      words.back() += c;
    }
  }
  return words;
}

SchemaPart function_of(const std::string& statement, const std::string& name) {
  SchemaPart part{Kind::function, name, {}, {}, {}};
  const auto begins = statement.find("$$") + 2;
  const auto body = statement.substr(begins, statement.rfind("$$") - begins);
  const Digest256 digest =
      Sha256().of({reinterpret_cast<const std::uint8_t*>(body.data()), body.size()});
  part.body = to_hex(digest);
  part.sql = "CREATE OR REPLACE " + statement.substr(statement.find("FUNCTION"));
  return part;
}

SchemaPart trigger_of(const std::string& statement, const std::vector<std::string>& words,
                      const std::string& name) {
  const auto on = std::find(words.begin(), words.end(), "ON");
  SchemaPart part{Kind::trigger, name, *(on + 1), {}, {}};
  part.sql = fmt::format("CREATE OR REPLACE {}; ALTER TABLE {} ENABLE TRIGGER {}",
                         statement.substr(statement.find("TRIGGER")), part.table, name);
  return part;
}

struct Schema {
  std::vector<SchemaPart> parts;
  std::vector<std::string> grants;

  void forget(Kind kind, const std::string& name, const std::string& table) {
    std::erase_if(parts, [&](const SchemaPart& part) {
      return part.kind == kind && part.name == name && part.table == table;
    });
  }
  void put(SchemaPart part) {
    forget(part.kind, part.name, part.table);
    parts.push_back(std::move(part));
  }
  void take(const std::string& statement) {
    auto words = words_of(statement);
    if (words[0] == "GRANT" || words[0] == "REVOKE") return grants.push_back(statement);
    if (words[0] == "DO" && statement.find("CREATE ROLE") != std::string::npos) {
      for (const char* name : {"hunt_reader", "hunt_ingest", "hunt_relay"}) {
        put({Kind::group, name, {}, {}, statement});
      }
    }
    if (words[0] == "DROP" && words[1] == "FUNCTION") {
      return forget(Kind::function, words[words[2] == "IF" ? 4 : 2], {});
    }
    if (words[0] == "DROP" && words[1] == "TRIGGER") {
      const auto on = std::find(words.begin(), words.end(), "ON");
      return forget(Kind::trigger, words[words[2] == "IF" ? 4 : 2], *(on + 1));
    }
    if (words[0] != "CREATE") return;
    if (words[1] == "OR") words.erase(words.begin() + 1, words.begin() + 3);
    if (words[1] == "TABLE") put({Kind::table, words[2], {}, {}, {}});
    if (words[1] == "FUNCTION") put(function_of(statement, words[2]));
    if (words[1] == "TRIGGER") put(trigger_of(statement, words, words[2]));
    if (words[1] == "PUBLICATION") {
      put({Kind::publication,
           words[2],
           {},
           {},
           fmt::format("DROP PUBLICATION IF EXISTS {}; {}", words[2], statement)});
    }
  }
};

const Schema& schema() {
  static const Schema whole = [] {
    Schema made;
    for (const char* migration : migrations) {
      for (const auto& statement : statements_of(migration)) made.take(statement);
    }
    return made;
  }();
  return whole;
}

}  // namespace

const std::vector<SchemaPart>& schema_parts() {
  return schema().parts;
}

const std::vector<std::string>& schema_grants() {
  return schema().grants;
}

const char* const list_parts_sql =
    "SELECT 0::bigint, relname::text, '' FROM pg_class"
    "  WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'"
    " UNION ALL SELECT 1, proname::text, encode(sha256(convert_to(prosrc, 'UTF8')), 'hex')"
    "  FROM pg_proc WHERE pronamespace = 'public'::regnamespace"
    " UNION ALL SELECT 2, tgname::text, relname::text FROM pg_trigger t"
    "  JOIN pg_class c ON c.oid = t.tgrelid"
    "  WHERE relnamespace = 'public'::regnamespace AND NOT tgisinternal AND tgenabled IN ('O', 'A')"
    " UNION ALL SELECT 3, pubname::text, '' FROM pg_publication p"
    "  WHERE " HUNT_PUBLICATION_IS_WHOLE
    " UNION ALL SELECT 4, rolname::text, '' FROM pg_roles WHERE rolname LIKE 'hunt\\_%'"
    " UNION ALL SELECT 5, max(version)::text, '' FROM hunt_schema";

std::vector<const SchemaPart*> missing_parts(const Rows& listed) {
  constexpr std::int64_t kind_version = 5;
  std::set<std::string> there;
  for (int row = 0; row < listed.size(); ++row) {
    // What a newer release has replaced is not put back: it is right, and we leave soon.
    if (listed.integer(row, 0) == kind_version &&
        parse_i64(listed.text(row, 1)).value_or(0) > schema_version) {
      return {};
    }
    there.insert(
        fmt::format("{}/{}/{}", listed.integer(row, 0), listed.text(row, 1), listed.text(row, 2)));
  }
  std::vector<const SchemaPart*> missing;
  for (const auto& part : schema_parts()) {
    const std::string& detail = part.kind == Kind::function ? part.body : part.table;
    const auto kind = static_cast<int>(part.kind);
    if (!there.contains(fmt::format("{}/{}/{}", kind, part.name, detail))) missing.push_back(&part);
  }
  return missing;
}

std::string shown(const SchemaPart& part) {
  constexpr std::array names{"table", "function", "trigger", "publication", "role"};
  const std::string of = part.table.empty() ? "" : " of " + part.table;
  return fmt::format("the {} {}{}", names[static_cast<std::size_t>(part.kind)], part.name, of);
}

std::string shown(const std::vector<const SchemaPart*>& parts) {
  constexpr std::size_t named_max = 5;
  std::string text;
  for (std::size_t i = 0; i < std::min(parts.size(), named_max); ++i) {
    text += (i == 0 ? "" : ", ") + shown(*parts[i]);
  }
  if (parts.size() > named_max) text += fmt::format(" and {} more", parts.size() - named_max);
  return text;
}

}  // namespace hunt::postgres
