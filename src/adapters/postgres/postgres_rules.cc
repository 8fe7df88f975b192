// The timeline of rules of a PostgresStore, and the files of its versions.
#include <fmt/format.h>

#include "adapters/postgres/postgres_parts.h"
#include "ports/store_checks.h"

namespace hunt::postgres {
namespace {

using boost::asio::awaitable;

// One statement, so that all of it is of one moment; in the order of bytes, whatever the collation
// of the database, since timelines are compared whole.
constexpr Statement timeline_sql{
    "rules_timeline",
    "SELECT m.rules_seq, r.kind, r.name, r.revision, r.at_us, r.made_by, r.note"
    " FROM meta m LEFT JOIN ("
    "  SELECT 1::bigint AS kind, place, version AS name, revision, from_us AS at_us, made_by, note"
    "   FROM rules_timeline"
    "  UNION ALL SELECT 2, row_number() OVER (ORDER BY event COLLATE \"C\"), event, 0, since_us,"
    "   made_by, note FROM rules_stopped) r ON true ORDER BY r.kind, r.place"};
// In pieces, the pieces of a file one after the other: a row of a Data API has 64 KiB at most.
constexpr Statement files_sql{
    "rules_files",
    "SELECT name, substr(content, from_character, 16000) AS piece"
    " FROM rules_files, generate_series(1, greatest(length(content), 1), 16000) AS from_character"
    " WHERE version = $1 ORDER BY name COLLATE \"C\", from_character",
    true};
constexpr Statement set_sql{
    "set_rules", "SELECT 1 FROM set_rules($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)"};

template <class Rows, class Member>
void put_texts(Params& params, const Rows& rows, Member member) {
  params.array(rows.size(), [&](std::size_t i) { return std::string_view(member(rows[i])); });
}
template <class Rows, class Member>
void put_numbers(Params& params, const Rows& rows, Member member) {
  params.array(rows.size(),
               [&](std::size_t i) { return static_cast<std::int64_t>(member(rows[i])); });
}

struct FileOf {
  const std::string* version = nullptr;
  const model::RulesFile* file = nullptr;
};

Params params_of(const model::RulesTimeline& timeline, const std::vector<model::RulesOf>& sets) {
  Params params;
  params.add(timeline.seq);
  put_texts(params, timeline.turns,
            [](const auto& turn) { return std::string_view(turn.version); });
  put_numbers(params, timeline.turns, [](const auto& turn) { return turn.revision; });
  put_numbers(params, timeline.turns, [](const auto& turn) { return turn.from_us; });
  put_texts(params, timeline.turns, [](const auto& turn) { return std::string_view(turn.by); });
  put_texts(params, timeline.turns, [](const auto& turn) { return std::string_view(turn.note); });
  put_texts(params, timeline.stopped, [](const auto& one) { return std::string_view(one.event); });
  put_numbers(params, timeline.stopped, [](const auto& one) { return one.since_us; });
  put_texts(params, timeline.stopped, [](const auto& one) { return std::string_view(one.by); });
  put_texts(params, timeline.stopped, [](const auto& one) { return std::string_view(one.note); });
  std::vector<FileOf> files;
  for (const auto& set : sets) {
    for (const auto& file : set.files) files.push_back({&set.version, &file});
  }
  put_texts(params, files, [](const FileOf& one) { return std::string_view(*one.version); });
  put_texts(params, files, [](const FileOf& one) { return std::string_view(one.file->name); });
  put_texts(params, files, [](const FileOf& one) { return std::string_view(one.file->text); });
  return params;
}

}  // namespace

awaitable<Result<model::RulesTimeline>> PostgresStore::rules_timeline() {
  return parts_->io.run(parts_->rules_timeline());
}

awaitable<Result<model::RulesTimeline>> PostgresStore::Parts::rules_timeline() {
  HUNT_CO_TRY(rows, co_await reads->call(timeline_sql));
  model::RulesTimeline timeline;
  for (int row = 0; row < rows.size(); ++row) {
    timeline.seq = rows.natural(row, 0);
    if (rows.is_null(row, 1)) continue;
    std::string name(rows.text(row, 2));
    std::string by(rows.text(row, 5));
    std::string note(rows.text(row, 6));
    if (rows.integer(row, 1) == 1) {
      timeline.turns.push_back({std::move(name), rows.natural(row, 3), rows.integer(row, 4),
                                std::move(by), std::move(note)});
    } else {
      timeline.stopped.push_back(
          {std::move(name), rows.integer(row, 4), std::move(by), std::move(note)});
    }
  }
  co_return timeline;
}

awaitable<Result<model::RulesFiles>> PostgresStore::rules_files(std::string version) {
  return parts_->io.run(parts_->rules_files(std::move(version)));
}

awaitable<Result<model::RulesFiles>> PostgresStore::Parts::rules_files(std::string version) {
  auto found = co_await reads->call(files_sql, Params().add(std::string_view(version)));
  if (!found && found.error().code == Errc::too_large) {
    found.error().message =
        fmt::format("the files of rules {}: {}", version, found.error().message);
  }
  HUNT_CO_TRY(rows, std::move(found));
  if (rows.size() == 0) co_return tl::unexpected<Error>(ports::no_files_of(version));
  model::RulesFiles files;
  for (int row = 0; row < rows.size(); ++row) {
    if (files.empty() || files.back().name != rows.text(row, 0)) {
      files.push_back({std::string(rows.text(row, 0)), {}});
    }
    files.back().text += rows.text(row, 1);
  }
  co_return files;
}

awaitable<Result<void>> PostgresStore::set_rules_timeline(model::RulesTimeline timeline,
                                                          std::vector<model::RulesOf> sets) {
  return parts_->io.run(parts_->set_rules_timeline(std::move(timeline), std::move(sets)));
}

awaitable<Result<void>> PostgresStore::Parts::set_rules_timeline(model::RulesTimeline timeline,
                                                                 std::vector<model::RulesOf> sets) {
  HUNT_CO_CHECK(co_await admin->call(set_sql, params_of(timeline, sets)));
  co_return Result<void>{};
}

}  // namespace hunt::postgres
