#include "adapters/sqlite/rules_tables.h"

#include "ports/store_checks.h"

namespace hunt::sqlite {

RulesTables::RulesTables(Connection& connection)
    : connection_(connection),
      seq_(connection, "SELECT rules_seq FROM meta"),
      turns_(connection,
             "SELECT version, from_us, revision, made_by, note FROM rules_timeline ORDER BY place"),
      fence_turns_(connection, "SELECT version, from_us FROM rules_timeline ORDER BY place"),
      stopped_(connection,
               "SELECT event, since_us, made_by, note FROM rules_stopped ORDER BY event"),
      files_(connection, "SELECT name, content FROM rules_files WHERE version = ?1 ORDER BY name"),
      set_seq_(connection, "UPDATE meta SET rules_seq = ?1"),
      add_turn_(connection,
                "INSERT INTO rules_timeline (place, version, from_us, revision, made_by, note)"
                " VALUES (?1, ?2, ?3, ?4, ?5, ?6)"),
      add_stopped_(connection,
                   "INSERT INTO rules_stopped (event, since_us, made_by, note)"
                   " VALUES (?1, ?2, ?3, ?4)"),
      add_file_(connection,
                "INSERT OR REPLACE INTO rules_files (version, name, content) VALUES (?1, ?2, ?3)"),
      missing_(connection,
               "SELECT version FROM rules_timeline"
               " WHERE version NOT IN (SELECT version FROM rules_files) LIMIT 1") {}

Result<std::uint64_t> RulesTables::seq() {
  Cursor row = seq_.bind();
  HUNT_TRY(present, row.step());
  return present ? row.natural(0) : 0;
}

Result<model::RulesTimeline> RulesTables::fence() {
  model::RulesTimeline out;
  HUNT_TRY(number, seq());
  out.seq = number;
  if (number == 0) return out;
  Cursor row = fence_turns_.bind();
  while (true) {
    HUNT_TRY(present, row.step());
    if (!present) return out;
    out.turns.push_back({row.text(0), 0, row.integer(1), {}, {}});
  }
}

Result<model::RulesTimeline> RulesTables::timeline() {
  HUNT_TRY(snapshot, Snapshot::begin(connection_));
  model::RulesTimeline out;
  HUNT_TRY(number, seq());
  out.seq = number;
  {
    Cursor row = turns_.bind();
    while (true) {
      HUNT_TRY(present, row.step());
      if (!present) break;
      out.turns.push_back({row.text(0), row.natural(2), row.integer(1), row.text(3), row.text(4)});
    }
  }
  Cursor row = stopped_.bind();
  while (true) {
    HUNT_TRY(present, row.step());
    if (!present) return out;
    out.stopped.push_back({row.text(0), row.integer(1), row.text(2), row.text(3)});
  }
}

Result<model::RulesFiles> RulesTables::files(const std::string& version) {
  model::RulesFiles out;
  Cursor row = files_.bind(std::string_view(version));
  while (true) {
    HUNT_TRY(present, row.step());
    if (!present) break;
    out.push_back({row.text(0), row.text(1)});
  }
  if (out.empty()) return tl::unexpected<Error>(ports::no_files_of(version));
  return out;
}

Result<void> RulesTables::put_files(const std::vector<model::RulesOf>& sets) {
  for (const auto& set : sets) {
    for (const auto& file : set.files) {
      HUNT_CHECK(add_file_
                     .bind(std::string_view(set.version), std::string_view(file.name),
                           std::string_view(file.text))
                     .run());
    }
  }
  return {};
}

Result<void> RulesTables::set(const model::RulesTimeline& next,
                              const std::vector<model::RulesOf>& sets) {
  HUNT_TRY(kept, seq());
  HUNT_CHECK(ports::check_next(kept, next));
  HUNT_CHECK(connection_.execute("DELETE FROM rules_timeline; DELETE FROM rules_stopped"));
  HUNT_CHECK(put_files(sets));
  std::int64_t place = 0;
  for (const auto& turn : next.turns) {
    HUNT_CHECK(add_turn_
                   .bind(++place, std::string_view(turn.version), turn.from_us, turn.revision,
                         std::string_view(turn.by), std::string_view(turn.note))
                   .run());
  }
  for (const auto& one : next.stopped) {
    HUNT_CHECK(add_stopped_
                   .bind(std::string_view(one.event), one.since_us, std::string_view(one.by),
                         std::string_view(one.note))
                   .run());
  }
  {
    Cursor row = missing_.bind();
    HUNT_TRY(lacks, row.step());
    if (lacks) return tl::unexpected<Error>(ports::no_files_of(row.text(0)));
  }
  HUNT_CHECK(connection_.execute(
      "DELETE FROM rules_files WHERE version NOT IN (SELECT version FROM rules_timeline)"));
  return set_seq_.bind(next.seq).run();
}

}  // namespace hunt::sqlite
