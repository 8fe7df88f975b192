// ReplayBook: each claim of a recording as it came then, and as it comes now; and what differs.
//
// Not the replay (replay_here.h, replay_there.h) and not its text (replay_report.h). A claim is
// known by its id, so recordings have to be read with their key. Memory: about 150 bytes a claim.
// One thread.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "model/claim.h"

namespace hunt::rush {

// What became of a claim. Texts are numbers of the book.
struct Came {
  model::Outcome outcome = model::Outcome::nothing;
  std::uint32_t reward = 0;
  std::uint32_t rules = 0;
};

struct ReplayedClaim {
  model::PlayerId player;
  model::WorldId world = 0;
  model::TileId tile;
  std::int64_t at_us = 0;    // recorded: when it was decided
  std::uint64_t cursor = 0;  // recorded: in which order, where it was granted
  std::optional<Came> then;  // as recorded
  std::optional<Came> now;   // as replayed
  std::int32_t spawn = -1;   // for whoever replays; -1: there is none
  bool repeat = false;       // replayed: it was granted before
  bool seen = false;         // its player came to the place again; whoever replays sets it
};

// Why a claim came differently.
enum class Why : std::uint8_t {
  rules,      // by other rules, or by the same at another time
  loot,       // what lies there is not what lay there
  seed,       // the same rules roll another reward: with another event seed
  timing,     // others were first, or the target was too busy
  recording,  // the recording lacks its position, or its outcome
};
[[nodiscard]] std::string_view name_of(Why why) noexcept;

// Claims that changed alike.
struct ReplayChange {
  static constexpr std::size_t examples_max = 3;
  struct Example {
    model::ClaimId claim;
    model::PlayerId player;
    model::WorldId world = 0;
    model::Tile tile;
  };
  std::string then;  // "granted bell"; empty: it was no claim
  std::string now;
  Why why = Why::rules;
  std::uint64_t claims = 0;
  std::vector<Example> examples;  // the first by id
};

struct ItemChange {
  std::string item;
  std::uint64_t then = 0;  // how many were given
  std::uint64_t now = 0;
};

struct ReplayComparison {
  static constexpr std::size_t changes_max = 1'000;
  std::uint64_t claims_then = 0;
  std::uint64_t claims_now = 0;
  std::uint64_t grants_then = 0;
  std::uint64_t grants_now = 0;
  std::uint64_t same = 0;             // outcome and reward
  std::uint64_t differ = 0;           // all the others
  std::vector<ReplayChange> changes;  // the most frequent first
  std::vector<ItemChange> items;      // those whose number changed, by name
  std::vector<std::string> rules_then;
};

// What a comparison has to know of the replay.
struct ReplayFacts {
  std::string rules_now;        // the version; empty: not known, and taken for that of then
  bool positions_shed = false;  // some were answered `busy`, or not at all
  bool loot_known = false;      // a claim without a spawn is one whose loot is not there
  bool ended_early = false;     // claims that were not seen are left out
};

class ReplayBook {
 public:
  static constexpr std::size_t claims_max = 10'000'000;
  static constexpr std::size_t texts_max = 1'000'000;

  // As told. Of several outcomes of a claim a grant counts, else the last. Errors: too_large.
  [[nodiscard]] Result<void> record(const model::ClaimEvent& event);
  // As it came again; the same holds. A refusal of a claim that was not told then is left out: the
  // hunt does not tell those that it answers from memory. Errors: too_large.
  [[nodiscard]] Result<void> replay(model::ClaimId id, const ReplayedClaim& claim,
                                    model::Outcome outcome, std::string_view reward);

  [[nodiscard]] ReplayedClaim* find(model::ClaimId id);
  template <class See>
  void for_each(See see) {
    for (auto& [id, claim] : claims_) see(id, claim);
  }
  // Whether all that was recorded so far was rolled by these.
  [[nodiscard]] bool all_by_rules(std::string_view version) const;
  [[nodiscard]] ReplayComparison compare(const ReplayFacts& facts) const;

 private:
  [[nodiscard]] Result<std::uint32_t> number_of(std::string_view text);
  [[nodiscard]] Result<ReplayedClaim*> claim_at(model::ClaimId id);
  [[nodiscard]] bool is_same(const ReplayedClaim& claim) const noexcept;
  [[nodiscard]] std::string text_of(const std::optional<Came>& came) const;
  [[nodiscard]] Why why(const ReplayedClaim& claim, const ReplayFacts& facts,
                        bool all_by_these_rules) const;
  void count_items(const ReplayFacts& facts, ReplayComparison& out) const;

  std::unordered_map<model::ClaimId, ReplayedClaim, model::Id128Hash> claims_;
  std::vector<std::string> texts_;
  std::unordered_map<std::string, std::uint32_t> numbers_;
};

}  // namespace hunt::rush
