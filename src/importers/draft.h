// Draft: an event while it is being translated, and what has to be said about it.
//
// Not checked as rules are: rules/ does that with what write() gives. One importer's; no thread.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "importers/importers.h"

namespace hunt::importers {

inline constexpr std::uint64_t weight_max = 1'000'000'000;
inline constexpr std::uint64_t count_max = 1'000'000;
inline constexpr std::uint64_t denominator_max = 1'000'000'000;

// Whole numbers from `low` to `high`, each as likely.
struct Range {
  std::uint64_t low = 1;
  std::uint64_t high = 1;
};

// 0 to 1, or a weight with decimals. Lowest terms.
struct Fraction {
  std::uint64_t numerator = 1;
  std::uint64_t denominator = 1;

  [[nodiscard]] bool is_zero() const noexcept { return numerator == 0; }
  [[nodiscard]] bool is_one() const noexcept { return numerator == denominator; }
};
// Nothing: it has too many digits for whole numbers of ours.
[[nodiscard]] std::optional<Fraction> product(Fraction a, Fraction b) noexcept;
[[nodiscard]] std::optional<Fraction> sum(Fraction a, Fraction b) noexcept;
[[nodiscard]] Fraction rest_of(Fraction chance) noexcept;  // 1 - chance

struct Entry {
  enum class Kind : std::uint8_t { item, table, nothing };
  Kind kind = Kind::nothing;
  std::string name;
  Fraction weight;  // made whole over the pool when it is written
  Range count;
  std::vector<std::string> notes = {};
};

[[nodiscard]] inline Entry nothing(Fraction weight = {}) {
  Entry entry;
  entry.weight = weight;
  return entry;
}

struct Pool {
  Range rolls;
  Fraction chance;
  bool distinct = false;
  std::vector<Entry> draw = {};
  std::vector<std::string> notes = {};
};

struct Table {
  std::string name;
  std::vector<Entry> always = {};
  std::vector<Pool> pools = {};
  std::vector<std::string> notes = {};
};

class Draft {
 public:
  explicit Draft(const Options& options) : options_(options) {}

  [[nodiscard]] const Options& options() const noexcept { return options_; }
  // Beyond the bounds, or with more problems than are told: what follows is not looked at.
  [[nodiscard]] bool gives_up() const noexcept { return gives_up_; }
  // One more entry on its way into a table. Problems, and false: there are too many.
  [[nodiscard]] bool count_entry(const Place& place);
  // A name that no other table has: `wanted`, or it with a number.
  [[nodiscard]] std::string free_name(const std::string& wanted);
  // Takes a name, so that a table stands before those that are made while it is translated.
  // Problems: it is taken, there are too many tables.
  void begin(const std::string& table, const Place& place);
  // What the table is, without pools that never give anything; one that is left with none gives
  // nothing. Requires: its name was taken. Problems: there are too many entries.
  void fill(Table table);
  void add(Table table, const Place& place) {
    begin(table.name, place);
    fill(std::move(table));
  }
  // Tables that are drawn from have to be there in the end.
  void need(const std::string& table, const Place& place) { needed_.emplace_back(table, place); }

  void remark(Place place, std::string text) {
    if (remarks_.size() < entries_max) remarks_.push_back({std::move(place), std::move(text)});
  }
  // Something that decides chances is left out.
  void drop(Place place, std::string text) {
    remark(std::move(place), std::move(text));
    remarks_.back().changes_odds = true;
  }
  void problem(Place place, std::string text);
  [[nodiscard]] bool failed() const noexcept { return !problems_.empty(); }

  // The name of ours for a table's path ("minecraft:chests/a" is "chests.a"). Problems: what cannot
  // be one.
  [[nodiscard]] std::string table_name(std::string_view path, const Place& place);
  // An item's id, unchanged. Problems: what cannot be one.
  [[nodiscard]] std::string item_name(std::string_view id, const Place& place);

  [[nodiscard]] ImportResult write() &&;

 private:
  [[nodiscard]] bool may_be_empty(const Table& table, std::map<std::string, bool>& known,
                                  std::size_t depth) const;
  [[nodiscard]] bool may_be_empty(const Entry& entry, std::map<std::string, bool>& known,
                                  std::size_t depth) const;
  void make_whole(Pool& pool, const Place& place);
  void write_entry(std::string& out, const Entry& entry, bool weighted) const;

  const Options& options_;
  std::vector<Table> tables_;
  std::vector<Place> places_;  // of the tables
  std::map<std::string, std::size_t> by_name_;
  std::vector<std::pair<std::string, Place>> needed_;
  std::vector<Remark> remarks_;
  std::vector<Problem> problems_;
  std::map<std::string, int> numbers_;  // of the last name that was made of a wanted one
  std::size_t entries_ = 0;
  std::size_t counted_ = 0;
  bool gives_up_ = false;
};

}  // namespace hunt::importers
