#include "rush/replay_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <string_view>

#include "base/text.h"

namespace hunt::rush {

namespace {

namespace json = boost::json;

constexpr std::size_t changes_shown = 20;
constexpr std::size_t items_shown = 40;

void put_changes(const ReplayComparison& compared, std::vector<std::string>& out) {
  std::size_t then = std::string_view("recorded").size();
  std::size_t now = std::string_view("replayed").size();
  const std::size_t count = std::min(changes_shown, compared.changes.size());
  for (std::size_t i = 0; i < count; ++i) {
    then = std::max(then, or_none(compared.changes[i].then).size());
    now = std::max(now, or_none(compared.changes[i].now).size());
  }
  out.push_back(
      fmt::format("  {:>10}  {:<{}}  {:<{}}  why", "claims", "recorded", then, "replayed", now));
  for (std::size_t i = 0; i < count; ++i) {
    const auto& change = compared.changes[i];
    out.push_back(fmt::format("  {:>10}  {:<{}}  {:<{}}  {}: {}", with_commas(change.claims),
                              or_none(change.then), then, or_none(change.now), now,
                              name_of(change.why), reason_of(change.why)));
  }
  if (compared.changes.size() > count) {
    out.push_back(fmt::format("  and {} more kinds of change: --json has up to {}",
                              with_commas(compared.changes.size() - count),
                              with_commas(ReplayComparison::changes_max)));
  }
}

void put_items(const ReplayComparison& compared, std::vector<std::string>& out) {
  if (compared.items.empty()) return;
  std::size_t name = std::string_view("item").size();
  for (const auto& item : compared.items) name = std::max(name, item.item.size());
  out.push_back(
      fmt::format("  {:<{}}  {:>12}  {:>12}  {:>12}", "item", name, "recorded", "replayed", ""));
  const std::size_t count = std::min(items_shown, compared.items.size());
  for (std::size_t i = 0; i < count; ++i) {
    const auto& item = compared.items[i];
    const bool more = item.now > item.then;
    out.push_back(fmt::format(
        "  {:<{}}  {:>12}  {:>12}  {:>12}", item.item, name, with_commas(item.then),
        with_commas(item.now),
        (more ? "+" : "-") + with_commas(more ? item.now - item.then : item.then - item.now)));
  }
  if (compared.items.size() > count) {
    out.push_back(fmt::format("  and {} more items", with_commas(compared.items.size() - count)));
  }
}

std::string joined(const std::vector<std::string>& texts) {
  std::string out;
  for (const auto& text : texts) out += (out.empty() ? "" : ", ") + text;
  return out.empty() ? "not told" : out;
}

json::array changes_json(const ReplayComparison& compared) {
  json::array changes;
  for (const auto& change : compared.changes) {
    json::array examples;
    for (const auto& one : change.examples) {
      examples.push_back({{"claim", model::format_claim_id(one.claim)},
                          {"player", model::format_uuid(one.player)},
                          {"world", one.world},
                          {"x", one.tile.x},
                          {"y", one.tile.y}});
    }
    changes.push_back({{"claims", change.claims},
                       {"recorded", change.then},
                       {"replayed", change.now},
                       {"why", name_of(change.why)},
                       {"examples", std::move(examples)}});
  }
  return changes;
}

}  // namespace

std::string_view reason_of(Why why) noexcept {
  switch (why) {
    case Why::rules:
      return "by other rules, or at another time";
    case Why::loot:
      return "other loot lies there";
    case Why::seed:
      return "rolled with another event seed";
    case Why::timing:
      return "others were first, or the target was busy";
    case Why::recording:
      break;
  }
  return "the recording lacks its position or its outcome";
}

std::string or_none(const std::string& came) {
  return came.empty() ? "no claim" : came;
}

std::vector<std::string> replay_text(const ReplayRun& run) {
  const ReplayComparison& compared = run.compared;
  std::vector<std::string> out;
  out.push_back(fmt::format("played {} positions in {} batches, {:.1f} s of recording in {:.1f} s",
                            with_commas(run.positions), with_commas(run.batches),
                            static_cast<double>(run.recorded_ms) / 1e3,
                            static_cast<double>(run.played_ms) / 1e3));
  if (run.shed + run.unanswered > 0) {
    out.push_back(
        fmt::format("  {} positions were answered busy, {} not at all{}{}", with_commas(run.shed),
                    with_commas(run.unanswered),
                    run.last_error.empty() ? "" : "; the last because: ", run.last_error));
  }
  if (run.lost > 0) {
    out.push_back(fmt::format("  the recorder could not keep {} batches and outcomes",
                              with_commas(run.lost)));
  }
  if (run.cut_bytes > 0) {
    out.push_back(
        fmt::format("  the last {} bytes of the file are no whole block and were left out",
                    with_commas(run.cut_bytes)));
  }
  out.push_back(fmt::format("  rules     {} then, {} now", joined(compared.rules_then),
                            run.facts.rules_now.empty() ? "not told" : run.facts.rules_now));
  out.push_back(fmt::format("  claims    {} recorded, of which {} were granted; {} granted now",
                            with_commas(compared.claims_then), with_commas(compared.grants_then),
                            with_commas(compared.grants_now)));
  out.push_back(
      fmt::format("  the same  {} claims, outcome and reward", with_commas(compared.same)));
  out.push_back(fmt::format("  changed   {} claims", with_commas(compared.differ)));
  if (compared.differ == 0) return out;
  put_changes(compared, out);
  put_items(compared, out);
  return out;
}

std::string replay_json(const ReplayRun& run, const std::string& file, const std::string& target) {
  const ReplayComparison& compared = run.compared;
  json::array rules_then(compared.rules_then.begin(), compared.rules_then.end());
  json::array items;
  for (const auto& item : compared.items) {
    items.push_back({{"item", item.item}, {"recorded", item.then}, {"replayed", item.now}});
  }
  const json::object all{
      {"file", file},
      {"target", target},
      {"batches", run.batches},
      {"positions", run.positions},
      {"busy", run.shed},
      {"unanswered", run.unanswered},
      {"last_error", run.last_error},
      {"recorded_seconds", static_cast<double>(run.recorded_ms) / 1e3},
      {"played_seconds", static_cast<double>(run.played_ms) / 1e3},
      {"late_seconds_max", static_cast<double>(run.late_ms_max) / 1e3},
      {"lost", run.lost},
      {"cut_bytes", run.cut_bytes},
      {"rules", {{"recorded", std::move(rules_then)}, {"replayed", run.facts.rules_now}}},
      {"claims",
       {{"recorded", compared.claims_then},
        {"replayed", compared.claims_now},
        {"same", compared.same},
        {"changed", compared.differ}}},
      {"grants", {{"recorded", compared.grants_then}, {"replayed", compared.grants_now}}},
      {"changes", changes_json(compared)},
      {"items", std::move(items)}};
  return json::serialize(all);
}

}  // namespace hunt::rush
